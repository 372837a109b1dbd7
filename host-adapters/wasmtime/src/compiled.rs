//! Components that are compiled ahead of time.

#![expect(
    unsafe_code,
    reason = "Wasmtime runs compiled code without verifying it; the code is `Trusted` or new"
)]

use std::hash::{Hash as _, Hasher};

use compiled_code::{Cache, Key, Precompiled, Trusted};
use wasmtime::component::Component;
use wasmtime::{Engine, Result};

/// Loads a component's code from a cache. Returns `None` if the cache has none for this engine.
///
/// The engine must have the version and the settings of the one that compiled it, and the processor
/// must have the same features.
pub fn from_cache(engine: &Engine, bytes: &[u8], cache: &Cache) -> Option<Component> {
    from_code(engine, &cache.find(&key(engine, bytes))?).ok()
}

/// Compiles a component, stores the code in a cache, and loads it. If the code cannot be stored,
/// [`Precompiled::cache_error`] has the reason.
///
/// This does not check how large the component may become: see [`check_size`](crate::check_size).
///
/// # Errors
///
/// Returns the errors of [`Component::new`].
pub fn precompile(engine: &Engine, bytes: &[u8], cache: &Cache) -> Result<Precompiled<Component>> {
    let code = engine.precompile_component(bytes)?;
    let cache_error = cache.store(&key(engine, bytes), &code).err();
    // SAFETY: the engine has just compiled it.
    let component = unsafe { Component::deserialize(engine, &code) }?;
    Ok(Precompiled {
        component,
        cache_error,
    })
}

/// Loads the output of [`Engine::precompile_component`].
///
/// # Errors
///
/// Fails if it comes from another version of Wasmtime, from an engine with other settings, or if it
/// is for another processor.
pub fn from_code(engine: &Engine, code: &Trusted) -> Result<Component> {
    // SAFETY: `Trusted` code is the unchanged output of the engine's compiler: it comes from a
    // folder that other users cannot write to, or the caller vouches for it. Wasmtime checks the
    // version, the settings and the processor.
    unsafe { Component::deserialize(engine, code.bytes()) }
}

/// Loads a component's code for another engine with the same settings of the compiler, without
/// compiling it again.
///
/// # Errors
///
/// Fails if the other engine has other settings, or cannot instantiate such a component.
pub fn reload(component: &Component, engine: &Engine) -> Result<Component> {
    let code = component.serialize()?;
    // SAFETY: the code is that of a component of this process. Wasmtime checks the settings.
    unsafe { Component::deserialize(engine, code) }
}

/// Returns the cache key, which covers everything that the code depends on. The engine's hash
/// covers its version, its settings, and the processor's features.
fn key(engine: &Engine, bytes: &[u8]) -> Key {
    let mut settings = Settings(Vec::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    Key::new([b"wasmtime".as_slice(), &settings.0, bytes])
}

/// Collects the hashed bytes, because the key's digest is stronger than a 64-bit hash.
struct Settings(Vec<u8>);

impl Hasher for Settings {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::{Config, Store};

    const ANSWER: &str = r#"(component
        (core module $m (func (export "answer") (result i32) (i32.const 42)))
        (core instance $i (instantiate $m))
        (func (export "answer") (result u32) (canon lift (core func $i "answer"))))"#;

    fn answer(engine: &Engine, component: &Component) -> u32 {
        let mut store = Store::new(engine, ());
        store.set_epoch_deadline(1);
        let _ = store.set_fuel(1000);
        let linker = wasmtime::component::Linker::new(engine);
        let instance = linker
            .instantiate(&mut store, component)
            .expect("an instance");
        let answer = instance.get_typed_func::<(), (u32,)>(&mut store, "answer");
        answer
            .expect("there")
            .call(&mut store, ())
            .expect("an answer")
            .0
    }

    #[test]
    fn code_is_loaded_only_by_engines_with_the_same_settings() {
        let home = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(home.path().join("cache")).expect("a cache");
        let bytes = wat::parse_str(ANSWER).expect("a component");
        let engine = |set: &dyn Fn(&mut Config)| {
            let mut config = Config::new();
            set(&mut config);
            Engine::new(&config).expect("an engine")
        };
        let settings: [&dyn Fn(&mut Config); 3] = [
            &|_| {},
            &|config| {
                config.epoch_interruption(true);
            },
            &|config| {
                config.consume_fuel(true);
            },
        ];
        for set in settings {
            let first = engine(set);
            assert!(from_cache(&first, &bytes, &cache).is_none());
            let made = precompile(&first, &bytes, &cache).expect("compiled");
            assert!(made.cache_error.is_none());
            assert_eq!(answer(&first, &made.component), 42);
            let second = engine(set);
            let found = from_cache(&second, &bytes, &cache).expect("it was stored");
            assert_eq!(answer(&second, &found), 42);
        }
        let other = wat::parse_str("(component)").expect("a component");
        assert!(from_cache(&engine(settings[0]), &other, &cache).is_none());
    }

    #[test]
    fn code_is_loaded_again_only_with_the_same_settings() {
        let bytes = wat::parse_str(ANSWER).expect("a component");
        let component = Component::new(&Engine::default(), bytes).expect("a component");
        let second = Engine::default();
        let again = reload(&component, &second).expect("the same settings");
        assert_eq!(answer(&second, &again), 42);
        let mut other = Config::new();
        other.consume_fuel(true);
        let other = Engine::new(&other).expect("an engine");
        let _ = reload(&component, &other).expect_err("other settings");
    }

    #[test]
    fn damaged_code_is_replaced() {
        let home = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(home.path().join("cache")).expect("a cache");
        let bytes = wat::parse_str(ANSWER).expect("a component");
        let engine = Engine::default();
        precompile(&engine, &bytes, &cache).expect("compiled");
        let file = cache.folder().read_dir().expect("a folder").next();
        let file = file.expect("its code").expect("a file").path();
        let whole = std::fs::read(&file).expect("a file");
        // Bits all over the file. The tests of the file format cover each one.
        let bits = (0..8 * whole.len()).step_by(8 * whole.len() / 150);
        let flipped = bits.map(|bit| {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        });
        let cut = (0..whole.len()).step_by(whole.len() / 50);
        let cut = cut.map(|length| whole[..length].to_vec());
        for damaged in flipped.chain(cut) {
            std::fs::write(&file, damaged).expect("a file");
            assert!(from_cache(&engine, &bytes, &cache).is_none());
        }
        precompile(&engine, &bytes, &cache).expect("compiled");
        let found = from_cache(&engine, &bytes, &cache).expect("it was replaced");
        assert_eq!(answer(&engine, &found), 42);
    }

    #[test]
    fn code_that_cannot_be_stored_is_loaded_nevertheless() {
        let home = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(home.path().join("cache")).expect("a cache");
        std::fs::remove_dir(cache.folder()).expect("removed");
        let bytes = wat::parse_str(ANSWER).expect("a component");
        let engine = Engine::default();
        let made = precompile(&engine, &bytes, &cache).expect("compiled");
        assert!(made.cache_error.is_some());
        assert_eq!(answer(&engine, &made.component), 42);
    }
}
