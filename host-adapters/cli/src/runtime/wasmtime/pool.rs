//! Memories, tables and stacks for the instances of a server, reserved once. To make and to drop an
//! instance then takes fewer system calls.

use super::config;
use crate::args::{Program, ServerOptions};
use crate::runtime::memory::TABLE_ELEMENTS;
use wasmtime::component::Component;
use wasmtime::{Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// More instances than requests and spare ones: those that are being dropped.
const DROPPED: usize = 64;

/// The largest linear memory: what 32-bit addresses reach.
const MEMORY_BYTES: u64 = 4 << 30;

/// The largest instance, without its memories and tables.
const INSTANCE_BYTES: usize = 1 << 32;

/// How many bytes of a linear memory are cleared, instead of given back to the system, when an
/// instance is dropped. The next instance then causes no page faults. Needs Linux 6.7, which tells
/// which pages were used. A small service uses less.
const KEPT_MEMORY: usize = 128 << 10;

/// The same for a table.
const KEPT_TABLE: usize = 16 << 10;

/// Returns an engine with a pool for the instances of a component, and the component for that
/// engine. Returns `None` if the component needs more than a pool provides, or if there is not
/// enough address space, for example because of `ulimit -v`. Then instances take memory on demand.
pub(super) fn pooled(
    component: &Component,
    program: &Program,
    server: &ServerOptions,
) -> Option<(Engine, Component)> {
    // A guest with 64-bit addresses may use more than a memory of the pool has.
    if program.max_memory.as_u64() > MEMORY_BYTES {
        return None;
    }
    let needs = component.resources_required()?;
    let instances = server
        .max_concurrent_requests
        .saturating_add(server.spare_instances)
        .saturating_add(DROPPED);
    let instances = u32::try_from(instances).ok()?;
    // A pool must not be empty.
    let (memories, tables) = (needs.num_memories.max(1), needs.num_tables.max(1));
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_stacks(instances)
        // What follows takes no address space. The size of the component is bounded before.
        .total_core_instances(u32::MAX)
        .max_component_instance_size(INSTANCE_BYTES)
        .max_core_instance_size(INSTANCE_BYTES)
        .total_memories(instances.checked_mul(memories)?)
        .max_memories_per_module(memories)
        .total_tables(instances.checked_mul(tables)?)
        .max_tables_per_module(tables)
        // A table may grow to what the limiter allows.
        .table_elements(TABLE_ELEMENTS);
    // Otherwise, memory would be cleared without need.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(KEPT_MEMORY)
            .table_keep_resident(KEPT_TABLE);
    }
    let mut config = config(program.fuel.is_some());
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config).ok()?;
    let component = wasmscope_wasmtime::reload(component, &engine).ok()?;
    Some((engine, component))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use wasmtime::Store;
    use wasmtime::component::Linker;

    #[derive(Parser)]
    struct Args {
        #[command(flatten)]
        program: Program,
        #[command(flatten)]
        server: ServerOptions,
    }

    fn pooled_with(component: &str, options: &[&str]) -> Option<(Engine, Component)> {
        let args = Args::parse_from([&["serve"], options].concat());
        let engine = Engine::new(&config(false)).expect("an engine");
        let component = wat::parse_str(component).expect("a component");
        let component = Component::new(&engine, component).expect("a component");
        pooled(&component, &args.program, &args.server)
    }

    /// A component with some instances that have a memory each, and one with a table of an initial
    /// size.
    fn component(memories: usize, elements: usize) -> String {
        let instances = "(core instance (instantiate $memory))".repeat(memories);
        format!(
            "(component (core module $memory (memory 1)) {instances}
                (core module $table (table {elements} funcref))
                (core instance (instantiate $table)))"
        )
    }

    fn instantiate((engine, component): &(Engine, Component)) {
        let mut store = Store::new(engine, ());
        store.set_epoch_deadline(1);
        Linker::new(engine)
            .instantiate(&mut store, component)
            .expect("an instance");
    }

    #[test]
    fn what_fits_is_instantiated_in_a_pool() {
        for (memories, elements) in [(0, 0), (1, 1), (4, 30_000), (1, TABLE_ELEMENTS)] {
            let component = component(memories, elements);
            let pooled = pooled_with(&component, &["--max-concurrent-requests", "2"]);
            let pooled = pooled.unwrap_or_else(|| panic!("{memories}, {elements}"));
            instantiate(&pooled);
            let metrics = pooled.0.pooling_allocator_metrics();
            assert!(metrics.is_some());
        }
    }

    #[test]
    fn what_does_not_fit_gets_no_pool() {
        let few = component(1, 1);
        assert!(pooled_with(&few, &[]).is_some());
        // 160 TiB, which is more than a process can address.
        assert!(pooled_with(&component(40, 1), &[]).is_none());
        assert!(pooled_with(&component(1, TABLE_ELEMENTS + 1), &[]).is_none());
        assert!(pooled_with(&few, &["--max-memory", "5GiB"]).is_none());
        let many = ["--max-concurrent-requests", "1000000"];
        assert!(pooled_with(&few, &many).is_none());
    }
}
