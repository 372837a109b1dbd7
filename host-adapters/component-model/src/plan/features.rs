//! WebAssembly features: the supported set, and the names of all others for error messages.

use wasmtime_environ::wasmparser::{Parser, Payload, Validator, WasmFeatures};

use crate::error::LoadError;

/// The supported features. Multi-memory is needed by adapters, which copy between memories.
pub(super) fn supported() -> WasmFeatures {
    WasmFeatures::WASM2
        | WasmFeatures::COMPONENT_MODEL
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::TAIL_CALL
}

/// The unsupported features, with their names in error messages. If either of two features would
/// suffice, the later one is named.
const UNSUPPORTED: &[(WasmFeatures, &str)] = &[
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
    (WasmFeatures::CM_ASYNC, "component-model async (WASI 0.3)"),
    (WasmFeatures::CM_FIXED_LENGTH_LISTS, "fixed-length lists"),
    (WasmFeatures::CM_MAP, "map types"),
    (WasmFeatures::CM_VALUES, "component-model values"),
    (WasmFeatures::CM_NESTED_NAMES, "nested component names"),
    (
        WasmFeatures::CM_CANON_NAMES,
        "names with a `version-suffix` annotation",
    ),
    (
        WasmFeatures::CM_IMPLEMENTS,
        "names with an `implements` annotation",
    ),
    (WasmFeatures::CM64, "64-bit memories in the canonical abi"),
    (
        WasmFeatures::CM_GC,
        "the component-model abi for garbage collection",
    ),
    (WasmFeatures::CUSTOM_DESCRIPTORS, "custom descriptors"),
    (WasmFeatures::STACK_SWITCHING, "stack switching"),
    (
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        "shared-everything threads",
    ),
    (WasmFeatures::LEGACY_EXCEPTIONS, "legacy exception handling"),
    (WasmFeatures::EXCEPTIONS, "exception handling"),
    (WasmFeatures::GC, "garbage collection"),
    (
        WasmFeatures::FUNCTION_REFERENCES,
        "typed function references",
    ),
    (WasmFeatures::THREADS, "threads"),
    (WasmFeatures::RELAXED_SIMD, "relaxed SIMD"),
    (WasmFeatures::MEMORY_CONTROL, "memory control"),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes"),
    (WasmFeatures::WIDE_ARITHMETIC, "wide arithmetic"),
    (WasmFeatures::MEMORY64, "64-bit memories"),
    (WasmFeatures::COMPACT_IMPORTS, "compact import sections"),
];

/// Finds out why a component was refused: it is invalid, or needs unsupported features. `message`
/// is the translator's error.
pub(super) fn refusal(bytes: &[u8], message: &str) -> LoadError {
    match needed(bytes) {
        Err(error) => error,
        // The validator accepts the component but the translator does not: it supports only part of
        // the specification.
        Ok(needed) if needed.is_empty() => LoadError::unsupported(strip(message)),
        Ok(needed) => {
            let named = UNSUPPORTED.iter();
            let named = named.filter(|(feature, _)| needed.contains(*feature));
            let names: Vec<&str> = named.map(|(_, name)| *name).collect();
            LoadError::unsupported(match names.as_slice() {
                [] => strip(message).to_owned(),
                names => names.join(", "),
            })
        }
    }
}

/// Returns an error if the bytes are not valid even with all features.
pub(super) fn check_valid(bytes: &[u8]) -> Result<(), LoadError> {
    needed(bytes).map(|_| ())
}

/// The most bytes to validate, over all runs, to find the features that a component needs. For
/// components of up to 9 MiB that allows a run for each feature. For larger ones, only some
/// features are named, or none.
const MAX_BYTES_VALIDATED: usize = 256 << 20;

/// Returns the features that a component needs besides the supported ones.
///
/// # Errors
///
/// The validator's error for the component with all features enabled.
fn needed(bytes: &[u8]) -> Result<WasmFeatures, LoadError> {
    if is_cut_off(bytes) {
        return Err(LoadError::invalid(
            "a module or a component inside ends beyond the end of the input",
        ));
    }
    let validate = |features| Validator::new_with_features(features).validate_all(bytes);
    let runs = MAX_BYTES_VALIDATED.checked_div(bytes.len());
    let mut runs = runs.unwrap_or(usize::MAX).max(1);
    // The validator usually names the missing feature, one for each run.
    let mut features = supported();
    loop {
        let Err(error) = validate(features) else {
            return Ok(features.difference(supported()));
        };
        match error.missing_wasm_feature() {
            Some(missing) if !features.contains(missing) => features |= missing,
            _ => break,
        }
        runs = runs.saturating_sub(1);
        if runs == 0 {
            return Ok(features.difference(supported()));
        }
    }
    // Otherwise, tries to leave out the features one by one.
    let mut features = everything();
    validate(features).map_err(LoadError::invalid)?;
    if runs < UNSUPPORTED.len() {
        return Ok(WasmFeatures::empty());
    }
    for (feature, _) in UNSUPPORTED {
        let fewer = features.difference(*feature);
        if validate(fewer).is_ok() {
            features = fewer;
        }
    }
    Ok(features.difference(supported()))
}

/// True if the input ends inside a nested module or component. The validator takes the end of the
/// input for the end of that module or component.
fn is_cut_off(bytes: &[u8]) -> bool {
    let payloads = Parser::new(0).parse_all(bytes).flatten();
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "no other payload has anything inside"
    )]
    let mut inner = payloads.filter_map(|payload| match payload {
        Payload::ModuleSection {
            unchecked_range, ..
        }
        | Payload::ComponentSection {
            unchecked_range, ..
        } => Some(unchecked_range),
        _ => None,
    });
    inner.any(|range| range.end > bytes.len())
}

fn everything() -> WasmFeatures {
    let all = UNSUPPORTED.iter().map(|(feature, _)| *feature);
    all.fold(supported(), WasmFeatures::union)
}

/// Returns the feature's name from the translator's message: `… is not supported`.
fn strip(message: &str) -> &str {
    let endings = [
        " is not supported",
        " are not supported",
        " not supported",
        " which is not implemented",
    ];
    let found = endings
        .iter()
        .find_map(|ending| message.strip_suffix(ending));
    found.unwrap_or(message)
}

#[cfg(test)]
mod tests;
