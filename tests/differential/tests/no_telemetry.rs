//! Runs instrumented components with `no-telemetry` plugged in, on hosts with WASI but without
//! Wasmscope.

use std::fs;
use std::path::Path;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, plug};
use wasmscope_test_support::guests::guest_bytes;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxView, WasiView};

/// The state of a host that serves WASI.
struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Wasi {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.ctx,
            table: &mut self.table,
        }
    }
}

/// The program's standard output and standard error.
#[derive(Debug, PartialEq)]
struct Written {
    output: String,
    errors: String,
}

type Result<T> = anyhow::Result<T>;

/// Plugs `no-telemetry` into the guest `name`.
fn silenced(name: &str) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let mut add = |name: &str| -> Result<_> {
        let package = Package::from_bytes(name, None, guest_bytes(name), graph.types_mut())?;
        Ok(graph.register_package(package)?)
    };
    let (socket, provider) = (add(name)?, add("no-telemetry")?);
    plug(&mut graph, vec![provider], socket)?;
    Ok(graph.encode(EncodeOptions::default())?)
}

/// Runs a host's function with a program's state, and returns the program's output.
fn written(
    arguments: &[&str],
    run: impl FnOnce(Wasi) -> Result<std::result::Result<(), ()>>,
) -> Result<Written> {
    let [output, errors] = [(); 2].map(|()| MemoryOutputPipe::new(1 << 20));
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../components/checkout");
    let ctx = WasiCtx::builder()
        .args(arguments)
        .preopened_dir(demo, "/data", FsPerms::ReadOnly)?
        .stdout(output.clone())
        .stderr(errors.clone())
        .build();
    let result = run(Wasi {
        ctx,
        table: ResourceTable::new(),
    })?;
    let text = |pipe: MemoryOutputPipe| String::from_utf8(pipe.contents().into());
    let written = Written {
        output: text(output)?,
        errors: text(errors)?,
    };
    anyhow::ensure!(result.is_ok(), "the program failed: {written:?}");
    Ok(written)
}

fn on_wasmtime(component: &[u8], arguments: &[&str]) -> Result<Written> {
    use wasmtime::component::{Component, Linker};
    use wasmtime_wasi::p2::bindings::sync::Command;

    let engine = wasmtime::Engine::default();
    let component = Component::new(&engine, component)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    written(arguments, |wasi| {
        let mut store = wasmtime::Store::new(&engine, wasi);
        let command = Command::instantiate(&mut store, &component, &linker)?;
        Ok(command.wasi_cli_run().call_run(&mut store)?)
    })
}

fn on_wasmedge(component: &[u8], arguments: &[&str]) -> Result<Written> {
    use wasmedge_component::{Component, Engine, Linker, Store};

    let engine = Engine::default();
    let component = Component::new(&engine, component)?;
    let mut linker = Linker::new();
    component_wasi::add_to_linker(&mut linker)?;
    written(arguments, |wasi| {
        let mut store = Store::new(&engine, wasi)?;
        let instance = linker.instantiate(&mut store, &component)?;
        let run = instance.get_typed_func_in::<(), (std::result::Result<(), ()>,)>(
            &mut store,
            "wasi:cli/run@0.2.0",
            "run",
        )?;
        Ok(run.call(&mut store, ())?.0)
    })
}

#[test]
fn hello_prints_the_same_without_a_telemetry_host() -> Result<()> {
    let component = silenced("hello")?;
    let expected = Written {
        output: "Hello, world!\n".to_owned(),
        errors: String::new(),
    };
    assert_eq!(on_wasmtime(&component, &["hello"])?, expected);
    assert_eq!(on_wasmedge(&component, &["hello"])?, expected);
    Ok(())
}

#[test]
fn checkout_carries_out_orders_without_a_telemetry_host() -> Result<()> {
    let component = silenced("checkout")?;
    let arguments = ["checkout", "--limit", "12", "/data/orders.jsonl"];
    let written = on_wasmtime(&component, &arguments)?;
    let orders = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../components/checkout/orders.jsonl"),
    )?;
    assert!(orders.lines().count() >= 12);
    assert!(written.errors.contains("orders carried out"), "{written:?}");
    assert!(written.output.lines().count() > 0, "{written:?}");
    assert_eq!(on_wasmedge(&component, &arguments)?, written);
    Ok(())
}

#[test]
fn no_import_of_the_contract_is_left() -> Result<()> {
    let engine = wasmtime::Engine::default();
    let imports = |bytes: &[u8]| -> Result<Vec<String>> {
        let component = wasmtime::component::Component::new(&engine, bytes)?;
        let ty = component.component_type();
        Ok(ty
            .imports(&engine)
            .map(|(name, _)| name.to_owned())
            .collect())
    };
    assert_eq!(imports(&guest_bytes("no-telemetry"))?, Vec::<String>::new());
    // `checkout` imports every interface.
    for name in ["hello", "checkout"] {
        let left = imports(&silenced(name)?)?;
        assert!(
            left.iter().all(|import| import.starts_with("wasi:")),
            "{name}: {left:?}"
        );
    }
    Ok(())
}
