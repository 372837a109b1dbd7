//! What becomes of an `Error` among the values, which `tracing` passes with its feature `std`.

use core::error::Error;

use tracing::field::Field;

use super::fields::{Fields, Text};
use super::visitor::{EXCEPTION_MESSAGE, Of, Visitor};
use crate::trace::pending;
use crate::{KeyValue, Value};

const EXCEPTION_STACKTRACE: &str = "exception.stacktrace";

/// How far a chain of sources is followed.
const MAX_CHAIN: usize = 32;

/// Is an error and its sources.
#[derive(Debug)]
pub(super) struct Exception {
    message: Text,
    chain: Vec<Text>,
}

impl Exception {
    /// Tells a span.
    pub(super) fn mark(&self, handle: u64, fields: &Fields) {
        let str = |text| fields.str(text);
        pending::set_attribute(
            handle,
            &KeyValue::new(EXCEPTION_MESSAGE, str(&self.message)),
        );
        if !self.chain.is_empty() {
            let chain: Vec<_> = self.chain.iter().map(str).collect();
            pending::set_attribute(
                handle,
                &KeyValue::new(EXCEPTION_STACKTRACE, Value::StringArray(&chain)),
            );
        }
    }
}

impl Visitor<'_> {
    pub(super) fn error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let message = self.fields.format(format_args!("{value}"));
        let chain = self.chain(value);
        if self.config.error_fields_to_exceptions {
            self.fields.push_text(EXCEPTION_MESSAGE, message.clone());
            self.fields.push_list(EXCEPTION_STACKTRACE, &chain);
        }
        let chain_key = self.fields.format(format_args!("{}.chain", field.name()));
        if self.of == Of::Event && field.name() == "error" {
            self.special.error = Some(message.clone());
            self.special.error_is_told = self.config.error_fields_to_exceptions;
        } else {
            self.fields.push_text(field.name(), message.clone());
        }
        self.fields.push_list(chain_key, &chain);
        if self.of == Of::Event && self.config.error_records_to_exceptions {
            self.special.exception = Some(Exception { message, chain });
        }
    }

    /// Writes the messages of the errors beneath an error, outermost first.
    fn chain(&mut self, error: &dyn Error) -> Vec<Text> {
        let mut chain = Vec::new();
        let mut next = error.source();
        while let Some(error) = next.filter(|_| chain.len() < MAX_CHAIN) {
            chain.push(self.fields.format(format_args!("{error}")));
            next = error.source();
        }
        chain
    }
}
