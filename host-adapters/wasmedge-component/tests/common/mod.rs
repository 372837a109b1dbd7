//! What the tests share.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test uses a part of it"
)]

use wasmedge_component::{Cache, Component, Engine, Linker, Val};

/// An engine with the default settings.
pub(crate) fn engine() -> Engine {
    Engine::default()
}

/// Loads a component from its text.
pub(crate) fn load(engine: &Engine, text: &str) -> Component {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    Component::new(engine, bytes).unwrap_or_else(|error| panic!("{error}"))
}

/// Loads a component twice: interpreted, and compiled.
pub(crate) fn each(engine: &Engine, text: &str) -> Vec<Component> {
    let home = tempfile::tempdir().expect("a folder");
    let cache = Cache::open(home.path().join("cache")).expect("a cache");
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let compiled = Component::precompile(engine, &bytes, &cache);
    let compiled: Component = compiled.unwrap_or_else(|error| panic!("{error}"));
    assert!(compiled.is_compiled());
    vec![load(engine, text), compiled]
}

/// A linker whose functions give back their first argument, for every function that a component imports.
pub(crate) fn linker_of(component: &Component) -> Linker<()> {
    let mut linker = Linker::new();
    for import in &component.plan().imports {
        let mut place = match &import.instance {
            Some(instance) => linker.instance(instance),
            None => linker.root(),
        };
        place
            .func_new(&import.name, |_, _, arguments, results| {
                if let Some(result) = results.first_mut() {
                    *result = arguments.first().cloned().unwrap_or(Val::Bool(true));
                }
                Ok(())
            })
            .expect("no name comes twice");
    }
    linker
}
