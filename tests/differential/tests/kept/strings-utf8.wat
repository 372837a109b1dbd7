;; UTF-8 of a guest's: overlong, cut off, surrogates, out of bounds.
;;! p string (u32 64) (u32 3)
;;= returned (string "abc")
;;! p string (u32 64) (u32 5)
;;= returned (string "abc\u{e9}")
;;! p string (u32 64) (u32 4)
;;= trapped, String
;;! p string (u32 68) (u32 1)
;;= trapped, String
;;! p string (u32 69) (u32 3)
;;= trapped, String
;;! p string (u32 72) (u32 2)
;;= trapped, String
;;! p string (u32 74) (u32 1)
;;= trapped, String
;;! p string (u32 75) (u32 4)
;;= returned (string "\u{1f600}")
;;! p string (u32 75) (u32 3)
;;= trapped, String
;;! p string (u32 65535) (u32 1)
;;= returned (string "\u{0}")
;;! p string (u32 65536) (u32 0)
;;= returned (string "")
;;! p string (u32 65536) (u32 1)
;;= trapped, OutOfBounds
;;! p string (u32 65537) (u32 0)
;;= trapped, OutOfBounds
;;! p string (u32 4294967295) (u32 1)
;;= trapped, OutOfBounds
;;! p string (u32 1) (u32 4294967295)
;;= trapped, OutOfBounds
;;! p string (u32 64) (u32 2147483648)
;;= trapped, OutOfBounds
(component
  (component $p
    (core module $m
      (memory (export "memory") 1)
      (data (i32.const 64) "abc\c3\a9\ed\a0\80\c0\80\ff\f0\9f\98\80")
      (func (export "pair") (param i32 i32) (result i32)
        (i32.store (i32.const 0) (local.get 0))
        (i32.store (i32.const 4) (local.get 1))
        (i32.const 0)))
    (core instance $m (instantiate $m))
    (func (export "string") (param "at" u32) (param "length" u32) (result string)
      (canon lift (core func $m "pair") string-encoding=utf8 (memory (core memory $m "memory"))))
    (func (export "bytes") (param "at" u32) (param "length" u32) (result (list u8))
      (canon lift (core func $m "pair") (memory (core memory $m "memory"))))
    (func (export "words") (param "at" u32) (param "length" u32) (result (list u32))
      (canon lift (core func $m "pair") (memory (core memory $m "memory")))))
  (instance $p (instantiate $p))
  (export "p" (instance $p)))
