;; Where a guest wants a result is checked before anything of it is lowered: here the memory that `realloc` adds meanwhile would make it right.
;;! p at (u32 65536) (string "a")
;;= trapped, OutOfBounds
;;! p at (u32 65530) (string "a")
;;= trapped, Unaligned
;;! p at (u32 65528) (string "a")
;;= returned (string "a")
(component
  (import "f0" (func $f0 (param "text" string) (result string)))
  (component $p
    (import "f0" (func $f0 (param "text" string) (result string)))
    (core module $libc
      (memory (export "memory") 1 2)
      (global $calls (mut i32) (i32.const 0))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.eq (global.get $calls) (i32.const 2)) (then (drop (memory.grow (i32.const 1)))))
        (i32.mul (global.get $calls) (i32.const 1024))))
    (core instance $libc (instantiate $libc))
    (core func $f0 (canon lower (func $f0) (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $m
      (import "" "f0" (func $f0 (param i32 i32 i32)))
      (func (export "at") (param i32 i32 i32) (result i32)
        (call $f0 (local.get 1) (local.get 2) (local.get 0))
        (local.get 0)))
    (core instance $m (instantiate $m (with "" (instance (export "f0" (func $f0))))))
    (func (export "at") (param "pointer" u32) (param "text" string) (result string)
      (canon lift (core func $m "at") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")))))
  (instance $p (instantiate $p (with "f0" (func $f0))))
  (export "p" (instance $p)))
