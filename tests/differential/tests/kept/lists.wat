;; Lists of a guest's: empty ones out of bounds, unaligned ones, lengths whose bytes wrap around.
;;! p bytes (u32 64) (u32 3)
;;= returned (list (u8 1) (u8 2) (u8 3))
;;! p bytes (u32 65536) (u32 0)
;;= returned (list)
;;! p bytes (u32 65537) (u32 0)
;;= trapped, OutOfBounds
;;! p bytes (u32 64) (u32 4294967295)
;;= trapped, OutOfBounds
;;! p words (u32 64) (u32 2)
;;= returned (list (u32 67305985) (u32 134678021))
;;! p words (u32 66) (u32 0)
;;= trapped, Unaligned
;;! p words (u32 66) (u32 1)
;;= trapped, Unaligned
;;! p words (u32 65532) (u32 1)
;;= returned (list (u32 0))
;;! p words (u32 65532) (u32 2)
;;= trapped, OutOfBounds
;;! p words (u32 65536) (u32 0)
;;= returned (list)
;;! p words (u32 65540) (u32 0)
;;= trapped, OutOfBounds
;;! p words (u32 0) (u32 1073741824)
;;= trapped, OutOfBounds
;;! p words (u32 0) (u32 4294967295)
;;= trapped, OutOfBounds
(component
  (component $p
    (core module $m
      (memory (export "memory") 1)
      (data (i32.const 64) "\01\02\03\04\05\06\07\08")
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
