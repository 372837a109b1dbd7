//! Instrumentation scopes as they are exported.

use std::sync::Arc;

use opentelemetry::{InstrumentationScope, KeyValue};

use crate::attributes::{ByteBudget, CountLimit, Rules};
use crate::dropped::Reason;
use crate::emitted::attribute;
use crate::interner::InstanceTexts;

/// Returns the exported form of a guest's scope: within the limits, and with the component's name.
pub(crate) fn exported(
    scope: &InstrumentationScope,
    component: &Arc<str>,
    texts: &InstanceTexts,
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
        CountLimit(rules.limits.scope_attributes, Reason::ScopeAttributes),
        &mut ByteBudget::new(rules.limits.scope_bytes, Reason::ScopeBytes),
    );
    // The SDK copies the scope for each span. Static texts need no copy.
    attributes.push(KeyValue::new(
        attribute::COMPONENT_NAME.key,
        texts.shared(component.to_string()),
    ));
    let mut exported =
        InstrumentationScope::builder(texts.shared(rules.text(scope.name().to_owned())))
            .with_attributes(attributes);
    if let Some(version) = scope.version() {
        exported = exported.with_version(texts.shared(rules.text(version.to_owned())));
    }
    if let Some(schema_url) = scope.schema_url() {
        exported = exported.with_schema_url(texts.shared(rules.text(schema_url.to_owned())));
    }
    exported.build()
}
