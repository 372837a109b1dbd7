//! Filters of the layer and of other layers.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::dispatcher::DefaultGuard;
use tracing::{Level, Span, debug, debug_span, info, info_span};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::subscriber::SpanExt as _;
use crate::testing::{RecordedParent, Recorder};
use crate::{Severity, SpanContext};

/// The output of a `fmt` layer.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn layer<S>(&self) -> impl tracing_subscriber::Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    {
        let output = self.clone();
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || output.clone())
    }

    fn contains(&self, text: &str) -> bool {
        let written = self.0.lock().expect("no panic");
        String::from_utf8_lossy(&written).contains(text)
    }
}

/// Sets a layer that accepts `info` and above, beside one that writes everything.
fn info_to_host() -> (Recorder, Output, DefaultGuard) {
    let recorder = Recorder::install();
    let output = Output::default();
    let default = tracing_subscriber::registry()
        .with(output.layer())
        .with(crate::layer().with_filter(EnvFilter::new("info")))
        .set_default();
    (recorder, output, default)
}

#[test]
fn filter_of_the_layer_does_not_affect_other_layers() {
    let (recorder, output, _default) = info_to_host();
    debug_span!("fine").in_scope(|| debug!("fine detail"));
    info_span!("coarse").in_scope(|| info!("coarse fact"));

    assert!(output.contains("fine detail") && output.contains("coarse fact"));
    assert_eq!(recorder.spans().len(), 1);
    assert!(recorder.span("coarse").ended);
    let logs = recorder.logs();
    assert_eq!(logs.len(), 1, "{logs:?}");
    assert_eq!(logs[0].span, Some(recorder.span("coarse").context));
}

#[test]
fn children_of_a_disabled_span_belong_to_the_next_span_outwards() {
    let (recorder, _, _default) = info_to_host();
    let outer = info_span!("outer");
    let disabled = outer.in_scope(|| debug_span!("disabled"));
    disabled.in_scope(|| {
        drop(info_span!("contextual"));
        info!("contextual");
    });
    drop(info_span!(parent: &disabled, "named"));
    info!(parent: &outer, "named");
    outer.in_scope(|| {
        disabled.in_scope(|| {
            drop(info_span!("within both"));
            info!("within both");
        });
    });
    drop((disabled, outer));

    let outer = recorder.span("outer");
    assert_eq!(recorder.span("contextual").parent, RecordedParent::None);
    assert!(recorder.span("named").is_child_of(&outer));
    assert!(recorder.span("within both").is_child_of(&outer));
    let spans: Vec<_> = recorder.logs().into_iter().map(|log| log.span).collect();
    assert_eq!(
        spans,
        [None, Some(outer.context.clone()), Some(outer.context)]
    );
}

#[test]
fn a_maximum_level_is_a_filter_of_the_layer() {
    let recorder = Recorder::install();
    let output = Output::default();
    let _default = tracing_subscriber::registry()
        .with(
            crate::subscriber()
                .with_max_level(Level::INFO)
                .build_layer(),
        )
        .with(output.layer())
        .set_default();
    info_span!("outer").in_scope(|| {
        debug_span!("disabled").in_scope(|| {
            debug!("fine detail");
            drop(info_span!("inner"));
        });
        let disabled = debug_span!("disabled");
        drop(info_span!(parent: &disabled, "named"));
        disabled.follows_from(Span::current());
        disabled.record("no such field", 1);
    });
    assert!(output.contains("fine detail"));
    let outer = recorder.span("outer");
    assert!(recorder.span("inner").is_child_of(&outer));
    assert!(recorder.span("named").is_child_of(&outer));
    assert_eq!(recorder.spans().len(), 3);
    assert!(recorder.logs().is_empty());
}

#[test]
fn filter_of_all_layers_applies_to_the_host() {
    let recorder = Recorder::install();
    let output = Output::default();
    let _default = tracing_subscriber::registry()
        .with(output.layer())
        .with(crate::layer())
        .with(Targets::new().with_target("shop", Level::INFO))
        .set_default();
    info!(target: "shop", "wanted");
    info!(target: "other", "unwanted");
    assert!(output.contains("wanted") && !output.contains("unwanted"));
    assert_eq!(recorder.logs().len(), 1);
}

#[test]
fn logs_below_the_threshold_make_no_call_and_reach_other_layers() {
    let (recorder, output, _default) = info_to_host();
    recorder.set_log_threshold(Some(Severity::Warn));
    info!("first");
    let _ = recorder.take_calls();
    info!("second");
    assert!(output.contains("first") && output.contains("second"));
    assert_eq!(recorder.take_calls(), [""; 0]);
    assert!(recorder.logs().is_empty());
}

#[test]
fn a_parent_ends_after_its_children() {
    let (recorder, _, _default) = info_to_host();
    let outer = info_span!("outer");
    let inner = outer.in_scope(|| info_span!("inner"));
    inner.in_scope(|| drop(outer));
    assert!(!recorder.span("outer").ended);
    drop(inner);
    assert!(recorder.span("outer").ended && recorder.span("inner").ended);
    assert!(recorder.span("inner").is_child_of(&recorder.span("outer")));
}

#[test]
fn spans_of_a_filtered_layer_can_be_extended() {
    let (recorder, _, _default) = info_to_host();
    let remote = SpanContext::from_traceparent(
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "",
    )
    .expect("a valid header");
    let span = info_span!("continued");
    assert_eq!(span.set_parent(&remote), Ok(()));
    span.set_attribute("any.name", 1);
    assert!(span.context().is_some());
    drop(span);
    let span = recorder.span("continued");
    assert_eq!(span.parent, RecordedParent::Remote(remote));
    assert_eq!(span.attribute("any.name"), Some(&1.into()));
    assert_eq!(debug_span!("disabled").context(), None);
}
