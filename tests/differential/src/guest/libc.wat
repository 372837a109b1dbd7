;; A memory and an allocator that does what the specification allows and no more: memory is aligned to what was asked for and never to
;; more, reallocated memory always moves, and what one call has left is zeroed when it returns. It can be told to misbehave.
(core module $libc
  (import "host" "nop" (func $nop))
  (memory (export "memory") 1 512)
  ;; Below are small numbers, which a guest that went wrong takes for pointers: nothing else is there.
  (global $next (mut i32) (i32.const 4096))
  ;; What to do wrong, and after how many calls of `realloc`.
  (global $fault (mut i32) (i32.const 0))
  (global $after (mut i32) (i32.const 0))
  ;; A hash of all calls of `realloc`: hosts have to make the same.
  (global $trace (mut i32) (i32.const 0))
  (global $destroyed (mut i32) (i32.const 0))

  (func (export "fault") (param i32 i32)
    (global.set $fault (local.get 0))
    (global.set $after (local.get 1)))
  (func (export "trace") (result i32) (global.get $trace))
  (func (export "destructor") (param i32)
    (global.set $destroyed (i32.add (global.get $destroyed) (local.get 0))))
  (func (export "destroyed") (result i32) (global.get $destroyed))

  (func $mix (param i32)
    (global.set $trace (i32.mul (i32.add (i32.rotl (global.get $trace) (i32.const 5)) (local.get 0)) (i32.const 0x9e3779b1))))

  (func $allocate (param $align i32) (param $size i32) (result i32)
    (local $at i32) (local $pages i32)
    (local.set $at (i32.and
      (i32.sub (i32.add (global.get $next) (local.get $align)) (i32.const 1))
      (i32.sub (i32.const 0) (local.get $align))))
    (if (i32.eqz (i32.and (local.get $at) (local.get $align)))
      (then (local.set $at (i32.add (local.get $at) (local.get $align)))))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (if (i32.lt_u (global.get $next) (local.get $at)) (then (unreachable)))
    (local.set $pages (i32.sub
      (i32.shr_u (i32.add (global.get $next) (i32.const 0xffff)) (i32.const 16))
      (memory.size)))
    (if (i32.gt_s (local.get $pages) (i32.const 0))
      (then (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then (unreachable)))))
    (local.get $at))

  ;; Goes wrong, if it is to.
  (func $misplace (param $at i32) (param $align i32) (param $size i32) (result i32)
    (local $end i32)
    (if (i32.eqz (global.get $fault)) (then (return (local.get $at))))
    (if (global.get $after)
      (then
        (global.set $after (i32.sub (global.get $after) (i32.const 1)))
        (return (local.get $at))))
    (if (i32.eq (global.get $fault) (i32.const 1)) (then (return (i32.add (local.get $at) (i32.const 1)))))
    (if (i32.eq (global.get $fault) (i32.const 2)) (then (return (i32.const 0xfffffff8))))
    (if (i32.eq (global.get $fault) (i32.const 3)) (then (unreachable)))
    (if (i32.eq (global.get $fault) (i32.const 4)) (then (call $nop)))
    ;; The last place at which so many bytes fit, and the one behind it. The former is right, but for what is there next: only once.
    (local.set $end (i32.sub (i32.shl (memory.size) (i32.const 16)) (local.get $size)))
    (if (i32.eq (global.get $fault) (i32.const 5)) (then
      (global.set $fault (i32.const 0))
      (return (i32.and (local.get $end) (i32.sub (i32.const 0) (local.get $align))))))
    (if (i32.eq (global.get $fault) (i32.const 6)) (then (return
      (i32.and (i32.add (local.get $end) (local.get $align)) (i32.sub (i32.const 0) (local.get $align))))))
    (local.get $at))

  (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32) (local $to i32)
    (call $mix (local.get $old))
    (call $mix (local.get $old-size))
    (call $mix (local.get $align))
    (call $mix (local.get $size))
    (local.set $to (call $allocate (local.get $align) (local.get $size)))
    (local.set $at (call $misplace (local.get $to) (local.get $align) (local.get $size)))
    ;; If that is still to go wrong, it is no place to move anything to: the host has to find out, and not `memory.copy`.
    (if (i32.eqz (global.get $fault)) (then (local.set $to (local.get $at))))
    ;; What it moves away from is zeroed, for hosts need not have written the same there.
    (if (local.get $old-size) (then
      (memory.copy (local.get $to) (local.get $old)
        (select (local.get $old-size) (local.get $size) (i32.lt_u (local.get $old-size) (local.get $size))))
      (memory.fill (local.get $old) (i32.const 0) (local.get $old-size))))
    (local.get $at))

  (func $clean
    (if (i32.eq (global.get $fault) (i32.const 7)) (then (call $nop)))
    (if (i32.eq (global.get $fault) (i32.const 8)) (then (unreachable)))
    (memory.fill (i32.const 4096) (i32.const 0) (i32.sub (global.get $next) (i32.const 4096)))
    (global.set $next (i32.const 4096)))
  (func (export "clean") (call $clean))
  (func (export "clean-i32") (param i32) (call $clean))
  (func (export "clean-i64") (param i64) (call $clean))
  (func (export "clean-f32") (param f32) (call $clean))
  (func (export "clean-f64") (param f64) (call $clean)))
