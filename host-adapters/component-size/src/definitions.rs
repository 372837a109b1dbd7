//! Counts the definitions in the binary, whether they are instantiated or not.
//!
//! Validators and translators take memory for each definition, many times its size. At the end of
//! each module and component, the validator also copies a list of the previous ones: six components
//! with a thousand empty modules each, 60 KB, made it take 1.2 GB.

use wasmparser::{
    ComponentInstance, CompositeInnerType, ConstExpr, CoreType, Data, DataKind, Element,
    ElementItems, ElementKind, FromReader, Instance, Operator, Parser, Payload, RecGroup,
    SectionLimited, TypeRef,
};

use crate::limits::{Limit, Limits, TooLarge};
use crate::nesting;
use crate::stop::{Counted, Stop, too_large};

/// Refuses binaries with too many definitions.
pub(crate) fn check(bytes: &[u8], limits: &Limits) -> Result<(), TooLarge> {
    too_large(count(bytes, limits))
}

fn count(bytes: &[u8], limits: &Limits) -> Counted<()> {
    let mut counter = DefinitionCounter {
        limits,
        modules: 0,
        functions: 0,
        definitions: 0,
        module: Module::default(),
        max_imports: 0,
    };
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if let Payload::ComponentTypeSection(section) = &payload {
            let section = bytes.get(section.range()).ok_or(Stop::Malformed)?;
            counter.define(nesting::check(section, limits)?)?;
        }
        counter.payload(payload)?;
    }
    Ok(())
}

struct DefinitionCounter<'l> {
    limits: &'l Limits,
    /// The number of core modules and components so far, including the outermost component.
    modules: u64,
    functions: u64,
    definitions: u64,
    /// The current core module.
    module: Module,
    /// The greatest number of imports of a core module or core module type so far.
    max_imports: usize,
}

impl DefinitionCounter<'_> {
    fn payload(&mut self, payload: Payload<'_>) -> Counted<()> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other section has items that a validator keeps"
        )]
        match payload {
            Payload::Version { .. } => {
                self.modules = self.modules.saturating_add(1);
                self.module = Module::default();
                Ok(self.limits.allow(Limit::Modules, self.modules)?)
            }
            Payload::CodeSectionEntry(body) => self.function(body.range().len()),

            Payload::TypeSection(section) => {
                for group in section {
                    let group = group?;
                    self.define(group.types().len())?;
                    self.arity(&group)?;
                }
                Ok(())
            }
            Payload::ImportSection(section) => {
                let (mut count, mut globals) = (0usize, 0);
                for import in section.into_imports() {
                    count = count.saturating_add(1);
                    globals += u64::from(matches!(import?.ty, TypeRef::Global(_)));
                    self.define(1)?;
                }
                self.max_imports = self.max_imports.max(count);
                self.globals(globals)
            }
            Payload::TableSection(section) => self.each(section, |_| 1),
            Payload::MemorySection(section) => self.each(section, |_| 1),
            Payload::TagSection(section) => self.each(section, |_| 1),
            Payload::GlobalSection(section) => {
                let count = section.count().into();
                self.each(section, |_| 1)?;
                self.globals(count)
            }
            Payload::ExportSection(section) => self.each(section, |_| 1),
            Payload::ElementSection(section) => self.each(section, |element| elements(&element)),
            Payload::DataSection(section) => {
                let mut image = Image::default();
                for data in section {
                    image.add(&data?);
                    self.define(1)?;
                }
                self.define(image.padding() / PADDING_PER_DEFINITION)
            }

            Payload::CoreTypeSection(section) => {
                for ty in section {
                    let definitions = core_type(&ty?);
                    self.max_imports = self.max_imports.max(definitions);
                    self.define(definitions)?;
                }
                Ok(())
            }
            Payload::InstanceSection(section) => {
                // The validator checks each import again.
                let imports = self.max_imports / IMPORTS_PER_DEFINITION;
                self.each(section, |instance| 1 + parts(&instance).max(imports))
            }
            Payload::ComponentInstanceSection(section) => {
                self.each(section, |instance| 1 + component_parts(&instance))
            }
            Payload::ComponentAliasSection(section) => self.each(section, |_| 1),
            // Counted together with their nesting.
            Payload::ComponentTypeSection(_) => Ok(()),
            Payload::ComponentCanonicalSection(section) => self.each(section, |_| 1),
            Payload::ComponentImportSection(section) => self.each(section, |_| 1),
            Payload::ComponentExportSection(section) => self.each(section, |_| 1),
            _ => Ok(()),
        }
    }

    fn function(&mut self, bytes: usize) -> Counted<()> {
        self.functions = self.functions.saturating_add(1);
        self.limits.allow(Limit::Functions, self.functions)?;
        // A call of two bytes expands to all its results, and a label of one byte to those of its
        // block.
        let results = self.module.max_results;
        let factor = (results.saturating_mul(results) / 2).max(1);
        let bytes = (bytes as u64).saturating_mul(factor);
        Ok(self.limits.allow(Limit::FunctionBytes, bytes)?)
    }

    /// Checks the number of parameters and results of types.
    fn arity(&mut self, group: &RecGroup) -> Counted<()> {
        for ty in group.types() {
            if let CompositeInnerType::Func(ty) = &ty.composite_type.inner {
                let (params, results) = (ty.params().len() as u64, ty.results().len() as u64);
                self.limits.allow(Limit::Arity, params.max(results))?;
                self.module.max_results = self.module.max_results.max(results);
            }
        }
        Ok(())
    }

    fn globals(&mut self, more: u64) -> Counted<()> {
        self.module.globals = self.module.globals.saturating_add(more);
        Ok(self.limits.allow(Limit::Globals, self.module.globals)?)
    }

    fn define(&mut self, definitions: usize) -> Counted<()> {
        self.definitions = self.definitions.saturating_add(definitions as u64);
        Ok(self.limits.allow(Limit::Definitions, self.definitions)?)
    }

    /// Reads a section item by item, because it may claim more items than it has.
    fn each<'a, T: FromReader<'a>>(
        &mut self,
        section: SectionLimited<'a, T>,
        definitions: impl Fn(T) -> usize,
    ) -> Counted<()> {
        section
            .into_iter()
            .try_for_each(|item| self.define(definitions(item?)))
    }
}

/// Counts of the current core module.
#[derive(Default)]
struct Module {
    globals: u64,
    /// The greatest number of results of a type.
    max_results: u64,
}

/// How many imports take a validator about as long to check as one definition.
const IMPORTS_PER_DEFINITION: usize = 16;

/// How many elements of an initialised table take about as much memory as one definition.
const ELEMENTS_PER_DEFINITION: usize = 8;

/// How many definitions any other element counts for. The engine compiles code for it.
const DEFINITIONS_PER_ELEMENT: usize = 4;

/// How many table slots take about as much memory as one definition. Wasmtime keeps a number for
/// each slot up to the last initialised one, for a million at most.
const SLOTS_PER_DEFINITION: usize = 64;

/// How many bytes between data segments take about as much memory as one definition. Wasmtime keeps
/// an image of up to 16 MiB.
const PADDING_PER_DEFINITION: usize = 4096;

/// Returns how many definitions an element segment counts for.
fn elements(element: &Element<'_>) -> usize {
    let (count, is_expressions) = match &element.items {
        ElementItems::Functions(functions) => (functions.count() as usize, false),
        ElementItems::Expressions(_, expressions) => (expressions.count() as usize, true),
    };
    let definitions = match &element.kind {
        _ if is_expressions => count.saturating_mul(DEFINITIONS_PER_ELEMENT),
        ElementKind::Active { offset_expr, .. } => {
            let last = constant(offset_expr).saturating_add(count).min(1 << 20);
            count / ELEMENTS_PER_DEFINITION + last / SLOTS_PER_DEFINITION
        }
        ElementKind::Declared => count / ELEMENTS_PER_DEFINITION,
        ElementKind::Passive => count.saturating_mul(DEFINITIONS_PER_ELEMENT),
    };
    definitions.saturating_add(1)
}

/// Returns the value of an expression that is one constant, and 0 for others.
fn constant(expression: &ConstExpr<'_>) -> usize {
    match expression.get_operators_reader().read() {
        Ok(Operator::I32Const { value }) => value.cast_unsigned() as usize,
        Ok(Operator::I64Const { value }) => usize::try_from(value).unwrap_or(usize::MAX),
        _ => 0,
    }
}

/// The data segments that initialise memories.
#[derive(Default)]
struct Image {
    bytes: usize,
    first: Option<usize>,
    end: usize,
}

impl Image {
    fn add(&mut self, data: &Data<'_>) {
        if let DataKind::Active { offset_expr, .. } = &data.kind {
            let begin = constant(offset_expr);
            self.bytes = self.bytes.saturating_add(data.data.len());
            self.first = Some(self.first.map_or(begin, |first| first.min(begin)));
            self.end = self.end.max(begin.saturating_add(data.data.len()));
        }
    }

    /// Returns how many bytes between the segments an image of them has.
    fn padding(&self) -> usize {
        let span = self.end.saturating_sub(self.first.unwrap_or(self.end));
        span.saturating_sub(self.bytes).min(16 << 20)
    }
}

/// Returns the number of definitions in a type, including itself.
pub(crate) fn core_type(ty: &CoreType<'_>) -> usize {
    match ty {
        CoreType::Rec(group) => group.types().len(),
        CoreType::Module(declarations) => declarations.len().saturating_add(1),
    }
}

fn parts(instance: &Instance<'_>) -> usize {
    match instance {
        Instance::Instantiate { args, .. } => args.len(),
        Instance::FromExports(exports) => exports.len(),
    }
}

fn component_parts(instance: &ComponentInstance<'_>) -> usize {
    match instance {
        ComponentInstance::Instantiate { args, .. } => args.len(),
        ComponentInstance::FromExports(exports) => exports.len(),
    }
}
