//! `Error` values. `tracing` passes them with its feature `std`.

use core::error::Error;

use super::fields::{Fields, Text};
use crate::trace::pending;
use crate::types::{KeyValue, SpanHandle, Value};

pub(super) const EXCEPTION_STACKTRACE: &str = "exception.stacktrace";

/// The maximum length of a chain of sources.
const MAX_CHAIN: usize = 32;

/// An error and its sources, as texts in a buffer.
#[derive(Debug)]
pub(super) struct Exception {
    pub(super) message: Text,
    /// The messages of its sources, outermost first.
    pub(super) chain: Vec<Text>,
}

impl Exception {
    /// Writes an error into a buffer.
    pub(super) fn new(error: &dyn Error, fields: &mut Fields) -> Self {
        let message = fields.format(format_args!("{error}"));
        let mut chain = Vec::new();
        let mut next = error.source();
        while let Some(error) = next.filter(|_| chain.len() < MAX_CHAIN) {
            chain.push(fields.format(format_args!("{error}")));
            next = error.source();
        }
        Self { message, chain }
    }

    /// Sets the exception attributes of a span. `message_key` is the name of the message.
    pub(super) fn mark(&self, span: SpanHandle, message_key: &str, fields: &Fields) {
        let str = |text| fields.str(text);
        pending::set_attribute(span, &KeyValue::new(message_key, str(&self.message)));
        if !self.chain.is_empty() {
            let chain: Vec<_> = self.chain.iter().map(str).collect();
            let chain = Value::StringArray(&chain);
            pending::set_attribute(span, &KeyValue::new(EXCEPTION_STACKTRACE, chain));
        }
    }
}
