//! The contract's functions that programs call often, without the generated code that copies what they are given.
//!
//! The types of [`layout`](super::layout) lie in memory as the canonical ABI wants them, so a list of attributes is passed by its address:
//! nothing is lowered, and what is not there is neither large nor slow. What is left is to spread records and options over
//! parameters. Functions that give texts are left to the generated bindings.
//!
//! Signatures are checked when the component is made, layouts when this is compiled, and the layouts' description by a test against
//! `wit/`.
#![expect(unsafe_code, reason = "imports are unsafe to call, and take addresses")]

use super::layout::{WireLink, WireTarget, WireThreshold, description, wire_links};
use super::wire::{WireContext, WireReference};
use crate::logs::types::{LogRecord, LogThreshold, LogValue, NOBODY_LISTENS, Severity};
use crate::metrics::types::{InstrumentDescriptor, InstrumentKind, Number, Observation};
use crate::{
    InstrumentationScope, KeyValue, Link, SpanChanges, SpanKind, SpanReference, Status, Value, wide,
};

/// Declares imports, and has the section linked that describes the world to whoever makes the component.
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

/// Has attributes hold no integers that the contract has not.
macro_rules! lower {
    ($attributes:ident) => {
        let digits = wide::of($attributes);
        let lowered = wide::lowered($attributes, &digits);
        let $attributes = lowered.as_ref().map_or($attributes, |list| list);
    };
}

/// Calls the `get` of an interface: they take the same. A macro, not a function with a pointer to
/// the import: WasmEdge leaves modules with imports in their tables interpreted.
macro_rules! call_get {
    ($get:ident, $scope:ident) => {{
        // Scopes hold no wide integers: `Scope::as_contract` lowers them.
        let attributes = $scope.attributes;
        let version = $scope.version.unwrap_or_default();
        let schema_url = $scope.schema_url.unwrap_or_default();
        // SAFETY: the addresses and lengths are those of slices that outlive the call.
        unsafe {
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
        }
    }};
}

/// The address of what a list or a text holds.
type Address = *const u8;

pub(crate) mod tracer {
    pub(crate) use crate::backend::bindings::wasmscope::otel::tracer::context_of;

    use super::*;

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

    pub(crate) fn get(scope: InstrumentationScope<'_>) -> u64 {
        call_get!(import_get, scope)
    }

    pub(crate) fn start(
        tracer: u64,
        name: &str,
        kind: SpanKind,
        parent: SpanReference<'_>,
        attributes: &[KeyValue<'_>],
        start_time: Option<u64>,
        activate: bool,
    ) -> u64 {
        lower!(attributes);
        let mut remote = WireContext::default();
        let (case, high_or_span) = match parent {
            SpanReference::Ambient => (0, 0),
            SpanReference::None => (1, 0),
            SpanReference::Span(span) => (2, span),
            SpanReference::Remote(context) => {
                remote = context.into();
                (3, remote.trace_id.high)
            }
        };
        // SAFETY: the addresses and lengths are those of slices that outlive the call.
        unsafe {
            import_start(
                tracer,
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
        }
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn now() -> u64 {
        // SAFETY: it takes no address.
        unsafe { import_now() }
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn ambient() -> u64 {
        // SAFETY: it takes no address.
        unsafe { import_ambient() }
    }

    pub(crate) fn enter(span: u64) -> u64 {
        // SAFETY: it takes no address.
        unsafe { import_enter(span) }
    }

    pub(crate) fn exit(span: u64) -> u64 {
        // SAFETY: it takes no address.
        unsafe { import_exit(span) }
    }

    // Inlined, so that who never gives a link links nothing for them.
    #[inline(always)]
    pub(crate) fn update(span: u64, changes: SpanChanges<'_>) -> u64 {
        if changes.links.is_empty() {
            update_with(span, changes, &[])
        } else {
            with_links(changes.links, &mut |links| {
                update_with(span, changes, links)
            })
        }
    }

    fn with_links(links: &[Link<'_>], call: &mut dyn FnMut(&[WireLink<'_>]) -> u64) -> u64 {
        wide::lend_links(links, &mut |links| call(&wire_links(links)))
    }

    fn update_with(span: u64, changes: SpanChanges<'_>, links: &[WireLink<'_>]) -> u64 {
        let attributes = changes.attributes;
        lower!(attributes);
        let description = description(changes.status);
        let name = changes.name.unwrap_or_default();
        // SAFETY: the addresses and lengths are those of slices that outlive the call.
        unsafe {
            import_update(
                span,
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
        }
    }

    pub(crate) fn event(
        span: u64,
        name: &str,
        attributes: &[KeyValue<'_>],
        time: Option<u64>,
    ) -> u64 {
        lower!(attributes);
        // SAFETY: the addresses and lengths are those of slices that outlive the call.
        unsafe {
            import_event(
                span,
                name.as_ptr(),
                name.len(),
                attributes.as_ptr().cast(),
                attributes.len(),
                time.is_some(),
                time.unwrap_or_default(),
            )
        }
    }

    // As for `update`.
    #[inline(always)]
    pub(crate) fn end(span: u64, changes: SpanChanges<'_>, time: Option<u64>) -> u64 {
        if changes.links.is_empty() {
            end_with(span, changes, &[], time)
        } else {
            with_links(changes.links, &mut |links| {
                end_with(span, changes, links, time)
            })
        }
    }

    fn end_with(
        span: u64,
        changes: SpanChanges<'_>,
        links: &[WireLink<'_>],
        time: Option<u64>,
    ) -> u64 {
        let attributes = changes.attributes;
        lower!(attributes);
        let description = description(changes.status);
        let name = changes.name.unwrap_or_default();
        // SAFETY: the addresses and lengths are those of slices that outlive the call.
        unsafe {
            import_end(
                span,
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
        }
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

    pub(crate) fn get(scope: InstrumentationScope<'_>) -> u64 {
        call_get!(import_get, scope)
    }

    pub(crate) fn create(meter: u64, descriptor: InstrumentDescriptor<'_>) -> u64 {
        let unit = descriptor.unit.unwrap_or_default();
        let description = descriptor.description.unwrap_or_default();
        let boundaries = descriptor.boundaries.unwrap_or_default();
        // SAFETY: the addresses and lengths are those of slices that outlive the call.
        unsafe {
            import_create(
                meter,
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
        }
    }

    /// Gives a number's bits, whatever its type is.
    #[inline]
    fn bits(number: Number) -> u64 {
        match number {
            Number::Unsigned(value) => value,
            Number::Signed(value) => value.cast_unsigned(),
            Number::Float(value) => value.to_bits(),
        }
    }

    pub(crate) fn measure(instrument: u64, value: Number, attributes: &[KeyValue<'_>]) -> u64 {
        lower!(attributes);
        // SAFETY: the address and the length are those of a slice that outlives the call.
        unsafe {
            import_measure(
                instrument,
                tag(&value).into(),
                bits(value),
                attributes.as_ptr().cast(),
                attributes.len(),
            )
        }
    }

    pub(crate) fn bind(instrument: u64, attributes: &[KeyValue<'_>]) -> u64 {
        lower!(attributes);
        // SAFETY: the address and the length are those of a slice that outlives the call.
        unsafe { import_bind(instrument, attributes.as_ptr().cast(), attributes.len()) }
    }

    #[inline]
    pub(crate) fn measure_series(series: u64, value: Number) -> u64 {
        // SAFETY: it takes no address.
        unsafe { import_measure_series(series, tag(&value).into(), bits(value)) }
    }

    pub(crate) fn create_observer() -> u64 {
        // SAFETY: it takes nothing.
        unsafe { import_create_observer() }
    }

    pub(crate) fn observe(observer: u64, observations: &[Observation<'_>], complete: bool) -> u64 {
        // SAFETY: the address and the length are those of a slice that outlives the call.
        unsafe {
            import_observe(
                observer,
                observations.as_ptr().cast(),
                observations.len(),
                complete,
            )
        }
    }
}

pub(crate) mod logger {
    pub(crate) use crate::backend::bindings::wasmscope::otel::logger::enabled;

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
            fn import_emit = "emit"(logger: u64, records: Address, records_length: usize) -> u64;
        }
    }

    pub(crate) fn get(scope: InstrumentationScope<'_>) -> u64 {
        call_get!(import_get, scope)
    }

    pub(crate) fn threshold(logger: u64) -> LogThreshold {
        let mut answer = WireThreshold::default();
        // SAFETY: the address is that of what the host writes, in which any byte is valid.
        unsafe { import_threshold(logger, &raw mut answer) };
        let [listens, severity] = answer.severity;
        LogThreshold {
            lowest: match listens {
                0 => NOBODY_LISTENS,
                _ => severity.saturating_add(1),
            },
            generation: answer.generation,
        }
    }

    pub(crate) fn emit(logger: u64, records: &[LogRecord<'_>]) -> u64 {
        // SAFETY: the address and the length are those of a slice that outlives the call.
        unsafe { import_emit(logger, records.as_ptr().cast(), records.len()) }
    }
}

/// Begins with a byte that says which case it is: a `repr` with an integer, which is little-endian.
///
/// # Safety
///
/// It must be so.
pub(super) unsafe trait Tagged {}

macro_rules! tagged {
    ($($type:ty),* $(,)?) => {
        // SAFETY: each has an integer in its `repr`.
        $(unsafe impl Tagged for $type {})*
    };
}
tagged!(
    Value<'_>,
    Number,
    LogValue<'_>,
    SpanKind,
    Severity,
    InstrumentKind,
    Status<'_>,
    WireTarget<'_>,
    WireReference<'_>
);

/// Gives a value's discriminant, for [`layout`](super::layout) to check.
pub(super) const fn tag<T: Tagged>(value: &T) -> u8 {
    // SAFETY: the first byte is the tag.
    unsafe { (&raw const *value).cast::<u8>().read() }
}

// Rust does not promise that a reference to a slice is its address and then its length, as a list is.
const _: () = {
    #[repr(C)]
    struct List(*const u8, usize);
    // SAFETY: both are an address and an integer of its size, in one order or the other; any value is valid for both.
    let List(_, text) = unsafe { core::mem::transmute::<&str, List>("abc") };
    // SAFETY: as above.
    let List(_, list) = unsafe { core::mem::transmute::<&[u64], List>(&[1, 2, 3]) };
    assert!(text == 3 && list == 3);
};
