//! What the binary itself defines, whether it is instantiated or not.
//!
//! A validator and a translator take memory for each definition, many times its bytes. At the end
//! of each module and component the validator also copies a list of those before: six components of
//! a thousand empty modules each, 60 KB, made it take 1.2 GB.

use wasmparser::{
    ComponentInstance, CoreType, Element, ElementItems, FromReader, Instance, Parser, Payload,
    SectionLimited,
};

use crate::limits::{Limit, Limits, TooLarge};
use crate::nesting;
use crate::stop::{Counted, Stop, too_large};

/// Refuses binaries that define too much.
pub(crate) fn check(bytes: &[u8], limits: &Limits) -> Result<(), TooLarge> {
    too_large(count(bytes, limits))
}

fn count(bytes: &[u8], limits: &Limits) -> Counted<()> {
    let mut text = Text {
        limits,
        modules: 0,
        functions: 0,
        definitions: 0,
    };
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if let Payload::ComponentTypeSection(section) = &payload {
            let section = bytes.get(section.range()).ok_or(Stop::Malformed)?;
            text.define(nesting::check(section, limits)?)?;
        }
        text.payload(payload)?;
    }
    Ok(())
}

struct Text<'l> {
    limits: &'l Limits,
    /// The core modules and components so far. The outermost component is one.
    modules: u64,
    functions: u64,
    definitions: u64,
}

impl Text<'_> {
    fn payload(&mut self, payload: Payload<'_>) -> Counted<()> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other section has items that a validator keeps"
        )]
        match payload {
            Payload::Version { .. } => {
                self.modules = self.modules.saturating_add(1);
                Ok(self.limits.allow(Limit::Modules, self.modules)?)
            }
            Payload::CodeSectionEntry(body) => self.function(body.range().len()),

            Payload::TypeSection(section) => self.each(section, |group| group.types().len()),
            Payload::ImportSection(section) => section.into_imports().try_for_each(|import| {
                import?;
                self.define(1)
            }),
            Payload::TableSection(section) => self.each(section, |_| 1),
            Payload::MemorySection(section) => self.each(section, |_| 1),
            Payload::TagSection(section) => self.each(section, |_| 1),
            Payload::GlobalSection(section) => self.each(section, |_| 1),
            Payload::ExportSection(section) => self.each(section, |_| 1),
            Payload::ElementSection(section) => {
                self.each(section, |element| 1 + expressions(&element))
            }
            Payload::DataSection(section) => self.each(section, |_| 1),

            Payload::CoreTypeSection(section) => self.each(section, |ty| core_type(&ty)),
            Payload::InstanceSection(section) => {
                self.each(section, |instance| 1 + parts(&instance))
            }
            Payload::ComponentInstanceSection(section) => {
                self.each(section, |instance| 1 + component_parts(&instance))
            }
            Payload::ComponentAliasSection(section) => self.each(section, |_| 1),
            // These were counted when their nesting was.
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
        Ok(self.limits.allow(Limit::FunctionBytes, bytes as u64)?)
    }

    fn define(&mut self, definitions: usize) -> Counted<()> {
        self.definitions = self.definitions.saturating_add(definitions as u64);
        Ok(self.limits.allow(Limit::Definitions, self.definitions)?)
    }

    /// Reads a section item by item: it may claim more items than it has.
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

/// Returns how many expressions an element segment has. Indices of functions take little memory.
fn expressions(element: &Element<'_>) -> usize {
    match &element.items {
        ElementItems::Functions(_) => 0,
        ElementItems::Expressions(_, expressions) => expressions.count() as usize,
    }
}

/// Returns how many definitions a type has inside, itself included.
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
