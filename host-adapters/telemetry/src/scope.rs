//! Instrumentation scopes as they are exported.

use std::sync::Arc;

use opentelemetry::{InstrumentationScope, KeyValue};

use crate::attributes::{Room, Rules};
use crate::recurring::kept;

/// The attribute that says which component a scope belongs to.
pub(crate) const COMPONENT_NAME: &str = "wasmscope.component.name";

/// Makes the exported scope of a guest's: within the limits, and with the component's name.
pub(crate) fn exported(
    scope: &InstrumentationScope,
    component: &Arc<str>,
    rules: Rules<'_>,
) -> InstrumentationScope {
    let mut attributes = Vec::new();
    let given = scope
        .attributes()
        .filter(|attribute| attribute.key.as_str() != COMPONENT_NAME)
        .cloned()
        .collect();
    rules.merge(
        &mut attributes,
        given,
        rules.limits.scope_attributes,
        &mut Room::new(rules.limits.scope_bytes, usize::MAX),
    );
    // The SDK copies the scope for each span: what is kept by the process costs nothing then.
    attributes.push(KeyValue::new(COMPONENT_NAME, kept(component.to_string())));
    let mut exported = InstrumentationScope::builder(kept(rules.text(scope.name().to_owned())))
        .with_attributes(attributes);
    if let Some(version) = scope.version() {
        exported = exported.with_version(kept(rules.text(version.to_owned())));
    }
    if let Some(schema_url) = scope.schema_url() {
        exported = exported.with_schema_url(kept(rules.text(schema_url.to_owned())));
    }
    exported.build()
}
