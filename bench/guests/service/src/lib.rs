//! The service that the bench measures: it prices orders, with each of the SDK's APIs.
//!
//! Without a feature there is no telemetry; `direct`, `log`, `tracing` and `opentelemetry` have the same instrumentation each, as a
//! user of that API would write it: a span with four attributes, an event in it, a log with three attributes, a counter and a
//! histogram.
//!
//! # What is fair
//!
//! What a variant is larger by is to be the telemetry's, and nothing else. So the service does in every variant what
//! any service does: it allocates, formats its answer with `format!`, writes what went wrong to standard error, and may panic.
//! What the standard library needs for that is in the variant without telemetry too. Whatever else a variant links
//! (the crates `tracing` and `opentelemetry`, the clock that the latter reads, a `Mutex`) counts as telemetry.

mod instrumented;
mod order;

#[expect(
    unsafe_code,
    reason = "what exports a function has to name it for the linker"
)]
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
