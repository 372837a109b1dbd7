//! How large a component becomes once its nested components are instantiated.
//!
//! A component of a kilobyte may nest components that instantiate one another twice at each level, and so stand for more
//! instances than any machine has memory for. The translator instantiates all of them on paper; so they are counted first.

use wasmtime_environ::wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Parser, Payload,
};

use crate::error::LoadError;

/// How many definitions a component may have, those of nested components counted as often as they are instantiated.
pub const MAX_DEFINITIONS: u64 = 200_000;

/// What instantiating a component comes to, or `None` for one that is not known before: an import, or the export of an instance.
type Extent = Option<u64>;

/// A component, or a core module, that is being read.
struct Frame {
    is_component: bool,
    /// The component index space.
    components: Vec<Extent>,
    definitions: u64,
}

impl Frame {
    fn define(&mut self, definitions: u64) {
        self.definitions = self.definitions.saturating_add(definitions);
    }
}

/// Refuses components that would become too large. What is malformed is left for the translator to refuse.
pub(super) fn check(bytes: &[u8]) -> Result<(), LoadError> {
    let mut frames: Vec<Frame> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { return Ok(()) };
        if let Payload::Version { encoding, .. } = payload {
            frames.push(Frame {
                is_component: encoding == Encoding::Component,
                components: Vec::new(),
                definitions: 0,
            });
        } else if let Payload::End(_) = payload {
            let Some(frame) = frames.pop() else {
                return Ok(());
            };
            if frame.definitions > MAX_DEFINITIONS {
                return Err(LoadError::TooLarge {
                    limit: MAX_DEFINITIONS,
                });
            }
            if let Some(parent) = frames.last_mut().filter(|_| frame.is_component) {
                parent.components.push(Some(frame.definitions));
            }
        } else if read(&mut frames, payload)?.is_none() {
            return Ok(());
        }
    }
    Ok(())
}

/// Counts a section's definitions. `None` means that the section is malformed.
fn read(frames: &mut [Frame], payload: Payload<'_>) -> Result<Option<()>, LoadError> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "no other section defines anything that is instantiated"
    )]
    match payload {
        Payload::InstanceSection(section) => Ok(count(frames, section.count())),
        Payload::ComponentCanonicalSection(section) => Ok(count(frames, section.count())),
        Payload::ComponentTypeSection(section) => Ok(count(frames, section.count())),
        Payload::ComponentInstanceSection(section) => {
            for instance in section {
                let Ok(instance) = instance else {
                    return Ok(None);
                };
                let extent = match instance {
                    ComponentInstance::FromExports(exports) => {
                        u64::try_from(exports.len()).unwrap_or(u64::MAX)
                    }
                    ComponentInstance::Instantiate {
                        component_index,
                        args,
                    } => {
                        let Some(extent) = find(frames, 0, component_index) else {
                            return Ok(None);
                        };
                        let extent = extent.ok_or_else(|| {
                            LoadError::unsupported("components passed to components")
                        })?;
                        extent.saturating_add(u64::try_from(args.len()).unwrap_or(u64::MAX))
                    }
                };
                let Some(frame) = frames.last_mut() else {
                    return Ok(None);
                };
                frame.define(extent.saturating_add(1));
            }
            Ok(Some(()))
        }
        Payload::ComponentAliasSection(section) => {
            for alias in section {
                let Ok(alias) = alias else { return Ok(None) };
                let component = match alias {
                    ComponentAlias::Outer {
                        kind: ComponentOuterAliasKind::Component,
                        count,
                        index,
                    } => {
                        let Some(extent) = find(frames, count, index) else {
                            return Ok(None);
                        };
                        Some(extent)
                    }
                    ComponentAlias::InstanceExport {
                        kind: ComponentExternalKind::Component,
                        ..
                    } => Some(None),
                    ComponentAlias::InstanceExport { .. }
                    | ComponentAlias::CoreInstanceExport { .. }
                    | ComponentAlias::Outer { .. } => None,
                };
                add(frames, component);
            }
            Ok(Some(()))
        }
        Payload::ComponentImportSection(section) => {
            for import in section {
                let Ok(import) = import else { return Ok(None) };
                add(
                    frames,
                    matches!(import.ty, ComponentTypeRef::Component(_)).then_some(None),
                );
            }
            Ok(Some(()))
        }
        Payload::ComponentExportSection(section) => {
            for export in section {
                let Ok(export) = export else { return Ok(None) };
                let component = match export.kind {
                    ComponentExternalKind::Component => {
                        let Some(extent) = find(frames, 0, export.index) else {
                            return Ok(None);
                        };
                        Some(extent)
                    }
                    ComponentExternalKind::Module
                    | ComponentExternalKind::Func
                    | ComponentExternalKind::Value
                    | ComponentExternalKind::Type
                    | ComponentExternalKind::Instance => None,
                };
                add(frames, component);
            }
            Ok(Some(()))
        }
        _ => Ok(Some(())),
    }
}

fn count(frames: &mut [Frame], definitions: u32) -> Option<()> {
    frames.last_mut()?.define(definitions.into());
    Some(())
}

/// Counts a definition, and adds it to the component index space if it is a component.
fn add(frames: &mut [Frame], component: Option<Extent>) {
    if let Some(frame) = frames.last_mut() {
        frame.define(1);
        frame.components.extend(component);
    }
}

/// Finds a component by its index, so many components further out.
fn find(frames: &[Frame], outward: u32, index: u32) -> Option<Extent> {
    let frame = frames.iter().rev().nth(usize::try_from(outward).ok()?)?;
    frame.components.get(usize::try_from(index).ok()?).copied()
}
