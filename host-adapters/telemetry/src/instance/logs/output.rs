//! What a guest prints, as log records.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use opentelemetry::logs::{Logger as _, Severity};
use opentelemetry::trace::TraceId;
use opentelemetry::{Context, InstrumentationScope, Key};

use super::record::{RecordBuilder, rules};
use super::{Instance, Logger};
use crate::dropped::{Reason, Signal};
use crate::emitted::{attribute, scope as scope_name};
use crate::instance::activity::SharedActivity;
use crate::interner::InstanceTexts;
use crate::metrics::ScopeKey;
use crate::model::{LogRecord, LogValue};
use crate::scope;
use crate::telemetry::Telemetry;

/// A standard stream that a guest writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandardStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl StandardStream {
    /// Returns the value of the attribute `log.iostream`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// Returns the severity of its lines. Programs print errors, warnings and progress to standard
    /// error, so its lines have none.
    const fn severity(self) -> Option<Severity> {
        match self {
            Self::Stdout => Some(Severity::Info),
            Self::Stderr => None,
        }
    }
}

/// The telemetry of what an [`Instance`] prints. The streams that the guest writes to have one.
///
/// It may outlive its instance. Then lines belong to no trace.
///
/// # Examples
///
/// ```
/// use wasmscope_telemetry::{
///     Invocation, InvocationOptions, Outcome, Providers, StandardStream, Telemetry,
/// };
///
/// let telemetry = Telemetry::builder(Providers::default()).build();
/// let instance = telemetry.instance("checkout");
/// let output = instance.output();
/// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let options = InvocationOptions::default().with_traceparent(traceparent);
/// let call = Invocation::begin(instance, options);
/// output.log(StandardStream::Stdout, "a line of the guest");
/// let trace = output.trace_id().expect("a call");
/// assert_eq!(trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
/// call.finish(Outcome::Ok);
/// assert_eq!(output.trace_id(), None);
/// ```
#[derive(Debug, Clone)]
pub struct GuestOutput {
    telemetry: Telemetry,
    component: Arc<str>,
    activity: Arc<SharedActivity>,
    texts: Arc<InstanceTexts>,
    /// Made for the first line, because few instances print.
    logger: OnceLock<Logger>,
}

impl Instance {
    /// Returns the telemetry of what it prints.
    #[must_use]
    pub fn output(&self) -> GuestOutput {
        GuestOutput {
            telemetry: self.telemetry.clone(),
            component: Arc::clone(&self.component),
            activity: Arc::clone(&self.activity),
            texts: Arc::clone(&self.texts),
            logger: OnceLock::new(),
        }
    }
}

impl GuestOutput {
    /// Returns the trace of the call into the guest that is in progress: that of the host's span,
    /// or of the caller's if there is no span. A guest cannot change it.
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        let activity = self.activity.lock();
        let context = activity.invocations.first()?.span.context()?;
        Some(context.trace_id())
    }

    /// Emits a line as a log record that belongs to the ambient span.
    ///
    /// The log level of the scope `wasmscope.stdio` and the limits on guests' records apply to it.
    pub fn log(&self, stream: StandardStream, line: &str) {
        let shared = &*self.telemetry.0;
        if self.activity.has_ended() {
            shared.dropped.add(Signal::Logs, Reason::Shutdown, 1);
            return;
        }
        let mut logger = self.logger.get_or_init(|| self.new_logger()).clone();
        logger.update(shared);
        // See `emit_logs`.
        let _no_context = Context::new().attach();
        let severity = stream.severity();
        if !logger.enabled(severity, None) {
            return;
        }
        let Some(sdk) = &logger.sdk else {
            return;
        };
        let context = self.activity.lock().current_context();
        let record = sdk.create_log_record();
        let mut builder = RecordBuilder::new(record, rules(shared), &self.texts);
        builder.begin(None, SystemTime::now(), context.as_ref(), severity);
        let iostream = LogValue::String(stream.as_str().to_owned());
        builder.fill(LogRecord {
            body: Some(LogValue::String(line.to_owned())),
            attributes: vec![(Key::from_static_str(attribute::IOSTREAM.key), iostream)],
            ..LogRecord::default()
        });
        sdk.emit(builder.record);
    }

    fn new_logger(&self) -> Logger {
        let shared = &*self.telemetry.0;
        let printed = InstrumentationScope::builder(scope_name::STDIO).build();
        let exported = scope::exported(&printed, &self.component, &self.texts, rules(shared));
        let name: Arc<str> = Arc::from(exported.name());
        Logger {
            sdk: shared.loggers.logger(&ScopeKey(exported)),
            minimum: shared.log_levels.minimum(&name),
            scope: name,
        }
    }
}
