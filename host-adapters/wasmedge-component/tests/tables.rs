//! The size of a table element, as reported to limiters. In its own file because it measures the
//! whole process.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use wasmedge_component::{Component, Engine, Linker, Store, TABLE_ELEMENT_BYTES};

/// Returns the resident memory of the process in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn table_elements_have_the_documented_size() {
    const ELEMENTS: usize = 4_000_000;
    let text = format!(
        r#"(component
            (core module $m (table {ELEMENTS} funcref))
            (core instance (instantiate $m)))"#
    );
    let engine = Engine::default();
    let component = Component::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    let mut store = Store::new(&engine, ()).unwrap();
    let before = resident();
    Linker::new().instantiate(&mut store, &component).unwrap();
    let taken = (resident() - before) / ELEMENTS;
    assert_eq!(taken, TABLE_ELEMENT_BYTES);
}
