//! Reads the properties of a module that decide how it is instrumented.

use wasmtime_environ::wasmparser::{
    ConstExpr, Element, ElementItems, Export, ExternalKind, FuncType, FunctionBody, Global, Import,
    MemoryType, Operator, Parser, Payload, Table, TableInit, TableType, TypeRef, ValType,
};

use super::calls::{Callee, Calls, CostClass, FREE_STEPS, LocalCost};
use super::{MAX_STACK_UNITS, NATIVE_CODE};
use crate::error::LoadError;
use crate::plan::HOST_MODULE;

/// The maximum number of pages of a memory that declares none.
const MAX_PAGES: u32 = 65_536;

/// The stack units of a function without parameters, locals and instructions.
const FRAME_UNITS: u32 = 16;

/// The number of instructions per stack unit: their results need stack space.
const INSTRUCTIONS_PER_UNIT: u32 = 4;

/// The same for functions that use vectors, which are twice as large as a number.
const VECTOR_INSTRUCTIONS_PER_UNIT: u32 = 2;

/// The first byte of all vector instructions.
const VECTOR_PREFIX: u8 = 0xfd;

/// The number of steps that a bulk instruction counts as.
pub(super) const BULK_STEPS: u32 = FREE_STEPS;

/// The number of parameters and results that calls pass in registers.
const REGISTERS: usize = 8;

/// A summary of a module, as the instrumentation needs it.
#[derive(Default)]
pub(super) struct ModuleSummary {
    /// The types of functions.
    pub(super) types: Vec<FuncType>,
    /// The number of imported functions.
    pub(super) imported_functions: u32,
    /// The number of imported globals.
    pub(super) imported_globals: u32,
    /// The imported functions that the host does not provide, in order.
    pub(super) foreign_functions: Vec<u32>,
    /// True if a call through a table or a reference may reach a function that the module does not
    /// define.
    pub(super) holds_foreign_references: bool,
    /// The largest size that each memory can have, imported ones first.
    pub(super) memories: Vec<u32>,
    /// The largest size that each table can have, imported ones first.
    pub(super) tables: Vec<u32>,
    /// The most stack units that uncounted functions use at once.
    pub(super) uncounted_units: u32,
    /// The functions that the module defines.
    pub(super) functions: Vec<Function>,
    /// True if the module grows a memory.
    pub(super) grows_memories: bool,
    /// True if the module grows a table.
    pub(super) grows_tables: bool,
    /// True if a tail call may reach a function that the module does not define.
    pub(super) has_foreign_tail_calls: bool,
    /// True if a table that can grow, in this module or in another, is defined without a maximum.
    pub(super) has_unbounded_tables: bool,
    /// True if a custom section exists that WasmEdge would load as native code.
    pub(super) has_native_code: bool,
    /// For each type, the most uncharged steps of a call to any function of that type.
    free_by_type: Vec<u32>,
}

/// A function that the module defines.
#[derive(Default)]
pub(super) struct Function {
    /// Its type.
    pub(super) ty: u32,
    /// The stack units that it uses.
    pub(super) units: u32,
    /// True if its stack units are counted: it may take part in a recursion, or begins a long
    /// chain of calls.
    pub(super) is_counted: bool,
    /// True if its body needs a block when it is counted, because a conditional branch may leave
    /// it.
    pub(super) needs_block: bool,
    /// The cost of a call.
    pub(super) cost: CostClass,
    /// The number of its instructions.
    steps: u32,
    /// Whether it has a loop.
    pub(super) has_loop: bool,
    /// True if it has calls other than tail calls, or asks the host before something grows.
    pub(super) has_calls: bool,
}

impl ModuleSummary {
    /// Reads a module, which must be valid.
    pub(super) fn new(bytes: &[u8]) -> Result<Self, LoadError> {
        let mut reader = Reader::default();
        for payload in Parser::new(0).parse_all(bytes) {
            reader.payload(payload.map_err(LoadError::invalid)?)?;
        }
        Ok(reader.finish())
    }

    /// True if the module needs no instrumentation.
    pub(super) fn needs_no_hardening(&self) -> bool {
        !self.grows_memories
            && !self.grows_tables
            && !self.has_unbounded_tables
            && !self.has_foreign_tail_calls
            && !self.has_native_code
            && !self.counts()
    }

    /// True if a function may run for long.
    pub(super) fn polls(&self) -> bool {
        let mut functions = self.functions.iter();
        functions.any(|function| matches!(function.cost, CostClass::Charged(_)))
    }

    /// Returns the most steps that a call runs uncharged.
    pub(super) fn free_steps(&self, operator: &Operator<'_>) -> u32 {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other instruction calls; a call by reference may reach any function"
        )]
        match operator {
            Operator::Call { function_index } => {
                let defined = function_index.checked_sub(self.imported_functions);
                let function = defined.and_then(|defined| self.functions.get(to_index(defined)));
                match function.map(|function| function.cost) {
                    Some(CostClass::Free(steps)) => steps,
                    // Calls out of the module go through the engine, which polls by itself.
                    Some(CostClass::Charged(_)) | None => 0,
                }
            }
            Operator::CallIndirect { type_index, .. } => {
                let steps = self.free_by_type.get(to_index(*type_index));
                steps.copied().unwrap_or(FREE_STEPS)
            }
            Operator::CallRef { .. } => FREE_STEPS,
            _ => 0,
        }
    }

    /// True if the stack units of a function are counted.
    pub(super) fn counts(&self) -> bool {
        self.functions.iter().any(|function| function.is_counted)
    }
}

/// Collects the summary and the calls.
#[derive(Default)]
struct Reader {
    summary: ModuleSummary,
    calls: Calls,
    /// The type of each global.
    globals: Vec<ValType>,
    /// The type of each function, imported ones first.
    function_types: Vec<u32>,
    /// True if functions can get vectors by other means than vector instructions.
    has_vectors: bool,
    defines_boundless_table: bool,
    tail_calls_imports: bool,
    tail_calls_references: bool,
    exports_table: bool,
    /// The number of function bodies read so far.
    bodies: usize,
}

impl Reader {
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), LoadError> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other section concerns functions, growth or native code"
        )]
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    self.ty(ty.map_err(LoadError::invalid)?)?;
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    self.import(&import.map_err(LoadError::invalid)?)?;
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    let ty = ty.map_err(LoadError::invalid)?;
                    self.calls.add_function(ty);
                    self.function_types.push(ty);
                    self.summary.functions.push(Function {
                        ty,
                        ..Function::default()
                    });
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.table(&table.map_err(LoadError::invalid)?)?;
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memory_type(memory.map_err(LoadError::invalid)?);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    self.global(&global.map_err(LoadError::invalid)?)?;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    self.export(export.map_err(LoadError::invalid)?);
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    self.element(element.map_err(LoadError::invalid)?)?;
                }
            }
            Payload::CodeSectionEntry(body) => self.body(&body)?,
            Payload::CustomSection(section) => {
                self.summary.has_native_code |= section.name() == NATIVE_CODE;
            }
            _ => {}
        }
        Ok(())
    }

    fn ty(&mut self, ty: FuncType) -> Result<(), LoadError> {
        let mut values = ty.params().iter().chain(ty.results());
        self.has_vectors |= values.any(|ty| *ty == ValType::V128);
        self.summary.types.push(ty.clone());
        self.calls.add_type(ty)
    }

    fn import(&mut self, import: &Import<'_>) -> Result<(), LoadError> {
        match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                if import.module != HOST_MODULE {
                    self.calls.add_foreign(self.summary.imported_functions);
                }
                self.calls.add_function(ty);
                self.function_types.push(ty);
                self.summary.imported_functions = increment(self.summary.imported_functions)?;
            }
            TypeRef::Table(ty) => {
                self.calls.share_table();
                self.table_type(ty);
            }
            TypeRef::Memory(ty) => self.memory_type(ty),
            TypeRef::Global(ty) => {
                self.calls.share_global(ty.content_type);
                self.has_vectors |= ty.content_type == ValType::V128;
                self.globals.push(ty.content_type);
                self.summary.imported_globals = increment(self.summary.imported_globals)?;
            }
            TypeRef::Tag(_) => {}
        }
        Ok(())
    }

    fn table(&mut self, table: &Table<'_>) -> Result<(), LoadError> {
        self.table_type(table.ty);
        self.defines_boundless_table |= is_unbounded(table.ty);
        match &table.init {
            TableInit::RefNull => Ok(()),
            TableInit::Expr(expression) => self.constant(expression),
        }
    }

    fn table_type(&mut self, ty: TableType) {
        self.summary.tables.push(limit(ty.maximum, u32::MAX));
    }

    fn memory_type(&mut self, ty: MemoryType) {
        self.summary.memories.push(limit(ty.maximum, MAX_PAGES));
    }

    fn global(&mut self, global: &Global<'_>) -> Result<(), LoadError> {
        self.has_vectors |= global.ty.content_type == ValType::V128;
        self.globals.push(global.ty.content_type);
        self.constant(&global.init_expr)
    }

    fn export(&mut self, export: Export<'_>) {
        match export.kind {
            ExternalKind::Func | ExternalKind::FuncExact => self.calls.add_export(export.index),
            ExternalKind::Table => {
                self.exports_table = true;
                self.calls.share_table();
            }
            ExternalKind::Global => {
                if let Some(ty) = self.globals.get(to_index(export.index)) {
                    self.calls.share_global(*ty);
                }
            }
            ExternalKind::Memory | ExternalKind::Tag => {}
        }
    }

    fn element(&mut self, element: Element<'_>) -> Result<(), LoadError> {
        match element.items {
            ElementItems::Functions(functions) => {
                for function in functions {
                    self.calls
                        .add_to_segment(function.map_err(LoadError::invalid)?);
                }
            }
            ElementItems::Expressions(_, expressions) => {
                for expression in expressions {
                    for function in references(&expression.map_err(LoadError::invalid)?)? {
                        self.calls.add_to_segment(function);
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads a constant expression outside of element segments.
    fn constant(&mut self, expression: &ConstExpr<'_>) -> Result<(), LoadError> {
        for function in references(expression)? {
            self.calls.add_reference(function);
        }
        Ok(())
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), LoadError> {
        let function = u32::try_from(self.bodies)
            .ok()
            .and_then(|body| body.checked_add(self.summary.imported_functions))
            .ok_or_else(too_many)?;
        let mut units = FRAME_UNITS;
        let mut has_vectors = false;
        for locals in body.get_locals_reader().map_err(LoadError::invalid)? {
            let (count, ty) = locals.map_err(LoadError::invalid)?;
            has_vectors |= ty == ValType::V128;
            units = units.saturating_add(count);
        }
        let mut weight = 0_u32;
        let mut copies = 0_u32;
        let mut branches_out = false;
        let (mut has_loop, mut has_calls) = (false, false);
        // The number of open blocks.
        let mut depth = 0_u32;
        let bytes = body.as_bytes();
        let start = body.range().start;
        let operators = body.get_operators_reader().map_err(LoadError::invalid)?;
        for operator in operators.into_iter_with_offsets() {
            let (operator, offset) = operator.map_err(LoadError::invalid)?;
            let code = bytes.get(offset.saturating_sub(start));
            has_vectors |= code == Some(&VECTOR_PREFIX);
            weight = weight.saturating_add(self.weight(&operator));
            depth = open_after(depth, &operator);
            has_loop |= matches!(operator, Operator::Loop { .. });
            has_calls |= matches!(
                operator,
                Operator::Call { .. }
                    | Operator::CallIndirect { .. }
                    | Operator::CallRef { .. }
                    | Operator::MemoryGrow { .. }
                    | Operator::TableGrow { .. }
            );
            copies = copies.saturating_add(is_bulk(&operator).into());
            branches_out |= may_branch_to(depth, &operator)?;
            self.tail_call(&operator);
            self.operator(function, &operator);
        }
        let instructions_per_unit = if has_vectors || self.has_vectors {
            VECTOR_INSTRUCTIONS_PER_UNIT
        } else {
            INSTRUCTIONS_PER_UNIT
        };
        units = units.saturating_add(weight.div_euclid(instructions_per_unit));

        let defined = self.summary.functions.get_mut(self.bodies);
        let defined = defined.ok_or_else(|| LoadError::invalid("a function has no type"))?;
        let ty = self.summary.types.get(to_index(defined.ty));
        let ty = ty.ok_or_else(|| LoadError::invalid("a function's type does not exist"))?;
        let parameters = u32::try_from(ty.params().len()).unwrap_or(u32::MAX);
        defined.steps = weight.saturating_add(copies.saturating_mul(BULK_STEPS));
        defined.has_loop = has_loop;
        defined.has_calls = has_calls;
        defined.needs_block = branches_out;
        defined.units = units.saturating_add(parameters).min(MAX_STACK_UNITS);
        self.bodies = self.bodies.saturating_add(1);
        Ok(())
    }

    /// Returns how many instructions an instruction counts as, by the values that it keeps on the
    /// stack. Calls may pass many values at once: each that is not in a register, or that passes
    /// through the engine, takes stack space.
    fn weight(&self, operator: &Operator<'_>) -> u32 {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other instruction takes or gives more than a few values"
        )]
        let (ty, is_imported) = match operator {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                let ty = self.function_types.get(to_index(*function_index));
                let is_imported = *function_index < self.summary.imported_functions;
                (ty.copied(), is_imported)
            }
            Operator::CallIndirect { type_index, .. }
            | Operator::ReturnCallIndirect { type_index, .. }
            | Operator::CallRef { type_index }
            | Operator::ReturnCallRef { type_index } => (Some(*type_index), false),
            _ => return 1,
        };
        let ty = ty.and_then(|ty| self.summary.types.get(to_index(ty)));
        let values = ty.map_or(0, |ty| ty.params().len().saturating_add(ty.results().len()));
        let stack_values = match is_imported {
            true => values.saturating_mul(4),
            false if values > REGISTERS => values.saturating_mul(3),
            false => 0,
        };
        u32::try_from(stack_values)
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }

    fn tail_call(&mut self, operator: &Operator<'_>) {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other instruction is a tail call"
        )]
        match operator {
            Operator::ReturnCall { function_index } => {
                self.tail_calls_imports |= *function_index < self.summary.imported_functions;
            }
            Operator::ReturnCallIndirect { .. } | Operator::ReturnCallRef { .. } => {
                self.tail_calls_references = true;
            }
            _ => {}
        }
    }

    fn operator(&mut self, function: u32, operator: &Operator<'_>) {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other instruction calls, refers to a function, or grows anything"
        )]
        let callee = match operator {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                Callee::Function(*function_index)
            }
            Operator::CallIndirect { type_index, .. }
            | Operator::ReturnCallIndirect { type_index, .. } => Callee::OfType(*type_index),
            Operator::CallRef { .. } | Operator::ReturnCallRef { .. } => Callee::Reference,
            Operator::RefFunc { function_index } => {
                return self.calls.add_reference(*function_index);
            }
            Operator::MemoryGrow { .. } => {
                self.summary.grows_memories = true;
                return;
            }
            Operator::TableGrow { .. } => {
                self.summary.grows_tables = true;
                return;
            }
            _ => return,
        };
        self.calls.add_call(function, callee);
    }

    fn finish(mut self) -> ModuleSummary {
        let summary = &mut self.summary;
        summary.has_unbounded_tables =
            self.defines_boundless_table && (self.exports_table || summary.grows_tables);
        summary.holds_foreign_references = self
            .calls
            .holds_foreign_references(summary.imported_functions);
        summary.has_foreign_tail_calls = self.tail_calls_imports
            || (self.tail_calls_references && summary.holds_foreign_references);
        summary.foreign_functions = self.calls.foreign_functions().to_vec();
        let imported = to_index(summary.imported_functions);
        let mut own = vec![LocalCost::default(); imported];
        own.extend(summary.functions.iter().map(|function| LocalCost {
            units: function.units,
            steps: function.steps,
            has_loop: function.has_loop,
        }));
        let analysis = self.calls.analyze(&own);
        summary.uncounted_units = analysis.uncounted_units;
        summary.free_by_type = analysis.free_by_type;
        let results = analysis.counted.into_iter().zip(analysis.costs);
        let functions = summary.functions.iter_mut();
        for (function, result) in functions.zip(results.skip(imported)) {
            (function.is_counted, function.cost) = result;
        }
        self.summary
    }
}

/// Returns the number of open blocks after an instruction, given the number before it.
pub(super) fn open_after(depth: u32, operator: &Operator<'_>) -> u32 {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "no other instruction opens or ends a block"
    )]
    match operator {
        Operator::Block { .. }
        | Operator::Loop { .. }
        | Operator::If { .. }
        | Operator::TryTable { .. } => depth.saturating_add(1),
        Operator::End => depth.saturating_sub(1),
        _ => depth,
    }
}

/// True if the instruction copies or writes a number of bytes or elements that it takes from the
/// top of the stack.
pub(super) fn is_bulk(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::MemoryFill { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryInit { .. }
            | Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. }
    )
}

/// True if the instruction is a conditional branch to the label.
fn may_branch_to(label: u32, operator: &Operator<'_>) -> Result<bool, LoadError> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "no other instruction that is supported branches on a condition"
    )]
    Ok(match operator {
        Operator::BrIf { relative_depth } => *relative_depth == label,
        Operator::BrTable { targets } => {
            let mut found = targets.default() == label;
            for target in targets.targets() {
                found |= target.map_err(LoadError::invalid)? == label;
            }
            found
        }
        Operator::BrOnNull { .. }
        | Operator::BrOnNonNull { .. }
        | Operator::BrOnCast { .. }
        | Operator::BrOnCastFail { .. }
        | Operator::TryTable { .. } => true,
        _ => false,
    })
}

/// Returns the functions that a constant expression refers to.
fn references(expression: &ConstExpr<'_>) -> Result<Vec<u32>, LoadError> {
    let mut found = Vec::new();
    for operator in expression.get_operators_reader() {
        if let Operator::RefFunc { function_index } = operator.map_err(LoadError::invalid)? {
            found.push(function_index);
        }
    }
    Ok(found)
}

/// True if a table has no maximum, or one that does not keep it from growing by `u32::MAX`.
pub(super) fn is_unbounded(ty: TableType) -> bool {
    ty.maximum
        .is_none_or(|maximum| maximum >= u64::from(u32::MAX))
}

fn limit(declared: Option<u64>, most: u32) -> u32 {
    declared.map_or(most, |limit| u32::try_from(limit).unwrap_or(u32::MAX))
}

fn increment(count: u32) -> Result<u32, LoadError> {
    count.checked_add(1).ok_or_else(too_many)
}

fn too_many() -> LoadError {
    LoadError::invalid("a core module has more than 2^32 definitions")
}

pub(super) fn to_index(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
