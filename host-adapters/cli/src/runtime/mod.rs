//! The runtimes behind one seam: a component is prepared, which finds every reason not to run it, and then run.

pub(crate) mod needs;
pub(crate) mod wasmtime;

use crate::args::Program;
use crate::failure::Failure;
use crate::interrupt::Signal;
use std::path::Path;

/// How a program ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It returned, or asked for this exit code.
    Exit(i32),
    /// It trapped; the message says how and where.
    Trap(String),
    /// Its time was over.
    Timeout,
    /// We were told to stop it.
    Signal(Signal),
}

impl Ended {
    /// What our process exits with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            // As a process's exit status is read: the low eight bits.
            Self::Exit(code) => code.to_le_bytes()[0],
            // What `wasmtime run` exits with: 128 and SIGABRT.
            Self::Trap(_) => 134,
            // What `timeout` exits with.
            Self::Timeout => 124,
            Self::Signal(signal) => signal.exit_code(),
        }
    }
}

/// Reads a component's file, and says in so many words what it is when it is something else.
pub(crate) fn read_component(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::new(format!("cannot read {shown}: {error}")))?;
    // Preamble: magic number, then 16 bits of version and 16 bits of layer (0 core module, 1 component).
    match bytes.get(..8) {
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => Ok(bytes),
        Some([0, b'a', b's', b'm', _, _, 0, 0]) => Err(Failure::new(format!(
            "{shown} is a core module, not a component; build it with `cargo build --target wasm32-wasip2`, or make a \
             component of it with `wasm-tools component new`"
        ))),
        _ => Err(Failure::new(format!(
            "{shown} is not a WebAssembly component: it does not begin like one"
        ))),
    }
}

/// Arguments and environment as the program sees them.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
}

impl Surroundings {
    pub(crate) fn new(
        component: &Path,
        args: &[String],
        program: &Program,
    ) -> Result<Self, Failure> {
        let name = component
            .file_name()
            .unwrap_or(component.as_os_str())
            .to_string_lossy()
            .into_owned();
        let mut env = Vec::new();
        for (name, value) in &program.env {
            let value = match value {
                Some(value) => value.clone(),
                None => match std::env::var(name) {
                    Ok(value) => value,
                    Err(std::env::VarError::NotPresent) => continue,
                    Err(std::env::VarError::NotUnicode(_)) => {
                        return Err(Failure::new(format!(
                            "--env {name}: the variable's value is not UTF-8"
                        )));
                    }
                },
            };
            env.push((name.clone(), value));
        }
        Ok(Self {
            args: std::iter::once(name).chain(args.iter().cloned()).collect(),
            env,
        })
    }
}

/// The component's name in telemetry: the file's, without its ending.
pub(crate) fn component_name(path: &Path) -> String {
    path.file_stem()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}
