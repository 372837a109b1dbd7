//! Instrumentation scopes as they are exported.

use std::sync::Arc;

use opentelemetry::{InstrumentationScope, KeyValue};

use crate::attributes::{AtMost, Room, Rules};
use crate::dropped::Reason;
use crate::emitted::attribute;
use crate::recurring::kept;

/// Makes the exported scope of a guest's: within the limits, and with the component's name.
pub(crate) fn exported(
    scope: &InstrumentationScope,
    component: &Arc<str>,
    rules: Rules<'_>,
) -> InstrumentationScope {
    let mut attributes = Vec::new();
    let given = scope
        .attributes()
        .filter(|attribute| attribute.key.as_str() != attribute::COMPONENT_NAME.key)
        .cloned()
        .collect();
    rules.merge(
        &mut attributes,
        given,
        AtMost(rules.limits.scope_attributes, Reason::ScopeAttributes),
        &mut Room::new(rules.limits.scope_bytes, Reason::ScopeBytes),
    );
    // The SDK copies the scope for each span: what is kept by the process costs nothing then.
    attributes.push(KeyValue::new(
        attribute::COMPONENT_NAME.key,
        kept(component.to_string()),
    ));
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
