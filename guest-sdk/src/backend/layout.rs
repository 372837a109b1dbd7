//! The layout of the contract's types in memory, by the canonical ABI: the SDK's types that have
//! it, and the `Wire` types for all others.
//!
//! A `repr(C)` struct is a record of the canonical ABI, and a `repr(C, u64)` enum a variant. The
//! ABI's discriminant is one byte followed by padding. A little-endian discriminant as wide as the
//! alignment has the same first byte, and is copied in one step. A reference to a text or a list is
//! an address and a length. The checks below assert this.
#![cfg_attr(
    not(target_arch = "wasm32"),
    expect(dead_code, reason = "natively only a test uses the layouts")
)]

#[cfg(target_arch = "wasm32")]
use crate::types::SpanHandle;
#[cfg(test)]
use crate::types::{InstrumentKind, Severity, SpanKind, WitEnum};
use crate::types::{
    KeyValue, LogAttribute, LogRecord, LogValue, MapEntry, Number, Observation, Status, TraceFlags,
    TraceId, Value, WireContext, WireLink, WireReference, WireTarget,
};

/// Returns the description of a status, which is empty if it has none.
pub(super) const fn description(status: Status<'_>) -> &str {
    match status {
        Status::Unset | Status::Ok => "",
        Status::Error(description) => description,
    }
}

/// A log threshold: whether there is a severity, and which one. Bytes, because the host may write
/// any.
#[derive(Default)]
#[repr(C)]
pub(super) struct WireThreshold {
    pub(super) severity: [u8; 2],
    pub(super) generation: u32,
}

/// A type of the contract: its path, size and alignment, and the names of its fields with their
/// offsets, or of its cases with their discriminants.
#[cfg(test)]
type Layout = (&'static str, usize, usize, &'static [(&'static str, usize)]);

/// Declares layouts: for a component as assertions, for tests as a table to compare with `wit/`.
macro_rules! layouts {
    (
        records { $($record:literal $record_type:ty, $record_size:literal, $record_align:literal { $($field:ident: $offset:literal),* $(,)? })* }
        variants { $($variant:literal $variant_type:ty, $variant_size:literal, $variant_align:literal { $($case:ident $(($payload:expr))? = $tag:literal),* $(,)? })* }
    ) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use super::tag::tag;
            use core::mem::{align_of, offset_of, size_of};
            $(
                assert!(size_of::<$record_type>() == $record_size && align_of::<$record_type>() == $record_align);
                $(assert!(offset_of!($record_type, $field) == $offset);)*
            )*
            $(
                assert!(size_of::<$variant_type>() == $variant_size && align_of::<$variant_type>() == $variant_align);
                $(assert!(tag(&<$variant_type>::$case $(($payload))?) == $tag);)*
            )*
        };

        // Native layouts differ, so the types are only named.
        #[cfg(test)]
        const _: () = {
            $(const _: Option<$record_type> = None;)*
            $(const _: Option<$variant_type> = None;)*
        };

        #[cfg(test)]
        const LAYOUTS: &[Layout] = &[
            $(($record, $record_size, $record_align, &[$((stringify!($field), $offset)),*]),)*
            $(($variant, $variant_size, $variant_align, &[$((stringify!($case), $tag)),*]),)*
        ];
    };
}

layouts! {
    records {
        "types/trace-id" TraceId, 16, 8 { high: 0, low: 8 }
        "types/span-context" WireContext<'static>, 40, 8 { trace_id: 0, span_id: 16, trace_flags: 24, trace_state: 28 }
        "types/key-value" KeyValue<'static>, 24, 8 { key: 0, value: 8 }
        "tracer/link" WireLink<'static>, 56, 8 { target: 0, attributes: 48 }
        "meter/observation" Observation<'static>, 32, 8 { instrument: 0, value: 8, attributes: 24 }
        "logger/map-entry" MapEntry<'static>, 12, 4 { key: 0, node: 8 }
        "logger/log-attribute" LogAttribute<'static>, 24, 8 { key: 0, value: 8 }
        "logger/log-threshold" WireThreshold, 8, 4 { severity: 0, generation: 4 }
        "logger/log-record" LogRecord<'static>, 136, 8 {
            body: 0, severity: 24, severity_text: 28, event_name: 40, attributes: 52, nodes: 60, time: 72, context: 88,
        }
    }
    variants {
        "types/trace-flags" TraceFlags, 1, 1 {}
        "types/value" Value<'static>, 16, 8 {
            String("") = 0, Bool(true) = 1, Int(0) = 2, Double(0.0) = 3,
            StringArray(&[]) = 4, BoolArray(&[]) = 5, IntArray(&[]) = 6, DoubleArray(&[]) = 7,
        }
        "types/span-reference" WireReference<'static>, 48, 8 {
            Ambient = 0, None = 1, Span(NO_SPAN) = 2, Remote(NO_CONTEXT) = 3,
        }
        "tracer/status" Status<'static>, 12, 4 { Unset = 0, Ok = 1, Error("") = 2 }
        "tracer/link-target" WireTarget<'static>, 48, 8 { Span(NO_SPAN) = 0, Remote(NO_CONTEXT) = 1 }
        "meter/number" Number, 16, 8 { Unsigned(0) = 0, Signed(0) = 1, Float(0.0) = 2 }
        "logger/log-value" LogValue<'static>, 16, 8 {
            String("") = 0, Bool(true) = 1, Int(0) = 2, Double(0.0) = 3, Bytes(&[]) = 4,
            Array(&[]) = 5, Map(&[]) = 6,
        }
    }
}

// Payloads for the table above.
#[cfg(target_arch = "wasm32")]
const NO_SPAN: SpanHandle = SpanHandle::from_raw(0);
#[cfg(target_arch = "wasm32")]
const NO_CONTEXT: WireContext<'static> = WireContext {
    trace_id: TraceId { high: 0, low: 0 },
    span_id: 0,
    trace_flags: TraceFlags::empty(),
    trace_state: "",
};

/// An enumeration of the contract: its path, size, and the names of its cases with their
/// discriminants.
#[cfg(test)]
type Enumeration = (&'static str, usize, Vec<(String, usize)>);

/// Returns the enumerations. `wit_enum!` declares them with one byte, so their layout needs no
/// check.
#[cfg(test)]
fn enumerations() -> [Enumeration; 3] {
    macro_rules! cases {
        ($path:literal, $type:ty) => {
            (
                $path,
                size_of::<$type>(),
                <$type as WitEnum>::ALL
                    .iter()
                    .map(|case| (format!("{case:?}"), *case as usize))
                    .collect(),
            )
        };
    }
    [
        cases!("tracer/span-kind", SpanKind),
        cases!("meter/instrument-kind", InstrumentKind),
        cases!("logger/severity", Severity),
    ]
}

#[cfg(test)]
mod tests;
