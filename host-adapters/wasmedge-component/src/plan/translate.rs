//! Running the translator, and saying what is missing where it refuses.

use std::panic::{AssertUnwindSafe, catch_unwind};

use component_size::Limits as SizeLimits;
use wasmtime_environ::component::{ComponentTypesBuilder, Translator};
use wasmtime_environ::wasmparser::{FuncValidatorAllocations, Validator, WasmFeatures};
use wasmtime_environ::{ScopeVec, Tunables};

use super::types::Types;
use super::{Plan, convert};
use crate::error::LoadError;

/// What components may use. Multi-memory is for the adapters, which copy from one memory to another.
fn supported() -> WasmFeatures {
    WasmFeatures::WASM2
        | WasmFeatures::COMPONENT_MODEL
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::TAIL_CALL
}

/// What components may not use, with the name that the refusal gives it.
const UNSUPPORTED: &[(WasmFeatures, &str)] = &[
    (WasmFeatures::CM_ASYNC, "component-model async (WASI 0.3)"),
    (
        WasmFeatures::CM_ASYNC_STACKFUL,
        "stackful component-model async (WASI 0.3)",
    ),
    (
        WasmFeatures::CM_MORE_ASYNC_BUILTINS,
        "more built-ins of component-model async (WASI 0.3)",
    ),
    (WasmFeatures::CM_THREADING, "component-model threads"),
    (WasmFeatures::CM_ERROR_CONTEXT, "error contexts (WASI 0.3)"),
    (WasmFeatures::CM_FIXED_LENGTH_LISTS, "fixed-length lists"),
    (WasmFeatures::CM_MAP, "map types"),
    (WasmFeatures::CM_VALUES, "component-model values"),
    (WasmFeatures::CM_NESTED_NAMES, "nested component names"),
    (
        WasmFeatures::CM_GC,
        "the component-model abi for garbage collection",
    ),
    (WasmFeatures::EXCEPTIONS, "exception handling"),
    (WasmFeatures::LEGACY_EXCEPTIONS, "legacy exception handling"),
    (WasmFeatures::GC, "garbage collection"),
    (
        WasmFeatures::FUNCTION_REFERENCES,
        "typed function references",
    ),
    (WasmFeatures::THREADS, "threads"),
    (
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        "shared-everything threads",
    ),
    (WasmFeatures::RELAXED_SIMD, "relaxed SIMD"),
    (WasmFeatures::MEMORY64, "64-bit memories"),
    (WasmFeatures::MEMORY_CONTROL, "memory control"),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes"),
    (WasmFeatures::STACK_SWITCHING, "stack switching"),
    (WasmFeatures::WIDE_ARITHMETIC, "wide arithmetic"),
];

pub(super) fn translate(bytes: &[u8], limits: &SizeLimits) -> Result<Plan, LoadError> {
    // The translator asserts what it believes the validator to guarantee. Should it be wrong, that is an error and no crash.
    catch_unwind(AssertUnwindSafe(|| run(bytes, limits))).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic");
        Err(LoadError::Translator {
            message: message.to_owned(),
        })
    })
}

fn run(bytes: &[u8], limits: &SizeLimits) -> Result<Plan, LoadError> {
    if wasmtime_environ::wasmparser::Parser::is_core_wasm(bytes) {
        return Err(LoadError::invalid(
            "this is a core module and not a component",
        ));
    }
    component_size::check(bytes, limits)?;
    let mut tunables = Tunables::default_u32();
    tunables.concurrency_support = false;
    let mut validator = Validator::new_with_features(supported());
    let mut types = ComponentTypesBuilder::new(&validator);
    let scope = ScopeVec::new();
    let translated =
        Translator::new(&tunables, &mut validator, &mut types, &scope).translate(bytes);
    let (translation, mut modules) =
        translated.map_err(|error| refusal(bytes, &format!("{error:#}")))?;
    // The translator leaves function bodies to whoever compiles them.
    let mut allocations = FuncValidatorAllocations::default();
    for (_, module) in &mut modules {
        for (_, function) in std::mem::take(&mut module.function_body_inputs) {
            let mut validator = function.validator.into_validator(allocations);
            validator
                .validate(&function.body)
                .map_err(|error| refusal(bytes, &error.to_string()))?;
            allocations = validator.into_allocations();
        }
    }
    let resource_tables = types.num_resource_tables();
    let (types, _) = types.finish(&translation.component);
    convert::plan(&translation, &modules, Types::new(&types, resource_tables))
}

/// Finds out whether the bytes are valid after all, given features that are not supported here, and which of them they need.
fn refusal(bytes: &[u8], message: &str) -> LoadError {
    let valid = |features| {
        Validator::new_with_features(features)
            .validate_all(bytes)
            .is_ok()
    };
    let all = UNSUPPORTED
        .iter()
        .fold(supported(), |all, (feature, _)| all | *feature);
    let all = all | WasmFeatures::GC_TYPES;
    if !valid(all) {
        return LoadError::invalid(message);
    }
    if valid(supported()) {
        // The validator has no objection, but the translator does: it knows less than the specification, or checks more.
        return match message.strip_suffix(" are not supported") {
            Some(feature) => LoadError::unsupported(feature),
            None => LoadError::invalid(message),
        };
    }
    let needed: Vec<&str> = UNSUPPORTED
        .iter()
        .filter(|(feature, _)| !valid(all.difference(*feature)))
        .map(|(_, name)| *name)
        .collect();
    match needed.as_slice() {
        [] => LoadError::unsupported(message),
        needed => LoadError::unsupported(needed.join(", ")),
    }
}
