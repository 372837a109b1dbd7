//! Arguments of the host that are refused, and the cleanup of the arguments before them.

use wasmedge_component::{
    Component, HostError, Instance, Linker, Resource, ResourceAny, ResourceLimiter, ResourceType,
    Store, StoreContextMut, TrapCode, Val,
};

use crate::common::{engine, load};
use crate::{code, in_each_mode, is_refused};

/// Two resources, one of the host and one of the guest, whose destructors report their
/// representation.
const TAKER: &str = r#"(component
    (import "thing" (type $thing (sub resource)))
    (import "dropped" (func $dropped (param "rep" u32)))
    (core func $dropped (canon lower (func $dropped)))
    (core module $d
        (import "" "dropped" (func $dropped (param i32)))
        (func (export "end") (param i32)
            (if (i32.eq (local.get 0) (i32.const 13)) (then unreachable))
            (call $dropped (local.get 0))))
    (core instance $d (instantiate $d (with "" (instance (export "dropped" (func $dropped))))))
    (type $r' (resource (rep i32) (dtor (core func $d "end"))))
    (export $r "r" (type $r'))
    (core func $new (canon resource.new $r'))
    (core func $drop-own (canon resource.drop $r'))
    (core func $drop (canon resource.drop $thing))
    (core module $m
        (import "" "new" (func $new (param i32) (result i32)))
        (import "" "drop-own" (func $drop-own (param i32)))
        (import "" "drop" (func $drop (param i32)))
        (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
        (func (export "own") (param i32 i32 i32) (call $drop-own (local.get 1)) (call $drop-own (local.get 2)))
        (func (export "take") (param i32 i32 i32)
            (call $drop (local.get 0)) (call $drop (local.get 1)) (call $drop (local.get 2))))
    (core instance $m (instantiate $m (with "" (instance
        (export "new" (func $new)) (export "drop-own" (func $drop-own)) (export "drop" (func $drop))))))
    (func (export "make") (param "rep" u32) (result (own $r)) (canon lift (core func $m "make")))
    (func (export "own") (param "lent" (borrow $r)) (param "first" (own $r)) (param "second" (own $r))
        (canon lift (core func $m "own")))
    (func (export "take") (param "lent" (borrow $thing)) (param "first" (own $thing)) (param "second" (own $thing))
        (canon lift (core func $m "take"))))"#;

struct Thing;

type Dropped = Vec<u32>;

fn instance(store: &mut Store<Dropped>, component: &Component) -> Instance {
    let mut linker = Linker::<Dropped>::new();
    let dropped = |mut store: StoreContextMut<'_, Dropped>, rep| {
        store.data_mut().push(rep);
        Ok(())
    };
    let mut root = linker.root();
    root.resource("thing", ResourceType::host::<Thing>(), dropped)
        .unwrap();
    root.func_wrap("dropped", move |store, (rep,): (u32,)| dropped(store, rep))
        .unwrap();
    linker.instantiate(store, component).unwrap()
}

#[test]
fn an_owned_resource_is_transferred_once() {
    let component = load(&engine(), TAKER);
    let mut store = Store::new(component.engine(), Vec::new()).unwrap();
    let instance = instance(&mut store, &component);
    type Three<'a> = (
        &'a Resource<Thing>,
        &'a Resource<Thing>,
        &'a Resource<Thing>,
    );
    let take = instance
        .get_typed_func::<Three<'_>, ()>(&mut store, "take")
        .unwrap();
    let [a, b, c, d, e] = [1, 2, 3, 4, 5].map(Resource::new_own);
    let lent = Resource::new_borrow(9);
    take.call(&mut store, (&c, &a, &b)).unwrap();
    assert_eq!(*store.data(), [1, 2], "lent resources are not dropped");
    is_refused(take.call(&mut store, (&lent, &a, &c)));
    is_refused(take.call(&mut store, (&a, &c, &d)));
    is_refused(take.call(&mut store, (&lent, &lent, &c)));
    assert_eq!(*store.data(), [1, 2]);
    // A resource that was passed before another argument is refused no longer has an owner.
    is_refused(take.call(&mut store, (&lent, &c, &c)));
    assert_eq!(*store.data(), [1, 2, 3]);
    take.call(&mut store, (&lent, &d, &e)).unwrap();
    assert_eq!(*store.data(), [1, 2, 3, 4, 5]);
}

#[test]
fn resources_passed_before_a_stale_one_are_destroyed() {
    for component in in_each_mode(&engine(), TAKER) {
        let mut store = Store::new(component.engine(), Vec::new()).unwrap();
        let instance = instance(&mut store, &component);
        let make = instance
            .get_typed_func::<(u32,), (ResourceAny,)>(&mut store, "make")
            .unwrap();
        let own = instance.get_func(&mut store, "own").unwrap();
        let make = |store: &mut _, rep| make.call(store, (rep,)).unwrap().0;
        let [lent, first, second, bad] = [1, 2, 3, 13].map(|rep| make(&mut store, rep));
        let args = |list: [ResourceAny; 3]| list.map(Val::Resource);
        own.call(&mut store, &args([lent, first, second])).unwrap();
        assert_eq!(*store.data(), [2, 3]);
        let next = make(&mut store, 4);
        is_refused(own.call(&mut store, &args([lent, next, first])));
        assert_eq!(*store.data(), [2, 3, 4]);
        is_refused(own.call(&mut store, &args([lent, lent, first])));
        let last = make(&mut store, 5);
        instance.drop_resource(&mut store, lent).unwrap();
        instance.drop_resource(&mut store, last).unwrap();
        assert_eq!(*store.data(), [2, 3, 4, 1, 5]);
        // A destructor that traps poisons the instance, as always.
        let lent = make(&mut store, 6);
        let ended = own.call(&mut store, &args([lent, bad, first]));
        assert_eq!(code(ended), Some(TrapCode::Unreachable));
        let ended = own.call(&mut store, &args([lent, bad, first]));
        assert_eq!(code(ended), Some(TrapCode::Poisoned));
    }
}

/// A limiter that stops the guest with a host error.
struct StoppingLimiter(bool);

impl ResourceLimiter for StoppingLimiter {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> anyhow::Result<bool> {
        if self.0 {
            return Err(HostError::new("stopped").into());
        }
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> anyhow::Result<bool> {
        Ok(true)
    }
}

#[test]
fn a_guest_stopped_in_its_allocator_is_poisoned() {
    let text = r#"(component
        (core module $m
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (memory.grow (i32.const 1)))
            (func (export "run") (param i32 i32)))
        (core instance $m (instantiate $m))
        (func (export "run") (param "text" string)
            (canon lift (core func $m "run") (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))"#;
    for component in in_each_mode(&engine(), text) {
        let mut store = Store::new(component.engine(), StoppingLimiter(false)).unwrap();
        store.limiter(|stops| stops);
        let instance = Linker::new().instantiate(&mut store, &component).unwrap();
        let run = instance.get_typed_func::<(&str,), ()>(&mut store, "run");
        let run = run.unwrap();
        run.call(&mut store, ("text",)).unwrap();
        store.data_mut().0 = true;
        let error = run.call(&mut store, ("text",)).unwrap_err();
        assert_eq!(error.to_string(), "stopped");
        let ended = run.call(&mut store, ("text",));
        assert_eq!(code(ended), Some(TrapCode::Poisoned));
    }
}
