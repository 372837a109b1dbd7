//! The benchmark's guest. It repeats operations with each of the SDK's APIs. The native SDK records
//! the same telemetry with `api.rs`, which the benchmark shares.

mod api;
mod by_opentelemetry;
mod by_tracing;
mod direct;

#[expect(unsafe_code, reason = "an exported function needs a linker name")]
mod exported {
    wit_bindgen::generate!({
        path: "wit",
        world: "rows",
    });

    export!(Rows with_types_in self);

    use super::Rows;
}

struct Rows;

impl exported::Guest for Rows {
    fn run(row: String, times: u32) -> bool {
        if row.ends_with(by_tracing::DEFERRED) {
            by_tracing::defer();
        }
        let _telemetry = wasmscope::init();
        let Some(row) = row_of(&row) else {
            return false;
        };
        row(times);
        true
    }
}

/// Performs an operation `times` times.
type Row = fn(u32);

fn row_of(name: &str) -> Option<Row> {
    Some(match name {
        "nothing" => |times| api::repeat(times, |_| ()),
        "span, direct" => direct::span,
        "nested spans, direct" => direct::nested,
        "log, direct" => direct::log,
        "log below the level, direct" => direct::log_below,
        "counter, direct" => direct::counter,
        "bound counter, direct" => direct::bound_counter,
        "histogram, direct" => direct::histogram,
        "bound histogram, direct" => direct::bound_histogram,
        "span, tracing" => by_tracing::span,
        "span, tracing, deferred" => by_tracing::span,
        "nested spans, tracing, deferred" => by_tracing::nested,
        "nested spans, tracing" => by_tracing::nested,
        "log, tracing" => by_tracing::log,
        "log below the level, tracing" => by_tracing::log_below,
        "span, opentelemetry" => by_opentelemetry::span,
        "nested spans, opentelemetry" => by_opentelemetry::nested,
        "log, opentelemetry" => by_opentelemetry::log,
        "log below the level, opentelemetry" => by_opentelemetry::log_below,
        "counter, opentelemetry" => by_opentelemetry::counter,
        "histogram, opentelemetry" => by_opentelemetry::histogram,
        _ => return None,
    })
}
