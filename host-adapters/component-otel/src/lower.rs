//! Lowers the results of the contract's functions.

use component_model::{
    CallError, CoreVal, InstanceTypes, Lower, LowerContext, LowerList, TypeList, TypeMismatch,
    enumeration, flags, record,
};
use wasmscope_contract::{BaggageEntry, LogThreshold, Returned, SpanContext};

use crate::typecheck;

/// A function's result in a form that can be lowered.
pub(crate) struct Results<R>(pub(crate) R);

/// A result of the contract, with the type of this crate that lowers it.
pub(crate) trait Lowered {
    type As<'a>: Lower
    where
        Self: 'a;

    fn lowered(&self) -> Self::As<'_>;
}

impl<R: Returned + Lowered> LowerList for Results<R> {
    fn typecheck(list: TypeList<'_>, _: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        typecheck::list(list, &[R::TYPE])
    }

    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        list: TypeList<'_>,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        LowerList::lower(&(self.0.lowered(),), cx, list, out)
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        list: TypeList<'_>,
        bytes: &mut [u8],
        offsets: &[u32],
    ) -> Result<(), CallError> {
        LowerList::store(&(self.0.lowered(),), cx, list, bytes, offsets)
    }
}

impl Lowered for u64 {
    type As<'a> = Self;

    fn lowered(&self) -> Self {
        *self
    }
}

impl Lowered for bool {
    type As<'a> = Self;

    fn lowered(&self) -> Self {
        *self
    }
}

struct TraceIdRecord {
    high: u64,
    low: u64,
}

record! {
    TraceIdRecord {
        "high" => high: u64,
        "low" => low: u64,
    }
}

flags! {
    struct TraceFlags {
        const SAMPLED = "sampled";
        const RANDOM = "random";
    }
}

pub(crate) struct SpanContextRecord {
    trace_id: TraceIdRecord,
    span_id: u64,
    trace_flags: TraceFlags,
    trace_state: String,
}

record! {
    SpanContextRecord {
        "trace-id" => trace_id: TraceIdRecord,
        "span-id" => span_id: u64,
        "trace-flags" => trace_flags: TraceFlags,
        "trace-state" => trace_state: String,
    }
}

impl Lowered for Option<SpanContext> {
    type As<'a> = Option<SpanContextRecord>;

    fn lowered(&self) -> Self::As<'_> {
        let context = self.as_ref()?;
        let (high, low) = context.trace_id;
        Some(SpanContextRecord {
            trace_id: TraceIdRecord { high, low },
            span_id: context.span_id,
            trace_flags: TraceFlags::default()
                .with(TraceFlags::SAMPLED, context.is_sampled())
                .with(TraceFlags::RANDOM, context.is_random()),
            trace_state: context.trace_state.clone(),
        })
    }
}

pub(crate) struct BaggageEntryRecord {
    key: String,
    value: String,
    metadata: String,
}

record! {
    BaggageEntryRecord {
        "key" => key: String,
        "value" => value: String,
        "metadata" => metadata: String,
    }
}

impl Lowered for Vec<BaggageEntry> {
    type As<'a> = Vec<BaggageEntryRecord>;

    fn lowered(&self) -> Self::As<'_> {
        let entries = self.iter().map(|entry| BaggageEntryRecord {
            key: entry.key.clone(),
            value: entry.value.clone(),
            metadata: entry.metadata.clone(),
        });
        entries.collect()
    }
}

macro_rules! severity_enum {
    ($($case:ident = $name:literal, $text:literal;)+) => {
        #[derive(Clone, Copy)]
        pub(crate) enum Severity {
            $($case,)+
        }

        impl Severity {
            /// The cases in order.
            const ALL: &'static [Self] = &[$(Self::$case,)+];
        }

        enumeration! {
            Severity {
                $($name => $case,)+
            }
        }
    };
}
wasmscope_telemetry::severity_table!(severity_enum);

pub(crate) struct LogThresholdRecord {
    severity: Option<Severity>,
    generation: u32,
}

record! {
    LogThresholdRecord {
        "severity" => severity: Option<Severity>,
        "generation" => generation: u32,
    }
}

impl Lowered for LogThreshold {
    type As<'a> = LogThresholdRecord;

    fn lowered(&self) -> Self::As<'_> {
        let severity = self.severity.map(usize::from);
        LogThresholdRecord {
            severity: severity.and_then(|case| Severity::ALL.get(case)).copied(),
            generation: self.generation,
        }
    }
}
