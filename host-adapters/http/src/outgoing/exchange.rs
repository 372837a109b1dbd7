//! A request under way, with its span.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedSemaphorePermit;
use wasmscope_telemetry::http::ActiveClientRequest;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

use crate::error_code;

/// The `error.type` of a request that the guest dropped before its response.
const CANCELLED: &str = "cancelled";

/// A request under way. It ends when it is dropped, or earlier.
#[derive(Debug)]
pub(super) struct Exchange(Arc<Mutex<Option<State>>>);

#[derive(Debug)]
struct State {
    request: ActiveClientRequest,
    has_response: bool,
    /// Counts it towards the limit of its host.
    host: Option<OwnedSemaphorePermit>,
    /// Counts it towards the limit of all requests. The body of the request shares it.
    under_way: Option<Arc<OwnedSemaphorePermit>>,
}

impl State {
    fn end(mut self) {
        if !self.has_response {
            // Of several errors, the first one counts.
            self.request.set_error(CANCELLED);
        }
    }
}

impl Exchange {
    pub(super) fn new(request: ActiveClientRequest) -> Self {
        Self(Arc::new(Mutex::new(Some(State {
            request,
            has_response: false,
            host: None,
            under_way: None,
        }))))
    }

    fn with(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = &mut *state {
            change(state);
        }
    }

    /// Counts it towards the limit of its host until the end.
    pub(super) fn count_for_host(&self, permit: OwnedSemaphorePermit) {
        self.with(|state| state.host = Some(permit));
    }

    /// Counts it towards the limit of all requests until the end.
    pub(super) fn count(&self, permit: Arc<OwnedSemaphorePermit>) {
        self.with(|state| state.under_way = Some(permit));
    }

    pub(super) fn set_response(&self, status: u16, version: &'static str) {
        self.with(|state| {
            state.has_response = true;
            state.request.set_response(status, version);
        });
    }

    /// Ends it with an error.
    pub(super) fn fail(self, code: &ErrorCode) {
        self.with(|state| state.request.set_error(error_code::name(code)));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        end(&self.0);
    }
}

fn end(state: &Mutex<Option<State>>) {
    let state = state.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(state) = state {
        state.end();
    }
}

/// The requests under way of a guest.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    open: Vec<Weak<Mutex<Option<State>>>>,
    /// The length at which those that have ended are removed.
    sweep_at: usize,
}

impl Exchanges {
    pub(super) fn add(&mut self, exchange: &Exchange) {
        if self.open.len() >= self.sweep_at {
            self.open.retain(|open| open.strong_count() > 0);
            self.sweep_at = (self.open.len() * 2).max(16);
        }
        self.open.push(Arc::downgrade(&exchange.0));
    }

    /// Ends all spans. The requests themselves end when the guest's resources are dropped, which
    /// may take effect later.
    pub(super) fn end(&mut self) {
        for open in self.open.drain(..) {
            if let Some(state) = open.upgrade() {
                end(&state);
            }
        }
    }
}
