//! Buffers the changes of one span, to save calls.
//!
//! Attributes of a span are usually set in sequence, and often just before its end. So a single
//! buffer, for the span that was changed last, saves most calls. It is sent before a panic traps.

use std::cell::{Cell, RefCell};

use crate::backend::tracer;
use crate::buffer::Buffer;
use crate::types::{KeyValue, SpanChanges, SpanHandle, Status};
use crate::{local, notice};

const MAX_ENTRIES: usize = 32;
const MAX_BYTES: usize = 4096;

struct Pending {
    span: Option<SpanHandle>,
    attributes: Buffer,
    status: PendingStatus,
}

#[derive(PartialEq)]
enum PendingStatus {
    Unset,
    Ok,
    Error(String),
}

thread_local! {
    static PENDING: RefCell<Pending> = const { RefCell::new(Pending::new()) };
    // A pointer that the first entry sets, so that a component that buffers nothing does not import
    // `update`.
    static FLUSH: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// Called with a span that is about to end, or with `None` if the program panics.
#[cfg(feature = "tracing")]
type BeforeEnd = fn(Option<SpanHandle>);

#[cfg(feature = "tracing")]
thread_local! {
    static BEFORE_END: Cell<Option<BeforeEnd>> = const { Cell::new(None) };
}

/// Sets an attribute of a span.
pub(crate) fn set_attribute(span: SpanHandle, attribute: &KeyValue<'_>) {
    if !span.is_recorded() {
        return;
    }
    if !with(span, |pending| {
        pending.attributes.push(attribute.key, attribute.value)
    }) {
        // Arrays are rare and may be long, so they are sent at once instead of copied.
        flush();
        notice::take(tracer::update(
            span,
            SpanChanges::new().with_attributes(core::slice::from_ref(attribute)),
        ));
    }
}

/// Sends changes at once, after the buffered ones.
pub(crate) fn update(span: SpanHandle, changes: SpanChanges<'_>) {
    flush_if_used();
    notice::take(tracer::update(span, changes));
}

/// Sets the status of a span.
pub(crate) fn set_status(span: SpanHandle, status: Status<'_>) {
    if !span.is_recorded() {
        return;
    }
    with(span, |pending| match status {
        Status::Unset => {}
        Status::Ok => pending.status = PendingStatus::Ok,
        Status::Error(description) => {
            if pending.status != PendingStatus::Ok {
                pending.status = PendingStatus::Error(description.into());
            }
        }
    });
}

fn with<R>(span: SpanHandle, change: impl FnOnce(&mut Pending) -> R) -> R {
    PENDING.with_borrow_mut(|pending| {
        if pending.span != Some(span)
            || pending.attributes.len() >= MAX_ENTRIES
            || pending.attributes.bytes() >= MAX_BYTES
        {
            pending.flush();
            pending.span = Some(span);
            local::set(&FLUSH, Some(flush));
        }
        change(pending)
    })
}

/// Sends the buffer.
fn flush() {
    PENDING.with(|pending| {
        // A panic may occur within the buffer's own code. Its content is lost then.
        if let Ok(mut pending) = pending.try_borrow_mut() {
            pending.flush();
        }
    });
}

/// Sends the buffer, if it was ever used.
pub(crate) fn flush_if_used() {
    if let Some(flush) = FLUSH.get() {
        flush();
    }
}

/// Registers a function to call before spans end. A pointer, so that a component without `tracing`
/// spans contains no code for it.
#[cfg(feature = "tracing")]
pub(crate) fn before_end(act: BeforeEnd) {
    local::set(&BEFORE_END, Some(act));
}

/// Prepares for the end of all spans at a panic.
pub(crate) fn before_panic() {
    #[cfg(feature = "tracing")]
    if let Some(act) = BEFORE_END.get() {
        act(None);
    }
    flush_if_used();
}

/// Ends a span, with its buffered changes.
pub(crate) fn end(span: SpanHandle, time: Option<u64>) {
    #[cfg(feature = "tracing")]
    if let Some(act) = BEFORE_END.get() {
        act(Some(span));
    }
    let notice = PENDING.with_borrow_mut(|pending| {
        let buffered = pending.span == Some(span);
        let attributes = match buffered {
            true => pending.attributes.as_list(),
            false => Vec::new(),
        };
        let notice = tracer::end(
            span,
            SpanChanges {
                status: if buffered {
                    pending.status()
                } else {
                    Status::Unset
                },
                attributes: &attributes,
                ..SpanChanges::default()
            },
            time,
        );
        if buffered {
            drop(attributes);
            pending.clear();
        }
        notice
    });
    notice::take(notice);
}

impl Pending {
    const fn new() -> Self {
        Self {
            span: None,
            attributes: Buffer::new(),
            status: PendingStatus::Unset,
        }
    }

    /// Sends the changes.
    fn flush(&mut self) {
        if let Some(span) = self.span
            && !self.is_empty()
        {
            notice::take(tracer::update(
                span,
                SpanChanges {
                    status: self.status(),
                    attributes: &self.attributes.as_list(),
                    ..SpanChanges::default()
                },
            ));
            self.clear();
        }
    }

    fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.status == PendingStatus::Unset
    }

    fn clear(&mut self) {
        self.attributes.clear();
        self.status = PendingStatus::Unset;
    }

    fn status(&self) -> Status<'_> {
        match &self.status {
            PendingStatus::Unset => Status::Unset,
            PendingStatus::Ok => Status::Ok,
            PendingStatus::Error(description) => Status::Error(description),
        }
    }
}

/// Resets the state for another backend.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn reset() {
    PENDING.with_borrow_mut(|pending| *pending = Pending::new());
}
