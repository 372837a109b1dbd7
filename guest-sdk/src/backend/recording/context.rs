//! The interface `context`, recording.

use super::traces::Traces;
use crate::types::{BaggageEntry, BaggageHandle, Handle, Notice, SpanContext, SpanReference};

#[derive(Default)]
pub(crate) struct Context {
    /// The baggage that came with the call.
    pub(crate) host: Vec<BaggageEntry>,
    entered: Vec<(u64, Vec<BaggageEntry>)>,
    scopes: u64,
}

impl Context {
    pub(crate) fn current(&self) -> Vec<BaggageEntry> {
        match self.entered.last() {
            Some((_, entries)) => entries.clone(),
            None => self.host.clone(),
        }
    }
}

/// The functions of the interface.
pub(crate) struct ContextFunctions<'a> {
    pub(super) notice: Notice,
    pub(super) traces: &'a Traces,
    pub(super) context: &'a mut Context,
}

impl ContextFunctions<'_> {
    pub(crate) fn current(self) -> Option<SpanContext> {
        self.traces.resolve(SpanReference::Ambient).1
    }

    pub(crate) fn baggage(self) -> Vec<BaggageEntry> {
        self.context.current()
    }

    pub(crate) fn enter_baggage(self, entries: &[&BaggageEntry]) -> BaggageHandle {
        self.context.scopes += 1;
        let scope = self.context.scopes;
        let entries = entries.iter().map(|&entry| entry.clone()).collect();
        self.context.entered.push((scope, entries));
        BaggageHandle::from_raw(scope)
    }

    pub(crate) fn exit_baggage(self, scope: BaggageHandle) -> Notice {
        let entered = &mut self.context.entered;
        entered.retain(|(other, _)| *other != scope.raw());
        self.notice
    }
}
