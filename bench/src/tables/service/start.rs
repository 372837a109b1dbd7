//! Start of a program: from a component's file to its first instruction, with and without compiled
//! code.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use wasm_encoder::{
    BlockType, CodeSection, Component, Function, FunctionSection, InstanceSection, Instruction,
    MemArg, MemorySection, MemoryType, Module, ModuleArg, ModuleSection, StartSection, TypeSection,
    ValType,
};

use super::super::Inputs;
use super::{Counted, component};
use crate::report::{Table, nanos};
use crate::runtime::{Column, runtime};

const COLUMNS: [Column; 4] = [
    Column::WasmtimeCompiling,
    Column::WasmtimeCached,
    Column::Interpreter,
    Column::Aot,
];

/// The number of starts. The median counts.
const STARTS: usize = 5;

pub(in super::super) fn table(inputs: &Inputs) -> Result<Table> {
    let mut table = Table {
        title: "Start of a program".to_owned(),
        about: "From a component's file to its first instruction. The component is read; it is compiled, or its compiled code is loaded, or it is prepared \
            for the interpreter; then it is instantiated. The engine and the linker exist before. Digests of compiled code are checked, as with \
            `--aot`. The large component is generated: many functions with arithmetic, memory accesses, branches and calls. Medians of 5 starts."
            .to_owned(),
        ..Table::default()
    };
    table.header.push(String::new());
    table
        .header
        .extend(COLUMNS.map(|column| column.title().to_owned()));
    for file in [component(inputs, "tracing"), large(inputs)?] {
        let size = fs::metadata(&file)?.len() as f64 / 1e6;
        let mut row = vec![format!("a component of {size:.1} MB")];
        for column in COLUMNS {
            let runtime = runtime(column, &inputs.cache)?;
            let counted = Counted::new();
            let start = || -> Result<Duration> {
                let begin = Instant::now();
                runtime.load(&file)?.instantiate(&counted.telemetry)?;
                Ok(begin.elapsed())
            };
            // Compiled here, into the cache.
            let mut times = vec![start()?];
            if inputs.effort.is_full() {
                times = (0..STARTS).map(|_| start()).collect::<Result<_>>()?;
            }
            times.sort_unstable();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            row.push(nanos(median.as_secs_f64() * 1e9));
        }
        table.rows.push(row);
    }
    Ok(table)
}

/// Makes a component of more than 10 MB, or a small one for a check.
fn large(inputs: &Inputs) -> Result<PathBuf> {
    let (name, functions) = if inputs.effort.is_full() {
        ("large.wasm", 40_000)
    } else {
        ("large.short.wasm", 40)
    };
    let file = inputs.guests.join(name);
    let bytes = generated(functions);
    // An unchanged file keeps its modification time, with which its compiled code is compared.
    if fs::read(&file).ok().as_ref() != Some(&bytes) {
        fs::write(&file, bytes)?;
    }
    Ok(file)
}

fn generated(functions: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 2], [ValType::I32]);
    types.ty().function([], []);
    let mut declared = FunctionSection::new();
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut code = CodeSection::new();
    for index in 0..functions {
        declared.function(0);
        code.function(&body(index));
    }
    declared.function(1);
    let mut start = Function::new([]);
    start.instruction(&Instruction::End);
    code.function(&start);
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&memories);
    module.section(&StartSection {
        function_index: functions,
    });
    module.section(&code);

    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    let mut instances = InstanceSection::new();
    instances.instantiate(0, Vec::<(&str, ModuleArg)>::new());
    component.section(&instances);
    component.finish()
}

/// A function of some 300 bytes: sixteen steps, each of which mixes data from memory, and a call of
/// an earlier function.
fn body(index: u32) -> Function {
    let at = |offset: u32| MemArg {
        offset: u64::from(offset % 60_000),
        align: 2,
        memory_index: 0,
    };
    let mut function = Function::new([(1, ValType::I32)]);
    for step in 0..16u32 {
        let constant = (index.wrapping_mul(2_654_435_761) >> (step % 24)) as i32;
        for instruction in [
            Instruction::LocalGet(step % 2),
            Instruction::I32Const(constant % 60),
            Instruction::I32And,
            Instruction::LocalTee(2),
            Instruction::LocalGet(2),
            Instruction::I32Load(at(index + 4 * step)),
            Instruction::I32Xor,
            Instruction::LocalSet(step % 2),
        ] {
            function.instruction(&instruction);
        }
    }
    for instruction in [
        Instruction::LocalGet(0),
        Instruction::If(BlockType::Empty),
        Instruction::LocalGet(2),
        Instruction::LocalGet(1),
        Instruction::I32Store(at(index)),
        Instruction::End,
        Instruction::LocalGet(0),
        Instruction::LocalGet(1),
    ] {
        function.instruction(&instruction);
    }
    if index > 0 {
        function.instruction(&Instruction::Call(index / 2));
    } else {
        function.instruction(&Instruction::I32Add);
    }
    function.instruction(&Instruction::End);
    function
}
