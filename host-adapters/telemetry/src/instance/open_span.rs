//! A recorded span between its start and its end.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::KeyValue;
use opentelemetry::trace::{Event, Link, Span as _, SpanContext, Status};
use opentelemetry_sdk::trace::Span;

use crate::attributes::{ByteBudget, CountLimit, Pending, Rules};
use crate::dropped::Reason;
use crate::emitted::attribute;
use crate::limits::REPORTED_ATTRIBUTES;
use crate::model::{SpanEvent, SpanHandle};

/// The data of an open span, or a free buffer for the next one.
///
/// A buffer is large, so it is reused instead of moved: a move of data that was just written costs
/// more than the write. Status and attributes are kept here until the end. The SDK would keep `Ok`
/// instead of a trap's error, and both values of a key that is set twice. Events and links are
/// added to the SDK's span immediately.
#[derive(Debug)]
pub(crate) struct OpenSpan {
    pub(super) handle: SpanHandle,
    /// Its number in the order of starts.
    pub(super) started: u64,
    /// The number of active invocations when it started.
    pub(super) depth: u32,
    /// The number of entries in the stack of entered spans.
    pub(super) entered: u32,
    /// The bytes of its contents.
    pub(super) bytes: usize,
    /// Whether the request's route is taken from its attributes.
    pub(super) names_route: bool,
    start_time: SystemTime,
    /// `None` in a free buffer.
    span: Option<Span>,
    status: Status,
    attributes: Vec<KeyValue>,
    /// The number of attributes that were left out because there were too many.
    attributes_over: u32,
    events: u32,
    links: u32,
}

/// Why the host ends a span.
pub(super) struct ForcedEnd<'a> {
    pub(super) reason: &'static str,
    /// The error's type and description. `None` if it is not an error.
    pub(super) error: Option<(&'a str, &'a str)>,
}

impl OpenSpan {
    /// Makes a free buffer.
    pub(crate) fn empty() -> Self {
        Self {
            handle: SpanHandle::NONE,
            started: 0,
            depth: 0,
            entered: 0,
            bytes: 0,
            names_route: false,
            start_time: UNIX_EPOCH,
            span: None,
            status: Status::Unset,
            attributes: Vec::new(),
            attributes_over: 0,
            events: 0,
            links: 0,
        }
    }

    /// Stores the span that `start` creates. Returns its context, or as the error the context of an
    /// unrecorded span, which is not stored.
    #[inline]
    pub(crate) fn store(
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

    /// Sets the state of the stored span.
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

    /// Frees the buffer of a span that has ended.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.entered = 0;
        self.bytes = 0;
        self.names_route = false;
        self.span = None;
        self.status = Status::Unset;
        self.attributes = Vec::new();
        self.attributes_over = 0;
        self.events = 0;
        self.links = 0;
    }

    pub(super) const fn is_free(&self) -> bool {
        self.span.is_none()
    }

    /// Returns the attributes that the guest has set.
    pub(super) fn attributes(&self) -> &[KeyValue] {
        &self.attributes
    }

    #[inline(never)]
    pub(crate) fn set_name(&mut self, name: String, rules: Rules<'_>) {
        if let Some(span) = &mut self.span {
            span.update_name(rules.text(name));
        }
    }

    /// Sets the status. `Ok` is final, a later error replaces an earlier one, and `Unset` changes
    /// nothing.
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

    /// Adds a link. Returns false if it was dropped. `sdk_counts` is true if the SDK has the same
    /// limits. Then it also receives dropped items, to count them.
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
            CountLimit(rules.limits.link_attributes, Reason::LinkAttributes),
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
            CountLimit(rules.limits.event_attributes, Reason::EventAttributes),
            sdk_counts,
            rules,
            budget,
        );
        span.add_event_with_timestamp(name, time, attributes);
    }

    /// Moves the contents out. Keeps `bytes`, for [`SpanTable::release`].
    ///
    /// [`SpanTable::release`]: super::span_table::SpanTable::release
    pub(super) fn take(&mut self) -> Self {
        let bytes = self.bytes;
        let taken = std::mem::replace(self, Self::empty());
        self.bytes = bytes;
        taken
    }

    /// Ends the span for the guest, and passes it to the SDK's processors. An end time before the
    /// start time is replaced by the start time.
    pub(super) fn end(&mut self, time: SystemTime, sdk_counts: bool, rules: Rules<'_>) {
        if time < self.start_time {
            rules.count(Reason::EndBeforeStart, 1);
        }
        self.finish(time, sdk_counts);
    }

    /// Ends the span for the host. If the guest's start time is in the future, the end is not
    /// counted as an error.
    pub(super) fn end_forced(
        &mut self,
        end: &ForcedEnd<'_>,
        time: SystemTime,
        sdk_counts: bool,
        rules: Rules<'_>,
    ) {
        self.force(end, rules);
        self.finish(time, sdk_counts);
    }

    /// Takes the attributes that the guest has set, to [`replace`](Self::replace_attributes) them.
    pub(crate) fn take_attributes(&mut self) -> Vec<KeyValue> {
        std::mem::take(&mut self.attributes)
    }

    /// Sets all attributes. `over` more were left out.
    pub(crate) fn replace_attributes(&mut self, attributes: Vec<KeyValue>, over: u32) {
        self.attributes = attributes;
        self.attributes_over = self.attributes_over.saturating_add(over);
    }

    /// Adds an event of the host. The limits on guests' spans do not apply.
    pub(crate) fn add_host_event(
        &mut self,
        name: &'static str,
        time: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        if let Some(span) = &mut self.span {
            span.add_event_with_timestamp(name, time, attributes);
        }
    }

    /// Sets the status to an error of the host. It replaces what the guest has set; but if it has
    /// no description, that of an earlier error stays.
    pub(crate) fn fail(&mut self, description: String) {
        let has_failed = matches!(self.status, Status::Error { .. });
        if !(has_failed && description.is_empty()) {
            self.status = Status::error(description);
        }
    }

    pub(crate) fn finish(&mut self, time: SystemTime, sdk_counts: bool) {
        let Some(span) = &mut self.span else {
            return;
        };
        set_sdk_attributes(span, &mut self.attributes, self.attributes_over, sdk_counts);
        if self.status != Status::Unset {
            span.set_status(std::mem::take(&mut self.status));
        }
        span.end_with_timestamp(time.max(self.start_time));
    }

    /// Sets the reason of the end. Replaces the guest's status, attributes with the same keys, and
    /// the last attributes if the span is full.
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
        let over = set_with_priority(&mut self.attributes, forced, limit, rules);
        self.attributes_over = self.attributes_over.saturating_add(over);
    }
}

/// Adds attributes, and replaces values of equal keys. If the span is full, they overwrite its last
/// attributes. Returns how many attributes did not fit; they are already counted.
pub(crate) fn set_with_priority(
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

/// Moves attributes into the SDK's span, which is about to end. `over` is the number of attributes
/// that were left out. The SDK counts them if it has the same limits.
pub(crate) fn set_sdk_attributes(
    span: &mut Span,
    attributes: &mut Vec<KeyValue>,
    over: u32,
    sdk_counts: bool,
) {
    for attribute in attributes.drain(..) {
        span.set_attribute(attribute);
    }
    if sdk_counts {
        // The span is full now, so the SDK counts each further attribute as dropped.
        for _ in 0..over.min(REPORTED_ATTRIBUTES) {
            span.set_attribute(KeyValue::new("", false));
        }
    }
}

/// Applies the limits to the attributes of an event or link.
fn fit_attributes(
    attributes: &mut Vec<KeyValue>,
    most: CountLimit,
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
        // Adds placeholders for the dropped attributes, so that the SDK counts them. The SDK
        // truncates them but keeps their memory. So they are charged to the span, up to half of its
        // remaining bytes. Beyond that, `dropped_attributes_count` is too low.
        let reported = over.min(budget.left() / size_of::<KeyValue>() / 2);
        budget.take(reported * size_of::<KeyValue>());
        attributes.reserve_exact(reported);
        attributes.resize(attributes.len() + reported, KeyValue::new("", false));
    }
}

/// Returns the limit on the attributes of a span.
pub(super) fn span_attributes(rules: Rules<'_>) -> CountLimit {
    CountLimit(rules.limits.span_attributes, Reason::SpanAttributes)
}
