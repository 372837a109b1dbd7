//! Types that lie in memory as the contract has them, for where Rust's own would not; see [`layout`](super::layout).

use crate::trace::active;
use crate::{SpanContext, SpanReference, TraceFlags, TraceId};

/// Is an option of what is aligned to four bytes or more.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, u32)]
pub(crate) enum Maybe<T> {
    None,
    Some(T),
}

/// Is an option of a byte.
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

/// Is a span context.
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

/// Is a span reference.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, u64)]
pub(crate) enum WireReference<'a> {
    Ambient,
    None,
    Span(u64),
    Remote(WireContext<'a>),
}

impl WireReference<'_> {
    /// Means the ambient span, for a log: the innermost that this component has entered, or beneath
    /// those the host's.
    pub(crate) fn ambient() -> Self {
        active::unrecorded().map_or(Self::Ambient, Self::Span)
    }
}

impl<'a> From<SpanReference<'a>> for WireReference<'a> {
    fn from(reference: SpanReference<'a>) -> Self {
        match reference {
            SpanReference::Ambient => Self::ambient(),
            SpanReference::None => Self::None,
            SpanReference::Span(span) => Self::Span(span),
            SpanReference::Remote(context) => Self::Remote(context.into()),
        }
    }
}
