//! Host functions that call back into guests, and items of another store.

use std::panic::AssertUnwindSafe;

use wasmedge_component::{
    CallError, Component, ComponentType, CoreVal, Engine, HostError, Instance, InstanceTypes,
    Linker, Lower, LowerContext, Store, StoreContextMut, TrapCode, Type, TypeMismatch, TypedFunc,
};

use crate::common::{engine, load};
use crate::{code, in_each_mode, with_stack};

/// `run` calls the host and returns the host's result; `fine` does nothing.
const CALLER: &str = r#"(component
    (import "call" (func $call (result u32)))
    (core func $call (canon lower (func $call)))
    (core module $m
        (import "" "call" (func $call (result i32)))
        (func (export "run") (result i32) (i32.add (i32.const 1) (call $call)))
        (func (export "fine") (result i32) (i32.const 7))
        (func (export "trap") (result i32) unreachable))
    (core instance $m (instantiate $m (with "" (instance (export "call" (func $call))))))
    (func (export "run") (result u32) (canon lift (core func $m "run")))
    (func (export "fine") (result u32) (canon lift (core func $m "fine")))
    (func (export "trap") (result u32) (canon lift (core func $m "trap"))))"#;

type Run = TypedFunc<(), (u32,)>;
type Answer = fn(StoreContextMut<'_, Vec<Run>>) -> anyhow::Result<(u32,)>;

/// A store whose data are the functions that the host calls next.
struct Case {
    store: Store<Vec<Run>>,
    linker: Linker<Vec<Run>>,
    component: Component,
}

impl Case {
    fn new(component: &Component, answer: Answer) -> Self {
        let mut linker = Linker::new();
        let call = move |store: StoreContextMut<'_, _>, ()| answer(store);
        linker.root().func_wrap("call", call).unwrap();
        Self {
            store: Store::new(component.engine(), Vec::new()).unwrap(),
            linker,
            component: component.clone(),
        }
    }

    fn instance(&mut self) -> Instance {
        self.linker
            .instantiate(&mut self.store, &self.component)
            .unwrap()
    }

    fn func(&mut self, instance: &Instance, name: &str) -> Run {
        instance.get_typed_func(&mut self.store, name).unwrap()
    }

    fn call(&mut self, func: &Run) -> anyhow::Result<u32> {
        Ok(func.call(&mut self.store, ())?.0)
    }
}

/// Calls the next function, if there is one.
fn next(mut store: StoreContextMut<'_, Vec<Run>>) -> anyhow::Result<(u32,)> {
    match store.data_mut().pop() {
        Some(func) => func.call(store, ()),
        None => Ok((0,)),
    }
}

#[test]
fn a_running_instance_is_not_entered_again() {
    for component in in_each_mode(&engine(), CALLER) {
        // The host function returns the trap, so its caller traps as well.
        let mut case = Case::new(&component, next);
        let (instance, other) = (case.instance(), case.instance());
        let (run, fine) = (case.func(&instance, "run"), case.func(&instance, "fine"));
        case.store.data_mut().push(fine.clone());
        assert_eq!(code(case.call(&run)), Some(TrapCode::CannotEnter));
        assert_eq!(code(case.call(&fine)), Some(TrapCode::Poisoned));
        // The same through another instance; both trap.
        let (first, second) = (case.instance(), case.instance());
        let (first, second) = (case.func(&first, "run"), case.func(&second, "run"));
        case.store
            .data_mut()
            .extend([first.clone(), second.clone()]);
        assert_eq!(code(case.call(&first)), Some(TrapCode::CannotEnter));
        for poisoned in [first, second] {
            assert_eq!(code(case.call(&poisoned)), Some(TrapCode::Poisoned));
        }
        let fine = case.func(&other, "fine");
        assert_eq!(case.call(&fine).unwrap(), 7);
    }
}

#[test]
fn a_guest_continues_if_its_host_function_handles_the_error() {
    for component in in_each_mode(&engine(), CALLER) {
        let mut case = Case::new(&component, |store| Ok(next(store).unwrap_or((100,))));
        let (instance, other) = (case.instance(), case.instance());
        let (run, fine) = (case.func(&instance, "run"), case.func(&instance, "fine"));
        case.store.data_mut().push(fine.clone());
        assert_eq!(case.call(&run).unwrap(), 101, "it could not be entered");
        assert_eq!(case.call(&fine).unwrap(), 7);
        let trap = case.func(&other, "trap");
        case.store.data_mut().push(trap.clone());
        assert_eq!(case.call(&run).unwrap(), 101, "the other one trapped");
        assert_eq!(code(case.call(&trap)), Some(TrapCode::Poisoned));
        assert_eq!(case.call(&run).unwrap(), 1);
    }
}

/// An embedder's type that cannot be lowered.
struct Unlowered;

impl ComponentType for Unlowered {
    fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        u32::typecheck(ty, types)
    }
}

impl Lower for Unlowered {
    fn lower(
        &self,
        _: &mut LowerContext<'_>,
        _: &Type,
        _: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        panic!("it cannot be lowered")
    }

    fn store(&self, _: &mut LowerContext<'_>, _: &Type, _: &mut [u8]) -> Result<(), CallError> {
        panic!("it cannot be lowered")
    }
}

#[test]
fn a_panic_of_an_embedders_type_poisons_the_instance() {
    let component = load(
        &engine(),
        r#"(component
            (core module $m (func (export "take") (param i32)))
            (core instance $m (instantiate $m))
            (func (export "take") (param "it" u32) (canon lift (core func $m "take"))))"#,
    );
    let mut store = Store::new(component.engine(), ()).unwrap();
    let pre = Linker::new().instantiate_pre(&component).unwrap();
    let instance = pre.instantiate(&mut store).unwrap();
    let take = instance
        .get_typed_func::<(Unlowered,), ()>(&mut store, "take")
        .unwrap();
    let panic = std::panic::catch_unwind(AssertUnwindSafe(|| take.call(&mut store, (Unlowered,))));
    assert!(panic.is_err());
    assert_eq!(
        code(take.call(&mut store, (Unlowered,))),
        Some(TrapCode::Poisoned)
    );
    let other = pre.instantiate(&mut store).unwrap();
    let take = other.get_typed_func::<(u32,), ()>(&mut store, "take");
    take.unwrap().call(&mut store, (1,)).unwrap();
}

/// The first handle starts another thread, which uses the executor that runs the guest.
#[test]
fn the_first_interrupt_handle_is_refused_while_a_guest_runs() {
    for component in in_each_mode(&engine(), CALLER) {
        let mut case = Case::new(&component, |mut store| {
            Ok((store.interrupt_handle().map_or(0, |_| 1),))
        });
        let instance = case.instance();
        let run = case.func(&instance, "run");
        assert_eq!(case.call(&run).unwrap(), 1, "it was refused");
        let handle = case.store.interrupt_handle().unwrap();
        assert_eq!(case.call(&run).unwrap(), 2);
        handle.interrupt();
        assert_eq!(code(case.call(&run)), Some(TrapCode::Interrupt));
    }
}

#[test]
fn nested_guests_are_bounded_by_the_stack() {
    with_stack(|| {
        for component in in_each_mode(&engine(), CALLER) {
            let mut case = Case::new(&component, next);
            for (depth, expected) in [(30, None), (1000, Some(TrapCode::StackOverflow))] {
                let runs: Vec<_> = (0..depth)
                    .map(|_| {
                        let instance = case.instance();
                        case.func(&instance, "run")
                    })
                    .collect();
                case.store.data_mut().clone_from(&runs);
                let outermost = case.instance();
                let outermost = case.func(&outermost, "run");
                let ended = case.call(&outermost);
                match expected {
                    None => assert_eq!(ended.unwrap(), depth + 1),
                    expected => assert_eq!(code(ended), expected),
                }
                let fine = case.instance();
                let fine = case.func(&fine, "fine");
                assert_eq!(case.call(&fine).unwrap(), 7);
            }
        }
    });
}

#[test]
fn a_host_function_can_instantiate_its_caller() {
    struct Data(Option<(Component, Linker<Self>)>);
    let component = load(&engine(), CALLER);
    let mut linker = Linker::<Data>::new();
    let call = |mut store: StoreContextMut<'_, Data>, ()| {
        let Some((component, linker)) = store.data_mut().0.take() else {
            return Ok((0,));
        };
        let instance = linker.instantiate(&mut store, &component)?;
        let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run")?;
        run.call(store, ())
    };
    linker.root().func_wrap("call", call).unwrap();
    let mut store = Store::new(component.engine(), Data(None)).unwrap();
    let instance = linker.instantiate(&mut store, &component).unwrap();
    store.data_mut().0 = Some((component, linker));
    let run = instance
        .get_typed_func::<(), (u32,)>(&mut store, "run")
        .unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap().0, 2);
}

#[test]
fn functions_and_instances_of_another_store_or_engine_are_refused() {
    for component in in_each_mode(&engine(), CALLER) {
        let mut case = Case::new(&component, next);
        let mut stranger = Case::new(&component, next);
        let (instance, foreign) = (case.instance(), stranger.instance());
        let fine = stranger.func(&foreign, "fine");
        let refused = case.call(&fine).unwrap_err();
        assert!(refused.is::<HostError>(), "{refused}");
        let refused = fine.func().call(&mut case.store, &[]).unwrap_err();
        assert!(refused.is::<HostError>(), "{refused}");
        assert!(
            fine.func()
                .clone()
                .typed::<(), (u32,)>(&mut case.store)
                .is_err()
        );
        assert!(foreign.get_func(&mut case.store, "fine").is_none());
        assert!(
            foreign
                .get_typed_func::<(), (u32,)>(&mut case.store, "fine")
                .is_err()
        );
        let fine = case.func(&instance, "fine");
        assert_eq!(case.call(&fine).unwrap(), 7);

        let other = Engine::default();
        let mut store = Store::new(&other, Vec::new()).unwrap();
        let refused = case.linker.instantiate(&mut store, &component).unwrap_err();
        assert!(refused.is::<HostError>(), "{refused}");
    }
}

#[test]
fn a_function_is_refused_after_its_store_is_dropped() {
    let component = load(&engine(), CALLER);
    let mut case = Case::new(&component, next);
    let instance = case.instance();
    let fine = case.func(&instance, "fine");
    drop(case);
    let mut next_case = Case::new(&component, next);
    next_case.instance();
    let refused = next_case.call(&fine).unwrap_err();
    assert!(refused.is::<HostError>(), "{refused}");
}
