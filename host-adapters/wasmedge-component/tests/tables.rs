//! What a table's element takes, which limiters are told of. A test by itself, since the memory is the whole process's.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use wasmedge_component::{Component, Engine, Linker, Store, TABLE_ELEMENT_BYTES};

/// Returns how many bytes of memory the process has.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn an_element_of_a_table_takes_so_many_bytes() {
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
