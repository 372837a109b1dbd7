;; What `realloc` and `post-return` may call: `resource.rep` alone. `what` is 1 for `resource.rep`, 2 for `resource.new`, 3 for
;; `resource.drop`, 4 for a function of the host, and 5 for `resource.rep` of a handle that does not exist.
;; While the host lowers an argument.
;;! q set (u32 1)
;;! q length (string "abc")
;;= returned (u32 7003)
;;! q set (u32 2)
;;! q length (string "abc")
;;= trapped, CannotLeave
;;! q set (u32 3)
;;! q length (string "abc")
;;= trapped, CannotLeave
;;! q set (u32 4)
;;! q length (string "abc")
;;= trapped, CannotLeave
;;! q set (u32 5)
;;! q length (string "abc")
;;= trapped, Handle
;;= trapped, Handle
;; While an adapter lowers an argument.
;;! p set (u32 1)
;;! p length
;;= returned (u32 7003)
;;! p set (u32 2)
;;! p length
;;= trapped, CannotLeave
;;! p set (u32 3)
;;! p length
;;= trapped, CannotLeave
;;! p set (u32 4)
;;! p length
;;= trapped, CannotLeave
;;! p set (u32 5)
;;! p length
;;= trapped, Handle
;;= trapped, Handle
;; While the host lowers the result of a function that it was called with.
;;! q set (u32 1)
;;! q back
;;= returned (u32 7002)
;;! q set (u32 2)
;;! q back
;;= trapped, CannotLeave
;;! q set (u32 3)
;;! q back
;;= trapped, CannotLeave
;;! q set (u32 4)
;;! q back
;;= trapped, CannotLeave
;;! q set (u32 5)
;;! q back
;;= trapped, Handle
;;= trapped, Handle
;; After the host has lifted a result.
;;! q after (u32 1)
;;= returned (u32 1)
;;! q seen
;;= returned (u32 7)
;;! q after (u32 2)
;;= trapped, CannotLeave
;;! q after (u32 3)
;;= trapped, CannotLeave
;;! q after (u32 4)
;;= trapped, CannotLeave
;;! q after (u32 5)
;;= trapped, Handle
;;= trapped, Handle
;; After an adapter has lifted a result.
;;! p after (u32 1)
;;= returned (u32 1)
;;! q seen
;;= returned (u32 7)
;; FIXME: the canonical ABI has these trap, as when the host calls `post-return`. The adapters, which Wasmtime 48 generates for both
;; runtimes, do not see to it.
;;! p after (u32 2)
;;= returned (u32 2)
;;! p after (u32 3)
;;= returned (u32 3)
;;! p after (u32 4)
;;= returned (u32 4)
;;! p after (u32 5)
;;= trapped, Handle
;;= trapped, Handle
(component
  (import "nop" (func $nop))
  (import "f0" (func $f0 (param "text" string) (result string)))
  (component $q
    (import "nop" (func $nop))
    (import "f0" (func $f0 (param "text" string) (result string)))
    (type $thing (resource (rep i32)))
    (core func $new (canon resource.new $thing))
    (core func $rep (canon resource.rep $thing))
    (core func $drop (canon resource.drop $thing))
    (core func $nop' (canon lower (func $nop)))
    (core module $libc
      (import "" "nop" (func $nop))
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "rep" (func $rep (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (memory (export "memory") 1)
      (data (i32.const 16) "hi")
      (global $what (mut i32) (i32.const 0))
      (global $handle (mut i32) (i32.const 0))
      (global $seen (mut i32) (i32.const 0))
      (func (export "set") (param i32)
        (global.set $what (local.get 0))
        (global.set $handle (call $new (i32.const 7))))
      (func $leave (param $what i32)
        (if (i32.eq (local.get $what) (i32.const 1)) (then (global.set $seen (call $rep (global.get $handle)))))
        (if (i32.eq (local.get $what) (i32.const 2)) (then (drop (call $new (i32.const 1)))))
        (if (i32.eq (local.get $what) (i32.const 3)) (then (call $drop (global.get $handle))))
        (if (i32.eq (local.get $what) (i32.const 4)) (then (call $nop)))
        (if (i32.eq (local.get $what) (i32.const 5)) (then (drop (call $rep (i32.const 99))))))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (call $leave (global.get $what))
        (i32.const 64))
      (func (export "length") (param i32 i32) (result i32)
        (i32.add (local.get 1) (i32.mul (global.get $seen) (i32.const 1000))))
      (func (export "seen") (result i32) (global.get $seen))
      (func (export "after") (param i32) (result i32)
        (global.set $handle (call $new (i32.const 7)))
        (global.set $seen (i32.const 0))
        (local.get 0))
      (func (export "leave") (param i32) (call $leave (local.get 0))))
    (core instance $libc (instantiate $libc (with "" (instance
      (export "nop" (func $nop')) (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
    (core func $f0' (canon lower (func $f0)
      (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $m
      (import "" "f0" (func $f0 (param i32 i32 i32)))
      (import "" "length" (func $length (param i32 i32) (result i32)))
      (import "" "memory" (memory 1))
      (func (export "back") (result i32)
        (call $f0 (i32.const 16) (i32.const 2) (i32.const 32))
        (call $length (i32.load (i32.const 32)) (i32.load (i32.const 36)))))
    (core instance $m (instantiate $m (with "" (instance
      (export "f0" (func $f0')) (export "length" (func $libc "length")) (export "memory" (memory $libc "memory"))))))
    (func (export "set") (param "what" u32) (canon lift (core func $libc "set")))
    (func (export "length") (param "text" string) (result u32)
      (canon lift (core func $libc "length") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (func (export "back") (result u32) (canon lift (core func $m "back")))
    (func (export "seen") (result u32) (canon lift (core func $libc "seen")))
    (func (export "after") (param "what" u32) (result u32)
      (canon lift (core func $libc "after") (post-return (core func $libc "leave")))))
  (instance $q (instantiate $q (with "nop" (func $nop)) (with "f0" (func $f0))))

  (component $p
    (import "q" (instance $q
      (export "set" (func (param "what" u32)))
      (export "length" (func (param "text" string) (result u32)))
      (export "after" (func (param "what" u32) (result u32)))))
    (core module $memory (memory (export "memory") 1) (data (i32.const 16) "abc"))
    (core instance $memory (instantiate $memory))
    (core func $set (canon lower (func $q "set")))
    (core func $length (canon lower (func $q "length") (memory (core memory $memory "memory"))))
    (core func $after (canon lower (func $q "after")))
    (core module $m
      (import "" "set" (func $set (param i32)))
      (import "" "length" (func $length (param i32 i32) (result i32)))
      (import "" "after" (func $after (param i32) (result i32)))
      (func (export "set") (param i32) (call $set (local.get 0)))
      (func (export "length") (result i32) (call $length (i32.const 16) (i32.const 3)))
      (func (export "after") (param i32) (result i32) (call $after (local.get 0))))
    (core instance $m (instantiate $m (with "" (instance
      (export "set" (func $set)) (export "length" (func $length)) (export "after" (func $after))))))
    (func (export "set") (param "what" u32) (canon lift (core func $m "set")))
    (func (export "length") (result u32) (canon lift (core func $m "length")))
    (func (export "after") (param "what" u32) (result u32) (canon lift (core func $m "after"))))
  (instance $p (instantiate $p (with "q" (instance $q))))
  (export "p" (instance $p))
  (export "q" (instance $q)))
