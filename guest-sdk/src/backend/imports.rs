//! The contract's functions, without the generated code that would copy their arguments.
//!
//! The types of [`layout`](super::layout) have the layout of the canonical ABI, so a list of
//! attributes is passed by its address. Records and options are spread over parameters. Functions
//! that return texts use the generated bindings.
//!
//! `wit-component` checks the signatures when it makes the component, the compiler checks the
//! layouts, and a test compares the description of the layouts with `wit/`.
#![expect(unsafe_code, reason = "imports are unsafe to call, and take addresses")]

use super::layout::{WireThreshold, description};
use super::tag::tag;
use crate::types::{
    BaggageEntry, BaggageHandle, Handle, InstrumentDescriptor, InstrumentHandle,
    InstrumentationScope, KeyValue, LOGS_DISABLED, Link, LogRecord, LogThreshold, LoggerHandle,
    MeterHandle, Notice, Number, Observation, ObserverHandle, SeriesHandle, Severity, SpanChanges,
    SpanContext, SpanHandle, SpanKind, SpanReference, TracerHandle, WireContext, WireLink,
};
use crate::unsigned;

/// Declares imports, and links the section that describes the world to `wit-component`.
macro_rules! imports {
    ($module:literal { $($(#[$attribute:meta])* fn $name:ident = $import:literal($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)* }) => {
        #[link(wasm_import_module = $module)]
        unsafe extern "C" {
            $($(#[$attribute])* #[link_name = $import] fn $name($($argument: $type),*) $(-> $result)?;)*
        }

        #[used]
        static DESCRIBED: fn() = crate::backend::bindings::__link_custom_section_describing_imports;
    };
}

/// Replaces integers that the contract cannot represent by texts.
macro_rules! lower {
    ($attributes:ident) => {
        let digits = unsigned::of($attributes);
        let lowered = unsigned::lowered($attributes, &digits);
        let $attributes = lowered.as_ref().map_or($attributes, |list| list);
    };
}

/// Calls the `get` of an interface; all of them take the same arguments. This is a macro, because a
/// function would take a pointer to the import, which puts the import into a table. WasmEdge does
/// not compile modules with imports in tables.
macro_rules! call_get {
    ($get:ident, $scope:ident) => {{
        // Scopes hold no large integers: `Scope::as_contract` lowers them.
        let attributes = $scope.attributes;
        let version = $scope.version.unwrap_or_default();
        let schema_url = $scope.schema_url.unwrap_or_default();
        // SAFETY: the addresses and lengths are those of slices that outlive the call.
        let handle = unsafe {
            $get(
                $scope.name.as_ptr(),
                $scope.name.len(),
                $scope.version.is_some(),
                version.as_ptr(),
                version.len(),
                $scope.schema_url.is_some(),
                schema_url.as_ptr(),
                schema_url.len(),
                attributes.as_ptr().cast(),
                attributes.len(),
            )
        };
        Handle::from_raw(handle)
    }};
}

/// The address of the content of a list or a text.
type Address = *const u8;

pub(crate) mod tracer {
    use super::*;
    use crate::backend::bindings::wasmscope::otel::tracer as bindings;

    imports! {
        "wasmscope:otel/tracer@0.1.0" {
            fn import_get = "get"(
                name: Address, name_length: usize,
                has_version: bool, version: Address, version_length: usize,
                has_schema_url: bool, schema_url: Address, schema_url_length: usize,
                attributes: Address, attributes_length: usize,
            ) -> u64;
            fn import_start = "start"(
                tracer: u64, name: Address, name_length: usize, kind: u32,
                parent: u32, high_or_span: u64, low: u64, span_id: u64, flags: u32,
                trace_state: Address, trace_state_length: usize,
                attributes: Address, attributes_length: usize,
                has_start_time: bool, start_time: u64, activate: bool,
            ) -> u64;
            #[cfg(feature = "tracing")]
            fn import_now = "now"() -> u64;
            #[cfg(feature = "tracing")]
            fn import_ambient = "ambient"() -> u64;
            fn import_invocation = "invocation"() -> u64;
            fn import_enter = "enter"(span: u64) -> u64;
            fn import_exit = "exit"(span: u64) -> u64;
            fn import_update = "update"(
                span: u64, has_name: bool, name: Address, name_length: usize,
                status: u32, description: Address, description_length: usize,
                attributes: Address, attributes_length: usize,
                links: Address, links_length: usize,
            ) -> u64;
            fn import_event = "event"(
                span: u64, name: Address, name_length: usize,
                attributes: Address, attributes_length: usize,
                has_time: bool, time: u64,
            ) -> u64;
            fn import_end = "end"(
                span: u64, has_name: bool, name: Address, name_length: usize,
                status: u32, description: Address, description_length: usize,
                attributes: Address, attributes_length: usize,
                links: Address, links_length: usize,
                has_time: bool, time: u64,
            ) -> u64;
        }
    }

    pub(crate) fn get(scope: InstrumentationScope<'_>) -> TracerHandle {
        call_get!(import_get, scope)
    }

    pub(crate) fn context_of(span: SpanHandle) -> Option<SpanContext> {
        bindings::context_of(span.raw())
    }

    pub(crate) fn start(
        tracer: TracerHandle,
        name: &str,
        kind: SpanKind,
        parent: SpanReference<'_>,
        attributes: &[KeyValue<'_>],
        start_time: Option<u64>,
        activate: bool,
    ) -> SpanHandle {
        lower!(attributes);
        let mut remote = WireContext::default();
        let (case, high_or_span) = match parent {
            SpanReference::Ambient => (0, 0),
            SpanReference::None => (1, 0),
            SpanReference::Span(span) => (2, span.raw()),
            SpanReference::Remote(context) => {
                remote = context.into();
                (3, remote.trace_id.high)
            }
        };
        // SAFETY: the addresses and lengths are those of slices that outlive the call.
        let span = unsafe {
            import_start(
                tracer.raw(),
                name.as_ptr(),
                name.len(),
                kind as u32,
                case,
                high_or_span,
                remote.trace_id.low,
                remote.span_id,
                remote.trace_flags.bits().into(),
                remote.trace_state.as_ptr(),
                remote.trace_state.len(),
                attributes.as_ptr().cast(),
                attributes.len(),
                start_time.is_some(),
                start_time.unwrap_or_default(),
                activate,
            )
        };
        SpanHandle::from_raw(span)
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn now() -> u64 {
        // SAFETY: it takes no address.
        unsafe { import_now() }
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn ambient() -> Option<SpanHandle> {
        // SAFETY: it takes no address.
        let span = unsafe { import_ambient() };
        (span != 0).then_some(SpanHandle::from_raw(span))
    }

    pub(crate) fn invocation() -> Option<SpanHandle> {
        // SAFETY: it takes no address.
        let span = unsafe { import_invocation() };
        (span != 0).then_some(SpanHandle::from_raw(span))
    }

    pub(crate) fn enter(span: SpanHandle) -> Notice {
        // SAFETY: it takes no address.
        Notice::from_raw(unsafe { import_enter(span.raw()) })
    }

    pub(crate) fn exit(span: SpanHandle) -> Notice {
        // SAFETY: it takes no address.
        Notice::from_raw(unsafe { import_exit(span.raw()) })
    }

    // Inlined, so that a component without links contains no code for them.
    #[inline(always)]
    pub(crate) fn update(span: SpanHandle, changes: SpanChanges<'_>) -> Notice {
        if changes.links.is_empty() {
            update_with(span, changes, &[])
        } else {
            with_links(changes.links, &mut |links| {
                update_with(span, changes, links)
            })
        }
    }

    fn with_links(links: &[Link<'_>], call: &mut dyn FnMut(&[WireLink<'_>]) -> Notice) -> Notice {
        unsigned::lend_links(links, &mut |links| {
            let links: Vec<_> = links.iter().map(WireLink::from).collect();
            call(&links)
        })
    }

    fn update_with(span: SpanHandle, changes: SpanChanges<'_>, links: &[WireLink<'_>]) -> Notice {
        let attributes = changes.attributes;
        lower!(attributes);
        let description = description(changes.status);
        let name = changes.name.unwrap_or_default();
        // SAFETY: the addresses and lengths are those of slices that outlive the call.
        let notice = unsafe {
            import_update(
                span.raw(),
                changes.name.is_some(),
                name.as_ptr(),
                name.len(),
                tag(&changes.status).into(),
                description.as_ptr(),
                description.len(),
                attributes.as_ptr().cast(),
                attributes.len(),
                links.as_ptr().cast(),
                links.len(),
            )
        };
        Notice::from_raw(notice)
    }

    pub(crate) fn event(
        span: SpanHandle,
        name: &str,
        attributes: &[KeyValue<'_>],
        time: Option<u64>,
    ) -> Notice {
        lower!(attributes);
        // SAFETY: the addresses and lengths are those of slices that outlive the call.
        let notice = unsafe {
            import_event(
                span.raw(),
                name.as_ptr(),
                name.len(),
                attributes.as_ptr().cast(),
                attributes.len(),
                time.is_some(),
                time.unwrap_or_default(),
            )
        };
        Notice::from_raw(notice)
    }

    // As for `update`.
    #[inline(always)]
    pub(crate) fn end(span: SpanHandle, changes: SpanChanges<'_>, time: Option<u64>) -> Notice {
        if changes.links.is_empty() {
            end_with(span, changes, &[], time)
        } else {
            with_links(changes.links, &mut |links| {
                end_with(span, changes, links, time)
            })
        }
    }

    fn end_with(
        span: SpanHandle,
        changes: SpanChanges<'_>,
        links: &[WireLink<'_>],
        time: Option<u64>,
    ) -> Notice {
        let attributes = changes.attributes;
        lower!(attributes);
        let description = description(changes.status);
        let name = changes.name.unwrap_or_default();
        // SAFETY: the addresses and lengths are those of slices that outlive the call.
        let notice = unsafe {
            import_end(
                span.raw(),
                changes.name.is_some(),
                name.as_ptr(),
                name.len(),
                tag(&changes.status).into(),
                description.as_ptr(),
                description.len(),
                attributes.as_ptr().cast(),
                attributes.len(),
                links.as_ptr().cast(),
                links.len(),
                time.is_some(),
                time.unwrap_or_default(),
            )
        };
        Notice::from_raw(notice)
    }
}

pub(crate) mod meter {
    use super::*;

    imports! {
        "wasmscope:otel/meter@0.1.0" {
            fn import_get = "get"(
                name: Address, name_length: usize,
                has_version: bool, version: Address, version_length: usize,
                has_schema_url: bool, schema_url: Address, schema_url_length: usize,
                attributes: Address, attributes_length: usize,
            ) -> u64;
            fn import_create = "create"(
                meter: u64, name: Address, name_length: usize, kind: u32,
                has_unit: bool, unit: Address, unit_length: usize,
                has_description: bool, description: Address, description_length: usize,
                has_boundaries: bool, boundaries: Address, boundaries_length: usize,
            ) -> u64;
            fn import_measure = "measure"(
                instrument: u64, number: u32, bits: u64, attributes: Address, attributes_length: usize,
            ) -> u64;
            fn import_bind = "bind"(instrument: u64, attributes: Address, attributes_length: usize) -> u64;
            fn import_measure_series = "measure-series"(series: u64, number: u32, bits: u64) -> u64;
            fn import_create_observer = "create-observer"() -> u64;
            fn import_observe = "observe"(
                observer: u64, observations: Address, observations_length: usize, complete: bool,
            ) -> u64;
        }
    }

    pub(crate) fn get(scope: InstrumentationScope<'_>) -> MeterHandle {
        call_get!(import_get, scope)
    }

    pub(crate) fn create(
        meter: MeterHandle,
        descriptor: InstrumentDescriptor<'_>,
    ) -> InstrumentHandle {
        let unit = descriptor.unit.unwrap_or_default();
        let description = descriptor.description.unwrap_or_default();
        let boundaries = descriptor.boundaries.unwrap_or_default();
        // SAFETY: the addresses and lengths are those of slices that outlive the call.
        let instrument = unsafe {
            import_create(
                meter.raw(),
                descriptor.name.as_ptr(),
                descriptor.name.len(),
                descriptor.kind as u32,
                descriptor.unit.is_some(),
                unit.as_ptr(),
                unit.len(),
                descriptor.description.is_some(),
                description.as_ptr(),
                description.len(),
                descriptor.boundaries.is_some(),
                boundaries.as_ptr().cast(),
                boundaries.len(),
            )
        };
        Handle::from_raw(instrument)
    }

    /// Returns the bits of a number of any type.
    #[inline]
    fn bits(number: Number) -> u64 {
        match number {
            Number::Unsigned(value) => value,
            Number::Signed(value) => value.cast_unsigned(),
            Number::Float(value) => value.to_bits(),
        }
    }

    pub(crate) fn measure(
        instrument: InstrumentHandle,
        value: Number,
        attributes: &[KeyValue<'_>],
    ) -> Notice {
        lower!(attributes);
        // SAFETY: the address and the length are those of a slice that outlives the call.
        let notice = unsafe {
            import_measure(
                instrument.raw(),
                tag(&value).into(),
                bits(value),
                attributes.as_ptr().cast(),
                attributes.len(),
            )
        };
        Notice::from_raw(notice)
    }

    pub(crate) fn bind(instrument: InstrumentHandle, attributes: &[KeyValue<'_>]) -> SeriesHandle {
        lower!(attributes);
        let (address, length) = (attributes.as_ptr().cast(), attributes.len());
        // SAFETY: the address and the length are those of a slice that outlives the call.
        Handle::from_raw(unsafe { import_bind(instrument.raw(), address, length) })
    }

    #[inline]
    pub(crate) fn measure_series(series: SeriesHandle, value: Number) -> Notice {
        let (number, bits) = (tag(&value).into(), bits(value));
        // SAFETY: it takes no address.
        Notice::from_raw(unsafe { import_measure_series(series.raw(), number, bits) })
    }

    pub(crate) fn create_observer() -> ObserverHandle {
        // SAFETY: it takes nothing.
        Handle::from_raw(unsafe { import_create_observer() })
    }

    pub(crate) fn observe(
        observer: ObserverHandle,
        observations: &[Observation<'_>],
        complete: bool,
    ) -> Notice {
        // SAFETY: the address and the length are those of a slice that outlives the call.
        let notice = unsafe {
            import_observe(
                observer.raw(),
                observations.as_ptr().cast(),
                observations.len(),
                complete,
            )
        };
        Notice::from_raw(notice)
    }
}

pub(crate) mod logger {
    use super::*;

    imports! {
        "wasmscope:otel/logger@0.1.0" {
            fn import_get = "get"(
                name: Address, name_length: usize,
                has_version: bool, version: Address, version_length: usize,
                has_schema_url: bool, schema_url: Address, schema_url_length: usize,
                attributes: Address, attributes_length: usize,
            ) -> u64;
            fn import_threshold = "threshold"(logger: u64, answer: *mut WireThreshold);
            fn import_enabled = "enabled"(
                logger: u64, has_severity: bool, severity: u32,
                has_event_name: bool, event_name: Address, event_name_length: usize,
            ) -> bool;
            fn import_emit = "emit"(logger: u64, records: Address, records_length: usize) -> u64;
        }
    }

    pub(crate) fn get(scope: InstrumentationScope<'_>) -> LoggerHandle {
        call_get!(import_get, scope)
    }

    pub(crate) fn threshold(logger: LoggerHandle) -> LogThreshold {
        let mut answer = WireThreshold::default();
        // SAFETY: the host writes to the address, and any byte is valid there.
        unsafe { import_threshold(logger.raw(), &raw mut answer) };
        let [has_severity, severity] = answer.severity;
        LogThreshold {
            lowest: match has_severity {
                0 => LOGS_DISABLED,
                _ => severity.saturating_add(1),
            },
            generation: answer.generation,
        }
    }

    pub(crate) fn enabled(
        logger: LoggerHandle,
        severity: Option<Severity>,
        event_name: Option<&str>,
    ) -> bool {
        let name = event_name.unwrap_or_default();
        // SAFETY: the address and the length are those of a text that outlives the call.
        unsafe {
            import_enabled(
                logger.raw(),
                severity.is_some(),
                severity.map_or(0, |severity| severity as u32),
                event_name.is_some(),
                name.as_ptr(),
                name.len(),
            )
        }
    }

    pub(crate) fn emit(logger: LoggerHandle, records: &[LogRecord<'_>]) -> Notice {
        let (address, length) = (records.as_ptr().cast(), records.len());
        // SAFETY: the address and the length are those of a slice that outlives the call.
        Notice::from_raw(unsafe { import_emit(logger.raw(), address, length) })
    }
}

pub(crate) mod context {
    use super::{BaggageEntry, BaggageHandle, Handle, Notice};
    use crate::backend::bindings::wasmscope::otel::context as bindings;
    pub(crate) use bindings::{baggage, current};

    pub(crate) fn enter_baggage(entries: &[&BaggageEntry]) -> BaggageHandle {
        Handle::from_raw(bindings::enter_baggage(entries))
    }

    pub(crate) fn exit_baggage(scope: BaggageHandle) -> Notice {
        Notice::from_raw(bindings::exit_baggage(scope.raw()))
    }
}
