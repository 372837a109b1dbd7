;; UTF-16 of a guest's: unpaired surrogates, unaligned, out of bounds.
;;! p string (u32 64) (u32 1)
;;= returned (string "a")
;;! p string (u32 66) (u32 2)
;;= returned (string "\u{1f600}")
;;! p string (u32 66) (u32 1)
;;= trapped, String
;;! p string (u32 68) (u32 1)
;;= trapped, String
;;! p string (u32 70) (u32 1)
;;= trapped, String
;;! p string (u32 72) (u32 2)
;;= trapped, String
;;! p string (u32 65) (u32 0)
;;= trapped, Unaligned
;;! p string (u32 65) (u32 1)
;;= trapped, Unaligned
;;! p string (u32 65534) (u32 1)
;;= returned (string "\u{0}")
;;! p string (u32 65534) (u32 2)
;;= trapped, OutOfBounds
;;! p string (u32 65536) (u32 0)
;;= returned (string "")
;;! p string (u32 65538) (u32 0)
;;= trapped, OutOfBounds
;;! p string (u32 64) (u32 2147483648)
;;= trapped, OutOfBounds
;;! p string (u32 64) (u32 4294967295)
;;= trapped, OutOfBounds
(component
  (component $p
    (core module $m
      (memory (export "memory") 1)
      (data (i32.const 64) "a\00\3d\d8\00\de\00\de\3d\d8b\00")
      (func (export "pair") (param i32 i32) (result i32)
        (i32.store (i32.const 0) (local.get 0))
        (i32.store (i32.const 4) (local.get 1))
        (i32.const 0)))
    (core instance $m (instantiate $m))
    (func (export "string") (param "at" u32) (param "length" u32) (result string)
      (canon lift (core func $m "pair") string-encoding=utf16 (memory (core memory $m "memory"))))
    (func (export "bytes") (param "at" u32) (param "length" u32) (result (list u8))
      (canon lift (core func $m "pair") (memory (core memory $m "memory"))))
    (func (export "words") (param "at" u32) (param "length" u32) (result (list u32))
      (canon lift (core func $m "pair") (memory (core memory $m "memory")))))
  (instance $p (instantiate $p))
  (export "p" (instance $p)))
