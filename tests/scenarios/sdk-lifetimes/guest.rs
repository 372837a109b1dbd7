//! Spans of `tracing` that are used long after they were made, or never.

use std::future::{Future as _, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tracing::{Instrument as _, info_span};
use wasmscope::subscriber::SpanExt as _;
use wasmscope::{SpanContext, Tracer};

static TRACER: Tracer = wasmscope::tracer!();

fn main() {
    let _telemetry = wasmscope::init();
    // Made and dropped. Its end comes after the end of the span in between.
    let never_entered = info_span!("never entered");
    let before = TRACER.enter("between");
    drop(before);
    drop(never_entered);

    // Outside of all other spans when they are made, and entered within another.
    let outer = info_span!("made first");
    let inner = info_span!(parent: &outer, "made second");
    {
        let _elsewhere = TRACER.enter("elsewhere");
        inner.in_scope(|| {});
        outer.in_scope(|| {});
    }
    drop((inner, outer));

    // Polled after its surrounding span and a hundred others have ended.
    let mut tasks: Vec<_> = info_span!("spawns").in_scope(|| {
        let span = info_span!("polled later");
        vec![Box::pin(ready(()).instrument(span))]
    });
    for _ in 0..100 {
        drop(TRACER.start("filler"));
    }
    for task in &mut tasks {
        let poll = pin!(task).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(poll, Poll::Ready(()));
    }

    // A remote parent may be set after other spans have been made.
    let message = info_span!("message");
    drop(info_span!("read"));
    let sender = SpanContext::from_traceparent(
        "00-0000000000000000000000000000000a-000000000000000b-01",
        "",
    );
    message
        .set_parent(&sender.expect("a valid header"))
        .expect("it has not been used");
    message.in_scope(|| {});
}
