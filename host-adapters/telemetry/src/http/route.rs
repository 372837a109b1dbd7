//! The route of a request, which its guest names.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::{KeyValue, Value};

use crate::attributes::Rules;
use crate::dropped::{Dropped, Reason, Signal};
use crate::emitted::attribute;

/// The route of a request, as far as the guest has named it.
#[derive(Debug, Default)]
pub(crate) struct Route {
    /// False for calls that are no HTTP requests. They have no route, and `http.route` is an
    /// attribute like any other.
    is_wanted: bool,
    /// The first part of the name of the span.
    method: String,
    /// Whether the guest has named the host's span. Then the route does not rename it.
    pub(crate) is_span_named: bool,
    /// Set on the host's span.
    given: Option<String>,
    /// Taken from a span of the guest.
    taken: Option<String>,
}

impl Route {
    /// Returns the route of a request, which is not known yet. `method` is the name of its span.
    pub(crate) fn of_request(method: &str) -> Self {
        Self {
            is_wanted: true,
            method: method.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Moves the route out of attributes for the host's span.
    pub(crate) fn give(&mut self, attributes: &mut Vec<KeyValue>, rules: Rules<'_>) {
        if self.is_wanted
            && let Some(route) = find(attributes)
        {
            self.given = Some(rules.text(route));
            attributes.retain(|attribute| attribute.key.as_str() != attribute::HTTP_ROUTE.key);
        }
    }

    /// Copies the route from the attributes of a guest's span. What the guest sets on the host's
    /// span has precedence.
    pub(crate) fn take_over(&mut self, attributes: &[KeyValue], rules: Rules<'_>) {
        if self.is_wanted
            && let Some(route) = find(attributes)
        {
            self.taken = Some(rules.text(route));
        }
    }

    /// Returns the name that the span gets from the route, unless the guest has named it.
    pub(crate) fn span_name(&self) -> Option<String> {
        let route = self.get().filter(|_| !self.is_span_named)?;
        Some(format!("{} {route}", self.method))
    }

    /// Returns the route.
    pub(crate) fn get(&self) -> Option<&str> {
        self.given.as_deref().or(self.taken.as_deref())
    }
}

/// Finds the last route that is a text with a content.
fn find(attributes: &[KeyValue]) -> Option<String> {
    let key = attribute::HTTP_ROUTE.key;
    let of_route = attributes.iter().rfind(|given| given.key.as_str() == key)?;
    let Value::String(route) = &of_route.value else {
        return None;
    };
    Some(route.as_str().to_owned()).filter(|route| !route.is_empty())
}

/// The routes that are attributes of metrics. A guest can invent any number of routes, so only the
/// first ones are.
#[derive(Debug, Default)]
pub(super) struct KnownRoutes(Mutex<HashSet<Arc<str>>>);

impl KnownRoutes {
    /// Returns the attribute for a route. `None` if there are `limit` other routes, which is
    /// counted.
    pub(super) fn attribute(
        &self,
        route: &str,
        limit: usize,
        dropped: &Dropped,
    ) -> Option<KeyValue> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let route = match known.get(route) {
            Some(known) => Arc::clone(known),
            None if known.len() < limit => {
                let route = Arc::from(route);
                known.insert(Arc::clone(&route));
                route
            }
            None => {
                drop(known);
                dropped.add_named(Signal::Metrics, Reason::HttpRoutes, route);
                return None;
            }
        };
        Some(KeyValue::new(attribute::HTTP_ROUTE.key, route))
    }
}
