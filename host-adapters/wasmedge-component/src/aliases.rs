//! The types of `component_model`, with WasmEdge as the engine.

use crate::Engine;

/// A translated and validated component, which may be compiled.
pub type Component = component_model::Component<Engine>;

/// Instances, and the embedder's data for its host functions.
pub type Store<T> = component_model::Store<T, Engine>;

/// A borrowed store, as host functions receive it.
pub type StoreContextMut<'a, T> = component_model::StoreContextMut<'a, T, Engine>;

/// An embedder's definitions for components to import.
///
/// # Examples
///
/// A component that instantiates a module of the host:
///
/// ```
/// use wasmedge_component::{Component, Engine, Linker, Module, Store};
///
/// # fn main() -> anyhow::Result<()> {
/// let engine = Engine::default();
/// let component = Component::new(&engine, wat::parse_str(r#"(component
///     (import "math" (core module $math (export "square" (func (param i32) (result i32)))))
///     (core instance $math (instantiate $math))
///     (func (export "square") (param "x" u32) (result u32) (canon lift (core func $math "square"))))"#)?)?;
/// let math = Module::new(&engine, wat::parse_str(r#"(module
///     (func (export "square") (param i32) (result i32) (i32.mul (local.get 0) (local.get 0))))"#)?)?;
/// let mut linker = Linker::new();
/// linker.root().module("math", &math)?;
///
/// let mut store = Store::new(&engine, ())?;
/// let instance = linker.instantiate(&mut store, &component)?;
/// let square = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "square")?;
/// assert_eq!(square.call(&mut store, (7,))?, (49,));
/// # Ok(())
/// # }
/// ```
pub type Linker<T> = component_model::Linker<T, Engine>;

/// An interface of a linker, or the items outside of interfaces.
///
/// # Examples
///
/// The import `(import "outer" (instance (export "inner" (instance (export "now" (func (result
/// u64)))))))`:
///
/// ```
/// use wasmedge_component::Linker;
///
/// # fn main() -> Result<(), wasmedge_component::LinkError> {
/// let mut linker = Linker::<()>::new();
/// let mut outer = linker.instance("outer");
/// outer.instance("inner").func_wrap("now", |_, ()| Ok((42u64,)))
/// # }
/// ```
///
/// A function of type `func(text: string)` that counts line breaks:
///
/// ```
/// use wasmedge_component::{
///     CoreVal, Linker, RawArgs, RawCall, Trap, TrapCode, Type, TypeMismatch,
/// };
///
/// fn text(call: RawCall<'_>) -> Option<&[u8]> {
///     let RawArgs::Flat(&[CoreVal::I32(start), CoreVal::I32(length)]) = call.params else {
///         return None;
///     };
///     let rest = call.memory.get(usize::try_from(start).ok()?..)?;
///     rest.get(..usize::try_from(length).ok()?)
/// }
///
/// # fn main() -> Result<(), wasmedge_component::LinkError> {
/// let mut linker = Linker::<usize>::new();
/// linker.root().func_raw(
///     "count",
///     |params, results, _| match (params.get(0), params.len(), results.len()) {
///         (Some(Type::String), 1, 0) => Ok(()),
///         _ => Err(TypeMismatch {
///             expected: "one string".to_owned(),
///             found: "something else".to_owned(),
///         }),
///     },
///     |lines, call| {
///         let out_of_bounds = || Trap::new(TrapCode::StringOutOfBounds, "no such text");
///         let text = text(call).ok_or_else(out_of_bounds)?;
///         *lines += text.iter().filter(|byte| **byte == b'\n').count();
///         Ok(())
///     },
/// )
/// # }
/// ```
pub type LinkerInstance<'a, T> = component_model::LinkerInstance<'a, T, Engine>;

/// A component with resolved and checked imports, which can be instantiated any number of times.
pub type InstancePre<T> = component_model::InstancePre<T, Engine>;

/// An instance of a component, in the store that it was instantiated in.
///
/// # Examples
///
/// A core module that a component exports:
///
/// ```
/// use wasmedge_component::{Component, Engine, Linker, Store};
///
/// # fn main() -> anyhow::Result<()> {
/// let engine = Engine::default();
/// let bytes = wat::parse_str(r#"(component (core module $m (func (export "f"))) (export "m" (core module $m)))"#)?;
/// let component = Component::new(&engine, bytes)?;
/// let mut store = Store::new(&engine, ())?;
/// let instance = Linker::new().instantiate(&mut store, &component)?;
/// let module = instance.get_module(&mut store, "m").expect("the module is exported");
/// assert!(module.bytes().starts_with(b"\0asm"));
/// # Ok(())
/// # }
/// ```
pub type Instance = component_model::Instance<Engine>;

/// An exported function.
pub type Func = component_model::Func<Engine>;

/// An exported function with checked Rust types.
pub type TypedFunc<P, R> = component_model::TypedFunc<P, R, Engine>;
