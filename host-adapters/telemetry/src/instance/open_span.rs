//! A recorded span between its start and its end.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::KeyValue;
use opentelemetry::trace::{Event, Link, Span as _, SpanContext, Status};
use opentelemetry_sdk::trace::Span;

use crate::attributes::{AtMost, ByteBudget, Pending, Rules};
use crate::dropped::Reason;
use crate::emitted::attribute;
use crate::limits::REPORTED_ATTRIBUTES;
use crate::model::{SpanEvent, SpanHandle};

/// What is known of a span that has not ended, or a place for one.
///
/// It is made once and serves one span after the other: it is large, and to move what was just
/// written costs more than to write it. Status and attributes are kept here until the end, since
/// the SDK would let `Ok` win over a trap's error and keep both values of a key that is set twice.
/// Events and links go into the SDK's span at once.
#[derive(Debug)]
pub(super) struct OpenSpan {
    pub(super) handle: SpanHandle,
    /// Its place in the order of starts.
    pub(super) started: u64,
    /// How many invocations were under way when it started.
    pub(super) depth: u32,
    /// How often it is entered.
    pub(super) entered: u32,
    /// What its contents occupy.
    pub(super) bytes: usize,
    start_time: SystemTime,
    /// `None` in a place that is free.
    span: Option<Span>,
    status: Status,
    attributes: Vec<KeyValue>,
    /// How many attributes were left out because there were too many.
    attributes_over: u32,
    events: u32,
    links: u32,
}

/// How a span's end came to it, if not by the guest's own call.
pub(super) struct ForcedEnd<'a> {
    pub(super) reason: &'static str,
    /// The error's type and description; `None` if it was no error.
    pub(super) error: Option<(&'a str, &'a str)>,
}

impl OpenSpan {
    /// Makes a place.
    pub(super) fn vacant() -> Self {
        Self {
            handle: SpanHandle::NONE,
            started: 0,
            depth: 0,
            entered: 0,
            bytes: 0,
            start_time: UNIX_EPOCH,
            span: None,
            status: Status::Unset,
            attributes: Vec::new(),
            attributes_over: 0,
            events: 0,
            links: 0,
        }
    }

    /// Takes up a span that `start` makes. Gives its context, or as an error that of one that is
    /// not recorded, which is not taken up.
    #[inline]
    pub(super) fn take_up(
        &mut self,
        start: impl FnOnce() -> Span,
    ) -> Result<SpanContext, SpanContext> {
        let span = self.span.insert(start());
        let context = span.span_context().clone();
        if span.is_recording() {
            return Ok(context);
        }
        self.span = None;
        Err(context)
    }

    /// Begins what is known of the span that was taken up.
    #[inline]
    pub(super) fn begin(
        &mut self,
        handle: SpanHandle,
        started: u64,
        depth: u32,
        start_time: SystemTime,
    ) {
        self.handle = handle;
        self.started = started;
        self.depth = depth;
        self.start_time = start_time;
    }

    /// Forgets a span that has ended.
    #[inline]
    pub(super) fn vacate(&mut self) {
        self.entered = 0;
        self.bytes = 0;
        self.span = None;
        self.status = Status::Unset;
        self.attributes = Vec::new();
        self.attributes_over = 0;
        self.events = 0;
        self.links = 0;
    }

    pub(super) const fn is_vacant(&self) -> bool {
        self.span.is_none()
    }

    #[inline(never)]
    pub(super) fn set_name(&mut self, name: String, rules: Rules<'_>) {
        if let Some(span) = &mut self.span {
            span.update_name(rules.text(name));
        }
    }

    /// `Ok` is final, an error replaces what is not, and `Unset` changes nothing.
    pub(super) fn set_status(&mut self, status: Status, rules: Rules<'_>) {
        if self.status == Status::Ok {
            return;
        }
        match status {
            Status::Unset => {}
            Status::Ok => self.status = Status::Ok,
            Status::Error { description } => {
                self.status = Status::error(rules.text(description.into_owned()));
            }
        }
    }

    pub(super) fn set_attributes(
        &mut self,
        given: Vec<KeyValue>,
        rules: Rules<'_>,
        budget: &mut ByteBudget,
    ) {
        let over = rules
            .merge(&mut self.attributes, given, span_attributes(rules), budget)
            .over;
        self.attributes_over = self.attributes_over.saturating_add(over);
    }

    /// Adds a link; returns false if it was dropped. `sdk_counts`: whether the SDK has the same
    /// limits, and can be left to count what exceeds them.
    #[inline(never)]
    pub(super) fn add_link(
        &mut self,
        target: SpanContext,
        mut attributes: Vec<KeyValue>,
        sdk_counts: bool,
        rules: Rules<'_>,
        budget: &mut ByteBudget,
    ) -> bool {
        let Some(span) = &mut self.span else {
            return false;
        };
        if self.links as usize >= rules.limits.span_links {
            rules.count(Reason::SpanLinks, 1);
            if let Some(links) = self.links.checked_add(1).filter(|_| sdk_counts) {
                self.links = links;
                span.add_link(target, Vec::new());
            }
            return false;
        }
        if !budget.take(size_of::<Link>() + target.trace_state().header().len()) {
            rules.count(budget.reason(), 1);
            return false;
        }
        self.links += 1;
        fit_attributes(
            &mut attributes,
            AtMost(rules.limits.link_attributes, Reason::LinkAttributes),
            sdk_counts,
            rules,
            budget,
        );
        span.add_link(target, attributes);
        true
    }

    pub(super) fn add_event(
        &mut self,
        event: SpanEvent,
        sdk_counts: bool,
        rules: Rules<'_>,
        budget: &mut ByteBudget,
    ) {
        let SpanEvent {
            name,
            mut attributes,
            time,
        } = event;
        let Some(span) = &mut self.span else {
            return;
        };
        let shortened = Pending::default();
        let time = rules.pending(&shortened).time(time);
        if self.events as usize >= rules.limits.span_events {
            rules.count_named(Reason::SpanEvents, &name);
            if let Some(events) = self.events.checked_add(1).filter(|_| sdk_counts) {
                self.events = events;
                span.add_event_with_timestamp("", time, Vec::new());
            }
            return;
        }
        let name = rules.pending(&shortened).name(name);
        if !budget.take(size_of::<Event>() + name.len()) {
            rules.count_named(budget.reason(), &name);
            return;
        }
        shortened.count(rules);
        self.events += 1;
        fit_attributes(
            &mut attributes,
            AtMost(rules.limits.event_attributes, Reason::EventAttributes),
            sdk_counts,
            rules,
            budget,
        );
        span.add_event_with_timestamp(name, time, attributes);
    }

    /// Moves its contents out of its place, which is to be released.
    pub(super) fn take(&mut self) -> Self {
        let bytes = self.bytes;
        let taken = std::mem::replace(self, Self::vacant());
        self.bytes = bytes;
        taken
    }

    /// Ends it as the guest does, and hands it to the SDK's processors. An end before the start is
    /// taken as the start.
    pub(super) fn end(&mut self, time: SystemTime, sdk_counts: bool, rules: Rules<'_>) {
        if time < self.start_time {
            rules.count(Reason::EndBeforeStart, 1);
        }
        self.finish(time, sdk_counts);
    }

    /// Ends it as the host does. A guest may have given a start in the future, which is no error of
    /// such an end.
    pub(super) fn end_by_force(
        &mut self,
        end: &ForcedEnd<'_>,
        time: SystemTime,
        sdk_counts: bool,
        rules: Rules<'_>,
    ) {
        self.force(end, rules);
        self.finish(time, sdk_counts);
    }

    fn finish(&mut self, time: SystemTime, sdk_counts: bool) {
        let Some(span) = &mut self.span else {
            return;
        };
        hand_over(span, &mut self.attributes, self.attributes_over, sdk_counts);
        if self.status != Status::Unset {
            span.set_status(std::mem::take(&mut self.status));
        }
        span.end_with_timestamp(time.max(self.start_time));
    }

    /// Notes why it ends, over whatever the guest has said, and in the place of its last attributes
    /// if there is no other.
    #[cold]
    fn force(&mut self, end: &ForcedEnd<'_>, rules: Rules<'_>) {
        let mut forced = vec![KeyValue::new(attribute::END_REASON.key, end.reason)];
        if let Some((error_type, description)) = end.error {
            forced.push(KeyValue::new(
                attribute::ERROR_TYPE.key,
                error_type.to_owned(),
            ));
            self.status = Status::error(rules.own_text(description));
        }
        let limit = rules.limits.span_attributes;
        let over = put_first(&mut self.attributes, forced, limit, rules);
        self.attributes_over = self.attributes_over.saturating_add(over);
    }
}

/// Adds attributes over others of the same keys, and in the place of the last ones if there is no
/// other. Gives how many found none, which have been counted.
pub(super) fn put_first(
    attributes: &mut Vec<KeyValue>,
    mut forced: Vec<KeyValue>,
    limit: usize,
    rules: Rules<'_>,
) -> u32 {
    attributes.retain(|kept| forced.iter().all(|forced| forced.key != kept.key));
    let all = attributes.len() + forced.len();
    forced.truncate(limit);
    for over in attributes.drain(attributes.len().min(limit - forced.len())..) {
        rules
            .dropped
            .note_name(rules.signal, Reason::SpanAttributes, over.key.as_str());
    }
    attributes.append(&mut forced);
    let over = all - attributes.len();
    rules.count(Reason::SpanAttributes, over as u64);
    u32::try_from(over).unwrap_or(u32::MAX)
}

/// Gives a span that ends its attributes. `over`: how many were left out, of which the SDK is told
/// where it has the same limits.
pub(super) fn hand_over(
    span: &mut Span,
    attributes: &mut Vec<KeyValue>,
    over: u32,
    sdk_counts: bool,
) {
    for attribute in attributes.drain(..) {
        span.set_attribute(attribute);
    }
    if sdk_counts {
        // The SDK counts what comes when it is full, which it is now.
        for _ in 0..over.min(REPORTED_ATTRIBUTES) {
            span.set_attribute(KeyValue::new("", false));
        }
    }
}

/// Brings the attributes of an event or link within the limits.
fn fit_attributes(
    attributes: &mut Vec<KeyValue>,
    most: AtMost,
    sdk_counts: bool,
    rules: Rules<'_>,
    budget: &mut ByteBudget,
) {
    if attributes.is_empty() {
        return;
    }
    let given = std::mem::take(attributes);
    let over = rules.merge(attributes, given, most, budget).over as usize;
    if sdk_counts && over > 0 {
        // The SDK counts those beyond the limit and cuts them off again, but keeps the memory that
        // they lay in. So they are charged, and take no more than half of what is left: of
        // very many, OTLP is told of fewer than were left out.
        let told = over.min(budget.left() / size_of::<KeyValue>() / 2);
        budget.take(told * size_of::<KeyValue>());
        attributes.reserve_exact(told);
        attributes.resize(attributes.len() + told, KeyValue::new("", false));
    }
}

/// Returns how many attributes a span may have.
pub(super) fn span_attributes(rules: Rules<'_>) -> AtMost {
    AtMost(rules.limits.span_attributes, Reason::SpanAttributes)
}
