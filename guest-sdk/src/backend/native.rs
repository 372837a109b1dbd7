//! The contract's functions where there is no host: they reach the thread's recorder, or nobody.

macro_rules! functions {
    ($(#[$doc:meta])* mod $module:ident { $(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty, $nobody:expr;)* }) => {
        $(#[$doc])*
        pub(crate) mod $module {
            #[expect(unused_imports, reason = "no module needs all of them")]
            use crate::{
                BaggageEntry, InstrumentationScope, KeyValue, SpanChanges, SpanContext, SpanKind, SpanReference,
                logs::types::{LogRecord, LogThreshold, NOBODY_LISTENS, Severity},
                metrics::types::{InstrumentDescriptor, Number, Observation},
                testing,
            };

            $(pub(crate) fn $name($($argument: $type),*) -> $result {
                testing::with(concat!(stringify!($module), ".", stringify!($name)), |state| {
                    state.$module().$name($($argument),*)
                })
                .unwrap_or($nobody)
            })*
        }
    };
}

functions! {
    /// The interface `tracer`. Without a recorder, spans are not recorded.
    mod tracer {
        fn get(scope: InstrumentationScope<'_>) -> u64, 0;
        fn start(
            tracer: u64, name: &str, kind: SpanKind, parent: SpanReference<'_>, attributes: &[KeyValue<'_>],
            start_time: Option<u64>, activate: bool
        ) -> u64, crate::backend::NOT_RECORDED;
        fn now() -> u64, 0;
        fn ambient() -> u64, 0;
        fn enter(span: u64) -> u64, 0;
        fn exit(span: u64) -> u64, 0;
        fn update(span: u64, changes: SpanChanges<'_>) -> u64, 0;
        fn event(span: u64, name: &str, attributes: &[KeyValue<'_>], time: Option<u64>) -> u64, 0;
        fn end(span: u64, changes: SpanChanges<'_>, time: Option<u64>) -> u64, 0;
        fn context_of(span: u64) -> Option<SpanContext>, None;
    }
}

functions! {
    /// The interface `meter`.
    mod meter {
        fn get(scope: InstrumentationScope<'_>) -> u64, 0;
        fn create(meter: u64, descriptor: InstrumentDescriptor<'_>) -> u64, 0;
        fn measure(instrument: u64, value: Number, attributes: &[KeyValue<'_>]) -> u64, 0;
        fn bind(instrument: u64, attributes: &[KeyValue<'_>]) -> u64, 0;
        fn measure_series(series: u64, value: Number) -> u64, 0;
        fn create_observer() -> u64, 0;
        fn observe(observer: u64, observations: &[Observation<'_>], complete: bool) -> u64, 0;
    }
}

functions! {
    /// The interface `logger`. Without a recorder, nobody listens.
    mod logger {
        fn get(scope: InstrumentationScope<'_>) -> u64, 0;
        fn threshold(logger: u64) -> LogThreshold, LogThreshold { lowest: NOBODY_LISTENS, generation: 0 };
        fn enabled(logger: u64, severity: Option<Severity>, event_name: Option<&str>) -> bool, false;
        fn emit(logger: u64, records: &[LogRecord<'_>]) -> u64, 0;
    }
}

functions! {
    /// The interface `context`.
    mod context {
        fn current() -> Option<SpanContext>, None;
        fn baggage() -> Vec<BaggageEntry>, Vec::new();
        fn enter_baggage(entries: &[&BaggageEntry]) -> u64, 0;
        fn exit_baggage(scope: u64) -> u64, 0;
    }
}
