//! The interface `context`, recording.

use super::recorder::State;
use crate::{BaggageEntry, SpanContext, SpanReference};

#[derive(Default)]
pub(crate) struct Context {
    pub(super) host: Vec<BaggageEntry>,
    entered: Vec<(u64, Vec<BaggageEntry>)>,
    scopes: u64,
}

impl Context {
    pub(super) fn current(&self) -> Vec<BaggageEntry> {
        match self.entered.last() {
            Some((_, entries)) => entries.clone(),
            None => self.host.clone(),
        }
    }
}

/// The functions of the interface.
pub(crate) struct Contexts<'a>(&'a mut State);

impl State {
    pub(crate) fn context(&mut self) -> Contexts<'_> {
        Contexts(self)
    }
}

impl Contexts<'_> {
    pub(crate) fn current(self) -> Option<SpanContext> {
        self.0.traces.resolve(SpanReference::Ambient).1
    }

    pub(crate) fn baggage(self) -> Vec<BaggageEntry> {
        self.0.context.current()
    }

    pub(crate) fn enter_baggage(self, entries: &[&BaggageEntry]) -> u64 {
        let context = &mut self.0.context;
        context.scopes += 1;
        let entries = entries.iter().map(|&entry| entry.clone()).collect();
        context.entered.push((context.scopes, entries));
        context.scopes
    }

    pub(crate) fn exit_baggage(self, scope: u64) -> u64 {
        self.0.context.entered.retain(|(other, _)| *other != scope);
        self.0.notice()
    }
}
