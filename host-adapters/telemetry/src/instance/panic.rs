//! The guest's panic behind a trap.
//!
//! A Rust panic reaches the engine as an `unreachable` instruction, without a message. Before that
//! the SDK's panic hook emits a log record. The rule here decides whether that record explains the
//! trap that follows.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use opentelemetry::logs::Severity;

use super::activity::Activity;
use crate::invocation::Outcome;
use crate::limits::PANIC_SECONDS;
use crate::model::{LogRecord, LogValue};

/// The event name of the record (semantic conventions, "Exceptions in logs").
const EVENT_NAME: &str = "exception";
/// The attribute whose value tells a panic from other exceptions.
const EXCEPTION_TYPE: &str = "exception.type";
/// Its value, and the attribute `error.type` of the spans that end by a panic.
const PANIC: &str = "panic";
/// The message, where the record has no body.
const EXCEPTION_MESSAGE: &str = "exception.message";
/// The message, where there is none at all.
const NO_MESSAGE: &str = "a panic without a message";
/// The trap that a panic ends in.
const UNREACHABLE: &str = "unreachable";

/// How long a panic may take from its record to its trap: other hooks may run in between, and write
/// to a slow pipe.
const MAX_DELAY: Duration = Duration::from_secs(PANIC_SECONDS);

/// A panic that the guest has reported.
#[derive(Debug)]
pub(super) struct Panic {
    message: String,
    at: Instant,
}

impl Panic {
    /// Reads a panic from a record: event `exception` of severity FATAL, with `exception.type`
    /// `panic`.
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
    /// It did if the outcome is the trap `unreachable`, the guest reported the panic shortly
    /// before, and it has not started, entered, exited or ended a span since. A guest that caught
    /// the panic and goes on does one of these, or returns. Ask before
    /// [`Invocation::finish`](crate::Invocation::finish), which forgets the panic.
    pub(super) fn panic_behind(&self, outcome: &Outcome) -> Option<String> {
        let panic = self.panic.as_ref()?;
        panic.explains(outcome).then(|| panic.message.clone())
    }

    /// Notes a panic if one of the records reports it. The first one holds: later ones follow from
    /// it.
    #[inline]
    pub(super) fn note_panic(&mut self, panic: Panic) {
        if self.panic.is_none() {
            self.panic = Some(Box::new(panic));
        }
    }

    /// Forgets a panic, since the guest has gone on after it.
    #[inline]
    pub(super) fn went_on(&mut self) {
        if self.panic.is_some() {
            self.panic = None;
        }
    }
}

/// How a call ended, with the panic behind it, if that is known.
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

    /// Returns the attribute `error.type` of the spans that it ends, and their status's
    /// description; `None` if it is no error.
    pub(super) fn error(&self) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
        match self.panic {
            Some(panic) => Some((PANIC.into(), panic.message.as_str().into())),
            None => self.outcome.error(),
        }
    }

    /// Returns the description for a guest's span.
    ///
    /// A trap's message has a line for each frame, and the guest may have a thousand spans open. So
    /// only the host's own span gets the whole message. A panic's message is short, and each of its
    /// lines may matter.
    pub(super) fn of_guest<'d>(&self, description: &'d str) -> &'d str {
        match self.panic {
            Some(_) => description,
            None => description.lines().next().unwrap_or_default(),
        }
    }

    /// Returns the kind of error under which the runtime's metrics count it; `None` if the guest
    /// did not fail.
    pub(super) fn failure(&self) -> Option<&'a str> {
        match self.panic {
            Some(_) => Some(PANIC),
            None => self.outcome.failure(),
        }
    }
}
