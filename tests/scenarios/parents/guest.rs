//! Parents of spans.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tracing::Instrument as _;
use wasmscope::{Scope, Span, Tracer};

static TRACER: Tracer = Tracer::new(Scope::new("parents"));

fn main() {
    let _telemetry = wasmscope::init();
    joined();
    out_of_order();
    leaked();
}

/// Futures that take turns: each is polled twice, in the middle of the other.
fn joined() {
    let outer = TRACER.enter("joins two futures");
    let (first, second) = (TRACER.start("first future"), TRACER.start("second future"));
    // Called explicitly, because `tracing::Instrument` adds a method of this name to every type.
    block_on_both(
        Span::instrument(&first, work("of the first")),
        Span::instrument(&second, work("of the second")),
    );
    drop((first, second));
    drop(outer);

    let outer = tracing::info_span!("joins two futures, by tracing");
    let _entered = outer.enter();
    block_on_both(
        work("of the third").instrument(tracing::info_span!("third future")),
        work("of the fourth").instrument(tracing::info_span!("fourth future")),
    );
}

async fn work(what: &str) {
    TRACER.start(&format!("before the turn, {what}")).end();
    Turn(false).await;
    TRACER.start(&format!("after the turn, {what}")).end();
}

/// Yields to the other future once.
struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        Poll::Pending
    }
}

fn block_on_both(first: impl Future<Output = ()>, second: impl Future<Output = ()>) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let mut context = Context::from_waker(Waker::noop());
    let (mut done, mut both) = (false, false);
    while !(done && both) {
        done = done || first.as_mut().poll(&mut context).is_ready();
        both = both || second.as_mut().poll(&mut context).is_ready();
    }
}

fn out_of_order() {
    let outer = TRACER.enter("outer, ends first");
    let inner = TRACER.enter("inner, ends later");
    drop(outer);
    TRACER.start("beneath the inner one still").end();
    drop(inner);
    TRACER.start("beneath neither").end();
}

fn leaked() {
    let caller = TRACER.enter("calls what leaks");
    callee();
    // The leaked span is active until the program ends. The caller's own span ends nevertheless.
    TRACER.start("beneath what was leaked").end();
    TRACER
        .span("beneath the caller, explicitly")
        .with_parent(&caller)
        .start()
        .end();
    drop(caller);
    TRACER
        .start("after the caller, beneath what was leaked")
        .end();
}

fn callee() {
    std::mem::forget(TRACER.enter("leaked by the callee"));
}
