//! Loads, instantiates and calls any bytes, or a component with a generated module.

#![no_main]

#[path = "../../../host-adapters/wasmedge-component/tests/common/exercise.rs"]
mod run;

use std::sync::LazyLock;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use wasmedge_component::Engine;
use wasmedge_component_fuzz::around_module;

static ENGINE: LazyLock<Engine> = LazyLock::new(run::engine);

/// Aborts at a panic of a crate of this repository. libFuzzer's own hook would abort at the
/// translator's panics, too, which are caught and become errors.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        let ours = |place: &std::panic::Location<'_>| place.file().contains("host-adapters/");
        if panic.location().is_some_and(ours) {
            std::process::abort();
        }
    }));
}

fuzz_target!(init: report_panics(), |data: &[u8]| {
    if data.starts_with(b"\0asm") {
        if let Ok(component) = run::load(&ENGINE, data) {
            run::run(&component);
        }
        return;
    }
    let Ok(bytes) = around_module(&mut Unstructured::new(data)) else {
        return;
    };
    match run::load(&ENGINE, &bytes) {
        Ok(component) => run::run(&component),
        Err(error) => panic!("a valid component is refused: {error}"),
    }
});
