//! Types with the contract's layout, for Rust types that have another one.

use super::context::{SpanContext, TraceFlags, TraceId};
use super::handle::SpanHandle;
use super::tracer::SpanReference;
#[cfg(any(target_arch = "wasm32", test))]
use super::tracer::{Link, LinkTarget};
#[cfg(any(target_arch = "wasm32", test))]
use super::value::KeyValue;

/// An optional value that is aligned to four bytes or more.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, u32)]
pub(crate) enum Maybe<T> {
    None,
    Some(T),
}

/// An optional byte.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, u8)]
pub(crate) enum MaybeByte<T> {
    None,
    Some(T),
}

macro_rules! from_option {
    ($($maybe:ident),*) => {$(
        impl<T> From<Option<T>> for $maybe<T> {
            #[inline]
            fn from(option: Option<T>) -> Self {
                match option {
                    Some(value) => Self::Some(value),
                    None => Self::None,
                }
            }
        }

        #[cfg(not(target_arch = "wasm32"))]
        impl<T> From<$maybe<T>> for Option<T> {
            fn from(maybe: $maybe<T>) -> Self {
                match maybe {
                    $maybe::Some(value) => Some(value),
                    $maybe::None => None,
                }
            }
        }
    )*};
}
from_option!(Maybe, MaybeByte);

/// A span context.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(C)]
pub(crate) struct WireContext<'a> {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: u64,
    pub(crate) trace_flags: TraceFlags,
    pub(crate) trace_state: &'a str,
}

impl<'a> From<&'a SpanContext> for WireContext<'a> {
    fn from(context: &'a SpanContext) -> Self {
        Self {
            trace_id: context.trace_id,
            span_id: context.span_id,
            trace_flags: context.trace_flags,
            trace_state: &context.trace_state,
        }
    }
}

/// A span reference.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, u64)]
pub(crate) enum WireReference<'a> {
    Ambient,
    None,
    Span(SpanHandle),
    Remote(WireContext<'a>),
}

impl<'a> From<SpanReference<'a>> for WireReference<'a> {
    fn from(reference: SpanReference<'a>) -> Self {
        match reference {
            SpanReference::Ambient => Self::Ambient,
            SpanReference::None => Self::None,
            SpanReference::Span(span) => Self::Span(span),
            SpanReference::Remote(context) => Self::Remote(context.into()),
        }
    }
}

/// The other end of a link.
#[cfg(any(target_arch = "wasm32", test))]
#[derive(Clone, Copy)]
#[repr(C, u64)]
#[expect(dead_code, reason = "the host reads the fields")]
pub(crate) enum WireTarget<'a> {
    Span(SpanHandle),
    Remote(WireContext<'a>),
}

/// A link.
#[cfg(any(target_arch = "wasm32", test))]
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct WireLink<'a> {
    pub(crate) target: WireTarget<'a>,
    pub(crate) attributes: &'a [KeyValue<'a>],
}

#[cfg(any(target_arch = "wasm32", test))]
impl<'a> From<&'a Link<'_>> for WireLink<'a> {
    fn from(link: &'a Link<'_>) -> Self {
        Self {
            target: match link.target {
                LinkTarget::Span(span) => WireTarget::Span(span),
                LinkTarget::Remote(context) => WireTarget::Remote(context.into()),
            },
            attributes: link.attributes,
        }
    }
}
