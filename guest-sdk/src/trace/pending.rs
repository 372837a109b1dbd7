//! What has been said about one span and not been passed on yet.
//!
//! A span's attributes usually come in a row, and often just before its end, so one buffer for
//! the span spoken of last saves most calls. Whatever is in it is passed on before a panic traps.

use std::cell::{Cell, RefCell};

use crate::backend::{self, NOT_RECORDED, tracer};
use crate::buffer::Buffer;
use crate::{KeyValue, SpanChanges, Status, notice};

const MAX_ENTRIES: usize = 32;
const MAX_BYTES: usize = 4096;

struct Pending {
    span: u64,
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
    // A pointer, set with the first entry: who buffers nothing does not import `update`.
    static FLUSH: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// What is called with a span that is about to end, or `None` if the program panics.
#[cfg(feature = "tracing")]
type BeforeEnd = fn(Option<u64>);

#[cfg(feature = "tracing")]
thread_local! {
    static BEFORE_END: Cell<Option<BeforeEnd>> = const { Cell::new(None) };
}

/// Sets an attribute of a span.
pub(crate) fn set_attribute(span: u64, attribute: &KeyValue<'_>) {
    if span & NOT_RECORDED != 0 {
        return;
    }
    if !with(span, |pending| {
        pending.attributes.push(attribute.key, attribute.value)
    }) {
        // Arrays are rare and may be long: they are passed on without being copied.
        flush();
        notice::take(tracer::update(
            span,
            SpanChanges {
                attributes: core::slice::from_ref(attribute),
                ..SpanChanges::default()
            },
        ));
    }
}

/// Passes on changes at once, after what was said before.
pub(crate) fn update(span: u64, changes: SpanChanges<'_>) {
    flush_if_used();
    notice::take(tracer::update(span, changes));
}

/// Sets the status of a span.
pub(crate) fn set_status(span: u64, status: Status<'_>) {
    if span & NOT_RECORDED != 0 {
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

fn with<R>(span: u64, change: impl FnOnce(&mut Pending) -> R) -> R {
    PENDING.with_borrow_mut(|pending| {
        if pending.span != span
            || pending.attributes.len() >= MAX_ENTRIES
            || pending.attributes.bytes() >= MAX_BYTES
        {
            pending.flush();
            pending.span = span;
            backend::set(&FLUSH, Some(flush));
        }
        change(pending)
    })
}

/// Passes on what is in the buffer.
fn flush() {
    PENDING.with(|pending| {
        // A panic may come from within the buffer's own code: what it holds is then lost.
        if let Ok(mut pending) = pending.try_borrow_mut() {
            pending.flush();
        }
    });
}

/// Passes on what is in the buffer, without linking anything where nothing is ever buffered.
pub(crate) fn flush_if_used() {
    if let Some(flush) = FLUSH.get() {
        flush();
    }
}

/// Has `act` called before spans end. A pointer, so that a guest without the door `tracing` links
/// none.
#[cfg(feature = "tracing")]
pub(crate) fn before_end(act: BeforeEnd) {
    backend::set(&BEFORE_END, Some(act));
}

/// Prepares for the end of all spans: the program panics.
pub(crate) fn before_panic() {
    #[cfg(feature = "tracing")]
    if let Some(act) = BEFORE_END.get() {
        act(None);
    }
    flush_if_used();
}

/// Ends a span with what the buffer holds for it.
pub(crate) fn end(span: u64, time: Option<u64>) {
    #[cfg(feature = "tracing")]
    if let Some(act) = BEFORE_END.get() {
        act(Some(span));
    }
    let notice = PENDING.with_borrow_mut(|pending| {
        let kept = pending.span == span;
        let attributes = match kept {
            true => pending.attributes.as_list(),
            false => Vec::new(),
        };
        let notice = tracer::end(
            span,
            SpanChanges {
                status: if kept {
                    pending.status()
                } else {
                    Status::Unset
                },
                attributes: &attributes,
                ..SpanChanges::default()
            },
            time,
        );
        if kept {
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
            span: 0,
            attributes: Buffer::new(),
            status: PendingStatus::Unset,
        }
    }

    /// Passes on what is there.
    fn flush(&mut self) {
        if !self.is_empty() {
            notice::take(tracer::update(
                self.span,
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

/// Forgets what was meant for an earlier backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    PENDING.with_borrow_mut(|pending| *pending = Pending::new());
}
