//! The functions' results, as types for which Wasmtime's derives generate the lowering.

use wasmscope_contract::{BaggageEntry, LogThreshold, Returned, SpanContext};
use wasmtime::component::{ComponentType, Lower};

use crate::lift::agrees;

/// A result that converts into a type that Wasmtime can lower.
pub(crate) trait Lowered: Returned {
    /// The type that Wasmtime lowers.
    type Form: Lower + Send + Sync + 'static;

    /// Fails to compile if the layout of Wasmtime's derive differs from the contract's.
    const LAYOUT_AGREES: () = assert!(agrees(&Self::Form::ABI, Self::LAYOUT));

    /// Converts the result.
    fn lower(self) -> Self::Form;
}

impl Lowered for u64 {
    type Form = Self;

    fn lower(self) -> Self {
        self
    }
}

impl Lowered for bool {
    type Form = Self;

    fn lower(self) -> Self {
        self
    }
}

impl Lowered for Option<SpanContext> {
    type Form = Option<ContextForm>;

    fn lower(self) -> Option<ContextForm> {
        self.map(ContextForm::from)
    }
}

impl Lowered for Vec<BaggageEntry> {
    type Form = Vec<EntryForm>;

    fn lower(self) -> Vec<EntryForm> {
        self.into_iter().map(EntryForm::from).collect()
    }
}

impl Lowered for LogThreshold {
    type Form = ThresholdForm;

    fn lower(self) -> ThresholdForm {
        let case = |case| SeverityForm::ALL.get(usize::from(case)).copied();
        ThresholdForm {
            severity: self.severity.and_then(case),
            generation: self.generation,
        }
    }
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct ContextForm {
    #[component(name = "trace-id")]
    trace_id: TraceIdForm,
    #[component(name = "span-id")]
    span_id: u64,
    #[component(name = "trace-flags")]
    trace_flags: TraceFlagsForm,
    #[component(name = "trace-state")]
    trace_state: String,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct TraceIdForm {
    high: u64,
    low: u64,
}

wasmtime::component::flags! {
    TraceFlagsForm {
        #[component(name = "sampled")]
        const SAMPLED;
        #[component(name = "random")]
        const RANDOM;
    }
}

impl From<SpanContext> for ContextForm {
    fn from(context: SpanContext) -> Self {
        let (high, low) = context.trace_id;
        let mut trace_flags = TraceFlagsForm::default();
        if context.is_sampled() {
            trace_flags |= TraceFlagsForm::SAMPLED;
        }
        if context.is_random() {
            trace_flags |= TraceFlagsForm::RANDOM;
        }
        Self {
            trace_id: TraceIdForm { high, low },
            span_id: context.span_id,
            trace_flags,
            trace_state: context.trace_state,
        }
    }
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct EntryForm {
    key: String,
    value: String,
    metadata: String,
}

impl From<BaggageEntry> for EntryForm {
    fn from(entry: BaggageEntry) -> Self {
        let BaggageEntry {
            key,
            value,
            metadata,
        } = entry;
        Self {
            key,
            value,
            metadata,
        }
    }
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct ThresholdForm {
    severity: Option<SeverityForm>,
    generation: u32,
}

macro_rules! severity_form {
    ($($case:ident = $name:literal, $text:literal;)+) => {
        #[derive(ComponentType, Lower, Clone, Copy)]
        #[component(enum)]
        #[repr(u8)]
        pub(crate) enum SeverityForm {
            $(#[component(name = $name)] $case,)+
        }

        impl SeverityForm {
            /// The cases in order.
            const ALL: &[Self] = &[$(Self::$case,)+];
        }
    };
}
wasmscope_telemetry::severity_table!(severity_form);
