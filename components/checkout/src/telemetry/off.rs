//! Does nothing.

use crate::order::{Order, Rejection};
use crate::pricing::Receipt;
use crate::stock::Stock;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Replaces the guard of the telemetry.
pub(crate) struct Silence;

pub(crate) fn start(_: &Rc<RefCell<Stock>>) -> Silence {
    Silence
}

pub(crate) fn carried_out(_: &Receipt, _: Duration) {}
pub(crate) fn rejected(_: &Rejection) {}
pub(crate) fn link_to_request(_: &str) {}
pub(crate) fn order_log(_: &Order, _: &Receipt) {}
