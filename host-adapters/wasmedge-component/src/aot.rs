//! Compiling ahead of time, and keeping what was compiled.
//!
//! WasmEdge's compiler makes modules with native code, which runs in the host's process. So
//! compiled code is loaded only as
//! [`Trusted`]: it comes from a [`Cache`], or the caller vouches for it.
//!
//! The compiler ends its process if the disk is full, and cannot be interrupted. So it can run in
//! a child process: see [`ChildCompiler`].

mod cause;
mod child;
mod scratch;

use std::fs;
use std::path::Path;

pub use child::{ChildCompiler, compile_as_child};
use scratch::Scratch;

use compiled_code::{Cache, Key, Precompiled, Trusted};
use wasmedge_sys::Compiler;

use crate::component::Component;
use crate::engine::{self, Engine};
use crate::error::LoadError;
use crate::ffi::{self, Module, ModuleSource};
use crate::plan::{CoreModule, add_polls};
use crate::processor;

/// The version of the way in which modules are prepared for the compiler. Code of another version
/// cannot be used.
const RECIPE: &str = "3";

impl Component {
    /// Loads a component, as [`new`](Self::new) does, with code from a cache. Modules without code
    /// there are interpreted.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn with_cache(
        engine: &Engine,
        bytes: impl AsRef<[u8]>,
        cache: &Cache,
    ) -> Result<Self, LoadError> {
        Self::load(engine, bytes.as_ref(), |_, module| {
            Ok(find(engine, module, cache))
        })
    }

    /// Compiles those of a component's core modules that a cache lacks, keeps their code there, and
    /// loads the component. Compiling takes some seconds for a program of ordinary size.
    ///
    /// If the code cannot be written to the cache, the component is compiled all the same: see
    /// [`precompile_or_say`](Self::precompile_or_say).
    ///
    /// # The compiler's process
    ///
    /// The compiler works in this process, where nothing interrupts it, and it ends the process if
    /// the disk is full. A program that must go on has it work in a child process, which it can
    /// also end: [`Config::compile_in_child`](crate::Config::compile_in_child).
    ///
    /// # Signals
    ///
    /// While a compiled guest runs, WasmEdge handles the process's SIGSEGV, SIGBUS and SIGFPE, by
    /// which guests fault. Afterwards they have no handler: earlier handlers are not restored.
    /// Another engine that relies on signals, as Wasmtime does unless
    /// `Config::signals_based_traps(false)`, must not run guests in the same process.
    ///
    /// # Errors
    ///
    /// [`LoadError::Compiler`] if a module cannot be compiled, and those of [`new`](Self::new).
    pub fn precompile(
        engine: &Engine,
        bytes: impl AsRef<[u8]>,
        cache: &Cache,
    ) -> Result<Self, LoadError> {
        Ok(Self::precompile_or_say(engine, bytes, cache)?.component)
    }

    /// Compiles and loads a component, as [`precompile`](Self::precompile) does, and says whether
    /// the code was kept.
    ///
    /// # Errors
    ///
    /// Those of [`precompile`](Self::precompile).
    pub fn precompile_or_say(
        engine: &Engine,
        bytes: impl AsRef<[u8]>,
        cache: &Cache,
    ) -> Result<Precompiled<Self>, LoadError> {
        let mut not_kept = None;
        let component = Self::load(engine, bytes.as_ref(), |_, module| {
            if !compilable(module) {
                return Ok(None);
            }
            if let Some(found) = find(engine, module, cache) {
                return Ok(Some(found));
            }
            let code = compile(engine, module)?;
            if let Err(error) = cache.store(&key(engine, module), code.bytes()) {
                not_kept = Some(error);
            }
            load(engine, &code).map(Some)
        })?;
        Ok(Precompiled {
            component,
            not_kept,
        })
    }

    /// Compiles a component's core modules, and returns the code of each, for
    /// [`with_code`](Self::with_code); nothing for one that is to be interpreted.
    ///
    /// # Errors
    ///
    /// [`LoadError::Compiler`] if a module cannot be compiled, and those of [`new`](Self::new).
    pub fn compile(
        engine: &Engine,
        bytes: impl AsRef<[u8]>,
    ) -> Result<Vec<Option<Trusted>>, LoadError> {
        let mut list = Vec::new();
        Self::load(engine, bytes.as_ref(), |_, module| {
            let code = if compilable(module) {
                Some(compile(engine, module)?)
            } else {
                None
            };
            list.push(code);
            Ok(None)
        })?;
        Ok(list)
    }

    /// Loads a component with the code that [`compile`](Self::compile) has made of it: `code` is
    /// asked for that of each core module by its number. The component has to be the same, and the
    /// engine has to have the same [`Engine::code_version`].
    ///
    /// Modules without code are interpreted.
    ///
    /// # Errors
    ///
    /// [`LoadError::Compiler`] if WasmEdge refuses the code, and those of [`new`](Self::new).
    pub fn with_code(
        engine: &Engine,
        bytes: impl AsRef<[u8]>,
        mut code: impl FnMut(usize) -> Option<Trusted>,
    ) -> Result<Self, LoadError> {
        Self::load(engine, bytes.as_ref(), |index, module| {
            match code(index).filter(|_| compilable(module)) {
                Some(code) => load(engine, &code).map(Some),
                None => Ok(None),
            }
        })
    }
}

impl Engine {
    /// Returns a text that says what compiled code depends on besides the module and the processor:
    /// the versions of this crate and of WasmEdge, and the settings.
    pub fn code_version(&self) -> String {
        let config = self.config();
        format!(
            "recipe {RECIPE}, wasmedge-component {}, WasmEdge {}, {:?}, cost {}, {}-{}",
            env!("CARGO_PKG_VERSION"),
            engine::version(),
            config.optimization,
            config.measure_cost,
            std::env::consts::ARCH,
            std::env::consts::OS,
        )
    }
}

/// See [`CoreModule::shares_references`].
pub(crate) fn compilable(module: &CoreModule) -> bool {
    !module.shares_references
}

/// Loads a module's code from a cache. Returns `None` if there is none, or if WasmEdge refuses it.
fn find(engine: &Engine, module: &CoreModule, cache: &Cache) -> Option<Module> {
    if !compilable(module) {
        return None;
    }
    load(engine, &cache.find(&key(engine, module))?).ok()
}

fn load(engine: &Engine, code: &Trusted) -> Result<Module, LoadError> {
    Module::new(engine, ModuleSource::Compiled(code)).map_err(|code| LoadError::Compiler {
        message: ffi::message(code),
    })
}

/// Compiles a module, in a child process if the engine says so.
fn compile(engine: &Engine, module: &CoreModule) -> Result<Trusted, LoadError> {
    let polling = add_polls(&module.bytes)?;
    if let Some(child) = &engine.config().compiler {
        return child.compile(engine, &polling);
    }
    let failed = |message: String| LoadError::Compiler { message };
    let scratch =
        Scratch::new().map_err(|error| failed(format!("there is no temporary folder: {error}")))?;
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
    let compiler = Compiler::create(Some(engine.raw()));
    let compiler = compiler.map_err(|error| failed(error.to_string()))?;
    compiler
        .compile_from_bytes(module, file)
        .map_err(|error| failed(error.to_string()))
}

fn key(engine: &Engine, module: &CoreModule) -> Key {
    let version = engine.code_version();
    let parts = [
        version.as_bytes(),
        processor::description().as_bytes(),
        &module.bytes,
    ];
    Key::new(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Linker, Store};

    /// Why modules that share tables are not compiled. Once WasmEdge is right about this, `compilable` can go.
    #[test]
    fn a_compiled_call_through_a_shared_table_runs_with_the_callers_memory() {
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
        let call = |component: &Component| {
            let mut store = Store::new(&engine, ()).unwrap();
            let instance = Linker::new().instantiate(&mut store, component).unwrap();
            let call = instance
                .get_typed_func::<(), (u32,)>(&mut store, "call")
                .unwrap();
            call.call(&mut store, ()).unwrap().0
        };
        let compiled = Component::load(&engine, &bytes, |_, module| {
            load(&engine, &compile(&engine, module)?).map(Some)
        });
        assert_eq!(
            call(&compiled.unwrap()),
            u32::from(b'a'),
            "the caller's memory"
        );
        let interpreted = Component::new(&engine, &bytes).unwrap();
        assert_eq!(
            call(&interpreted),
            u32::from(b'b'),
            "the callee's memory, as it must be"
        );
    }
}
