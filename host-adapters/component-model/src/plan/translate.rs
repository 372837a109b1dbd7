//! Runs the translator, and names the missing features if it refuses.

use std::panic::{AssertUnwindSafe, catch_unwind};

use component_size::Limits as SizeLimits;
use wasmtime_environ::component::{ComponentTypesBuilder, Translator};
use wasmtime_environ::wasmparser::{FuncValidatorAllocations, Validator};
use wasmtime_environ::{ScopeVec, Tunables};

use super::features::{check_valid, refusal, supported};
use super::types::Types;
use super::{Plan, convert};
use crate::error::LoadError;

pub(super) fn translate(bytes: &[u8], limits: &SizeLimits) -> Result<Plan, LoadError> {
    // The translator asserts conditions that it expects the validator to guarantee. A failed
    // assertion becomes an error, not a crash.
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
    if let Err(refusal) = component_size::check(bytes, limits) {
        // A component that cannot be counted may be invalid, which takes precedence.
        if refusal == component_size::Refusal::Uncounted {
            check_valid(bytes)?;
        }
        return Err(refusal.into());
    }
    let mut tunables = Tunables::default_u32();
    tunables.concurrency_support = false;
    let mut validator = Validator::new_with_features(supported());
    let mut types = ComponentTypesBuilder::new(&validator);
    let scope = ScopeVec::new();
    let translated =
        Translator::new(&tunables, &mut validator, &mut types, &scope).translate(bytes);
    let (translation, mut modules) =
        translated.map_err(|error| refusal(bytes, &format!("{error:#}")))?;
    // The translator leaves function bodies to the compiler.
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
    convert::plan(
        &translation,
        &modules,
        Types::new(&types, resource_tables),
        limits,
    )
}
