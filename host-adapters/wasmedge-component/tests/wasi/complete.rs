//! Checks that every function of WASI 0.2 is defined, in the version that wasmtime-wasi implements.

use std::path::PathBuf;

use cargo_metadata::{CargoOpt, MetadataCommand};
use component_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};
use wasmedge_component::types::ComponentItem;
use wasmedge_component::{Component, Engine, Linker};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WorldId, WorldItem};

struct State(WasiCtx, ResourceTable);

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.0,
            table: &mut self.1,
        }
    }
}

/// The WIT that wasmtime-wasi's bindings are generated from.
fn wit() -> anyhow::Result<PathBuf> {
    let mut command = MetadataCommand::new();
    command.features(CargoOpt::AllFeatures);
    command.manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let metadata = command.exec()?;
    let package = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "wasmtime-wasi")
        .expect("wasmtime-wasi is a dependency");
    let manifest = package.manifest_path.clone().into_std_path_buf();
    Ok(manifest.with_file_name("src").join("p2/wit"))
}

fn functions(resolve: &Resolve, world: WorldId) -> usize {
    let interfaces = resolve.worlds[world].imports.values();
    let functions = interfaces.map(|item| match item {
        WorldItem::Interface { id, .. } => resolve.interfaces[*id].functions.len(),
        WorldItem::Function(_) | WorldItem::Type { .. } => panic!("{item:?}"),
    });
    functions.sum()
}

#[test]
fn every_function_of_wasi_is_defined() -> anyhow::Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit()?)?;
    let world = resolve.select_world(&[package], Some("bindings"))?;
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
    component_wasi::add_to_linker(&mut linker)?;
    let missing = linker.missing_imports(&component);
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(
        component_wasi::add_to_linker(&mut linker).is_err(),
        "it is there already"
    );
    Ok(())
}
