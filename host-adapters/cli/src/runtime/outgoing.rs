//! The client for the HTTP requests of guests.

use crate::args::Program;
use crate::messages::{on_one_line, say_apart};
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

/// Says why a request was refused. There are few such warnings.
fn warn(refusal: &Refusal) {
    let reason = on_one_line(&message(refusal));
    let mut text = format!("wasmscope: warning: {reason}");
    if refusal.is_last {
        text += "\nwasmscope: warning: further hosts that are refused are not listed";
    }
    say_apart(text);
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
