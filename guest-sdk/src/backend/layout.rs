//! How the contract's types lie in memory, by the canonical ABI: those of ours that do, and those of the `Wire` kind for
//! where ours do not.
//!
//! A `repr(C)` is what the canonical ABI calls a record, and a `repr(C, u64)` what it calls a variant: its discriminant is one byte, before
//! bytes that mean nothing, and little-endian, so one that is as wide as the alignment is the same to the host and copied at once. A text or a list
//! is an address and a length, which is what a reference to it is. That all this is so is checked below.
#![expect(
    dead_code,
    reason = "what is written here is read by the host; a test looks at the layouts alone"
)]

use super::wire::{WireContext, WireReference};
use crate::logs::types::{LogAttribute, LogRecord, LogValue, MapEntry, Severity};
use crate::metrics::types::{InstrumentKind, Number, Observation};
use crate::{KeyValue, Link, LinkTarget, SpanKind, Status, TraceFlags, TraceId, Value};

/// Is the other end of a link.
#[derive(Clone, Copy)]
#[repr(C, u64)]
pub(super) enum WireTarget<'a> {
    Span(u64),
    Remote(WireContext<'a>),
}

/// Is a link.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct WireLink<'a> {
    target: WireTarget<'a>,
    attributes: &'a [KeyValue<'a>],
}

pub(super) fn wire_links<'a>(links: &'a [Link<'a>]) -> Vec<WireLink<'a>> {
    let wire = |link: &'a Link<'a>| WireLink {
        target: match link.target {
            LinkTarget::Span(span) => WireTarget::Span(span),
            LinkTarget::Remote(context) => WireTarget::Remote(context.into()),
        },
        attributes: link.attributes,
    };
    links.iter().map(wire).collect()
}

/// Gives what a status says, if anything.
pub(super) const fn description(status: Status<'_>) -> &str {
    match status {
        Status::Unset | Status::Ok => "",
        Status::Error(description) => description,
    }
}

/// Is a log threshold: whether there is a severity, and which, as bytes, since they come from outside.
#[derive(Default)]
#[repr(C)]
pub(super) struct WireThreshold {
    pub(super) severity: [u8; 2],
    pub(super) generation: u32,
}

/// A type of the contract: its interface and name, size and alignment, and its fields' names with their offsets, or its cases'
/// names with their discriminants.
#[cfg(test)]
type Layout = (&'static str, usize, usize, &'static [(&'static str, usize)]);

/// Says how types lie in memory: in a component that is an assertion, in a test a table to compare with the contract.
macro_rules! layouts {
    (
        records { $($record:literal $record_type:ty, $record_size:literal, $record_align:literal { $($field:ident: $offset:literal),* $(,)? })* }
        variants { $($variant:literal $variant_type:ty, $variant_size:literal, $variant_align:literal { $($case:ident $(($payload:expr))? = $tag:literal),* $(,)? })* }
    ) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use super::imports::tag;
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

        // Natively the types lie otherwise, and are only named.
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
            StringValue("") = 0, BoolValue(true) = 1, IntValue(0) = 2, DoubleValue(0.0) = 3,
            StringArray(&[]) = 4, BoolArray(&[]) = 5, IntArray(&[]) = 6, DoubleArray(&[]) = 7,
        }
        "types/span-reference" WireReference<'static>, 48, 8 {
            Ambient = 0, None = 1, Span(0) = 2, Remote(NO_CONTEXT) = 3,
        }
        "tracer/span-kind" SpanKind, 1, 1 { Internal = 0, Server = 1, Client = 2, Producer = 3, Consumer = 4 }
        "tracer/status" Status<'static>, 12, 4 { Unset = 0, Ok = 1, Error("") = 2 }
        "tracer/link-target" WireTarget<'static>, 48, 8 { Span(0) = 0, Remote(NO_CONTEXT) = 1 }
        "meter/instrument-kind" InstrumentKind, 1, 1 {
            CounterU64 = 0, CounterF64 = 1, UpDownCounterS64 = 2, UpDownCounterF64 = 3, HistogramU64 = 4, HistogramF64 = 5,
            GaugeU64 = 6, GaugeS64 = 7, GaugeF64 = 8, ObservableCounterU64 = 9, ObservableCounterF64 = 10,
            ObservableUpDownCounterS64 = 11, ObservableUpDownCounterF64 = 12, ObservableGaugeU64 = 13,
            ObservableGaugeS64 = 14, ObservableGaugeF64 = 15,
        }
        "meter/number" Number, 16, 8 { Unsigned(0) = 0, Signed(0) = 1, Float(0.0) = 2 }
        "logger/severity" Severity, 1, 1 {
            Trace = 0, Trace2 = 1, Trace3 = 2, Trace4 = 3, Debug = 4, Debug2 = 5, Debug3 = 6, Debug4 = 7,
            Info = 8, Info2 = 9, Info3 = 10, Info4 = 11, Warn = 12, Warn2 = 13, Warn3 = 14, Warn4 = 15,
            Error = 16, Error2 = 17, Error3 = 18, Error4 = 19, Fatal = 20, Fatal2 = 21, Fatal3 = 22, Fatal4 = 23,
        }
        "logger/log-value" LogValue<'static>, 16, 8 {
            StringValue("") = 0, BoolValue(true) = 1, IntValue(0) = 2, DoubleValue(0.0) = 3, BytesValue(&[]) = 4,
            ArrayValue(&[]) = 5, MapValue(&[]) = 6,
        }
    }
}

/// Stands for a payload above.
#[cfg(target_arch = "wasm32")]
const NO_CONTEXT: WireContext<'static> = WireContext {
    trace_id: TraceId { high: 0, low: 0 },
    span_id: 0,
    trace_flags: TraceFlags::empty(),
    trace_state: "",
};

#[cfg(test)]
mod tests;
