//! Visits the fields of spans and events. Some of them have a special meaning.

#[cfg(feature = "tracing-std")]
use core::error::Error;
use core::fmt::Debug;

use tracing::field::{Field, Visit};

use super::config::Config;
#[cfg(feature = "tracing-std")]
use super::exceptions::{EXCEPTION_STACKTRACE, Exception};
use super::fields::{Fields, Packed, Text};
use crate::types::SpanKind;

pub(super) const EXCEPTION: &str = "exception";
pub(super) const EXCEPTION_MESSAGE: &str = "exception.message";

/// The owner of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Span,
    Event,
}

/// The values of fields with a special meaning.
#[derive(Debug, Default)]
pub(super) struct Special {
    /// `otel.name` of a span, `message` of an event.
    pub(super) name: Option<Text>,
    /// `otel.kind`.
    pub(super) kind: Option<SpanKind>,
    /// `otel.status_code` and `otel.status_description`.
    pub(super) status: Option<SetStatus>,
    /// `error` of an event, as text.
    pub(super) error: Option<Text>,
    /// Whether the exception attributes already contain that message.
    pub(super) error_is_added: bool,
    /// The last `Error` among an event's values, with its sources.
    #[cfg(feature = "tracing-std")]
    pub(super) exception: Option<Exception>,
}

/// A status that is set.
#[derive(Debug, Clone)]
pub(super) enum SetStatus {
    Ok,
    Error(Text),
}

struct Visitor<'a> {
    owner: Owner,
    config: &'a Config,
    fields: &'a mut Fields,
    special: Special,
}

/// Visits fields. `record` calls the function of `tracing` that visits them.
pub(super) fn visit(
    owner: Owner,
    config: &Config,
    fields: &mut Fields,
    record: impl FnOnce(&mut dyn Visit),
) -> Special {
    let mut visitor = Visitor {
        owner,
        config,
        fields,
        special: Special::default(),
    };
    record(&mut visitor);
    visitor.special
}

impl Visitor<'_> {
    fn text(&mut self, key: &'static str, text: Text) {
        match (self.owner, key) {
            (Owner::Event, "message") | (Owner::Span, "otel.name") => {
                self.special.name = Some(text)
            }
            (Owner::Event, "error") => self.special.error = Some(text),
            (Owner::Span, "otel.kind") => self.special.kind = kind(self.fields.str(&text)),
            (Owner::Span, "otel.status_code") => self.status_code(&text),
            (Owner::Span, "otel.status_description") => {
                if !matches!(self.special.status, Some(SetStatus::Ok)) {
                    self.special.status = Some(SetStatus::Error(text));
                }
            }
            _ => self.fields.push(key, Packed::Text(text)),
        }
    }

    /// Adds an integer, or a text of its digits if it does not fit into a signed 64-bit integer.
    fn integer(&mut self, field: &Field, negative: bool, magnitude: u128) {
        let value = match (negative, magnitude as u64) {
            (true, low) => low.wrapping_neg().cast_signed(),
            (false, low) => low.cast_signed(),
        };
        if magnitude >> 64 == 0 && (value < 0) == negative {
            return self.record_i64(field, value);
        }
        let text = self.fields.decimal(negative, magnitude);
        self.text(field.name(), text);
    }

    fn status_code(&mut self, text: &Text) {
        let code = self.fields.str(text);
        if code.eq_ignore_ascii_case("ok") {
            self.special.status = Some(SetStatus::Ok);
        } else if code.eq_ignore_ascii_case("error") && self.special.status.is_none() {
            // Keeps a description that came before the code.
            self.special.status = Some(SetStatus::Error(Text::Static("")));
        }
    }
}

fn kind(text: &str) -> Option<SpanKind> {
    [
        ("server", SpanKind::Server),
        ("client", SpanKind::Client),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
        ("internal", SpanKind::Internal),
    ]
    .into_iter()
    .find_map(|(name, kind)| text.eq_ignore_ascii_case(name).then_some(kind))
}

impl Visit for Visitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.fields.push(field.name(), Packed::Double(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.push(field.name(), Packed::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.integer(field, false, value.into());
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.integer(field, value < 0, value.unsigned_abs());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.integer(field, false, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.push(field.name(), Packed::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = self.fields.copy(value);
        self.text(field.name(), text);
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        if self.owner == Owner::Event && self.config.span_events.is_none() {
            let bytes = self.fields.copy_bytes(value);
            self.fields.push(field.name(), bytes);
        } else {
            let text = self.fields.hex(value);
            self.text(field.name(), text);
        }
    }

    #[cfg(feature = "tracing-std")]
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let exception = Exception::new(value, self.fields);
        let message = exception.message.clone();
        if self.config.error_fields_to_exceptions {
            self.fields.push_text(EXCEPTION_MESSAGE, message.clone());
            self.fields
                .push_list(EXCEPTION_STACKTRACE, &exception.chain);
        }
        let chain_key = self.fields.format(format_args!("{}.chain", field.name()));
        if self.owner == Owner::Event && field.name() == "error" {
            self.special.error = Some(message);
            self.special.error_is_added = self.config.error_fields_to_exceptions;
        } else {
            self.fields.push_text(field.name(), message);
        }
        self.fields.push_list(chain_key, &exception.chain);
        if self.owner == Owner::Event && self.config.error_records_to_exceptions {
            self.special.exception = Some(exception);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = self.fields.debug(value);
        self.text(field.name(), text);
    }
}
