//! Wraps the SDK's batch processors to bound their queues and count items.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::logs::Severity;
use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::export_stats::ExportStats;

/// A batch processor that accepts no more items than its queue holds, and counts the rest.
pub(super) struct BoundedProcessor<P> {
    inner: P,
    stats: Arc<ExportStats>,
    capacity: u64,
}

impl<P> BoundedProcessor<P> {
    pub(super) fn new(inner: P, stats: Arc<ExportStats>, capacity: usize) -> Self {
        Self {
            inner,
            stats,
            capacity: capacity as u64,
        }
    }
}

impl<P> fmt::Debug for BoundedProcessor<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedProcessor")
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl<P: SpanProcessor> SpanProcessor for BoundedProcessor<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        // The specification: spans that are recorded but not sampled are not exported.
        if span.span_context.is_sampled() && self.stats.admit(self.capacity) {
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.stats.close();
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// A processor that two providers share. Only its owner shuts it down.
#[derive(Debug)]
pub(super) struct Shared<P> {
    inner: Arc<P>,
    is_owner: bool,
}

impl<P> Shared<P> {
    /// Returns the owner's processor and one for another provider. The resource is already set.
    pub(super) fn pair(inner: P) -> [Self; 2] {
        let inner = Arc::new(inner);
        [true, false].map(|is_owner| Self {
            inner: Arc::clone(&inner),
            is_owner,
        })
    }
}

impl<P: SpanProcessor> SpanProcessor for Shared<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        if self.is_owner {
            self.inner.shutdown_with_timeout(timeout)
        } else {
            Ok(())
        }
    }

    fn set_resource(&mut self, _: &Resource) {}
}

impl<P: LogProcessor> LogProcessor for BoundedProcessor<P> {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.stats.admit(self.capacity) {
            self.inner.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.stats.close();
        self.inner.shutdown_with_timeout(timeout)
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.inner.event_enabled(level, target, name)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
