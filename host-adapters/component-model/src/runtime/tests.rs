//! Tests that need an engine, but run no guest.

use std::sync::Arc;

use crate::abi::call::CoreSignature;
use crate::abi::{CoreVal, FlatType};
use crate::engine::*;
use crate::*;

/// An engine that loads every module but cannot run any.
#[derive(Debug, Clone, Default)]
struct Idle(Arc<Limits>);

/// The engine's part of a store, in which nothing can be created.
struct IdleStore;

fn idle<T>() -> Result<T, HostError> {
    Err(HostError::new("this engine cannot run modules"))
}

impl Engine for Idle {
    type Module = ();
    type CoreStore<H: Host<Engine = Self>> = IdleStore;
    type Reservation = ();

    fn limits(&self) -> &Limits {
        &self.0
    }

    fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn load(&self, _: &[u8]) -> Result<(), LoadError> {
        Ok(())
    }

    fn create_store<H: Host<Engine = Self>>(&self) -> Result<IdleStore, HostError> {
        Ok(IdleStore)
    }

    fn reserve_memory(&self, _: u64) -> Option<()> {
        Some(())
    }
}

impl<H: Host<Engine = Idle>> CoreStore<H> for IdleStore {
    type Memory<'a> = Vec<u8>;

    fn create_linkage(&mut self, _: &str) -> Result<LinkageId, HostError> {
        idle()
    }

    fn define_function(
        &mut self,
        _: LinkageId,
        _: &str,
        _: H::Callee,
        _: &CoreSignature,
    ) -> Result<(), HostError> {
        idle()
    }

    fn define_poll(&mut self, _: LinkageId, _: &str) -> Result<(), HostError> {
        idle()
    }

    fn define_global(&mut self, _: LinkageId, _: &str, _: i32) -> Result<GlobalId, HostError> {
        idle()
    }

    fn register_host_module(&mut self, _: LinkageId) -> Result<(), HostError> {
        idle()
    }

    fn host_function(&mut self, _: LinkageId, _: &str) -> Option<FuncId> {
        None
    }

    fn function(&mut self, _: InstanceId, _: &str) -> Option<FuncId> {
        None
    }

    fn memory(&mut self, _: InstanceId, _: &str) -> Option<MemId> {
        None
    }

    fn global(&self, _: GlobalId) -> Option<i32> {
        None
    }

    fn set_global(&mut self, _: GlobalId, _: i32) {}

    fn bytes(&self, _: MemId) -> &[u8] {
        &[]
    }

    fn bytes_mut(&mut self, _: MemId) -> &mut [u8] {
        &mut []
    }

    fn memory_grows(&mut self) {}

    fn memory_pair(&mut self, _: MemId, _: MemId) -> Option<(Vec<u8>, Vec<u8>)> {
        None
    }

    fn interrupt_handle(&mut self) -> Result<Arc<dyn Interrupt>, HostError> {
        idle()
    }

    fn clear_interruption(&mut self) {}

    fn set_cost_limit(&mut self, _: u64) -> Result<(), HostError> {
        idle()
    }

    fn cost(&mut self) -> Result<u64, HostError> {
        idle()
    }

    fn instantiate(_: &mut H, _: LinkageId, _: &Arc<()>, _: &str) -> Result<InstanceId, Stop> {
        Err(Stop::Host)
    }

    fn call(_: &mut H, _: FuncId, _: &[CoreVal], _: &[FlatType]) -> Result<Vec<CoreVal>, Stop> {
        Err(Stop::Host)
    }
}

#[test]
fn a_missing_import_is_named_in_full() {
    let text = r#"(component
        (import "log" (func (param "line" string)))
        (import "wasi:io/error@0.2.6" (instance
            (export "error" (type (sub resource)))
            (export "check" (func)))))"#;
    let bytes = wat::parse_str(text).unwrap();
    let component = Component::new(&Idle::default(), bytes).unwrap();
    let missing = |linker: &Linker<(), Idle>| -> Vec<String> {
        let errors = linker.missing_imports(&component);
        errors.iter().map(ToString::to_string).collect()
    };
    let error = ResourceType::host::<()>();
    let mut linker = Linker::new();
    let log = "component imports function `log`, but nothing compatible is defined";
    let resource =
        "component imports resource `wasi:io/error@0.2.6#error`, but nothing compatible is defined";
    let check =
        "component imports function `wasi:io/error@0.2.6#check`, but nothing compatible is defined";
    assert_eq!(missing(&linker), [resource, log, check]);
    let done = |_: StoreContextMut<'_, (), Idle>, _: (String,)| Ok(());
    linker.root().func_wrap("log", done).unwrap();
    let mut newer = linker.instance("wasi:io/error@0.3.0");
    newer.resource("error", error, |_, _| Ok(())).unwrap();
    assert_eq!(missing(&linker), [resource, check]);
    let mut compatible = linker.instance("wasi:io/error@0.2.7");
    compatible.resource("error", error, |_, _| Ok(())).unwrap();
    assert_eq!(missing(&linker), [check]);
    assert!(linker.has_instance("wasi:io/error@0.2.9"));
    assert!(!linker.has_instance("wasi:io/error@0.4.0"));
    assert_eq!(
        linker.instantiate_pre(&component).unwrap_err().to_string(),
        check
    );
}

/// Allows growth up to two pages, and counts allowed growth that failed.
#[derive(Default)]
struct Failures(u32);

impl ResourceLimiter for Failures {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> anyhow::Result<bool> {
        Ok(desired <= 2 * 65_536)
    }

    fn memory_grow_failed(&mut self) {
        self.0 += 1;
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> anyhow::Result<bool> {
        Ok(true)
    }
}

#[test]
fn the_limiter_is_told_when_an_allowed_growth_failed() {
    let mut store = Store::new(&Idle::default(), Failures::default()).unwrap();
    store.limiter(|failures| failures);
    for (delta, result, failures) in [
        (1, 1, 0),
        (1, u32::MAX, 1),
        (9, u32::MAX, 1),
        (0, 1, 1),
        (1, u32::MAX, 2),
    ] {
        let inner = AsContextMut::as_context_mut(&mut store).0;
        let mut results = Vec::new();
        let asked = [delta, 1, 65_536].map(CoreVal::I32);
        inner.memory_growing(&asked, &mut results).unwrap();
        let arguments = [CoreVal::I32(result)];
        inner.memory_grown(&arguments, &mut results).unwrap();
        assert_eq!(
            results.last(),
            Some(&arguments[0]),
            "the result is passed through"
        );
        assert_eq!(store.data().0, failures);
    }
}
