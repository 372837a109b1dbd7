//! The contract's functions without a host: calls go to the thread's recorder, if there is one.

macro_rules! functions {
    ($(#[$doc:meta])* mod $module:ident { $($(#[$function:meta])* fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty, $without:expr;)* }) => {
        $(#[$doc])*
        pub(crate) mod $module {
            #[expect(unused_imports, reason = "no module needs all of them")]
            use crate::types::{
                BaggageEntry, BaggageHandle, InstrumentDescriptor, InstrumentHandle,
                InstrumentationScope, KeyValue, LOGS_DISABLED, LogRecord, LogThreshold, LoggerHandle, MeterHandle,
                Notice, Number, Observation, ObserverHandle, SeriesHandle, Severity, SpanChanges,
                SpanContext, SpanHandle, SpanKind, SpanReference, TracerHandle,
            };
            use crate::backend::recording;

            $($(#[$function])* pub(crate) fn $name($($argument: $type),*) -> $result {
                recording::with(concat!(stringify!($module), ".", stringify!($name)), |state| {
                    state.$module().$name($($argument),*)
                })
                .unwrap_or($without)
            })*
        }
    };
}

functions! {
    /// The interface `tracer`. Without a recorder, spans are not recorded.
    mod tracer {
        fn get(scope: InstrumentationScope<'_>) -> TracerHandle, TracerHandle::default();
        fn start(
            tracer: TracerHandle, name: &str, kind: SpanKind, parent: SpanReference<'_>,
            attributes: &[KeyValue<'_>], start_time: Option<u64>, activate: bool
        ) -> SpanHandle, SpanHandle::UNRECORDED;
        #[cfg(feature = "tracing")]
        fn now() -> u64, 0;
        #[cfg(feature = "tracing")]
        fn ambient() -> Option<SpanHandle>, None;
        fn invocation() -> Option<SpanHandle>, None;
        fn enter(span: SpanHandle) -> Notice, Notice::NONE;
        fn exit(span: SpanHandle) -> Notice, Notice::NONE;
        fn update(span: SpanHandle, changes: SpanChanges<'_>) -> Notice, Notice::NONE;
        fn event(
            span: SpanHandle, name: &str, attributes: &[KeyValue<'_>], time: Option<u64>
        ) -> Notice, Notice::NONE;
        fn end(
            span: SpanHandle, changes: SpanChanges<'_>, time: Option<u64>
        ) -> Notice, Notice::NONE;
        fn context_of(span: SpanHandle) -> Option<SpanContext>, None;
    }
}

functions! {
    /// The interface `meter`.
    mod meter {
        fn get(scope: InstrumentationScope<'_>) -> MeterHandle, MeterHandle::default();
        fn create(
            meter: MeterHandle, descriptor: InstrumentDescriptor<'_>
        ) -> InstrumentHandle, InstrumentHandle::default();
        fn measure(
            instrument: InstrumentHandle, value: Number, attributes: &[KeyValue<'_>]
        ) -> Notice, Notice::NONE;
        fn bind(
            instrument: InstrumentHandle, attributes: &[KeyValue<'_>]
        ) -> SeriesHandle, SeriesHandle::default();
        fn measure_series(series: SeriesHandle, value: Number) -> Notice, Notice::NONE;
        fn create_observer() -> ObserverHandle, ObserverHandle::default();
        fn observe(
            observer: ObserverHandle, observations: &[Observation<'_>], complete: bool
        ) -> Notice, Notice::NONE;
    }
}

functions! {
    /// The interface `logger`. Without a recorder, all logs are disabled.
    mod logger {
        fn get(scope: InstrumentationScope<'_>) -> LoggerHandle, LoggerHandle::default();
        fn threshold(
            logger: LoggerHandle
        ) -> LogThreshold, LogThreshold { lowest: LOGS_DISABLED, generation: 0 };
        fn enabled(
            logger: LoggerHandle, severity: Option<Severity>, event_name: Option<&str>
        ) -> bool, false;
        fn emit(logger: LoggerHandle, records: &[LogRecord<'_>]) -> Notice, Notice::NONE;
    }
}

functions! {
    /// The interface `context`.
    mod context {
        fn current() -> Option<SpanContext>, None;
        fn baggage() -> Vec<BaggageEntry>, Vec::new();
        fn enter_baggage(entries: &[&BaggageEntry]) -> BaggageHandle, BaggageHandle::default();
        fn exit_baggage(scope: BaggageHandle) -> Notice, Notice::NONE;
    }
}
