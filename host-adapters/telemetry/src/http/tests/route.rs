//! Tests of the route, and of other things that a guest sets on the span of its request.

use opentelemetry::trace::{SpanId, Status};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::SpanData;

use super::{Host, UNSAMPLED, attribute_of, get, text};
use crate::dropped::Reason;
use crate::instance::Instance;
use crate::invocation::{Invocation, InvocationOptions, Outcome};
use crate::model::{SpanChanges, SpanEvent, SpanHandle, SpanReference, SpanStart, TracerHandle};

const POINT: &str = "http.request.method=GET http.response.status_code=200 \
                     network.protocol.version=1.1 url.scheme=http";

/// Answers a request with 200, and returns its span.
fn answer(
    host: &Host,
    options: InvocationOptions,
    guest: impl FnOnce(&mut Invocation<Instance>),
) -> Vec<SpanData> {
    let telemetry = &host.telemetry;
    let mut active = telemetry.start_server_request("shop", &get(), options);
    let span = active.take_span().unwrap();
    let mut call = Invocation::begin_in(telemetry.instance("shop"), span);
    guest(&mut call);
    let (_, span) = call.hand_over(&Outcome::Ok);
    active.return_span(span);
    active.set_status(200);
    drop(active);
    host.spans()
}

fn set(attributes: Vec<KeyValue>) -> SpanChanges {
    SpanChanges {
        attributes,
        ..SpanChanges::default()
    }
}

fn route(route: &'static str) -> SpanChanges {
    set(vec![KeyValue::new("http.route", route)])
}

fn tracer(instance: &mut Instance) -> TracerHandle {
    instance.tracer(InstrumentationScope::builder("guest").build())
}

fn server_span(instance: &mut Instance, attributes: Vec<KeyValue>) -> SpanHandle {
    let tracer = tracer(instance);
    instance.start_span(SpanStart {
        tracer,
        name: "handle".into(),
        kind: opentelemetry::trace::SpanKind::Server,
        parent: SpanReference::Ambient,
        attributes,
        start_time: None,
        activate: true,
    })
}

fn duration_points(host: &Host) -> Vec<String> {
    host.points("http.server.request.duration")
}

fn dropped(host: &Host) -> Vec<(&'static str, u64)> {
    let dropped = host.telemetry.dropped().snapshot();
    let reasons = dropped.iter();
    reasons
        .map(|one| (one.reason.as_str(), one.count))
        .collect()
}

#[test]
fn a_route_names_the_span_and_is_in_the_metrics() {
    let host = Host::new();
    let spans = answer(&host, InvocationOptions::default(), |guest| {
        let span = guest.invocation_span();
        assert_eq!(guest.invocation_span(), span);
        guest.update_span(span, route("/orders/{id}"));
        guest.update_span(span, set(vec![KeyValue::new("order.id", 7)]));
        guest.span_event(
            span,
            SpanEvent {
                name: "found".into(),
                attributes: Vec::new(),
                time: None,
            },
        );
    });
    assert_eq!(spans[0].name, "GET /orders/{id}");
    assert_eq!(spans[0].events[0].name, "found");
    let found = text(spans[0].attributes.iter());
    assert!(found.contains("http.route=/orders/{id} "), "{found}");
    assert!(found.contains("order.id=7 "), "{found}");
    assert_eq!(
        duration_points(&host),
        [POINT.replace("network", "http.route=/orders/{id} network")]
    );
    assert_eq!(
        host.points("http.server.active_requests").last().unwrap(),
        "http.request.method=GET url.scheme=http 0",
        "the route is not known when a request begins"
    );
    assert_eq!(dropped(&host), []);
}

#[test]
fn a_route_is_in_the_metrics_of_a_request_that_is_not_recorded() {
    let host = Host::new();
    let options = InvocationOptions::default().with_traceparent(UNSAMPLED);
    let spans = answer(&host, options, |guest| {
        let span = guest.invocation_span();
        assert!(span.is_recorded(), "guests send nothing about other spans");
        let changes = SpanChanges {
            attributes: vec![
                KeyValue::new("http.route", "/orders"),
                KeyValue::new("lost", true),
            ],
            ..SpanChanges::default()
        };
        guest.update_span(span, changes);
    });
    assert_eq!(spans.len(), 0);
    let expected = POINT.replace("network", "http.route=/orders network");
    assert_eq!(duration_points(&host), [expected]);
    assert_eq!(dropped(&host), []);
}

#[test]
fn the_route_of_the_outermost_server_span_is_taken_over() {
    // At the start, in an update, and left open.
    for when in 0..3 {
        let host = Host::new();
        let spans = answer(&host, InvocationOptions::default(), |guest| {
            let at_start = if when == 0 {
                route("/taken").attributes
            } else {
                Vec::new()
            };
            let outer = server_span(guest, at_start);
            let inner = server_span(guest, route("/inner").attributes);
            guest.end_span(inner, SpanChanges::default(), None);
            if when > 0 {
                guest.update_span(outer, route("/taken"));
            }
            if when < 2 {
                guest.end_span(outer, SpanChanges::default(), None);
            }
        });
        assert_eq!(spans.last().unwrap().name, "GET /taken", "{when}");
        let expected = POINT.replace("network", "http.route=/taken network");
        assert_eq!(duration_points(&host), [expected]);
    }
}

#[test]
fn an_own_route_and_an_own_name_have_precedence() {
    let host = Host::new();
    let spans = answer(&host, InvocationOptions::default(), |guest| {
        let span = guest.invocation_span();
        guest.update_span(span, route("/own"));
        let name = SpanChanges {
            name: Some("named".into()),
            ..SpanChanges::default()
        };
        guest.update_span(span, name);
        server_span(guest, route("/taken").attributes);
    });
    let span = spans.last().unwrap();
    assert_eq!(span.name, "named");
    assert_eq!(attribute_of(span, "http.route").unwrap().as_str(), "/own");
}

#[test]
fn only_texts_are_routes() {
    let host = Host::new();
    let spans = answer(&host, InvocationOptions::default(), |guest| {
        let span = guest.invocation_span();
        guest.update_span(span, route(""));
        guest.update_span(span, set(vec![KeyValue::new("http.route", 1)]));
    });
    assert_eq!(spans[0].name, "GET");
    assert_eq!(duration_points(&host), [POINT]);
}

#[test]
fn a_guest_cannot_invent_any_number_of_routes() {
    let host = Host::new();
    let routes = host.telemetry.limits().http_routes as u64;
    for number in 0..routes + 3 {
        answer(&host, InvocationOptions::default(), |guest| {
            let span = guest.invocation_span();
            let route = KeyValue::new("http.route", format!("/{number}"));
            guest.update_span(span, set(vec![route]));
        });
    }
    assert_eq!(dropped(&host), [(Reason::HttpRoutes.as_str(), 3)]);
    let points = duration_points(&host);
    assert_eq!(points.len() as u64, routes + 1, "one has no route");
    let last = host.spans().pop().unwrap();
    assert_eq!(last.name, format!("GET /{}", routes + 2));
}

#[test]
fn the_host_keeps_its_own() {
    let host = Host::new();
    let mut stale = SpanHandle::NONE;
    let spans = answer(&host, InvocationOptions::default(), |guest| {
        let span = guest.invocation_span();
        stale = span;
        let changes = SpanChanges {
            status: Status::Ok,
            ..set(vec![
                KeyValue::new("url.path", "/forged"),
                KeyValue::new("http.response.status_code", 1),
                KeyValue::new("own", 1),
            ])
        };
        guest.update_span(span, changes);
        guest.enter_span(span);
        guest.exit_span(span);
        guest.end_span(span, set(vec![KeyValue::new("late", 1)]), None);
        // Its context is known, so it can be a parent.
        let context = guest.span_context(span).unwrap();
        assert_eq!(Some(context), guest.current_context());
        let tracer = tracer(guest);
        let child = guest.start_span(SpanStart {
            tracer,
            name: "child".into(),
            kind: opentelemetry::trace::SpanKind::Internal,
            parent: SpanReference::Span(span),
            attributes: Vec::new(),
            start_time: None,
            activate: false,
        });
        guest.end_span(child, SpanChanges::default(), None);
        // Handles of the same form are not known.
        let guess = SpanHandle::from_bits(span.to_bits() ^ 1 << 40);
        guest.update_span(guess, route("/guessed"));
        guest.end_span(guess, SpanChanges::default(), None);
    });
    let [child, request] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(child.parent_span_id, request.span_context.span_id());
    assert_ne!(request.span_context.span_id(), SpanId::INVALID);
    assert_eq!(request.status, Status::Ok);
    assert_eq!(request.name, "GET");
    let found = text(request.attributes.iter());
    assert!(found.contains("url.path=/orders"), "{found}");
    assert!(found.contains("http.response.status_code=200"), "{found}");
    assert!(found.contains("own=1"), "{found}");
    assert!(!found.contains("late"), "{found}");
    assert_eq!(
        dropped(&host),
        [
            (Reason::WrongHandle.as_str(), 2),
            (Reason::HostSpan.as_str(), 3),
            (Reason::HostAttribute.as_str(), 2),
        ]
    );
    let mut later = host.telemetry.instance("shop");
    later.update_span(stale, route("/later"));
    assert_eq!(dropped(&host)[0], (Reason::WrongHandle.as_str(), 3));
}

#[test]
fn what_a_guest_sets_is_bounded() {
    for host in [Host::new(), Host::with_high_limits()] {
        let limits = host.telemetry.limits().clone();
        let spans = answer(&host, InvocationOptions::default(), |guest| {
            let span = guest.invocation_span();
            for number in 0..limits.span_attributes + 5 {
                let attribute = KeyValue::new(format!("key{number}"), "x".repeat(10));
                guest.update_span(span, set(vec![attribute]));
            }
            for length in [1000, 0] {
                for _ in 0..limits.span_events + 5 {
                    let event = SpanEvent {
                        name: "event".into(),
                        attributes: vec![KeyValue::new("long", "x".repeat(length))],
                        time: None,
                    };
                    guest.span_event(span, event);
                }
            }
        });
        let span = &spans[0];
        let bytes: usize = span
            .events
            .iter()
            .map(|event| 1000 * event.attributes.len())
            .sum();
        assert!(bytes < limits.span_bytes, "{bytes}");
        assert!(span.events.len() <= limits.span_events);
        assert!(span.events.iter().all(|event| !event.name.is_empty()));
        let mut attributes = span.attributes.iter();
        assert!(attributes.all(|attribute| !attribute.key.as_str().is_empty()));
        let reasons: Vec<_> = dropped(&host).iter().map(|(reason, _)| *reason).collect();
        assert!(reasons.contains(&"span_attributes"), "{reasons:?}");
        assert!(reasons.contains(&"span_bytes"), "{reasons:?}");
        // The host's own attributes have their place.
        assert!(attribute_of(span, "http.response.status_code").is_some());
    }
}

#[test]
fn an_instance_that_is_used_again_has_all_its_bytes() {
    let host = Host::new();
    let telemetry = &host.telemetry;
    let mut instance = telemetry.instance("shop");
    let each = telemetry.limits().span_bytes;
    for _ in 0..telemetry.limits().open_span_bytes / each + 1 {
        let options = InvocationOptions::default();
        let mut active = telemetry.start_server_request("shop", &get(), options);
        let span = active.take_span().unwrap();
        let mut call = Invocation::begin_in(&mut instance, span);
        let span = call.invocation_span();
        for key in ["a", "b", "c"] {
            let attribute = KeyValue::new(key, "x".repeat(16_000));
            call.update_span(span, set(vec![attribute]));
        }
        let (_, span) = call.hand_over(&Outcome::Ok);
        active.return_span(span);
    }
    assert_eq!(dropped(&host), []);
}

#[test]
fn a_guest_that_is_stuck_has_its_route() {
    let host = Host::new();
    let telemetry = &host.telemetry;
    let options = InvocationOptions::default();
    let mut active = telemetry.start_server_request("shop", &get(), options);
    let span = active.take_span().unwrap();
    let instance = telemetry.instance("shop");
    let ender = instance.ender();
    let mut call = Invocation::begin_in(instance, span);
    let span = call.invocation_span();
    call.update_span(span, route("/slow"));
    assert!(ender.end(&Outcome::Timeout));
    assert_eq!(host.spans()[0].name, "GET /slow");
    let (_, span) = call.hand_over(&Outcome::Ok);
    active.return_span(span);
}

#[test]
fn an_error_of_the_host_replaces_the_status_of_the_guest() {
    let errors = [
        (Status::Ok, 500, Status::error("")),
        (Status::error("why"), 500, Status::error("why")),
        (Status::error("why"), 404, Status::error("why")),
        (Status::Ok, 404, Status::Ok),
    ];
    for (of_guest, code, expected) in errors {
        let host = Host::new();
        let telemetry = &host.telemetry;
        let options = InvocationOptions::default();
        let mut active = telemetry.start_server_request("shop", &get(), options);
        let span = active.take_span().unwrap();
        let mut call = Invocation::begin_in(telemetry.instance("shop"), span);
        let span = call.invocation_span();
        let status = SpanChanges {
            status: of_guest,
            ..SpanChanges::default()
        };
        call.update_span(span, status);
        let (_, span) = call.hand_over(&Outcome::Ok);
        active.return_span(span);
        active.set_status(code);
        drop(active);
        assert_eq!(host.spans()[0].status, expected, "{code}");
    }
}

#[test]
fn a_call_that_is_no_request_has_no_route() {
    let host = Host::new();
    let instance = host.telemetry.instance("job");
    let options = InvocationOptions::default().with_name("job");
    let mut call = Invocation::begin(instance, options);
    let span = call.invocation_span();
    call.update_span(span, route("/not/a/route"));
    call.finish(Outcome::Ok);
    let spans = host.spans();
    assert_eq!(spans[0].name, "job");
    let found = attribute_of(&spans[0], "http.route").unwrap();
    assert_eq!(found.as_str(), "/not/a/route");
    // Nothing would be kept.
    let options = InvocationOptions::default().with_traceparent(UNSAMPLED);
    let mut call = Invocation::begin(host.telemetry.instance("job"), options);
    assert_eq!(call.invocation_span(), SpanHandle::NONE);
    call.finish(Outcome::Ok);
    let mut idle = host.telemetry.instance("job");
    assert_eq!(idle.invocation_span(), SpanHandle::NONE);
}
