//! The client for the HTTP requests of guests.

use crate::args::Program;
use crate::messages::{on_one_line, say};
use wasmscope_http::outgoing::{Client, Limits, Policy, Refusal, RefusalReason};
use wasmscope_telemetry::Propagation;

/// Creates the client, which has up to a number of connections. It warns about requests that the
/// options do not allow.
pub(super) fn client(program: &Program, propagation: Propagation, connections: usize) -> Client {
    let mut policy = Policy::default();
    policy.allow = program.outbound.clone();
    policy.allow_all = program.network;
    policy.allow_private = program.outbound_private;
    policy.propagation = propagation;
    let propagate_to = &program.propagate_to;
    policy.propagate_to = (!propagate_to.is_empty()).then(|| propagate_to.clone());
    let mut limits = Limits::default();
    limits.connections = connections;
    let client = Client::builder(policy).limits(limits);
    client.on_refusal(warn).build()
}

/// Returns how many connections the client should have.
pub(super) fn connections(program: &Program) -> usize {
    let may_connect = program.network || !program.outbound.is_empty();
    if may_connect {
        Limits::default().connections
    } else {
        0
    }
}

/// Says why a request was refused. On a thread of its own, because nobody may read that, and
/// guests share theirs. There are few such warnings.
fn warn(refusal: &Refusal) {
    let message = on_one_line(&message(refusal));
    let is_last = refusal.is_last;
    let _ = std::thread::Builder::new().spawn(move || {
        say!("wasmscope: warning: {message}");
        if is_last {
            say!("wasmscope: warning: further hosts that are refused are not listed");
        }
    });
}

fn message(refusal: &Refusal) -> String {
    let Refusal {
        destination, rule, ..
    } = refusal;
    match refusal.reason {
        RefusalReason::PrivateAddress(address) => format!(
            "an HTTP request to {destination} was refused: its address {address} is not on the public internet; to allow it, add --outbound {rule}, or --outbound-private for all such addresses"
        ),
        RefusalReason::NotAllowed => format!(
            "an HTTP request to {destination} was refused; to allow it, add --outbound {rule}"
        ),
    }
}
