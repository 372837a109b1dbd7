;; Latin-1 or UTF-16 of a guest's, as the length's highest bit says.
;;! p string (u32 64) (u32 2)
;;= returned (string "a\u{e9}")
;;! p string (u32 66) (u32 2147483650)
;;= returned (string "\u{1f600}")
;;! p string (u32 66) (u32 2147483649)
;;= trapped, String
;;! p string (u32 68) (u32 2147483649)
;;= trapped, String
;;! p string (u32 65) (u32 1)
;;= trapped, Unaligned
;;! p string (u32 65) (u32 2147483649)
;;= trapped, Unaligned
;;! p string (u32 65534) (u32 2)
;;= returned (string "\u{0}\u{0}")
;;! p string (u32 65534) (u32 2147483649)
;;= returned (string "\u{0}")
;;! p string (u32 65534) (u32 2147483650)
;;= trapped, OutOfBounds
;;! p string (u32 64) (u32 2147483647)
;;= trapped, OutOfBounds
;;! p string (u32 64) (u32 4294967295)
;;= trapped, OutOfBounds
(component
  (component $p
    (core module $m
      (memory (export "memory") 1)
      (data (i32.const 64) "a\e9\3d\d8\00\de\00\de")
      (func (export "pair") (param i32 i32) (result i32)
        (i32.store (i32.const 0) (local.get 0))
        (i32.store (i32.const 4) (local.get 1))
        (i32.const 0)))
    (core instance $m (instantiate $m))
    (func (export "string") (param "at" u32) (param "length" u32) (result string)
      (canon lift (core func $m "pair") string-encoding=latin1+utf16 (memory (core memory $m "memory"))))
    (func (export "bytes") (param "at" u32) (param "length" u32) (result (list u8))
      (canon lift (core func $m "pair") (memory (core memory $m "memory"))))
    (func (export "words") (param "at" u32) (param "length" u32) (result (list u32))
      (canon lift (core func $m "pair") (memory (core memory $m "memory")))))
  (instance $p (instantiate $p))
  (export "p" (instance $p)))
