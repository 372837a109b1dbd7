//! The span around a call into a component. When the call ends, its open spans end too.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;

use crate::emitted::ValueInfo;
use crate::host_span::HostSpan;
use crate::instance::Instance;
use crate::printable::printable;
use crate::remote;

/// Gives access to an [`Instance`], for example through a borrowed store.
pub trait InstanceAccess {
    /// Returns the instance. An [`Invocation`] without an instance does nothing.
    fn instance(&mut self) -> Option<&mut Instance>;

    /// Returns the fuel that guests have consumed so far, in the engine's unit. `None` if the
    /// engine does not count it. The difference between begin and end of an [`Invocation`] is
    /// recorded as its fuel.
    fn consumed_fuel(&mut self) -> Option<u64> {
        None
    }
}

impl InstanceAccess for Instance {
    fn instance(&mut self) -> Option<&mut Instance> {
        Some(self)
    }
}

impl<T: InstanceAccess + ?Sized> InstanceAccess for &mut T {
    fn instance(&mut self) -> Option<&mut Instance> {
        (**self).instance()
    }

    fn consumed_fuel(&mut self) -> Option<u64> {
        (**self).consumed_fuel()
    }
}

/// The outcome of a call into a component; attribute `wasmscope.outcome` of its host span.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The function returned.
    Ok,
    /// The program exited with an exit code, 0 for success.
    Exit {
        /// The code.
        code: i32,
    },
    /// The component's function returned an error. Contains a description of it.
    Error(String),
    /// The program trapped.
    Trap {
        /// The kind of trap, such as `unreachable`. It is the `error.type` of the spans.
        code: String,
        /// The message. The first line is the cause; the guest's spans have only this line. Further
        /// lines, such as a backtrace, are on the host's own span.
        message: String,
    },
    /// The program was stopped at its timeout.
    Timeout,
    /// The program was stopped for another reason, or the [`Invocation`] was dropped before its
    /// end.
    Killed,
}

impl Outcome {
    /// The values of `wasmscope.outcome`.
    pub(crate) const VALUES: [ValueInfo; 6] = [
        ValueInfo::new("ok", "The function returned."),
        ValueInfo::new(
            "exit",
            "The program exited with an exit code: see `process.exit.code`.",
        ),
        ValueInfo::new("error", "The function returned an error."),
        ValueInfo::new("trap", "The program trapped: see `error.type`."),
        ValueInfo::new(
            "timeout",
            "The program was stopped at its timeout (`--timeout`).",
        ),
        ValueInfo::new(
            "killed",
            "The program was stopped for another reason: a signal, or the embedder dropped the call.",
        ),
    ];

    /// The values of `wasmscope.end_reason`: why the host ends spans.
    pub(crate) const END_REASONS: [ValueInfo; 6] = [
        ValueInfo::new("return", "The function returned while the span was open."),
        ValueInfo::new(
            "exit",
            "The program exited with an exit code while the span was open.",
        ),
        ValueInfo::new(
            "error",
            "The function returned an error while the span was open.",
        ),
        ValueInfo::new("trap", "The program trapped while the span was open."),
        ValueInfo::new("timeout", "The program was stopped at its timeout."),
        ValueInfo::new(
            "killed",
            "The program was stopped, or its instance was dropped, while the span was open.",
        ),
    ];

    /// Returns the value of the attribute.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Exit { .. } => "exit",
            Self::Error(_) => "error",
            Self::Trap { .. } => "trap",
            Self::Timeout => "timeout",
            Self::Killed => "killed",
        }
    }

    /// Returns the `wasmscope.end_reason` of the spans that it ends.
    pub(crate) const fn end_reason(&self) -> &'static str {
        match self {
            Self::Ok => "return",
            Self::Exit { .. }
            | Self::Error(_)
            | Self::Trap { .. }
            | Self::Timeout
            | Self::Killed => self.as_str(),
        }
    }

    /// Returns the kind of error for the runtime's metrics. `None` if it is not a trap or a
    /// timeout.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Trap { code, .. } => Some(code),
            Self::Timeout => Some(self.as_str()),
            Self::Ok | Self::Exit { .. } | Self::Error(_) | Self::Killed => None,
        }
    }

    /// Returns whether the guest cannot run any further. `Ok` and `Error` only end one function.
    pub(crate) const fn ends_the_guest(&self) -> bool {
        match self {
            Self::Ok | Self::Error(_) => false,
            Self::Exit { .. } | Self::Trap { .. } | Self::Timeout | Self::Killed => true,
        }
    }

    /// Returns the `error.type` and the status description of its spans. `None` if it is not an
    /// error.
    pub(crate) fn error(&self) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
        let (error_type, description): (&str, Cow<'_, str>) = match self {
            Self::Ok | Self::Exit { code: 0 } => return None,
            Self::Exit { code } => (self.as_str(), format!("exit code {code}").into()),
            Self::Error(message) => (self.as_str(), message.into()),
            Self::Trap { code, message } => (code, message.into()),
            Self::Timeout => (self.as_str(), "stopped because its time was over".into()),
            Self::Killed => (self.as_str(), "stopped before its end".into()),
        };
        Some((error_type.into(), description))
    }
}

/// Options of an [`Invocation`]: its host span, and the context that it continues.
///
/// # Examples
///
/// A host that serves requests continues the caller's trace:
///
/// ```
/// use opentelemetry::KeyValue;
/// use opentelemetry::trace::SpanKind;
/// use wasmscope_telemetry::InvocationOptions;
///
/// let options = InvocationOptions::default()
///     .with_name("GET /orders")
///     .with_kind(SpanKind::Server)
///     .with_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
///     .with_tracestate("vendor=value")
///     .with_baggage("tenant=acme")
///     .with_attribute(KeyValue::new("http.request.method", "GET"));
/// assert_eq!(options.baggage.as_deref(), Some("tenant=acme"));
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct InvocationOptions {
    /// The host span's name. Default: `run` and the component's name.
    pub name: Option<String>,
    /// Its kind. Default: internal.
    pub kind: Option<SpanKind>,
    /// A `traceparent` header to continue.
    pub traceparent: Option<String>,
    /// The `tracestate` header that belongs to it.
    pub tracestate: Option<String>,
    /// A `baggage` header.
    pub baggage: Option<String>,
    /// Further attributes of the host span.
    pub attributes: Vec<KeyValue>,
    /// Whether the `traceparent` and the baggage are trusted. Default: always.
    pub trust: TrustIncoming,
}

/// Whether the context of a caller is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TrustIncoming {
    /// The caller's trace is continued.
    #[default]
    Always,
    /// The caller's trace is continued if the caller has sampled it. Otherwise a new trace starts,
    /// with a link to the caller's span.
    Sampled,
    /// A new trace starts, with a link to the caller's span. The caller's baggage is ignored.
    Never,
}

impl InvocationOptions {
    /// Makes options that continue the context in the variables `TRACEPARENT`, `TRACESTATE` and
    /// `BAGGAGE`. `lookup` returns `None` for a variable that is not set.
    ///
    /// # Examples
    ///
    /// ```
    /// let options = wasmscope_telemetry::InvocationOptions::from_env(|name| std::env::var(name).ok());
    /// ```
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            traceparent: lookup("TRACEPARENT"),
            tracestate: lookup("TRACESTATE"),
            baggage: lookup("BAGGAGE"),
            ..Self::default()
        }
    }

    /// Returns a warning for each malformed part of the context, with the name of its variable.
    ///
    /// [`Invocation::begin`] ignores malformed parts, as the W3C recommendation says.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut options = wasmscope_telemetry::InvocationOptions::default();
    /// options.traceparent = Some("00-1234".to_owned());
    /// assert_eq!(options.warnings()[0], "TRACEPARENT: expected a W3C traceparent, found `00-1234`; a new trace is started");
    /// ```
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut warn = |name: &str, expected: &str, found: &str, instead: &str| {
            let found = printable(found, 100);
            warnings.push(format!(
                "{name}: expected {expected}, found `{found}`; {instead}"
            ));
        };
        let continues = match self.traceparent.as_deref() {
            Some(parent) if !remote::is_traceparent(parent) => {
                let expected = "a W3C traceparent";
                warn("TRACEPARENT", expected, parent, "a new trace is started");
                false
            }
            Some(_) => true,
            None => false,
        };
        if let Some(state) = self.tracestate.as_deref()
            && continues
            && !remote::is_trace_state(state)
        {
            let expected = "a W3C tracestate";
            warn(
                "TRACESTATE",
                expected,
                state,
                "the trace goes on without it",
            );
        }
        // Baggage may be confidential, so the warning does not contain it.
        let malformed = self.baggage.as_deref().map_or(0, remote::malformed_baggage);
        if malformed > 0 {
            let plural = if malformed == 1 { "y" } else { "ies" };
            warnings.push(format!(
                "BAGGAGE: expected a list like key=value,other=value; {malformed} malformed entr{plural} left out"
            ));
        }
        if self.tracestate.is_some() && self.traceparent.is_none() {
            warnings.push(String::from("TRACESTATE has no effect without TRACEPARENT"));
        }
        warnings
    }

    /// Sets the host span's name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the host span's kind, such as [`SpanKind::Server`] for the handling of a request.
    #[must_use]
    pub fn with_kind(mut self, kind: SpanKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Sets the `traceparent` header to continue. An invalid header is ignored.
    #[must_use]
    pub fn with_traceparent(mut self, header: impl Into<String>) -> Self {
        self.traceparent = Some(header.into());
        self
    }

    /// Sets whether the caller's context is trusted.
    #[must_use]
    pub fn with_trust(mut self, trust: TrustIncoming) -> Self {
        self.trust = trust;
        self
    }

    /// Sets the `tracestate` header that belongs to the `traceparent`. It has no effect without a
    /// `traceparent`.
    #[must_use]
    pub fn with_tracestate(mut self, header: impl Into<String>) -> Self {
        self.tracestate = Some(header.into());
        self
    }

    /// Sets the `baggage` header that the guest can read.
    #[must_use]
    pub fn with_baggage(mut self, header: impl Into<String>) -> Self {
        self.baggage = Some(header.into());
        self
    }

    /// Adds an attribute to the host span. Replaces an earlier value of the same key. The limits on
    /// guests' spans do not apply.
    #[must_use]
    pub fn with_attribute(mut self, attribute: KeyValue) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Adds attributes to the host span, as [`with_attribute`](Self::with_attribute) does.
    #[must_use]
    pub fn with_attributes(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.attributes.extend(attributes);
        self
    }
}

/// A call into a component. Its host span is the parent of the guest's spans.
///
/// Dereferences to its target, so that the caller can make the call. If it is dropped without
/// [`Invocation::finish`], it ends as [`Outcome::Killed`].
#[derive(Debug)]
#[must_use = "dropped at once, it ends as killed"]
pub struct Invocation<S: InstanceAccess> {
    target: Option<S>,
    /// `None` without an instance, and after the end.
    depth: Option<u32>,
    /// The fuel that was consumed before the call.
    fuel: Option<u64>,
}

impl<S: InstanceAccess> Invocation<S> {
    /// Starts the host span and makes it the ambient span. It continues the given `traceparent` if
    /// that is valid.
    ///
    /// Without a `traceparent`, within another invocation of the same instance, it is a child of
    /// the ambient span.
    pub fn begin(target: S, options: InvocationOptions) -> Self {
        Self::begin_by(target, |instance| instance.begin_invocation(options))
    }

    /// Begins an invocation in a span that has started already ([`Telemetry::start_call`]). Use
    /// [`hand_over`](Self::hand_over) to get the span back. Without an instance the span ends.
    ///
    /// [`Telemetry::start_call`]: crate::Telemetry::start_call
    pub fn begin_in(target: S, span: HostSpan) -> Self {
        Self::begin_by(target, |instance| instance.begin_invocation_in(span))
    }

    fn begin_by(mut target: S, begin: impl FnOnce(&mut Instance) -> u32) -> Self {
        let fuel = target.consumed_fuel();
        let depth = target.instance().map(begin);
        Self {
            target: Some(target),
            depth,
            fuel,
        }
    }

    /// Ends the invocation, and all spans that the guest started in it and left open.
    #[expect(
        clippy::missing_panics_doc,
        reason = "only this method and `hand_over` take the target"
    )]
    pub fn finish(mut self, outcome: Outcome) -> S {
        self.end(|instance, depth| instance.finish_invocation(depth, &outcome));
        self.target.take().expect(TAKEN)
    }

    /// Ends the invocation as [`finish`](Self::finish) does, but returns its host span, which is
    /// still open. Returns `None` if there is no instance, or if an [`Ender`](crate::Ender) has
    /// ended it.
    #[expect(
        clippy::missing_panics_doc,
        reason = "only `finish` and this method take the target"
    )]
    pub fn hand_over(mut self, outcome: &Outcome) -> (S, Option<HostSpan>) {
        let span = self.end(|instance, depth| instance.hand_over_invocation(depth, outcome));
        (self.target.take().expect(TAKEN), span.flatten())
    }

    fn end<R>(&mut self, end: impl FnOnce(&mut Instance, u32) -> R) -> Option<R> {
        let target = self.target.as_mut()?;
        let consumed = target.consumed_fuel();
        let (instance, depth) = target.instance().zip(self.depth.take())?;
        let ended = end(instance, depth);
        if let Some((before, consumed)) = self.fuel.zip(consumed) {
            let fuel = consumed.saturating_sub(before);
            instance.telemetry().runtime_metrics().fuel(fuel);
        }
        Some(ended)
    }
}

/// Only methods that consume the guard take the target.
const TAKEN: &str = "only methods that consume the guard take the target";

impl<S: InstanceAccess> Drop for Invocation<S> {
    fn drop(&mut self) {
        let _ended =
            self.end(|instance, depth| instance.finish_invocation(depth, &Outcome::Killed));
    }
}

impl<S: InstanceAccess> Deref for Invocation<S> {
    type Target = S;

    fn deref(&self) -> &S {
        self.target.as_ref().expect(TAKEN)
    }
}

impl<S: InstanceAccess> DerefMut for Invocation<S> {
    fn deref_mut(&mut self) -> &mut S {
        self.target.as_mut().expect(TAKEN)
    }
}
