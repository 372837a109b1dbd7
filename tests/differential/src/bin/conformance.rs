//! Runs a folder of `.wast` files on `wasmedge-component`, for example the component model's own
//! test suite, which is not part of this repository.
//!
//! ```text
//! cargo xtask conformance FOLDER [--compile]
//! ```
//!
//! A directive passes, fails, or needs an unsupported feature. Failures are printed. If there are
//! any, the exit status is 1.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use wasmedge_component::{Cache, Component, Engine, Instance, Linker, LoadError, Store, Trap, Val};
use wast::component::WastVal;
use wast::lexer::Lexer;
use wast::parser::{ParseBuffer, parse};
use wast::token::Id;
use wast::{
    QuoteWat, QuoteWatTest, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat,
};

fn main() -> anyhow::Result<ExitCode> {
    let mut compile = false;
    let mut paths = Vec::new();
    for argument in std::env::args_os().skip(1) {
        if argument == "--compile" {
            compile = true;
        } else {
            find(Path::new(&argument), &mut paths)?;
        }
    }
    ensure!(
        !paths.is_empty(),
        "no .wast files: pass a folder that has some"
    );
    let home = tempfile::tempdir()?;
    let mut config = wasmedge_component::Config::new();
    config.optimization(wasmedge_component::Optimization::None);
    let host = Host {
        engine: Engine::new(&config)?,
        cache: compile.then(|| Cache::open(home.path())).transpose()?,
    };
    let mut all = Counts::default();
    for path in &paths {
        let counts = run_file(&host, path).with_context(|| path.display().to_string())?;
        println!("{counts} {}", path.display());
        all.add(&counts);
    }
    println!("{all} all of {} files", paths.len());
    for (feature, count) in &all.features {
        println!("{count:>6} need {feature}");
    }
    Ok(if all.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Finds the `.wast` files in a folder and its subfolders.
fn find(path: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
        let mut entries: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
        entries.sort();
        return entries.iter().try_for_each(|entry| find(entry, found));
    }
    ensure!(
        path.exists(),
        "cannot read {}: no such file or folder",
        path.display()
    );
    if path
        .extension()
        .is_some_and(|extension| extension == "wast")
    {
        found.push(path.to_owned());
    }
    Ok(())
}

/// The results of the directives.
#[derive(Debug, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    unsupported: usize,
    features: BTreeMap<String, usize>,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.unsupported += other.unsupported;
        for (feature, count) in &other.features {
            *self.features.entry(feature.clone()).or_default() += count;
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>5} passed {:>4} failed {:>4} unsupported",
            self.passed, self.failed, self.unsupported
        )
    }
}

struct Host {
    engine: Engine,
    cache: Option<Cache>,
}

impl Host {
    fn load(&self, bytes: &[u8]) -> Result<Component, LoadError> {
        match &self.cache {
            Some(cache) => Component::precompile(&self.engine, bytes, cache),
            None => Component::new(&self.engine, bytes),
        }
    }
}

fn run_file(host: &Host, path: &Path) -> anyhow::Result<Counts> {
    let text = std::fs::read_to_string(path)?;
    let mut lexer = Lexer::new(&text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer)?;
    let wast = parse::<Wast<'_>>(&buffer)?;
    let mut script = Script::new(host)?;
    let mut counts = Counts::default();
    for directive in wast.directives {
        let (line, _) = directive.span().linecol_in(&text);
        match script.run(directive) {
            Ok(()) => counts.passed += 1,
            Err(error) => match feature_of(&error) {
                Some(feature) => {
                    counts.unsupported += 1;
                    *counts.features.entry(feature).or_default() += 1;
                }
                None => {
                    counts.failed += 1;
                    println!("{}:{}: {error:#}", path.display(), line + 1);
                }
            },
        }
    }
    Ok(counts)
}

/// The reason why a directive is not supported: a feature, or an instance that could not be made
/// without one.
fn feature_of(error: &anyhow::Error) -> Option<String> {
    match error.downcast_ref::<LoadError>() {
        Some(LoadError::Unsupported { feature }) => Some(feature.clone()),
        Some(LoadError::TooLarge { .. }) => Some("more definitions".to_owned()),
        _ => error
            .downcast_ref::<Missing>()
            .map(|missing| missing.0.clone()),
    }
}

/// The directive uses a component that needs this.
#[derive(Debug, thiserror::Error)]
#[error("it needs {0}")]
struct Missing(String);

/// A component, or the unsupported feature that it needs.
type Loaded = Result<Component, String>;

/// The components and instances of earlier directives. The last one is also found without a name.
struct Script<'a> {
    host: &'a Host,
    store: Store<()>,
    components: BTreeMap<Option<String>, Loaded>,
    instances: BTreeMap<Option<String>, Result<Instance, String>>,
}

impl<'a> Script<'a> {
    fn new(host: &'a Host) -> anyhow::Result<Self> {
        Ok(Self {
            host,
            store: Store::new(&host.engine, ())?,
            components: BTreeMap::new(),
            instances: BTreeMap::new(),
        })
    }

    fn run(&mut self, directive: WastDirective<'_>) -> anyhow::Result<()> {
        match directive {
            WastDirective::Module(mut module) => {
                let name = module.name();
                let loaded = self.load(&mut module);
                let instance = loaded.and_then(|component| self.instantiate(&component));
                self.keep_instance(name, instance)
            }
            WastDirective::ModuleDefinition(mut module) => {
                let name = module.name();
                let loaded = self.load(&mut module);
                let kept = keep(&loaded);
                for name in both(name) {
                    self.components.insert(name, kept.clone());
                }
                loaded.map(|_| ())
            }
            WastDirective::ModuleInstance {
                instance, module, ..
            } => {
                let found = self.components.get(&module.map(|id| id.name().to_owned()));
                let made = match found.context("no such component")? {
                    Ok(component) => {
                        let component = component.clone();
                        self.instantiate(&component)
                    }
                    Err(feature) => Err(Missing(feature.clone()).into()),
                };
                self.keep_instance(instance, made)
            }
            WastDirective::AssertMalformed { mut module, .. } => match module.to_test() {
                Err(_) => Ok(()),
                Ok(QuoteWatTest::Text(text)) => match wat::parse_bytes(&text) {
                    Err(_) => Ok(()),
                    Ok(bytes) => self.refuse(&bytes),
                },
                Ok(QuoteWatTest::Binary(bytes)) => self.refuse(&bytes),
            },
            WastDirective::AssertInvalid { mut module, .. } => match module.encode() {
                Err(_) => Ok(()),
                Ok(bytes) => self.refuse(&bytes),
            },
            WastDirective::Invoke(invoke) => self.invoke(&invoke).map(|_| ()),
            WastDirective::AssertReturn { exec, results, .. } => {
                let found = self.execute(exec)?;
                let expected = results.iter().map(|result| match result {
                    WastRet::Component(val) => Ok(val),
                    WastRet::Core(_) | _ => bail!("a result of a core function"),
                });
                let expected = expected.collect::<Result<Vec<_>, _>>()?;
                let same = match (&found, expected.as_slice()) {
                    (None, []) => true,
                    (Some(found), [expected]) => is_same(found, expected),
                    _ => false,
                };
                ensure!(same, "returned {found:?}, expected {expected:?}");
                Ok(())
            }
            WastDirective::AssertTrap { exec, message, .. } => match self.execute(exec) {
                Ok(found) => bail!("returned {found:?}, expected a trap: {message}"),
                Err(error) if error.is::<Trap>() => Ok(()),
                Err(error) => Err(error),
            },
            WastDirective::AssertUnlinkable {
                mut module,
                message,
                ..
            } => {
                let component = self.host.load(&module.encode()?)?;
                match self.instantiate(&component) {
                    Ok(_) => bail!("linked, expected an error: {message}"),
                    Err(_) => Ok(()),
                }
            }
            WastDirective::Register { .. }
            | WastDirective::AssertExhaustion { .. }
            | WastDirective::AssertException { .. }
            | WastDirective::AssertSuspension { .. }
            | WastDirective::AssertInvalidCustom { .. }
            | WastDirective::AssertMalformedCustom { .. }
            | WastDirective::Thread(_)
            | WastDirective::Wait { .. } => {
                Err(Missing("a directive that this runner has not".to_owned()).into())
            }
        }
    }

    fn load(&self, module: &mut QuoteWat<'_>) -> anyhow::Result<Component> {
        if matches!(
            module,
            QuoteWat::Wat(Wat::Module(_)) | QuoteWat::QuoteModule(..)
        ) {
            return Err(Missing("core modules by themselves".to_owned()).into());
        }
        Ok(self.host.load(&module.encode()?)?)
    }

    fn refuse(&self, bytes: &[u8]) -> anyhow::Result<()> {
        match self.host.load(bytes) {
            Err(LoadError::Invalid { .. }) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => bail!("loaded, expected a refusal"),
        }
    }

    fn instantiate(&mut self, component: &Component) -> anyhow::Result<Instance> {
        Linker::new().instantiate(&mut self.store, component)
    }

    fn keep_instance(
        &mut self,
        name: Option<Id<'_>>,
        made: anyhow::Result<Instance>,
    ) -> anyhow::Result<()> {
        let kept = keep(&made);
        for name in both(name) {
            self.instances.insert(name, kept.clone());
        }
        made.map(|_| ())
    }

    fn execute(&mut self, exec: WastExecute<'_>) -> anyhow::Result<Option<Val>> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Wat(module) => {
                let component = self.load(&mut QuoteWat::Wat(module))?;
                self.instantiate(&component)?;
                Ok(None)
            }
            WastExecute::Get { .. } => bail!("components have no globals"),
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> anyhow::Result<Option<Val>> {
        let name = invoke.module.map(|id| id.name().to_owned());
        let instance = match self.instances.get(&name).context("no such instance")? {
            Ok(instance) => instance.clone(),
            Err(feature) => return Err(Missing(feature.clone()).into()),
        };
        let func = instance.get_func(&mut self.store, invoke.name);
        let func = func.with_context(|| format!("no function `{}`", invoke.name))?;
        let arguments = invoke.args.iter().map(|argument| match argument {
            WastArg::Component(val) => to_val(val),
            WastArg::Core(_) | _ => bail!("an argument of a core function"),
        });
        func.call(
            &mut self.store,
            &arguments.collect::<anyhow::Result<Vec<_>>>()?,
        )
    }
}

/// Returns the keys under which an item is found: its name, if it has one, and none.
fn both(name: Option<Id<'_>>) -> Vec<Option<String>> {
    let own = name.map(|id| Some(id.name().to_owned()));
    own.into_iter().chain([None]).collect()
}

fn keep<T: Clone>(made: &anyhow::Result<T>) -> Result<T, String> {
    match made {
        Ok(made) => Ok(made.clone()),
        Err(error) => Err(feature_of(error).unwrap_or_else(|| "what failed before".to_owned())),
    }
}

fn to_val(val: &WastVal<'_>) -> anyhow::Result<Val> {
    let boxed = |val: &Option<Box<WastVal<'_>>>| {
        let val = val.as_deref().map(to_val).transpose()?;
        Ok::<_, anyhow::Error>(val.map(Box::new))
    };
    Ok(match val {
        WastVal::Bool(val) => Val::Bool(*val),
        WastVal::U8(val) => Val::U8(*val),
        WastVal::S8(val) => Val::S8(*val),
        WastVal::U16(val) => Val::U16(*val),
        WastVal::S16(val) => Val::S16(*val),
        WastVal::U32(val) => Val::U32(*val),
        WastVal::S32(val) => Val::S32(*val),
        WastVal::U64(val) => Val::U64(*val),
        WastVal::S64(val) => Val::S64(*val),
        WastVal::F32(val) => Val::Float32(f32::from_bits(val.bits)),
        WastVal::F64(val) => Val::Float64(f64::from_bits(val.bits)),
        WastVal::Char(val) => Val::Char(*val),
        WastVal::String(val) => Val::String((*val).to_owned()),
        WastVal::List(vals) => Val::List(vals.iter().map(to_val).collect::<Result<_, _>>()?),
        WastVal::Map(_) => return Err(Missing("map types".to_owned()).into()),
        WastVal::Record(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, val)| Ok(((*name).to_owned(), to_val(val)?)));
            Val::Record(fields.collect::<anyhow::Result<_>>()?)
        }
        WastVal::Tuple(vals) => Val::Tuple(vals.iter().map(to_val).collect::<Result<_, _>>()?),
        WastVal::Variant(name, payload) => Val::Variant((*name).to_owned(), boxed(payload)?),
        WastVal::Enum(name) => Val::Enum((*name).to_owned()),
        WastVal::Option(payload) => Val::Option(boxed(payload)?),
        WastVal::Result(Ok(payload)) => Val::Result(Ok(boxed(payload)?)),
        WastVal::Result(Err(payload)) => Val::Result(Err(boxed(payload)?)),
        WastVal::Flags(names) => Val::Flags(names.iter().map(|name| (*name).to_owned()).collect()),
    })
}

/// Returns true if a value is the expected one. Any NaN equals any other, because hosts choose.
fn is_same(found: &Val, expected: &WastVal<'_>) -> bool {
    match (found, expected) {
        (Val::Float32(found), WastVal::F32(expected)) if found.is_nan() => {
            f32::from_bits(expected.bits).is_nan()
        }
        (Val::Float64(found), WastVal::F64(expected)) if found.is_nan() => {
            f64::from_bits(expected.bits).is_nan()
        }
        _ => to_val(expected).is_ok_and(|expected| *found == expected),
    }
}
