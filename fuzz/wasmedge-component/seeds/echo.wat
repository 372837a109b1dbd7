;; Strings there and back through a function of the host's, which the guest frees with `post-return`.
(component
  (import "host" (instance $host (export "reply" (func (param "text" string) (result string)))))
  (core module $libc
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get 2))))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (core func $reply (canon lower (func $host "reply")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $main
    (import "host" "reply" (func $reply (param i32 i32 i32)))
    (import "libc" "memory" (memory 1))
    (func (export "echo") (param i32 i32) (result i32)
      (call $reply (local.get 0) (local.get 1) (i32.const 16))
      (i32.const 16))
    (func (export "free") (param i32)))
  (core instance $main (instantiate $main
    (with "host" (instance (export "reply" (func $reply))))
    (with "libc" (instance $libc))))
  (func (export "echo") (param "text" string) (result string)
    (canon lift (core func $main "echo") (memory (core memory $libc "memory"))
      (realloc (core func $libc "realloc")) (post-return (core func $main "free")))))
