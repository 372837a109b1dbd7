//! Handles that are stale, foreign, lent, dropped twice or kept too long; and resources that the
//! host holds.

use wasmedge_component::{
    Component, Func, Instance, Linker, Resource, ResourceAny, ResourceType, Store, Trap, TrapCode,
    Val,
};

use crate::common::{engine, load};
use crate::{code, in_each_mode, is_refused};

struct Thing;
struct Other;

/// A guest that uses the host's resources, in `run`, or in `lent` with one that is lent to it for
/// the call.
fn using(run: &str, lent: &str) -> String {
    format!(
        r#"(component
        (import "thing" (type $thing (sub resource)))
        (import "other" (type $other (sub resource)))
        (import "make" (func $make (result (own $thing))))
        (import "make-other" (func $make-other (result (own $other))))
        (import "take" (func $take (param "it" (own $thing))))
        (import "look" (func $look (param "it" (borrow $thing))))
        (import "both" (func $both (param "lent" (borrow $thing)) (param "given" (own $thing))))
        (core func $make (canon lower (func $make)))
        (core func $make-other (canon lower (func $make-other)))
        (core func $take (canon lower (func $take)))
        (core func $look (canon lower (func $look)))
        (core func $both (canon lower (func $both)))
        (core func $drop (canon resource.drop $thing))
        (core module $m
            (import "" "make" (func $make (result i32)))
            (import "" "make-other" (func $make-other (result i32)))
            (import "" "take" (func $take (param i32)))
            (import "" "look" (func $look (param i32)))
            (import "" "both" (func $both (param i32 i32)))
            (import "" "drop" (func $drop (param i32)))
            (global $kept (mut i32) (i32.const 0))
            (func (export "run") {run})
            (func (export "lent") (param $it i32) {lent})
            (func (export "fine") (result i32) (i32.const 7)))
        (core instance $m (instantiate $m (with "" (instance
            (export "make" (func $make)) (export "make-other" (func $make-other)) (export "take" (func $take))
            (export "look" (func $look)) (export "both" (func $both)) (export "drop" (func $drop))))))
        (func (export "run") (canon lift (core func $m "run")))
        (func (export "lent") (param "it" (borrow $thing)) (canon lift (core func $m "lent")))
        (func (export "fine") (result u32) (canon lift (core func $m "fine"))))"#
    )
}

/// Counts destroyed resources; `look` is the given function.
fn linker(look: fn() -> anyhow::Result<()>) -> Linker<u32> {
    let mut linker = Linker::new();
    let mut root = linker.root();
    let dropped = |mut store: wasmedge_component::StoreContextMut<'_, u32>, _| {
        *store.data_mut() += 1;
        Ok(())
    };
    root.resource("thing", ResourceType::host::<Thing>(), dropped)
        .unwrap();
    root.resource("other", ResourceType::host::<Other>(), dropped)
        .unwrap();
    root.func_wrap("make", |_, ()| Ok((Resource::<Thing>::new_own(5),)))
        .unwrap();
    root.func_wrap("make-other", |_, ()| Ok((Resource::<Other>::new_own(6),)))
        .unwrap();
    root.func_wrap("take", |_, _: (Resource<Thing>,)| Ok(()))
        .unwrap();
    root.func_wrap("look", move |_, _: (Resource<Thing>,)| look())
        .unwrap();
    root.func_wrap("both", |_, _: (Resource<Thing>, Resource<Thing>)| Ok(()))
        .unwrap();
    linker
}

fn fine(store: &mut Store<u32>, instance: &Instance) -> anyhow::Result<u32> {
    let fine = instance.get_typed_func::<(), (u32,)>(&mut *store, "fine")?;
    Ok(fine.call(&mut *store, ())?.0)
}

/// Calls `run`, and `lent` until a call traps.
fn traps(component: &Component, linker: &Linker<u32>, expected: Option<TrapCode>) {
    let mut store = Store::new(component.engine(), 0).unwrap();
    let other = linker.instantiate(&mut store, component).unwrap();
    let victim = linker.instantiate(&mut store, component).unwrap();
    let run = victim.get_typed_func::<(), ()>(&mut store, "run").unwrap();
    let lent = victim
        .get_typed_func::<(Resource<Thing>,), ()>(&mut store, "lent")
        .unwrap();
    let mut ended = run.call(&mut store, ());
    for _ in 0..2 {
        if ended.is_ok() {
            ended = lent.call(&mut store, (Resource::new_borrow(9),));
        }
    }
    assert_eq!(code(ended), expected);
    let poisoned = code(lent.call(&mut store, (Resource::new_borrow(9),)));
    assert_eq!(poisoned, Some(TrapCode::Poisoned));
    assert_eq!(code(fine(&mut store, &victim)), Some(TrapCode::Poisoned));
    assert_eq!(fine(&mut store, &other).unwrap(), 7);
    let next = linker.instantiate(&mut store, component).unwrap();
    assert_eq!(fine(&mut store, &next).unwrap(), 7);
}

#[test]
fn bad_handles_trap() {
    let engine = engine();
    let linker = linker(|| Ok(()));
    let drop_it = "(call $drop (local.get $it))";
    for (run, lent, expected) in [
        ("(call $take (i32.const 0))", "", TrapCode::InvalidHandle),
        ("(call $take (i32.const 99))", "", TrapCode::InvalidHandle),
        ("(call $look (i32.const -1))", "", TrapCode::InvalidHandle),
        ("(call $drop (i32.const 0x10000000))", "", TrapCode::InvalidHandle),
        // Dropped twice, transferred twice, used after that.
        ("(call $drop (call $make)) (call $drop (i32.const 1))", "", TrapCode::InvalidHandle),
        ("(call $take (call $make)) (call $take (i32.const 1))", "", TrapCode::InvalidHandle),
        ("(call $take (call $make)) (call $look (i32.const 1))", "", TrapCode::InvalidHandle),
        ("(call $drop (call $make)) (call $look (i32.const 1))", "", TrapCode::InvalidHandle),
        // Of another type.
        ("(call $take (call $make-other))", "", TrapCode::InvalidHandle),
        ("(call $drop (call $make-other))", "", TrapCode::InvalidHandle),
        // Lent and transferred at once.
        ("(call $both (call $make) (i32.const 1))", "", TrapCode::HandleLent),
        // Borrowed, and kept; transferred; dropped twice; used in the next call.
        ("", "", TrapCode::BorrowLeaked),
        ("", "(call $take (local.get $it))", TrapCode::InvalidHandle),
        ("", "(call $drop (local.get $it)) (call $drop (local.get $it))", TrapCode::InvalidHandle),
        (
            "",
            "(if (global.get $kept) (then (call $look (global.get $kept))))
            (global.set $kept (local.get $it)) (call $drop (local.get $it)) (drop (call $make-other))",
            TrapCode::InvalidHandle,
        ),
        // Borrowed, and the call traps.
        ("", "unreachable", TrapCode::Unreachable),
    ] {
        for component in in_each_mode(&engine, &using(run, lent)) {
            traps(&component, &linker, Some(expected));
        }
    }
    // Correct use.
    let text = using(
        "(call $look (call $make)) (call $both (i32.const 1) (call $make)) (call $drop (i32.const 1))",
        &format!("(call $look (local.get $it)) {drop_it}"),
    );
    for component in in_each_mode(&engine, &text) {
        let mut store = Store::new(&engine, 0).unwrap();
        let instance = linker.instantiate(&mut store, &component).unwrap();
        let run = instance
            .get_typed_func::<(), ()>(&mut store, "run")
            .unwrap();
        run.call(&mut store, ()).unwrap();
        let lent = instance
            .get_typed_func::<(Resource<Thing>,), ()>(&mut store, "lent")
            .unwrap();
        lent.call(&mut store, (Resource::new_borrow(9),)).unwrap();
        assert_eq!(*store.data(), 1);
    }
}

#[test]
fn a_host_function_that_fails_with_a_lent_handle_poisons_only_its_caller() {
    let engine = engine();
    let text = using("(call $look (call $make))", "");
    for component in in_each_mode(&engine, &text) {
        traps(
            &component,
            &linker(|| panic!("as expected")),
            Some(TrapCode::Host),
        );
        traps(
            &component,
            &linker(|| Err(anyhow::anyhow!("refused"))),
            None,
        );
        let invalid = || Err(Trap::new(TrapCode::InvalidArgument, "refused").into());
        traps(
            &component,
            &linker(invalid),
            Some(TrapCode::InvalidArgument),
        );
    }
}

#[test]
fn a_panic_payload_that_panics_on_drop_is_contained() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    let linker = linker(|| std::panic::panic_any(Bomb));
    for component in in_each_mode(&engine(), &using("(call $look (call $make))", "")) {
        traps(&component, &linker, Some(TrapCode::Host));
    }
}

#[test]
fn too_many_handles_trap() {
    let mut config = wasmedge_component::Config::new();
    let engine = wasmedge_component::Engine::new(config.handle_limit(100)).unwrap();
    let run = "(loop $again (drop (call $make)) (br $again))";
    for component in in_each_mode(&engine, &using(run, "")) {
        traps(
            &component,
            &linker(|| Ok(())),
            Some(TrapCode::TooManyHandles),
        );
    }
}

/// A guest with its own resource. The destructor calls the host's `dropped`, and traps for the
/// representation 13.
const OWNER: &str = r#"(component
    (import "dropped" (func $dropped (param "rep" u32)))
    (import "call" (func $call))
    (core func $dropped (canon lower (func $dropped)))
    (core func $call (canon lower (func $call)))
    (core module $d
        (import "" "dropped" (func $dropped (param i32)))
        (func (export "end") (param i32)
            (if (i32.eq (local.get 0) (i32.const 13)) (then unreachable))
            (call $dropped (local.get 0))))
    (core instance $d (instantiate $d (with "" (instance (export "dropped" (func $dropped))))))
    (type $r' (resource (rep i32) (dtor (core func $d "end"))))
    (export $r "r" (type $r'))
    (core func $new (canon resource.new $r'))
    (core func $drop (canon resource.drop $r'))
    (core module $m
        (import "" "new" (func $new (param i32) (result i32)))
        (import "" "drop" (func $drop (param i32)))
        (import "" "call" (func $call))
        (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
        (func (export "take") (param i32) (call $drop (local.get 0)))
        (func (export "look") (param i32) (result i32) (local.get 0))
        (func (export "trap") (param i32) unreachable)
        (func (export "run") (call $call)))
    (core instance $m (instantiate $m (with "" (instance
        (export "new" (func $new)) (export "drop" (func $drop)) (export "call" (func $call))))))
    (func (export "make") (param "rep" u32) (result (own $r)) (canon lift (core func $m "make")))
    (func (export "take") (param "it" (own $r)) (canon lift (core func $m "take")))
    (func (export "look") (param "it" (borrow $r)) (result u32) (canon lift (core func $m "look")))
    (func (export "trap") (param "it" (borrow $r)) (canon lift (core func $m "trap")))
    (func (export "run") (canon lift (core func $m "run"))))"#;

/// The destroyed resources, and the one to drop when the guest calls.
#[derive(Default)]
struct Data {
    destroyed: Vec<u32>,
    held: Option<(Instance, ResourceAny)>,
}

struct Owner {
    store: Store<Data>,
    instance: Instance,
}

impl Owner {
    fn new(component: &Component) -> Self {
        let mut store = Store::new(component.engine(), Data::default()).unwrap();
        let instance = Self::instance(&mut store, component);
        Self { store, instance }
    }

    fn instance(store: &mut Store<Data>, component: &Component) -> Instance {
        let mut linker = Linker::<Data>::new();
        let mut root = linker.root();
        root.func_wrap("dropped", |mut store, (rep,): (u32,)| {
            store.data_mut().destroyed.push(rep);
            Ok(())
        })
        .unwrap();
        root.func_wrap("call", |mut store, ()| match store.data_mut().held.take() {
            Some((instance, any)) => instance.drop_resource(store, any),
            None => Ok(()),
        })
        .unwrap();
        linker.instantiate(store, component).unwrap()
    }

    fn func(&mut self, name: &str) -> Func {
        self.instance.get_func(&mut self.store, name).unwrap()
    }

    fn make(&mut self, rep: u32) -> ResourceAny {
        match self
            .func("make")
            .call(&mut self.store, &[Val::U32(rep)])
            .unwrap()
        {
            Some(Val::Resource(any)) => any,
            other => panic!("{other:?}"),
        }
    }

    fn pass(&mut self, name: &str, any: ResourceAny) -> anyhow::Result<Option<Val>> {
        self.func(name).call(&mut self.store, &[Val::Resource(any)])
    }
}

#[test]
fn stale_and_foreign_resources_are_refused() {
    for component in in_each_mode(&engine(), OWNER) {
        let mut owner = Owner::new(&component);
        let mut stranger = Owner::new(&component);
        let any = owner.make(1);
        let foreign = stranger.make(2);
        let sibling = Owner::instance(&mut owner.store, &component);
        for name in ["take", "look"] {
            let func = sibling.get_func(&mut owner.store, name).unwrap();
            is_refused(func.call(&mut owner.store, &[Val::Resource(any)]));
            is_refused(owner.pass(name, foreign));
        }
        is_refused(sibling.drop_resource(&mut owner.store, any));
        is_refused(owner.instance.drop_resource(&mut owner.store, foreign));
        assert_eq!(owner.pass("look", any).unwrap(), Some(Val::U32(1)));
        owner.pass("take", any).unwrap();
        is_refused(owner.pass("take", any));
        is_refused(owner.pass("look", any));
        is_refused(owner.instance.drop_resource(&mut owner.store, any));
        // A later resource with the same index is a different one.
        let next = owner.make(3);
        is_refused(owner.pass("look", any));
        owner
            .instance
            .drop_resource(&mut owner.store, next)
            .unwrap();
        is_refused(owner.instance.drop_resource(&mut owner.store, next));
        assert_eq!(owner.store.data().destroyed, [1, 3]);
    }
}

#[test]
fn a_trap_in_a_destructor_poisons_its_instance() {
    for component in in_each_mode(&engine(), OWNER) {
        let mut owner = Owner::new(&component);
        let (bad, good) = (owner.make(13), owner.make(1));
        let dropped = owner.instance.drop_resource(&mut owner.store, bad);
        assert_eq!(code(dropped), Some(TrapCode::Unreachable));
        let dropped = owner.instance.drop_resource(&mut owner.store, good);
        assert_eq!(code(dropped), Some(TrapCode::Poisoned));
        assert_eq!(code(owner.pass("look", good)), Some(TrapCode::Poisoned));
        owner.instance = Owner::instance(&mut owner.store, &component);
        let good = owner.make(2);
        owner
            .instance
            .drop_resource(&mut owner.store, good)
            .unwrap();
    }
}

#[test]
fn a_host_function_cannot_run_a_destructor_of_the_running_guest() {
    for component in in_each_mode(&engine(), OWNER) {
        let mut owner = Owner::new(&component);
        let any = owner.make(1);
        owner.store.data_mut().held = Some((owner.instance.clone(), any));
        let run = owner.func("run");
        assert_eq!(
            code(run.call(&mut owner.store, &[])),
            Some(TrapCode::CannotEnter)
        );
        assert!(owner.store.data().destroyed.is_empty());
        // It can run a destructor of another instance.
        let other = Owner::instance(&mut owner.store, &component);
        owner.instance = other.clone();
        let any = owner.make(2);
        owner.store.data_mut().held = Some((other, any));
        owner.instance = Owner::instance(&mut owner.store, &component);
        let run = owner.func("run");
        run.call(&mut owner.store, &[]).unwrap();
        assert_eq!(owner.store.data().destroyed, [2]);
    }
}

#[test]
fn a_store_can_be_dropped_while_resources_are_held_and_lent() {
    for component in in_each_mode(&engine(), OWNER) {
        let mut owner = Owner::new(&component);
        let any = owner.make(1);
        owner.make(2);
        assert_eq!(code(owner.pass("trap", any)), Some(TrapCode::Unreachable));
        assert!(
            owner.store.into_data().destroyed.is_empty(),
            "guests are no longer entered"
        );
    }
}

#[test]
fn resource_types_of_the_host_are_distinct() {
    let engine = engine();
    let component = load(&engine, &using("", ""));
    let mut other = Linker::<u32>::new();
    let mut root = other.root();
    root.resource("thing", ResourceType::host::<Other>(), |_, _| Ok(()))
        .unwrap();
    root.resource("other", ResourceType::host::<Other>(), |_, _| Ok(()))
        .unwrap();
    root.func_wrap("make", |_, ()| Ok((Resource::<Thing>::new_own(5),)))
        .unwrap();
    let errors = other.missing_imports(&component);
    assert!(
        errors
            .iter()
            .any(|error| error.to_string().contains("`make`")),
        "{errors:?}"
    );
}
