//! Instantiates components with dummy imports, and calls their exports.

use wasmedge_component::types::ComponentItem;
use wasmedge_component::{
    Component, Config, Engine, Instance, LinkError, Linker, LinkerInstance, LoadError, ResourceAny,
    ResourceLimiter, ResourceType, Store, Trap, TrapCode, Type, Val,
};

/// The cost limit of the guests of one input. Low enough that bulk instructions also end soon.
const COST: u64 = 50_000;

/// The most bytes that their memories and tables may take in all.
const BYTES: usize = 16 << 20;

/// The engine that runs all inputs.
pub(crate) fn engine() -> Engine {
    let mut config = Config::new();
    config
        .measure_cost(true)
        .call_budget(1 << 20)
        .handle_limit(10_000);
    Engine::new(&config).expect("WasmEdge can be set up")
}

/// The remaining bytes of a store.
#[derive(Debug)]
pub(crate) struct Quota(usize);

impl Quota {
    fn take(&mut self, current: usize, desired: usize, size: usize) -> anyhow::Result<bool> {
        let bytes = desired.saturating_sub(current).saturating_mul(size);
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(self.0);
        Ok(left.is_some())
    }
}

impl ResourceLimiter for Quota {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> anyhow::Result<bool> {
        self.take(current, desired, 1)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> anyhow::Result<bool> {
        self.take(current, desired, 16)
    }
}

/// Loads a component. A panic of the translator is an error, and is printed.
pub(crate) fn load(engine: &Engine, bytes: &[u8]) -> Result<Component, LoadError> {
    let loaded = Component::new(engine, bytes);
    if let Err(error) = &loaded {
        assert!(!error.to_string().is_empty());
        if matches!(
            error,
            LoadError::Translator { .. } | LoadError::Engine { .. }
        ) {
            eprintln!("refused: {error}");
        }
    }
    loaded
}

/// A resource of the host.
struct Thing;

fn linker(component: &Component) -> Result<Linker<Quota>, LinkError> {
    let mut linker = Linker::new();
    define(&mut linker.root(), component.imports())?;
    Ok(linker)
}

fn define(
    instance: &mut LinkerInstance<'_, Quota>,
    items: Vec<(&str, ComponentItem<'_>)>,
) -> Result<(), LinkError> {
    for (name, item) in items {
        match item {
            ComponentItem::ComponentInstance(items) => {
                define(&mut instance.instance(name), items)?;
            }
            ComponentItem::Resource => {
                instance.resource(name, ResourceType::host::<Thing>(), |_, _| Ok(()))?;
            }
            ComponentItem::ComponentFunc(_) => {
                instance.func_new(name, |_, ty, arguments, results| {
                    if let (Some(result), Some(ty)) = (results.first_mut(), &ty.result) {
                        let resources = &mut Vec::new();
                        arguments
                            .iter()
                            .for_each(|argument| collect(argument, resources));
                        *result = default(ty, resources.last())
                            .ok_or_else(|| anyhow::anyhow!("there is none"))?;
                    }
                    Ok(())
                })?
            }
            ComponentItem::Module | ComponentItem::Type => {}
            // There is no other item.
            _ => {}
        }
    }
    Ok(())
}

/// Returns the exported functions, each with the instance that contains it.
fn exported_functions(component: &Component) -> Vec<(Option<String>, String)> {
    let mut functions = Vec::new();
    for (name, item) in component.exports() {
        if let ComponentItem::ComponentInstance(items) = item {
            for (function, item) in items {
                if matches!(item, ComponentItem::ComponentFunc(_)) {
                    functions.push((Some(name.to_owned()), function.to_owned()));
                }
            }
        } else if matches!(item, ComponentItem::ComponentFunc(_)) {
            functions.push((None, name.to_owned()));
        }
    }
    functions
}

/// Returns a simple value of a type, or `None` if it needs a resource and there is none.
fn default(ty: &Type, resource: Option<&ResourceAny>) -> Option<Val> {
    let boxed = |ty: Option<&Type>| match ty {
        Some(ty) => default(ty, resource).map(|val| Some(Box::new(val))),
        None => Some(None),
    };
    Some(match ty {
        Type::Bool => Val::Bool(true),
        Type::S8 => Val::S8(-1),
        Type::U8 => Val::U8(1),
        Type::S16 => Val::S16(-1),
        Type::U16 => Val::U16(1),
        Type::S32 => Val::S32(-1),
        Type::U32 => Val::U32(1),
        Type::S64 => Val::S64(-1),
        Type::U64 => Val::U64(1),
        Type::Float32 => Val::Float32(1.5),
        Type::Float64 => Val::Float64(1.5),
        Type::Char => Val::Char('x'),
        Type::String => Val::String("text €".to_owned()),
        Type::List(list) => Val::List(vec![default(list.ty(), resource)?; 2]),
        Type::Record(record) => {
            let fields = record.fields().iter();
            let fields =
                fields.map(|field| Some((field.name.clone(), default(&field.ty, resource)?)));
            Val::Record(fields.collect::<Option<_>>()?)
        }
        Type::Tuple(tuple) => {
            let parts = tuple.types().iter().map(|ty| default(ty, resource));
            Val::Tuple(parts.collect::<Option<_>>()?)
        }
        Type::Variant(variant) => {
            let case = variant.cases().last()?;
            Val::Variant(case.name.clone(), boxed(case.ty.as_ref())?)
        }
        Type::Enum(ty) => Val::Enum(ty.names().last()?.clone()),
        Type::Option(ty) => Val::Option(boxed(Some(ty.ty()))?),
        Type::Result(ty) => Val::Result(Ok(boxed(ty.ok())?)),
        Type::Flags(flags) => Val::Flags(flags.names().to_vec()),
        Type::Own(_) | Type::Borrow(_) => Val::Resource(*resource?),
    })
}

/// Finds the resources in a value.
#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else holds any")]
fn collect(val: &Val, resources: &mut Vec<ResourceAny>) {
    match val {
        Val::Resource(any) => resources.push(*any),
        Val::List(parts) | Val::Tuple(parts) => {
            parts.iter().for_each(|part| collect(part, resources))
        }
        Val::Record(fields) => fields
            .iter()
            .for_each(|(_, field)| collect(field, resources)),
        Val::Variant(_, Some(payload))
        | Val::Option(Some(payload))
        | Val::Result(Ok(Some(payload)) | Err(Some(payload))) => collect(payload, resources),
        _ => {}
    }
}

/// Instantiates a component, and calls each exported function twice.
pub(crate) fn run(component: &Component) {
    let mut store =
        Store::new(component.engine(), Quota(BYTES)).expect("there is memory for a store");
    store.limiter(|quota| quota);
    store.set_cost_limit(COST).expect("costs are counted");
    let linked = linker(component).and_then(|linker| linker.instantiate_pre(component));
    let pre = match linked {
        Ok(pre) => pre,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let instance = match pre.instantiate(&mut store) {
        Ok(instance) => instance,
        Err(error) => return assert_error(&error),
    };
    let names = exported_functions(component);
    let mut resources = Vec::new();
    let mut poisoned = false;
    for (interface, name) in names.iter().chain(&names) {
        poisoned |= call(
            &mut store,
            &instance,
            interface.as_deref(),
            name,
            &mut resources,
            poisoned,
        );
    }
    for resource in resources {
        if let Err(error) = instance.drop_resource(&mut store, resource) {
            assert_error(&error);
        }
    }
}

/// Calls a function. Returns whether that poisoned the instance.
fn call(
    store: &mut Store<Quota>,
    instance: &Instance,
    interface: Option<&str>,
    name: &str,
    resources: &mut Vec<ResourceAny>,
    poisoned: bool,
) -> bool {
    let func = match interface {
        Some(interface) => instance.get_func_in(&mut *store, interface, name),
        None => instance.get_func(&mut *store, name),
    };
    let func = func.expect("listed functions exist");
    let params = func.ty().params;
    let params = params.iter().map(|(_, ty)| default(ty, resources.last()));
    let Some(params) = params.collect::<Option<Vec<_>>>() else {
        return false;
    };
    match func.call(&mut *store, &params) {
        Ok(result) => {
            assert!(!poisoned, "an instance that trapped is not entered again");
            if let Some(result) = &result {
                collect(result, resources);
            }
            false
        }
        Err(error) => {
            assert_error(&error);
            let trap = error.downcast_ref::<Trap>();
            if poisoned {
                assert_eq!(trap.map(Trap::code), Some(TrapCode::Poisoned), "{error:#}");
            }
            trap.is_some()
        }
    }
}

/// Asserts that an error has a message, and is not an internal error.
fn assert_error(error: &anyhow::Error) {
    let message = format!("{error:#}");
    assert!(!message.is_empty());
    assert!(!message.contains("panicked"), "{message}");
    assert_ne!(
        error.downcast_ref().map(Trap::code),
        Some(TrapCode::Signature),
        "{message}"
    );
}
