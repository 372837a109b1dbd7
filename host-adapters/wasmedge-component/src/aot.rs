//! Ahead-of-time compilation, and loading of compiled code.
//!
//! WasmEdge's compiler produces modules with native code, which runs in the host's process.
//! Compiled code is therefore loaded only as [`Trusted`]: it comes from a [`Cache`](crate::Cache),
//! or the caller vouches for it.
//!
//! The compiler ends its process if the disk is full, and cannot be interrupted. It can therefore
//! run in a child process: see [`ChildCompiler`].

mod cause;
mod child;
mod scratch;

use std::fs;
use std::path::Path;

pub use child::{ChildCompiler, compile_as_child};
use scratch::Scratch;

use compiled_code::{Key, Trusted};
use component_model::LoadError;
use component_model::engine::{Compiler, CoreModule, add_polls};

use crate::engine::{self, Engine};
use crate::ffi::{self, Module, ModuleSource};
use crate::processor;

/// The version of the preparation of modules for the compiler. Code of another version cannot be
/// used.
const PREPARATION: &str = "3";

impl Engine {
    /// Returns a text with everything that compiled code depends on besides the module and the
    /// processor: the versions of this crate and of WasmEdge, and the settings.
    pub fn code_version(&self) -> String {
        let config = self.config();
        format!(
            "recipe {PREPARATION}, wasmedge-component {}, WasmEdge {}, {:?}, cost {}, {}-{}",
            env!("CARGO_PKG_VERSION"),
            engine::version(),
            config.optimization,
            config.measure_cost,
            std::env::consts::ARCH,
            std::env::consts::OS,
        )
    }
}

impl Compiler for Engine {
    /// See [`CoreModule::shares_references`].
    fn can_compile(&self, module: &CoreModule) -> bool {
        #[cfg(test)]
        if self.config().compile_all {
            return true;
        }
        !module.shares_references
    }

    fn code_key(&self, module: &CoreModule) -> Key {
        let version = self.code_version();
        let parts = [
            version.as_bytes(),
            processor::description().as_bytes(),
            &module.bytes,
        ];
        Key::new(parts)
    }

    fn compile(&self, module: &CoreModule) -> Result<Trusted, LoadError> {
        compile(self, module)
    }

    fn load_compiled(&self, code: &Trusted) -> Result<Module, LoadError> {
        Module::new(self, ModuleSource::Compiled(code)).map_err(|code| LoadError::Compiler {
            message: ffi::message(code),
        })
    }
}

/// Compiles a module, in a child process if the engine is configured so.
fn compile(engine: &Engine, module: &CoreModule) -> Result<Trusted, LoadError> {
    let polling = add_polls(&module.bytes)?;
    if let Some(child) = &engine.config().compiler {
        return child.compile(engine, &polling);
    }
    let failed = |message: String| LoadError::Compiler { message };
    let scratch = Scratch::new()
        .map_err(|error| failed(format!("cannot create a temporary folder: {error}")))?;
    let file = scratch.path().join("module.wasm");
    compile_to(engine, &polling, &file)?;
    let code = fs::read(&file).map_err(|error| {
        let folder = scratch.path().display();
        failed(format!(
            "WasmEdge's compiler has written nothing to {folder}: {error}"
        ))
    })?;
    Ok(ffi::compiled(code))
}

/// Compiles a module into a file. WasmEdge writes code to files only.
fn compile_to(engine: &Engine, module: &[u8], file: &Path) -> Result<(), LoadError> {
    let failed = |error: String| LoadError::Compiler { message: error };
    let compiler = wasmedge_sys::Compiler::create(Some(engine.raw()));
    let compiler = compiler.map_err(|error| failed(error.to_string()))?;
    compiler
        .compile_from_bytes(module, file)
        .map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Component, Config, Linker, Store};

    /// Shows why modules that share tables are not compiled. Once WasmEdge runs such calls with the
    /// callee's memory, `Compiler::can_compile` can always return true.
    #[test]
    fn compiled_calls_through_shared_tables_use_the_callers_memory() {
        let text = r#"(component
            (core module $a
                (memory 1)
                (data (i32.const 0) "a")
                (type $read (func (result i32)))
                (table (export "table") 1 funcref)
                (func (export "call") (result i32) (call_indirect (type $read) (i32.const 0))))
            (core module $b
                (import "a" "table" (table 1 funcref))
                (memory 1)
                (data (i32.const 0) "b")
                (func $read (result i32) (i32.load8_u (i32.const 0)))
                (elem (i32.const 0) $read))
            (core instance $a (instantiate $a))
            (core instance $b (instantiate $b (with "a" (instance $a))))
            (func (export "call") (result u32) (canon lift (core func $a "call"))))"#;
        let bytes = wat::parse_str(text).unwrap();
        let engine = Engine::default();
        let call = |engine: &Engine, component: &Component| {
            let mut store = Store::new(engine, ()).unwrap();
            let instance = Linker::new().instantiate(&mut store, component).unwrap();
            let call = instance
                .get_typed_func::<(), (u32,)>(&mut store, "call")
                .unwrap();
            call.call(&mut store, ()).unwrap().0
        };
        let mut config = Config::new();
        config.compile_all = true;
        let compiling = Engine::new(&config).unwrap();
        let code = Component::compile(&compiling, &bytes).unwrap();
        let compiled = Component::with_code(&compiling, &bytes, |module| code[module].clone());
        assert_eq!(
            call(&compiling, &compiled.unwrap()),
            u32::from(b'a'),
            "the caller's memory"
        );
        let interpreted = Component::new(&engine, &bytes).unwrap();
        assert_eq!(
            call(&engine, &interpreted),
            u32::from(b'b'),
            "the callee's memory, which is correct"
        );
    }
}
