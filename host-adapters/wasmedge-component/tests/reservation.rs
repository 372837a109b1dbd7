//! Memories without address space. In its own file because the limit applies to the whole process.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod common;

use common::{engine, load};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wasmedge_component::{Component, HostError, Linker, ResourceLimiter, Store};

/// Runs a function with too little address space for any memory (WasmEdge reserves 12 GiB for
/// each), but enough for everything else.
fn with_little_address_space<R>(run: impl FnOnce() -> R) -> R {
    let before = getrlimit(Resource::As);
    let little = Rlimit {
        current: Some(4 << 30),
        ..before
    };
    setrlimit(Resource::As, little).unwrap();
    let result = run();
    setrlimit(Resource::As, before).unwrap();
    result
}

/// Counts the allowed pages, without those that failed.
#[derive(Default)]
struct Pages {
    all: usize,
    last: usize,
}

impl ResourceLimiter for Pages {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> anyhow::Result<bool> {
        self.last = (desired - current) / 65_536;
        self.all += self.last;
        Ok(true)
    }

    fn memory_grow_failed(&mut self) {
        self.all -= self.last;
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> anyhow::Result<bool> {
        Ok(true)
    }
}

fn component(memory: &str) -> Component {
    load(
        &engine(),
        &format!(
            r#"(component
                (core module $m {memory} (func (export "run") (drop (i32.load (i32.const 0)))))
                (core instance $i (instantiate $m))
                (func (export "run") (canon lift (core func $i "run"))))"#
        ),
    )
}

#[test]
fn a_memory_that_cannot_be_reserved_fails_the_instantiation() {
    for memory in [
        r#"(memory (export "memory") 1)"#,
        "(memory 1)",
        r#"(memory 1) (data (i32.const 0) "text")"#,
        "(memory 0) (memory 1)",
    ] {
        let component = component(memory);
        let mut store = Store::new(component.engine(), Pages::default()).unwrap();
        store.limiter(|pages| pages);
        let linker = Linker::new();
        let error =
            with_little_address_space(|| linker.instantiate(&mut store, &component)).unwrap_err();
        assert!(error.is::<HostError>(), "{memory}: {error}");
        assert!(error.to_string().contains("cannot be reserved"), "{error}");
        assert_eq!(store.data().all, 0);
        let instance = linker.instantiate(&mut store, &component).unwrap();
        let run = instance
            .get_typed_func::<(), ()>(&mut store, "run")
            .unwrap();
        if !memory.contains("memory 0") {
            run.call(&mut store, ()).unwrap();
        }
    }
}
