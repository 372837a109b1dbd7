//! Finds the panic that caused a trap.
//!
//! In the engine, a Rust panic is an `unreachable` instruction without a message. Before it, the
//! SDK's panic hook emits a log record. This module decides whether such a record explains the trap
//! that follows.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use opentelemetry::logs::Severity;

use super::activity::Activity;
use crate::invocation::Outcome;
use crate::limits::PANIC_SECONDS;
use crate::model::{LogRecord, LogValue};

/// The event name of the record (semantic conventions, "Exceptions in logs").
const EVENT_NAME: &str = "exception";
/// The attribute that distinguishes a panic from other exceptions.
const EXCEPTION_TYPE: &str = "exception.type";
/// Its value for a panic. Also the attribute `error.type` of the spans that end by a panic.
const PANIC: &str = "panic";
/// The attribute with the message, if the record has no body.
const EXCEPTION_MESSAGE: &str = "exception.message";
/// The description if the record has no message.
const NO_MESSAGE: &str = "a panic without a message";
/// The trap that a panic ends in.
const UNREACHABLE: &str = "unreachable";

/// The longest time between the record of a panic and its trap. Other hooks may run in between, and
/// may write to a slow pipe.
const MAX_DELAY: Duration = Duration::from_secs(PANIC_SECONDS);

/// A panic that the guest has reported.
#[derive(Debug)]
pub(super) struct Panic {
    message: String,
    at: Instant,
}

impl Panic {
    /// Returns the panic that a record reports. Such a record is an event `exception` of severity
    /// FATAL with `exception.type` `panic`.
    pub(super) fn of(record: &LogRecord) -> Option<Self> {
        let is_fatal = record.severity >= Some(Severity::Fatal);
        if !is_fatal || record.event_name.as_deref() != Some(EVENT_NAME) {
            return None;
        }
        let attribute = |name| {
            let mut found = record
                .attributes
                .iter()
                .filter(|(key, _)| key.as_str() == name);
            text(&found.next()?.1)
        };
        let is_panic = attribute(EXCEPTION_TYPE) == Some(PANIC);
        let message = record.body.as_ref().and_then(text);
        let has_text = |message: &&str| !message.is_empty();
        is_panic.then(|| Self {
            message: message
                .filter(has_text)
                .or_else(|| attribute(EXCEPTION_MESSAGE).filter(has_text))
                .unwrap_or(NO_MESSAGE)
                .to_owned(),
            at: Instant::now(),
        })
    }

    fn explains(&self, outcome: &Outcome) -> bool {
        let is_unreachable = matches!(outcome, Outcome::Trap { code, .. } if code == UNREACHABLE);
        is_unreachable && self.at.elapsed() <= MAX_DELAY
    }
}

fn text(value: &LogValue) -> Option<&str> {
    if let LogValue::String(text) = value {
        Some(text)
    } else {
        None
    }
}

impl Activity {
    /// Returns the message of the guest's panic, if the panic caused the outcome.
    ///
    /// See [`Instance::panic_behind`](crate::Instance::panic_behind).
    pub(super) fn panic_behind(&self, outcome: &Outcome) -> Option<String> {
        let panic = self.panic.as_ref()?;
        panic.explains(outcome).then(|| panic.message.clone())
    }

    /// Stores a reported panic. Keeps the first one, because it causes later ones.
    #[inline]
    pub(super) fn note_panic(&mut self, panic: Panic) {
        if self.panic.is_none() {
            self.panic = Some(Box::new(panic));
        }
    }

    /// Removes a reported panic, because the guest has caught it and continues.
    #[inline]
    pub(super) fn forget_panic(&mut self) {
        if self.panic.is_some() {
            self.panic = None;
        }
    }
}

/// The outcome of a call, with the panic that caused it, if it is known.
pub(super) struct Cause<'a> {
    outcome: &'a Outcome,
    panic: Option<&'a Panic>,
}

impl<'a> Cause<'a> {
    pub(super) fn new(outcome: &'a Outcome, panic: Option<&'a Panic>) -> Self {
        Self {
            outcome,
            panic: panic.filter(|panic| panic.explains(outcome)),
        }
    }

    /// Returns the `error.type` and the status description of the spans that it ends. `None` if it
    /// is not an error.
    pub(super) fn error(&self) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
        match self.panic {
            Some(panic) => Some((PANIC.into(), panic.message.as_str().into())),
            None => self.outcome.error(),
        }
    }

    /// Returns the description for a guest's span.
    ///
    /// A trap's message has a line for each frame, and there may be a thousand open spans. So only
    /// the host's own span gets the whole message. A panic's message is short, and each line may
    /// matter.
    pub(super) fn of_guest<'d>(&self, description: &'d str) -> &'d str {
        match self.panic {
            Some(_) => description,
            None => description.lines().next().unwrap_or_default(),
        }
    }

    /// Returns the kind of error for the runtime's metrics. `None` if it is not a failure.
    pub(super) fn failure(&self) -> Option<&'a str> {
        match self.panic {
            Some(_) => Some(PANIC),
            None => self.outcome.failure(),
        }
    }
}
