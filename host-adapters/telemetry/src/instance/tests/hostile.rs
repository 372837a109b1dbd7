//! Makes calls in any order with any handles. Nothing may panic, and memory stays bounded.

use opentelemetry::trace::Status;
use proptest::prelude::*;

use super::*;
use crate::instance::Activity;
use crate::invocation::Outcome;
use crate::model::{BaggageEntry, BaggageHandle, LinkTarget, SpanLink};

/// The handle of a call.
#[derive(Debug, Clone)]
enum Handle {
    /// A valid handle, counted from the latest.
    Valid(usize),
    /// A valid handle with one bit flipped.
    Flipped(usize, u32),
    /// Any number.
    Any(u64),
}

#[derive(Debug, Clone)]
enum Call {
    Tracer(u8),
    Start {
        tracer: Handle,
        parent: u8,
        span: Handle,
        attributes: u8,
        time: Option<u64>,
        activate: bool,
    },
    Enter(Handle),
    Exit(Handle),
    Update {
        span: Handle,
        attributes: u8,
        links: u8,
        status: u8,
    },
    Event {
        span: Handle,
        attributes: u8,
        time: Option<u64>,
    },
    End {
        span: Handle,
        time: Option<u64>,
    },
    ContextOf(Handle),
    EnterBaggage(u8),
    ExitBaggage(Handle),
    Begin,
    Finish {
        depth: u32,
        outcome: u8,
    },
}

fn handle() -> impl Strategy<Value = Handle> {
    prop_oneof![
        8 => (0..40usize).prop_map(Handle::Valid),
        1 => (0..40usize, 0..64u32).prop_map(|(at, bit)| Handle::Flipped(at, bit)),
        1 => any::<u64>().prop_map(Handle::Any),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let time = || proptest::option::of(any::<u64>());
    prop_oneof![
        1 => any::<u8>().prop_map(Call::Tracer),
        6 => (handle(), 0..4u8, handle(), 0..12u8, time(), any::<bool>()).prop_map(
            |(tracer, parent, span, attributes, time, activate)| Call::Start {
                tracer, parent, span, attributes, time, activate,
            }
        ),
        3 => handle().prop_map(Call::Enter),
        2 => handle().prop_map(Call::Exit),
        3 => (handle(), 0..12u8, 0..5u8, 0..3u8).prop_map(|(span, attributes, links, status)| Call::Update {
            span, attributes, links, status,
        }),
        3 => (handle(), 0..12u8, time()).prop_map(|(span, attributes, time)| Call::Event { span, attributes, time }),
        3 => (handle(), time()).prop_map(|(span, time)| Call::End { span, time }),
        1 => handle().prop_map(Call::ContextOf),
        1 => any::<u8>().prop_map(Call::EnterBaggage),
        1 => handle().prop_map(Call::ExitBaggage),
        1 => Just(Call::Begin),
        1 => (0..4u32, 0..3u8).prop_map(|(depth, outcome)| Call::Finish { depth, outcome }),
    ]
}

fn limits() -> Limits {
    Limits {
        scopes: 3,
        scopes_per_provider: 2,
        open_spans: 5,
        entered_spans: 4,
        unrecorded_traces: 3,
        span_attributes: 6,
        span_events: 2,
        span_links: 2,
        event_attributes: 3,
        link_attributes: 1,
        span_bytes: 600,
        open_span_bytes: 1_500,
        baggage_scopes: 2,
        ..Limits::default()
    }
}

/// An instance with the handles that it has returned so far.
struct Driver {
    instance: Instance,
    tracers: Vec<u64>,
    spans: Vec<u64>,
    baggage: Vec<u64>,
}

impl Driver {
    fn pick(given: &[u64], handle: &Handle) -> u64 {
        let latest = |at: usize| {
            given
                .iter()
                .rev()
                .nth(at % given.len().max(1))
                .copied()
                .unwrap_or(0)
        };
        match handle {
            Handle::Valid(at) => latest(*at),
            Handle::Flipped(at, bit) => latest(*at) ^ 1 << bit,
            Handle::Any(handle) => *handle,
        }
    }

    fn make(&mut self, call: Call) {
        let span = |handle: &Handle| SpanHandle::from_bits(Self::pick(&self.spans, handle));
        let instance = &mut self.instance;
        match call {
            Call::Tracer(n) => {
                let scope = InstrumentationScope::builder(format!("scope {}", n % 5)).build();
                self.tracers.push(instance.tracer(scope).to_bits());
            }
            Call::Start {
                tracer,
                parent,
                span: reference,
                attributes,
                time,
                activate,
            } => {
                let parent = match parent {
                    0 => SpanReference::Ambient,
                    1 => SpanReference::None,
                    2 => SpanReference::Span(span(&reference)),
                    _ => SpanReference::Remote(remote(attributes)),
                };
                let begin = SpanStart {
                    attributes: numbered("a", attributes.into()),
                    start_time: time,
                    activate,
                    ..start(
                        TracerHandle::from_bits(Self::pick(&self.tracers, &tracer)),
                        "span",
                        parent,
                    )
                };
                let started = instance.start_span(begin);
                self.spans.push(started.to_bits());
            }
            Call::Enter(handle) => {
                instance.enter_span(span(&handle));
            }
            Call::Exit(handle) => {
                instance.exit_span(span(&handle));
            }
            Call::Update {
                span: handle,
                attributes,
                links,
                status,
            } => {
                let link = |n| {
                    let target = if n % 2 == 0 {
                        LinkTarget::Span(span(&handle))
                    } else {
                        LinkTarget::Remote(remote(1))
                    };
                    SpanLink {
                        target,
                        attributes: numbered("l", n),
                    }
                };
                let links = (0..links.into()).map(link).collect();
                let status = match status {
                    0 => Status::Unset,
                    1 => Status::Ok,
                    _ => Status::error("e"),
                };
                let attributes = numbered("b", attributes.into());
                instance.update_span(
                    span(&handle),
                    SpanChanges {
                        name: None,
                        status,
                        attributes,
                        links,
                    },
                );
            }
            Call::Event {
                span: handle,
                attributes,
                time,
            } => {
                let attributes = numbered("c", attributes.into());
                instance.span_event(
                    span(&handle),
                    SpanEvent {
                        name: "e".into(),
                        attributes,
                        time,
                    },
                );
            }
            Call::End { span: handle, time } => {
                instance.end_span(span(&handle), SpanChanges::default(), time);
            }
            Call::ContextOf(handle) => drop(instance.span_context(span(&handle))),
            Call::EnterBaggage(n) => {
                let entry = BaggageEntry {
                    key: format!("k{n}"),
                    value: String::new(),
                    metadata: String::new(),
                };
                self.baggage
                    .push(instance.enter_baggage(vec![entry]).to_bits());
            }
            Call::ExitBaggage(handle) => {
                let scope = Self::pick(&self.baggage, &handle);
                instance.exit_baggage(BaggageHandle::from_bits(scope));
            }
            Call::Begin if instance.activity.lock().invocations.len() < 3 => {
                instance.begin_invocation(InvocationOptions::default());
            }
            Call::Begin => {}
            Call::Finish { depth, outcome } => {
                let outcome = [Outcome::Ok, Outcome::Killed, Outcome::Exit { code: 1 }]
                    [usize::from(outcome)]
                .clone();
                instance.finish_invocation(depth, &outcome);
            }
        }
    }

    fn check(&self) {
        let activity = self.instance.activity.lock();
        let Activity {
            spans,
            unrecorded,
            entered,
            invocations,
            baggage,
            tracers,
            ended,
            ..
        } = &*activity;
        assert!(!*ended || spans.sizes().1 == 0);
        let (slots, open) = spans.sizes();
        assert!(open <= 5 && slots <= 5 + 65, "{open} open, {slots} slots");
        assert!(spans.bytes() <= 1_500);
        assert!(unrecorded.len() <= 3 && tracers.iter().count() <= 3);
        assert!(entered.len() <= 4 + invocations.len());
        assert!(baggage.len() <= 2 + invocations.len());
        if open == 0 {
            assert_eq!(spans.bytes(), 0);
        }
    }
}

proptest! {
    #[test]
    fn no_order_of_calls_panics_or_grows_without_bound(
        calls in proptest::collection::vec(call(), 1..300),
        sampled in any::<bool>(),
        ended_after in 0..600usize,
    ) {
        let sampler = if sampled { Sampler::AlwaysOn } else { Sampler::TraceIdRatioBased(0.5) };
        let bench = Bench::with(sampler, limits());
        let mut driver = Driver {
            instance: bench.instance(),
            tracers: Vec::new(),
            spans: Vec::new(),
            baggage: Vec::new(),
        };
        driver.make(Call::Tracer(0));
        let ender = driver.instance.ender();
        for (at, call) in calls.into_iter().enumerate() {
            if at == ended_after {
                prop_assert!(ender.end(&Outcome::Timeout));
            }
            driver.make(call);
            driver.check();
        }
        drop(driver);
        for span in bench.spans() {
            prop_assert!(span.end_time >= span.start_time);
            prop_assert!(span.attributes.len() <= 6 && span.events.len() <= 2 && span.links.len() <= 2);
        }
        prop_assert!(bench.telemetry.0.cached_tracers() <= 2);
    }
}
