//! Random modules behave the same before and after instrumentation.

use std::fmt::Write;

use proptest::prelude::*;
use proptest::sample::Index;

use super::guest::{Guest, export_depth};
use super::*;

/// The number of calls and loop iterations before a program returns: every program ends.
const FUEL: u32 = 300;

/// The results that functions can have; all take two parameters.
const RESULTS: [&[&str]; 4] = [&[], &["i32"], &["i32", "i64"], &["i64", "i32", "i32"]];

const FUNCTIONS: usize = 6;

const LOCALS: usize = 4;

/// The maximum nesting of blocks.
const DEPTH: usize = 6;

/// Writes functions from a sequence of choices.
struct Writer<'a> {
    choices: std::slice::Iter<'a, u8>,
    text: String,
    /// The values that a branch to each label in scope takes, the function's label first.
    labels: Vec<&'static [&'static str]>,
    /// The results of each function.
    functions: [usize; FUNCTIONS],
}

impl Writer<'_> {
    fn choose(&mut self, below: usize) -> usize {
        self.choices.next().map_or(0, |choice| usize::from(*choice)) % below
    }

    fn write(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn local(&mut self) -> usize {
        self.choose(LOCALS)
    }

    fn get(&mut self) {
        let local = self.local();
        self.write(&format!("local.get {local}"));
    }

    /// Pushes values of these types.
    fn values(&mut self, types: &[&str]) {
        for ty in types {
            self.get();
            if *ty == "i64" {
                self.write("i64.extend_i32_u");
            }
        }
    }

    /// Pops values of these types and mixes them into the result.
    fn mix(&mut self, types: &[&str]) {
        for ty in types.iter().rev() {
            if *ty == "i64" {
                self.write("i32.wrap_i64");
            }
            self.write("call $mix");
        }
    }

    fn give_up(&mut self) {
        self.write("global.get $fuel i32.eqz if");
        self.values(self.labels[0]);
        self.write("return end global.get $fuel i32.const 1 i32.sub global.set $fuel");
    }

    fn block(&mut self, begin: &str, takes: &'static [&'static str], fuel: bool) {
        self.write(begin);
        self.labels.push(takes);
        if fuel {
            self.give_up();
        }
        self.statements();
        self.labels.pop();
    }

    fn statements(&mut self) {
        for _ in 0..self.choose(4) {
            self.statement();
        }
    }

    /// Writes a statement that leaves the stack as it was.
    fn statement(&mut self) {
        let is_deep = self.labels.len() > DEPTH;
        let results = self.labels[0];
        let label = self.choose(self.labels.len());
        let takes = self.labels[self.labels.len() - 1 - label];
        match self.choose(16) {
            0 => {
                self.get();
                self.write("call $mix");
            }
            1 => {
                self.get();
                let constant = self.choose(256);
                let local = self.local();
                self.write(&format!("i32.const {constant} i32.add local.set {local}"));
            }
            2..=5 if is_deep => self.write("nop"),
            2 => {
                self.block("block", &[], false);
                self.write("end");
            }
            3 => {
                self.block("loop", &[], true);
                self.write("end");
            }
            4 => {
                self.get();
                self.block("if", &[], false);
                self.block("else", &[], false);
                self.write("end");
            }
            5 => {
                self.block("block (result i32)", &["i32"], false);
                self.get();
                self.write("end call $mix");
            }
            6 => {
                self.values(takes);
                self.write(&format!("br {label}"));
            }
            7 => {
                self.values(takes);
                self.get();
                self.write(&format!("br_if {label}"));
                self.mix(takes);
            }
            8 => {
                let labels = self.labels.iter().rev().enumerate();
                let fit: Vec<_> = labels
                    .filter(|(_, other)| **other == takes)
                    .map(|(label, _)| label)
                    .collect();
                self.values(takes);
                self.get();
                self.write("br_table");
                for _ in 0..=self.choose(4) {
                    let label = fit[self.choose(fit.len())];
                    self.write(&label.to_string());
                }
            }
            9 => {
                self.values(results);
                self.write("return");
            }
            10 | 11 => {
                let function = self.choose(FUNCTIONS);
                self.values(&["i32", "i32"]);
                let results = self.functions[function];
                match self.choose(2) {
                    0 => self.write(&format!("call $f{function}")),
                    _ => self.write(&format!(
                        "i32.const {function} call_indirect (type $t{results})"
                    )),
                }
                self.mix(RESULTS[results]);
            }
            12 | 13 => {
                let fit: Vec<_> = (0..FUNCTIONS)
                    .filter(|function| RESULTS[self.functions[*function]] == results)
                    .collect();
                let function = fit[self.choose(fit.len())];
                self.values(&["i32", "i32"]);
                let results = self.functions[function];
                match self.choose(2) {
                    0 => self.write(&format!("return_call $f{function}")),
                    _ => self.write(&format!(
                        "i32.const {function} return_call_indirect (type $t{results})"
                    )),
                }
            }
            14 => {
                let pages = self.choose(3);
                self.write(&format!("i32.const {pages} memory.grow call $mix"));
            }
            _ => {
                let elements = self.choose(3);
                self.write(&format!(
                    "ref.null func i32.const {elements} table.grow call $mix"
                ));
            }
        }
    }
}

fn module(choices: &[u8]) -> String {
    let mut writer = Writer {
        choices: choices.iter(),
        text: String::new(),
        labels: Vec::new(),
        functions: [0; FUNCTIONS],
    };
    for function in 0..FUNCTIONS {
        writer.functions[function] = writer.choose(RESULTS.len());
    }
    writer.write(&format!(
        r#"(module
            (import "$host" "t0" (func $host (param i32) (result i32)))
            (memory 1 4) (table {FUNCTIONS} 20 funcref)
            (global $fuel (mut i32) (i32.const {FUEL}))
            (global $mixed (mut i32) (i32.const 1))
            (func $mix (param i32)
                (global.set $mixed (i32.add (call $host (local.get 0))
                    (i32.mul (global.get $mixed) (i32.const 31)))))"#
    ));
    for (index, results) in RESULTS.iter().enumerate() {
        let results = results.join(" ");
        writer.write(&format!(
            "(type $t{index} (func (param i32 i32) (result {results})))"
        ));
    }
    let mut table = String::from("(elem (i32.const 0)");
    for function in 0..FUNCTIONS {
        let results = writer.functions[function];
        writer.write(&format!(
            "(func $f{function} (type $t{results}) (local i32 i32)"
        ));
        writer.labels.push(RESULTS[results]);
        writer.give_up();
        for _ in 0..3 {
            writer.statements();
        }
        writer.values(RESULTS[results]);
        writer.labels.pop();
        writer.write(")");
        write!(table, " $f{function}").unwrap();
    }
    writer.write(&table);
    writer.write(r#") (func (export "run") (param i32) (result i32)"#);
    for function in 0..FUNCTIONS {
        writer.write(&format!(
            "local.get 0 i32.const {function} call $f{function}"
        ));
        writer.mix(RESULTS[writer.functions[function]]);
    }
    writer.write("memory.size call $mix table.size call $mix global.get $mixed))");
    writer.text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn instrumented_modules_behave_the_same(
        choices in proptest::collection::vec(any::<u8>(), 6..600),
        argument in any::<u32>(),
    ) {
        let text = module(&choices);
        let mut original = Guest::new(&parse(&text));
        let bytes = hardened(&text);
        let counts = ModuleSummary::new(&parse(&text)).unwrap().counts();
        let mut polling = Guest::new(&add_polls(&bytes).unwrap());
        let mut guest = Guest::new(&if counts { export_depth(&bytes) } else { bytes });
        for _ in 0..2 {
            let expected = original.call("run", argument).unwrap();
            prop_assert_eq!(guest.call("run", argument).unwrap(), expected);
            prop_assert_eq!(polling.call("run", argument).unwrap(), expected);
            prop_assert_eq!(guest.global("depth").unwrap_or_default(), 0);
        }
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(
        choices in proptest::collection::vec(any::<u8>(), 6..200),
        mutations in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = parse(&module(&choices));
        for (index, byte) in mutations {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let _ = harden(&bytes);
        let _ = add_polls(&bytes);
    }
}
