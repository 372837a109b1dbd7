//! Compiling ahead of time, and keeping what was compiled.
//!
//! What WasmEdge's compiler makes are shared libraries, which run in the host's process: whoever can write them can run code as
//! the host. So a [`Cache`] is a folder that nobody but its owner can write to, and is checked each time that it is opened.

use std::ffi::CString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};
use wasmedge_sys::Compiler;

use crate::component::Component;
use crate::engine::{self, Engine};
use crate::error::LoadError;
use crate::ffi::{Module, ModuleSource};
use crate::plan::{CoreModule, add_polls};

/// Counts the ways in which modules are prepared for the compiler: what another count made does not serve.
const RECIPE: &str = "2";

/// A folder with compiled modules, for any number of components and processes at once.
///
/// A file's name is a hash of all that the code depends on: the module, the versions of this crate and of WasmEdge, the engine's settings
/// and the processor. A file is written under another name and then renamed, so that one that is there is whole. Nothing is ever
/// removed: the folder may be emptied at any time.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

/// Says why a folder cannot serve as a cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// It cannot be made, or looked at.
    #[error("the cache folder {folder} cannot be used: {source}")]
    Io {
        /// The folder.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// It is not private to its owner.
    #[error(
        "the cache folder {folder} cannot be trusted: {reason}; give one that is yours alone (chmod 700)"
    )]
    Untrusted {
        /// The folder.
        folder: String,
        /// Why.
        reason: String,
    },
}

impl Cache {
    /// Opens a folder, and makes it if it is not there, readable by its owner only.
    ///
    /// # Errors
    ///
    /// [`CacheError::Untrusted`] if it is somebody else's or others may write to it; [`CacheError::Io`] if it cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, CacheError> {
        let folder = folder.into();
        let failed = |source| CacheError::Io {
            folder: folder.display().to_string(),
            source,
        };
        make_private(&folder).map_err(failed)?;
        let metadata = fs::symlink_metadata(&folder).map_err(failed)?;
        let reason = if metadata.is_dir() {
            distrust(&metadata)
        } else {
            Some("it is no folder".to_owned())
        };
        if let Some(reason) = reason {
            return Err(CacheError::Untrusted {
                folder: folder.display().to_string(),
                reason,
            });
        }
        let folder = folder.canonicalize().map_err(failed)?;
        Ok(Self { folder })
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn file(&self, engine: &Engine, module: &CoreModule) -> PathBuf {
        self.folder.join(format!("{}.so", key(engine, module)))
    }

    /// Loads what was compiled of a module. Whatever is wrong with it, it is then as if it were not there.
    fn find(&self, engine: &Engine, module: &CoreModule) -> Option<Module> {
        let file = self.file(engine, module);
        let metadata = fs::symlink_metadata(&file).ok()?;
        if !metadata.is_file() || distrust(&metadata).is_some() {
            return None;
        }
        let path = CString::new(file.as_os_str().as_encoded_bytes()).ok()?;
        Module::new(engine.raw(), ModuleSource::File(&path)).ok()
    }

    /// Compiles a module.
    fn fill(&self, engine: &Engine, module: &CoreModule) -> Result<(), LoadError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let failed = |message: String| LoadError::Compiler { message };
        let target = self.file(engine, module);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let draft = self
            .folder
            .join(format!(".{}.{count}.so", std::process::id()));
        let compiler = Compiler::create(Some(engine.raw()));
        let compiler = compiler.map_err(|error| failed(error.to_string()))?;
        let polling = add_polls(&module.bytes)?;
        let compiled = compiler
            .compile_from_bytes(&polling, &draft)
            .map_err(|error| failed(error.to_string()))
            .and_then(|()| {
                keep_private(&draft)
                    .and_then(|()| fs::rename(&draft, &target))
                    .map_err(|error| failed(format!("{}: {error}", target.display())))
            });
        if compiled.is_err() {
            // Whatever is left of it; that it may not be there is no matter.
            let _ = fs::remove_file(&draft);
        }
        compiled
    }
}

impl Component {
    /// Loads a component, as [`new`](Self::new) does, with what is compiled of it in a cache: what is not is interpreted.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn with_cache(
        engine: &Engine,
        bytes: impl AsRef<[u8]>,
        cache: &Cache,
    ) -> Result<Self, LoadError> {
        Self::load(engine, bytes.as_ref(), |module| {
            Ok(compilable(module)
                .then(|| cache.find(engine, module))
                .flatten())
        })
    }

    /// Compiles a component's core modules into a cache, those that are there already left as they are, and loads it. That takes
    /// some seconds for a program of ordinary size.
    ///
    /// # Signals
    ///
    /// While a compiled guest runs, WasmEdge handles the process's SIGSEGV, SIGBUS and SIGFPE, by which guests fault, and afterwards
    /// nobody does: whatever handled them before is gone. Another engine that relies on signals, as Wasmtime does unless
    /// `Config::signals_based_traps(false)`, must not run guests in the same process.
    ///
    /// # Errors
    ///
    /// [`LoadError::Compiler`] if a module cannot be compiled or written, and those of [`new`](Self::new).
    pub fn precompile(
        engine: &Engine,
        bytes: impl AsRef<[u8]>,
        cache: &Cache,
    ) -> Result<Self, LoadError> {
        Self::load(engine, bytes.as_ref(), |module| {
            if !compilable(module) {
                return Ok(None);
            }
            if let Some(found) = cache.find(engine, module) {
                return Ok(Some(found));
            }
            cache.fill(engine, module)?;
            Ok(cache.find(engine, module))
        })
    }
}

/// See [`CoreModule::shares_references`].
pub(crate) fn compilable(module: &CoreModule) -> bool {
    !module.shares_references
}

fn key(engine: &Engine, module: &CoreModule) -> String {
    let config = engine.config();
    let mut hash = Sha256::new();
    let settings = format!(
        "{RECIPE}\n{}\n{}\n{:?}\n{}\n{}\n",
        env!("CARGO_PKG_VERSION"),
        engine::version(),
        config.optimization,
        config.measure_cost,
        processor(),
    );
    hash.update(settings.len().to_le_bytes());
    hash.update(settings);
    hash.update(&module.bytes);
    let mut text = String::new();
    for byte in hash.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What the compiler, which compiles for the machine that it runs on, finds there: architecture, system and features.
fn processor() -> &'static str {
    static PROCESSOR: LazyLock<String> = LazyLock::new(|| {
        let mut text = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
        // One core's description is all cores'.
        let described = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        for line in described.lines().take_while(|line| !line.trim().is_empty()) {
            let name = line.split(':').next().unwrap_or_default().trim();
            if [
                "flags",
                "Features",
                "model name",
                "cpu family",
                "model",
                "CPU part",
            ]
            .contains(&name)
            {
                text.push('\n');
                text.push_str(line);
            }
        }
        text
    });
    &PROCESSOR
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if let Some(parent) = folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(unix)]
fn keep_private(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
}

/// Says why what a file or a folder holds must not be run.
#[cfg(unix)]
fn distrust(metadata: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = metadata.uid();
    if owner != rustix::process::geteuid().as_raw() {
        return Some(format!("it belongs to user {owner}"));
    }
    let mode = metadata.mode() & 0o7777;
    (mode & 0o022 != 0).then(|| format!("others may write to it (mode {mode:o})"))
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn distrust(_: &fs::Metadata) -> Option<String> {
    Some("this platform has no way to tell whose it is".to_owned())
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
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::open(home.path()).unwrap();
        let engine = Engine::default();
        let call = |component: &Component| {
            let mut store = Store::new(&engine, ()).unwrap();
            let instance = Linker::new().instantiate(&mut store, component).unwrap();
            let call = instance
                .get_typed_func::<(), (u32,)>(&mut store, "call")
                .unwrap();
            call.call(&mut store, ()).unwrap().0
        };
        let compiled = Component::load(&engine, &bytes, |module| {
            cache.fill(&engine, module).unwrap();
            Ok(cache.find(&engine, module))
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
