;; Handles that are stale, of another resource, borrowed or lent.
;;! p use (u32 1) (u32 0)
;;= returned (u32 7)
;;! p use (u32 0) (u32 0)
;;= trapped, Handle
;;! p use (u32 2) (u32 0)
;;= trapped, Handle
;;! p use (u32 99) (u32 0)
;;= trapped, Handle
;;! p use (u32 4294967295) (u32 0)
;;= trapped, Handle
;; Dropped, then used.
;;! p use (u32 1) (u32 1)
;;= trapped, Handle
;; Given away, then used.
;;! p use (u32 1) (u32 2)
;;= trapped, Handle
;; Lent and given away in one call.
;;! p both (u32 1) (u32 1)
;;= trapped, Lent
;;! p both (u32 1) (u32 3)
;;= returned
;; A borrowed handle is given away.
;;! p lend (u32 1)
;;= trapped, Handle
;; It is not dropped.
;;! p lend (u32 0)
;;= trapped, BorrowLeaked
;; It is dropped twice.
;;! p lend (u32 2)
;;= trapped, Handle
;;! p lend (u32 3)
;;= returned
(component
  (component $q
    (type $a' (resource (rep i32)))
    (export $a "a" (type $a'))
    (type $b' (resource (rep i32)))
    (export $b "b" (type $b'))
    (core func $new-a (canon resource.new $a))
    (core func $new-b (canon resource.new $b))
    (core module $m
      (import "" "new-a" (func $new-a (param i32) (result i32)))
      (import "" "new-b" (func $new-b (param i32) (result i32)))
      (func (export "make-a") (result i32) (call $new-a (i32.const 7)))
      (func (export "make-b") (result i32) (call $new-b (i32.const 8)))
      (func (export "take") (param i32))
      (func (export "look") (param i32) (result i32) (local.get 0))
      (func (export "both") (param i32 i32)))
    (core instance $m (instantiate $m (with "" (instance (export "new-a" (func $new-a)) (export "new-b" (func $new-b))))))
    (func (export "make-a") (result (own $a)) (canon lift (core func $m "make-a")))
    (func (export "make-b") (result (own $b)) (canon lift (core func $m "make-b")))
    (func (export "take") (param "it" (own $a)) (canon lift (core func $m "take")))
    (func (export "look") (param "it" (borrow $a)) (result u32) (canon lift (core func $m "look")))
    (func (export "both") (param "lent" (borrow $a)) (param "given" (own $a)) (canon lift (core func $m "both"))))
  (instance $q (instantiate $q))

  ;; Gets a borrowed handle of a resource that it does not define.
  (component $r
    (import "a" (type $a (sub resource)))
    (import "take" (func $take (param "it" (own $a))))
    (core func $take (canon lower (func $take)))
    (core func $drop (canon resource.drop $a))
    (core module $m
      (import "" "take" (func $take (param i32)))
      (import "" "drop" (func $drop (param i32)))
      (func (export "lent") (param $it i32) (param $what i32)
        (if (i32.eq (local.get $what) (i32.const 1)) (then (call $take (local.get $it))))
        (if (i32.eq (local.get $what) (i32.const 2)) (then (call $drop (local.get $it)) (call $drop (local.get $it))))
        (if (i32.eq (local.get $what) (i32.const 3)) (then (call $drop (local.get $it))))))
    (core instance $m (instantiate $m (with "" (instance (export "take" (func $take)) (export "drop" (func $drop))))))
    (func (export "lent") (param "it" (borrow $a)) (param "what" u32) (canon lift (core func $m "lent"))))
  (instance $r (instantiate $r (with "a" (type $q "a")) (with "take" (func $q "take"))))

  (component $p
    (import "q" (instance $q
      (export "a" (type $a (sub resource)))
      (export "b" (type $b (sub resource)))
      (export "make-a" (func (result (own $a))))
      (export "make-b" (func (result (own $b))))
      (export "take" (func (param "it" (own $a))))
      (export "look" (func (param "it" (borrow $a)) (result u32)))
      (export "both" (func (param "lent" (borrow $a)) (param "given" (own $a))))))
    (alias export $q "a" (type $a))
    (import "lent" (func $lent (param "it" (borrow $a)) (param "what" u32)))
    (core func $make-a (canon lower (func $q "make-a")))
    (core func $make-b (canon lower (func $q "make-b")))
    (core func $take (canon lower (func $q "take")))
    (core func $look (canon lower (func $q "look")))
    (core func $both (canon lower (func $q "both")))
    (core func $lent (canon lower (func $lent)))
    (core func $drop (canon resource.drop $a))
    (core module $m
      (import "" "make-a" (func $make-a (result i32)))
      (import "" "make-b" (func $make-b (result i32)))
      (import "" "take" (func $take (param i32)))
      (import "" "look" (func $look (param i32) (result i32)))
      (import "" "both" (func $both (param i32 i32)))
      (import "" "lent" (func $lent (param i32 i32)))
      (import "" "drop" (func $drop (param i32)))
      (func $fill (drop (call $make-a)) (drop (call $make-b)) (drop (call $make-a)))
      (func (export "use") (param $handle i32) (param $before i32) (result i32)
        (call $fill)
        (if (i32.eq (local.get $before) (i32.const 1)) (then (call $drop (i32.const 1))))
        (if (i32.eq (local.get $before) (i32.const 2)) (then (call $take (i32.const 1))))
        (call $look (local.get $handle)))
      (func (export "both") (param i32 i32) (call $fill) (call $both (local.get 0) (local.get 1)))
      (func (export "lend") (param $what i32) (call $fill) (call $lent (i32.const 1) (local.get $what))))
    (core instance $m (instantiate $m (with "" (instance
      (export "make-a" (func $make-a)) (export "make-b" (func $make-b)) (export "take" (func $take))
      (export "look" (func $look)) (export "both" (func $both)) (export "lent" (func $lent)) (export "drop" (func $drop))))))
    (func (export "use") (param "handle" u32) (param "before" u32) (result u32) (canon lift (core func $m "use")))
    (func (export "both") (param "lent" u32) (param "given" u32) (canon lift (core func $m "both")))
    (func (export "lend") (param "what" u32) (canon lift (core func $m "lend"))))
  (instance $p (instantiate $p (with "q" (instance $q)) (with "lent" (func $r "lent"))))
  (export "p" (instance $p)))
