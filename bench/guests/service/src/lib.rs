//! The benchmark's service. It prices orders, and records telemetry with each of the SDK's APIs.
//!
//! Without a feature there is no telemetry. The variants `direct`, `log`, `tracing` and
//! `opentelemetry` have the same instrumentation, as a user of that API would write it: a span with
//! four attributes, an event in it, a log with three attributes, a counter and a histogram.
//!
//! # A fair comparison
//!
//! The size of a variant must grow only by its telemetry. So in every variant the service does what
//! any service does: it allocates, formats its answer with `format!`, writes errors to standard
//! error, and may panic. The parts of the standard library for this are in the variant without
//! telemetry too. Everything else that a variant links (the crates `tracing` and `opentelemetry`,
//! the latter's clock, a `Mutex`) counts as telemetry.

mod instrumented;
mod order;

#[expect(unsafe_code, reason = "an exported function needs a linker name")]
mod exported {
    wit_bindgen::generate!({
        path: "wit",
        world: "service",
    });

    export!(Service with_types_in self);

    use super::Service;
}

struct Service;

impl exported::Guest for Service {
    fn handle(request: String) -> String {
        match order::Order::parse(&request) {
            Ok(order) => {
                let cents = instrumented::price(&order);
                let (euros, rest) = (cents / 100, cents % 100);
                format!(
                    "{} {} {} {euros}.{rest:02}",
                    order.id,
                    order.customer,
                    order.articles()
                )
            }
            Err(refused) => {
                eprintln!("{request}: {refused}");
                format!("refused: {refused}")
            }
        }
    }
}
