//! The cost of a call into the host that does nothing there.

mod component;
mod raw;

use std::path::Path;

use anyhow::{Result, ensure};

use super::Inputs;
use crate::report::{Table, nanos, ratio};
use crate::rounds::{Runner, measure};
use crate::runtime::Column;

/// The arguments, by the name of the function that passes them repeatedly.
const CALLS: [(&str, &str); 4] = [
    ("none", "no argument"),
    ("two", "two `u64`"),
    ("text", "a string of 20 bytes"),
    ("attributes", "a record with 4 key-values"),
];

/// The core module, without its memory. It calls its imports as often as told. The text and the
/// key-values are in its memory.
const CORE: &str = r#"
  (import "host" "none" (func $none))
  (import "host" "two" (func $two (param i64 i64)))
  (import "host" "text" (func $text (param i32 i32)))
  (import "host" "attributes" (func $attributes (param i32 i32 i32 i32)))
  (data (i32.const 64) "twenty bytes of text")
  ;; Four pairs of key and value, each a pointer and a length.
  (data (i32.const 128)
    "\40\00\00\00\0a\00\00\00\40\00\00\00\14\00\00\00"
    "\40\00\00\00\0b\00\00\00\40\00\00\00\13\00\00\00"
    "\40\00\00\00\0c\00\00\00\40\00\00\00\12\00\00\00"
    "\40\00\00\00\0d\00\00\00\40\00\00\00\11\00\00\00")
  (func (export "none") (param $times i32)
    (loop $again
      (call $none)
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
  (func (export "two") (param $times i32)
    (loop $again
      (call $two (i64.const 7) (i64.extend_i32_u (local.get $times)))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
  (func (export "text") (param $times i32)
    (loop $again
      (call $text (i32.const 64) (i32.const 20))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
  (func (export "attributes") (param $times i32)
    (loop $again
      (call $attributes (i32.const 64) (i32.const 20) (i32.const 128) (i32.const 4))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
"#;

/// A guest that makes such calls.
trait Caller {
    /// Makes `times` calls.
    fn call(&mut self, function: &str, times: u32) -> Result<()>;
    /// Returns the counts of the host.
    fn arrived(&self) -> Arrived;
}

/// The counts of a host: the calls, and the bytes that they passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Arrived {
    calls: u64,
    bytes: u64,
}

impl Arrived {
    fn add(&mut self, bytes: usize) {
        self.calls += 1;
        self.bytes += bytes as u64;
    }

    /// Returns the counts after `calls` further calls, each with `bytes` bytes.
    fn after(self, calls: u64, bytes: u64) -> Self {
        Self {
            calls: self.calls + calls,
            bytes: self.bytes + calls * bytes,
        }
    }
}

/// Returns the bytes of each call, as the host counts them: those of the numbers, or of the texts.
fn bytes(function: &str) -> u64 {
    match function {
        "two" => 16,
        "text" => 20,
        "attributes" => 20 + (10 + 20) + (11 + 19) + (12 + 18) + (13 + 17),
        _ => 0,
    }
}

pub(super) fn table(inputs: &Inputs) -> Result<Table> {
    let mut table = Table {
        title: "The boundary".to_owned(),
        about: "One call from a guest to a host function that counts its arguments. It is measured through the component model, and as a core module's \
            call of a raw host function of the same runtime. In both cases, texts and the record's list of keys and values are copied out of the \
            guest's memory, and bounds and UTF-8 are checked; the raw function does this in code written by hand. The ratio compares the component's \
            call with the raw call."
            .to_owned(),
        header: vec![String::new()],
        ..Table::default()
    };
    let columns = [Column::Wasmtime, Column::Interpreter, Column::Aot];
    for column in columns {
        let title = column.title();
        table.header.extend([
            title.to_owned(),
            format!("{title}, raw"),
            "ratio".to_owned(),
        ]);
    }
    table.rows = CALLS.map(|(_, title)| vec![title.to_owned()]).to_vec();
    for column in columns {
        let (mut component, mut raw) = callers(column, &inputs.cache)?;
        for ((function, title), row) in CALLS.into_iter().zip(&mut table.rows) {
            let before = (component.arrived(), raw.arrived());
            let mut runners = [
                Runner::new(|times| component.call(function, times)),
                Runner::new(|times| raw.call(function, times)),
            ];
            let times = measure(inputs.effort, &mut runners, || Ok(()))?;
            let done = [runners[0].done, runners[1].done];
            drop(runners);
            for (arrived, before, done, kind) in [
                (component.arrived(), before.0, done[0], "calls"),
                (raw.arrived(), before.1, done[1], "raw calls"),
            ] {
                let expected = before.after(done, bytes(function));
                ensure!(
                    arrived == expected,
                    "{kind} of {function} on {}: {arrived:?}, and {expected:?} was sent",
                    column.title()
                );
            }
            let spread = times.ratio(0, 1);
            row.extend([
                nanos(times.nanos(0).median),
                nanos(times.nanos(1).median),
                ratio(spread),
            ]);
            let key = format!("{title}/{}", column.title());
            table.measured.push((key, spread.median));
        }
    }
    Ok(table)
}

fn callers(column: Column, cache: &Path) -> Result<(Box<dyn Caller>, Box<dyn Caller>)> {
    Ok(match column {
        Column::Wasmtime
        | Column::WasmtimeBindgen
        | Column::WasmtimePooled
        | Column::WasmtimeCompiling
        | Column::WasmtimeCached => (component::wasmtime()?, raw::wasmtime::caller()?),
        Column::Interpreter => (component::wasmedge(None)?, raw::wasmedge::caller(None)?),
        Column::Aot => (
            component::wasmedge(Some(cache))?,
            raw::wasmedge::caller(Some(cache))?,
        ),
    })
}
