//! Checks that every function of WASI 0.2 and of `wasi:http` is defined, in the version that
//! wasmtime-wasi implements.

use std::path::PathBuf;

use cargo_metadata::{CargoOpt, MetadataCommand};
use component_wasi::http::{NoRequests, WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use component_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};
use wasmedge_component::types::ComponentItem;
use wasmedge_component::{Component, Engine, LinkError, Linker};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WorldId, WorldItem};

struct State(WasiCtx, ResourceTable, WasiHttpCtx, NoRequests);

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.0,
            table: &mut self.1,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.2,
            table: &mut self.1,
            hooks: &mut self.3,
        }
    }
}

/// Returns the folder of WIT in a package that this one depends on.
fn wit(package: &str, folder: &str) -> anyhow::Result<PathBuf> {
    let mut command = MetadataCommand::new();
    command.features(CargoOpt::AllFeatures);
    command.manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let metadata = command.exec()?;
    let package = metadata
        .packages
        .iter()
        .find(|found| found.name.as_str() == package)
        .expect("it is a dependency");
    let manifest = package.manifest_path.clone().into_std_path_buf();
    Ok(manifest.with_file_name(folder))
}

fn functions(resolve: &Resolve, world: WorldId) -> usize {
    let interfaces = resolve.worlds[world].imports.values();
    let functions = interfaces.map(|item| match item {
        WorldItem::Interface { id, .. } => resolve.interfaces[*id].functions.len(),
        WorldItem::Function(_) | WorldItem::Type { .. } => panic!("{item:?}"),
    });
    functions.sum()
}

type Add = fn(&mut Linker<State>) -> Result<(), LinkError>;

/// Checks that `add` defines all functions that a world imports, with the types of the world.
fn check(wit: PathBuf, world: &str, add: Add) -> anyhow::Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let world = resolve.select_world(&[package], Some(world))?;
    let legacy = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
    let mut module = wit_component::dummy_module(&resolve, world, legacy);
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    let bytes = ComponentEncoder::default()
        .module(&module)?
        .validate(true)
        .encode()?;

    let component = Component::new(&Engine::default(), &bytes)?;
    let interfaces = component.imports().into_iter();
    let imported = interfaces.flat_map(|(name, interface)| {
        let ComponentItem::ComponentInstance(items) = interface else {
            panic!("{name}: {interface:?}")
        };
        items
    });
    let imported = imported.filter(|(_, item)| matches!(item, ComponentItem::ComponentFunc(_)));
    assert_eq!(imported.count(), functions(&resolve, world));
    let mut linker = Linker::<State>::new();
    assert!(linker.missing_imports(&component).len() >= functions(&resolve, world));
    add(&mut linker)?;
    let missing = linker.missing_imports(&component);
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(add(&mut linker).is_err(), "it is there already");
    Ok(())
}

#[test]
fn every_function_of_wasi_is_defined() -> anyhow::Result<()> {
    let wit = wit("wasmtime-wasi", "src")?.join("p2/wit");
    check(wit, "bindings", |linker| {
        component_wasi::add_to_linker(linker)
    })
}

#[test]
fn every_function_of_wasi_http_is_defined() -> anyhow::Result<()> {
    let wit = wit("wasmtime-wasi-http", "wit")?;
    check(wit, "wasi:http/proxy", |linker| {
        component_wasi::add_to_linker(linker)?;
        component_wasi::http::add_to_linker(linker)
    })
}
