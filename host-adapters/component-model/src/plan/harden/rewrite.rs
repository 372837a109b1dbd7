//! Writes a module with the instrumentation.
//!
//! New types come after the existing ones, so that their indices stay. New imports come after the
//! existing imports, which shifts the indices of the functions and globals that the module defines.

use std::collections::HashMap;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, CustomSection, EntityType, Function, GlobalType, ImportSection,
    InstructionSink, Module, NameSection, SectionId, TypeSection, ValType,
};
use wasmtime_environ::wasmparser::{
    self, CustomSectionReader, FuncType, FunctionBody, ImportSectionReader, KnownCustom, Name,
    Operator, TypeSectionReader,
};

use super::analysis::{self, ModuleSummary};
use super::polls::Polls;
use super::{
    LEAVING_UNITS, MAX_STACK_UNITS, MEMORY_GROWING, MEMORY_GROWN, NATIVE_CODE, POLL,
    STACK_OVERFLOW, STACK_UNITS, STEPS_LEFT, TABLE_GROWING,
};
use crate::error::LoadError;
use crate::plan::HOST_MODULE;

/// Writes one module.
pub(super) struct Rewriter<'a> {
    pub(super) summary: &'a ModuleSummary,
    /// The index of each existing or added type.
    by_type: HashMap<FuncType, u32>,
    /// The types to add, until they are written.
    types: Vec<FuncType>,
    /// The imports to add, until they are written.
    imports: Vec<(&'static str, EntityType)>,
    /// The number of function imports added.
    added_functions: u32,
    memory_growing: Option<u32>,
    memory_grown: Option<u32>,
    table_growing: Option<u32>,
    meter: Option<Meter>,
    polls: Option<Polls>,
    /// The number of function bodies written so far.
    bodies: usize,
}

/// Emits the instructions that count stack units.
///
/// They use no local: a function may already have the maximum number of locals, and each takes
/// stack space.
#[derive(Clone, Copy)]
struct Meter {
    /// The global that holds the number of units in use.
    global: u32,
    /// The function to call when there are not enough.
    overflow: u32,
}

impl Meter {
    fn enter(self, units: u32, out: &mut InstructionSink<'_>) {
        out.global_get(self.global)
            .i32_const(MAX_STACK_UNITS.saturating_sub(units).cast_signed())
            .i32_gt_u()
            .if_(BlockType::Empty)
            .call(self.overflow)
            .unreachable()
            .end()
            .global_get(self.global)
            .i32_const(units.cast_signed())
            .i32_add()
            .global_set(self.global);
    }

    fn leave(self, units: u32, out: &mut InstructionSink<'_>) {
        out.global_get(self.global)
            .i32_const(units.cast_signed())
            .i32_sub()
            .global_set(self.global);
    }
}

impl<'a> Rewriter<'a> {
    fn new(summary: &'a ModuleSummary) -> Self {
        let mut by_type = HashMap::new();
        for (index, ty) in (0..).zip(&summary.types) {
            by_type.entry(ty.clone()).or_insert(index);
        }
        Self {
            summary,
            by_type,
            types: Vec::new(),
            imports: Vec::new(),
            added_functions: 0,
            memory_growing: None,
            memory_grown: None,
            table_growing: None,
            meter: None,
            polls: None,
            bodies: 0,
        }
    }

    /// Returns a rewriter that adds polls to a hardened module.
    pub(super) fn polling(summary: &'a ModuleSummary) -> Self {
        let mut rewriter = Self::new(summary);
        rewriter.polls = Some(Polls {
            left: rewriter.import_counter(STEPS_LEFT),
            poll: rewriter.import(POLL, FuncType::new([], [])),
        });
        rewriter
    }

    /// Returns a rewriter that hardens a module.
    pub(super) fn hardening(summary: &'a ModuleSummary) -> Self {
        let mut rewriter = Self::new(summary);
        let growing = FuncType::new([wasmparser::ValType::I32; 3], [wasmparser::ValType::I32]);
        if summary.grows_memories {
            let grown = FuncType::new([wasmparser::ValType::I32], [wasmparser::ValType::I32]);
            rewriter.memory_growing = Some(rewriter.import(MEMORY_GROWING, growing.clone()));
            rewriter.memory_grown = Some(rewriter.import(MEMORY_GROWN, grown));
        }
        if summary.grows_tables {
            rewriter.table_growing = Some(rewriter.import(TABLE_GROWING, growing));
        }
        if summary.counts() {
            rewriter.meter = Some(Meter {
                overflow: rewriter.import(STACK_OVERFLOW, FuncType::new([], [])),
                global: rewriter.import_counter(STACK_UNITS),
            });
        }
        for function in summary
            .functions
            .iter()
            .filter(|f| f.is_counted && f.needs_block)
        {
            let ty = usize::try_from(function.ty)
                .ok()
                .and_then(|ty| summary.types.get(ty));
            if let Some(ty) = ty.filter(|ty| ty.results().len() > 1) {
                rewriter.type_of(block_of(ty.results()));
            }
        }
        rewriter
    }

    /// Adds an import of a function and returns its index.
    fn import(&mut self, name: &'static str, ty: FuncType) -> u32 {
        let ty = self.type_of(ty);
        let index = self
            .summary
            .imported_functions
            .saturating_add(self.added_functions);
        self.imports.push((name, EntityType::Function(ty)));
        self.added_functions = self.added_functions.saturating_add(1);
        index
    }

    /// Adds an import of a mutable `i32` and returns its index. No other global is added.
    fn import_counter(&mut self, name: &'static str) -> u32 {
        let counter = GlobalType {
            val_type: ValType::I32,
            mutable: true,
            shared: false,
        };
        self.imports.push((name, EntityType::Global(counter)));
        self.summary.imported_globals
    }

    /// Returns the index of a type, which is added if it does not exist.
    fn type_of(&mut self, ty: FuncType) -> u32 {
        let next = self.summary.types.len().saturating_add(self.types.len());
        // Module size rules this out; a module with 2^32 - 1 types would become invalid here.
        let next = u32::try_from(next).unwrap_or(u32::MAX);
        *self.by_type.entry(ty).or_insert_with_key(|ty| {
            self.types.push(ty.clone());
            next
        })
    }

    /// Returns the type of the block that encloses the body of a function of this type.
    fn block_type(&mut self, ty: u32) -> Result<BlockType, Error<LoadError>> {
        let ty = usize::try_from(ty)
            .ok()
            .and_then(|ty| self.summary.types.get(ty));
        let ty = ty.ok_or_else(|| missing("type"))?;
        Ok(match ty.results() {
            [] => BlockType::Empty,
            [result] => BlockType::Result(self.val_type(*result)?),
            results => {
                let ty = self.by_type.get(&block_of(results));
                BlockType::FunctionType(*ty.ok_or_else(|| missing("type"))?)
            }
        })
    }

    /// Asks the host before a memory or a table grows. The delta is on the stack; `size` pushes the
    /// current size.
    fn ask_host(
        host: Option<u32>,
        limits: &[u32],
        index: u32,
        size: wasm_encoder::Instruction<'_>,
        out: &mut Function,
    ) -> Result<(), Error<LoadError>> {
        let limit = usize::try_from(index)
            .ok()
            .and_then(|index| limits.get(index));
        let limit = limit.ok_or_else(|| missing("memory or table"))?;
        out.instruction(&size);
        out.instructions()
            .i32_const(limit.cast_signed())
            .call(host.ok_or_else(|| missing("growth"))?);
        Ok(())
    }

    /// True if an instruction calls a function of another instance, from a module that may be
    /// compiled.
    fn may_leave(&self, operator: &Operator<'_>) -> bool {
        let Operator::Call { function_index } = operator else {
            return false;
        };
        let foreign = &self.summary.foreign_functions;
        !self.summary.holds_foreign_references && foreign.binary_search(function_index).is_ok()
    }

    fn add_types(&mut self, types: &mut TypeSection) -> Result<(), Error<LoadError>> {
        for ty in std::mem::take(&mut self.types) {
            let ty = self.func_type(ty)?;
            types.ty().func_type(&ty);
        }
        Ok(())
    }

    fn add_imports(&mut self, imports: &mut ImportSection) {
        for (name, ty) in self.imports.drain(..) {
            imports.import(HOST_MODULE, name, ty);
        }
    }

    /// Returns the call that replaces a tail call which the compiler may not emit as one: see the
    /// [module above](super).
    fn without_tail<'o>(
        &self,
        function: &analysis::Function,
        operator: &Operator<'o>,
    ) -> Option<Operator<'o>> {
        let may_be_none = function.is_counted && function.has_calls;
        let foreign = may_be_none || self.summary.holds_foreign_references;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other instruction is a tail call"
        )]
        match *operator {
            Operator::ReturnCall { function_index }
                if may_be_none || function_index < self.summary.imported_functions =>
            {
                Some(Operator::Call { function_index })
            }
            Operator::ReturnCallIndirect {
                type_index,
                table_index,
            } if foreign => Some(Operator::CallIndirect {
                type_index,
                table_index,
            }),
            Operator::ReturnCallRef { type_index } if foreign => {
                Some(Operator::CallRef { type_index })
            }
            _ => None,
        }
    }

    fn hardened(
        &mut self,
        function: &analysis::Function,
        body: &FunctionBody<'_>,
    ) -> Result<Function, Error<LoadError>> {
        let summary = self.summary;
        let meter = self.meter.filter(|_| function.is_counted);

        let mut out = self.new_function_with_parsed_locals(body)?;
        if let Some(meter) = meter {
            meter.enter(function.units, &mut out.instructions());
        }
        // Branches that leave the function go to the end of this block, where its units are given
        // back.
        let is_block = meter.is_some() && function.needs_block;
        if is_block {
            let block = self.block_type(function.ty)?;
            out.instructions().block(block);
        }
        // The number of open blocks, without the added one.
        let mut depth = 0_u32;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            let call = self.without_tail(function, &operator);
            let is_tail = call.is_some();
            let operator = call.unwrap_or(operator);
            // Set for calls to a function of another instance, if this module may be compiled.
            let leaving = meter.filter(|_| self.may_leave(&operator));
            if let Some(meter) = leaving {
                meter.enter(LEAVING_UNITS, &mut out.instructions());
            }
            match (&operator, meter) {
                (Operator::End, Some(meter)) if depth == 0 => {
                    if is_block {
                        out.instructions().end();
                    }
                    meter.leave(function.units, &mut out.instructions());
                }
                (Operator::Return, Some(_)) if is_block => {
                    out.instructions().br(depth);
                    continue;
                }
                (
                    Operator::Return
                    | Operator::ReturnCall { .. }
                    | Operator::ReturnCallIndirect { .. }
                    | Operator::ReturnCallRef { .. },
                    Some(meter),
                ) => meter.leave(function.units, &mut out.instructions()),
                (Operator::Br { relative_depth }, Some(meter))
                    if !is_block && *relative_depth == depth =>
                {
                    meter.leave(function.units, &mut out.instructions());
                }
                (Operator::MemoryGrow { mem }, _) => {
                    let size = Operator::MemorySize { mem: *mem };
                    let size = self.instruction(size)?;
                    Self::ask_host(self.memory_growing, &summary.memories, *mem, size, &mut out)?;
                }
                (Operator::TableGrow { table }, _) => {
                    let size = Operator::TableSize { table: *table };
                    let size = self.instruction(size)?;
                    Self::ask_host(self.table_growing, &summary.tables, *table, size, &mut out)?;
                }
                _ => {}
            }
            depth = analysis::open_after(depth, &operator);
            let grown = matches!(operator, Operator::MemoryGrow { .. });
            out.instruction(&self.instruction(operator)?);
            if let Some(host) = self.memory_grown.filter(|_| grown) {
                out.instructions().call(host);
            }
            if let Some(meter) = leaving {
                meter.leave(LEAVING_UNITS, &mut out.instructions());
            }
            if is_tail && is_block {
                out.instructions().br(depth);
            } else if is_tail {
                if let Some(meter) = meter {
                    meter.leave(function.units, &mut out.instructions());
                }
                out.instructions().return_();
            }
        }
        Ok(out)
    }
}

impl Reencode for Rewriter<'_> {
    type Error = LoadError;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<LoadError>> {
        Ok(if function < self.summary.imported_functions {
            function
        } else {
            // Only the name section, which is not validated, can have indices so large.
            function.saturating_add(self.added_functions)
        })
    }

    fn global_index(&mut self, global: u32) -> Result<u32, Error<LoadError>> {
        let is_defined = global >= self.summary.imported_globals;
        let added = u32::from(is_defined && (self.meter.is_some() || self.polls.is_some()));
        // As above.
        Ok(global.saturating_add(added))
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: TypeSectionReader<'_>,
    ) -> Result<(), Error<LoadError>> {
        utils::parse_type_section(self, types, section)?;
        self.add_types(types)
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), Error<LoadError>> {
        utils::parse_import_section(self, imports, section)?;
        self.add_imports(imports);
        Ok(())
    }

    /// Adds the type and import sections if the module has none, in their proper order.
    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error<LoadError>> {
        let is_late =
            |section| before.is_none_or(|before| section_order(section) < section_order(before));
        if is_late(SectionId::Type) && !self.types.is_empty() {
            let mut types = TypeSection::new();
            self.add_types(&mut types)?;
            module.section(&types);
        }
        if is_late(SectionId::Import) && !self.imports.is_empty() {
            let mut imports = ImportSection::new();
            self.add_imports(&mut imports);
            module.section(&imports);
        }
        Ok(())
    }

    fn parse_table(
        &mut self,
        tables: &mut wasm_encoder::TableSection,
        mut table: wasmparser::Table<'_>,
    ) -> Result<(), Error<LoadError>> {
        if analysis::is_unbounded(table.ty) {
            table.ty.maximum = Some(u64::from(u32::MAX.saturating_sub(1)));
        }
        utils::parse_table(self, tables, table)
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error<LoadError>> {
        let summary = self.summary;
        let function = summary.functions.get(self.bodies);
        let function = function.ok_or_else(|| missing("function"))?;
        self.bodies = self.bodies.saturating_add(1);
        code.function(&match self.polls {
            Some(polls) => self.polled(polls, function, &body)?,
            None => self.hardened(function, &body)?,
        });
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: CustomSectionReader<'_>,
    ) -> Result<(), Error<LoadError>> {
        if section.name() == NATIVE_CODE {
            return Ok(());
        }
        if let KnownCustom::Name(names) = section.as_known() {
            // A module with an invalid name section is still valid; the section is dropped.
            if let Ok(names) = self.custom_name_section(names) {
                module.section(&names);
            }
        } else {
            let section: CustomSection<'_> = self.custom_section(section)?;
            module.section(&section);
        }
        Ok(())
    }

    fn parse_custom_name_subsection(
        &mut self,
        names: &mut NameSection,
        section: Name<'_>,
    ) -> Result<(), Error<LoadError>> {
        // Labels are named by their number in the function, which the added blocks shift.
        let adds_labels = self.meter.is_some() || self.polls.is_some();
        if adds_labels && matches!(section, Name::Label(_)) {
            return Ok(());
        }
        utils::parse_custom_name_subsection(self, names, section)
    }
}

/// Returns the type of a block without parameters and with these results.
fn block_of(results: &[wasmparser::ValType]) -> FuncType {
    FuncType::new([], results.iter().copied())
}

/// Returns the position of a section in a module, which is not the order of the section ids.
fn section_order(section: SectionId) -> u8 {
    match section {
        SectionId::Custom => 0,
        SectionId::Type => 1,
        SectionId::Import => 2,
        SectionId::Function => 3,
        SectionId::Table => 4,
        SectionId::Memory => 5,
        SectionId::Tag => 6,
        SectionId::Global => 7,
        SectionId::Export => 8,
        SectionId::Start => 9,
        SectionId::Element => 10,
        SectionId::DataCount => 11,
        SectionId::Code => 12,
        SectionId::Data => 13,
    }
}

fn missing(what: &str) -> Error<LoadError> {
    Error::UserError(LoadError::invalid(format!(
        "a core module has no such {what}"
    )))
}
