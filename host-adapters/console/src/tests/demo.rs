//! Snapshots of a realistic run of the checkout demo.

use opentelemetry::logs::{AnyValue, LogRecord as _, Severity};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceFlags};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SpanData;
use wasmscope_otlp::memory::MemoryExporter;

use super::fixture::{
    context, emit, event, export, guest_scope, link, resource, scope, span, text, trace_id,
};
use crate::{Style, render};

/// Some orders: one is rejected, one is priced by another component.
pub(super) fn checkout() -> MemoryExporter {
    let collector = MemoryExporter::default();
    export(&collector, spans());
    logs(&collector);
    metrics(&collector);
    collector
}

fn spans() -> Vec<SpanData> {
    let mut spans = Vec::new();
    for order in 0..6 {
        let from = 400 + order * 1_500;
        let id = 0x10 + order * 0x10;
        let mut process = span(id, 2, "process_order", from, from + 1_300);
        process.attributes = vec![
            KeyValue::new("order.id", format!("A-{}", 1000 + order)),
            KeyValue::new("order.lines", 3),
        ];
        let mut parse = span(id + 1, id, "parse", from + 12, from + 12 + 31);
        parse.attributes = vec![KeyValue::new("input.bytes", 212 + i64::from(order as u8))];
        let mut price = span(id + 2, id, "price", from + 60, from + 760);
        price.instrumentation_scope = guest_scope("pricing", "pricing");
        price.span_kind = SpanKind::Client;
        price.attributes = vec![
            KeyValue::new("currency", "EUR"),
            KeyValue::new("discount", 0.05),
        ];
        if order == 4 {
            price.status = Status::error("no price for SKU \"TEA-9\"");
            event(
                &mut price,
                "exception",
                from + 700,
                vec![
                    KeyValue::new("exception.type", "UnknownSku"),
                    KeyValue::new("exception.message", "no price for SKU \"TEA-9\""),
                ],
            );
            process.status = Status::error("rejected");
        } else {
            process.status = Status::Ok;
            let mut receipt = span(id + 3, id, "write_receipt", from + 800, from + 1_290);
            link(
                &mut receipt,
                context(1, id + 1),
                vec![KeyValue::new("link.reason", "parsed from")],
            );
            spans.push(receipt);
        }
        spans.extend([parse, price, process]);
    }
    let mut main = span(2, 1, "checkout", 310, 11_900);
    main.attributes = vec![
        KeyValue::new("orders.file", "orders.jsonl"),
        KeyValue::new(
            "regions",
            Value::Array(Array::String(
                ["eu-west", "us east"].map(StringValue::from).to_vec(),
            )),
        ),
    ];
    let mut host = span(1, 0, "run checkout", 0, 12_400);
    host.instrumentation_scope = scope("wasmscope", "0.1.0");
    host.attributes = vec![
        KeyValue::new("wasmscope.component.name", "checkout"),
        KeyValue::new("wasmscope.outcome", "ok"),
    ];
    spans.extend([main, host]);
    spans
}

fn logs(collector: &MemoryExporter) {
    let here = |span: u64| (trace_id(1), SpanId::from(span), Some(TraceFlags::SAMPLED));
    emit(
        collector,
        scope("checkout", "0.1.0"),
        330,
        Severity::Info,
        |record| {
            record.set_body(text("reading orders from orders.jsonl"));
            let (trace, span, flags) = here(2);
            record.set_trace_context(trace, span, flags);
        },
    );
    emit(
        collector,
        scope("checkout::orders", ""),
        7_110,
        Severity::Warn,
        |record| {
            record.set_event_name("order.rejected");
            record.set_body(AnyValue::Map(Box::new(
                [
                    ("order".into(), text("A-1004")),
                    (
                        "lines".into(),
                        AnyValue::ListAny(Box::new(vec![
                            AnyValue::Int(3),
                            AnyValue::Boolean(true),
                            AnyValue::Bytes(Box::new(vec![0xde, 0xad])),
                        ])),
                    ),
                ]
                .into_iter()
                .collect(),
            )));
            record.add_attribute("reason", "no price for SKU \"TEA-9\"");
            record.add_attribute("line", 5);
            let (trace, span, flags) = here(0x50);
            record.set_trace_context(trace, span, flags);
        },
    );
    emit(
        collector,
        scope("checkout", "0.1.0"),
        11_850,
        Severity::Info2,
        |record| {
            record.set_severity_text("NOTICE");
            record.set_body(text("done"));
            record.add_attribute("orders", 6);
        },
    );
}

fn metrics(collector: &MemoryExporter) {
    let reader = opentelemetry_sdk::metrics::PeriodicReader::builder(collector.clone()).build();
    let provider = SdkMeterProvider::builder()
        .with_resource(resource())
        .with_reader(reader)
        .build();
    let meter = provider.meter_with_scope(scope("checkout", "0.1.0"));
    let orders = meter
        .u64_counter("checkout.orders")
        .with_unit("{order}")
        .with_description("Orders that were read, by outcome")
        .build();
    orders.add(5, &[KeyValue::new("outcome", "accepted")]);
    orders.add(1, &[KeyValue::new("outcome", "rejected")]);
    meter
        .i64_up_down_counter("checkout.stock")
        .build()
        .add(-3, &[KeyValue::new("sku", "TEA-1")]);
    meter
        .f64_gauge("checkout.rate")
        .with_description("The exchange rate in use")
        .build()
        .record(1.0825, &[KeyValue::new("currency", "USD")]);
    let total = meter
        .f64_histogram("checkout.total")
        .with_unit("EUR")
        .with_description("What an order costs")
        .with_boundaries(vec![5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0])
        .build();
    for value in [8.5, 12.0, 19.9, 21.0, 24.9, 31.0, 44.0, 48.5, 61.0, 180.0] {
        total.record(value, &[KeyValue::new("region", "eu-west")]);
    }
    total.record(12_000.0, &[KeyValue::new("region", "us east")]);
    provider
        .meter_with_scope(scope("wasmscope", "0.1.0"))
        .u64_counter("wasmscope.dropped")
        .with_unit("{item}")
        .build()
        .add(
            2,
            &[
                KeyValue::new("wasmscope.signal", "traces"),
                KeyValue::new("wasmscope.reason", "attributes"),
            ],
        );
    provider.shutdown().expect("the collector takes everything");
}

#[test]
fn a_run_of_the_demo_reads_well_in_a_file() {
    insta::assert_snapshot!(render(&checkout(), &Style::default()));
}

#[test]
fn a_run_of_the_demo_reads_well_in_a_terminal() {
    let style = Style {
        color: true,
        repeats: Some(3),
        ..Style::default()
    };
    let text = render(&checkout(), &style);
    // Escape codes are spelt out to keep the snapshot text.
    insta::assert_snapshot!(text.replace('\u{1b}', "␛"));
}

#[test]
fn a_run_of_the_demo_reads_well_on_a_narrow_terminal_without_unicode() {
    let style = Style {
        unicode: false,
        width: 60,
        repeats: Some(2),
        ..Style::default()
    };
    let text = render(&checkout(), &style);
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}
