//! Maps Wasmtime's errors to outcomes.

use wasmscope_telemetry::Outcome;
use wasmtime::error::OutOfMemory;
use wasmtime::{Error, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::InvalidArgument;

/// Returns the outcome for an error from a call or an instantiation.
///
/// - WASI's exit is [`Outcome::Exit`] with its code.
/// - An interruption by the epoch deadline is [`Outcome::Timeout`].
/// - Every other trap is [`Outcome::Trap`]. Its code is Wasmtime's name for it in snake case:
///   `memory_out_of_bounds`, `stack_overflow`, `integer_division_by_zero`, `out_of_fuel`,
///   `unreachable`.
/// - Errors of the host that end the guest are traps, too: `invalid_argument` if the guest broke
///   the ABI in a call to `wasmscope:otel` ([`InvalidArgument`]), `out_of_memory`, `memory_limit`
///   if a limiter refuses an instance's initial memory, `too_many_handles` if the store has no more
///   resource handles, and `host_error` for all others.
#[must_use]
pub fn outcome_of(error: &Error) -> Outcome {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Outcome::Exit { code: *code };
    }
    let code = match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => return Outcome::Timeout,
        Some(trap) => trap_code(*trap),
        None if error.is::<InvalidArgument>() => "invalid_argument".to_owned(),
        None if error.is::<OutOfMemory>() => "out_of_memory".to_owned(),
        None if MEMORY_LIMITS
            .iter()
            .any(|end| error.root_cause().to_string().ends_with(end)) =>
        {
            "memory_limit".to_owned()
        }
        None if error.root_cause().to_string().ends_with(HANDLE_LIMIT) => {
            "too_many_handles".to_owned()
        }
        None => "host_error".to_owned(),
    };
    Outcome::Trap {
        code,
        message: message(error),
    }
}

/// The ends of Wasmtime's messages if a limiter refuses a memory or a table. These errors have no
/// type.
const MEMORY_LIMITS: [&str; 2] = ["exceeds memory limits", "exceeds table limits"];

/// The end of Wasmtime's message for a resource handle beyond the store's limit.
const HANDLE_LIMIT: &str = "store handle limit exceeded";

/// Returns Wasmtime's name for a trap. A list of our own would miss future kinds.
fn trap_code(trap: Trap) -> String {
    if trap == Trap::UnreachableCodeReached {
        return "unreachable".to_owned();
    }
    let mut code = String::new();
    for char in format!("{trap:?}").chars() {
        if char.is_ascii_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.push(char.to_ascii_lowercase());
    }
    code
}

/// Returns the cause, then its location in the guest. The cause comes first, because limits cut
/// messages at the end.
fn message(error: &Error) -> String {
    let cause = error.root_cause().to_string();
    match error.downcast_ref::<WasmBacktrace>() {
        Some(backtrace) => format!("{cause}\n{backtrace}"),
        None => cause,
    }
}

#[cfg(test)]
mod tests {
    use wasmscope_telemetry::emitted::ERROR_TYPES;

    use wasmscope_contract::{BaggageEntry, CoreValue, LiftError, RawArgs, StringEncoding};

    use super::*;

    #[test]
    fn trap_codes_are_wasmtimes_names_in_snake_case() {
        for (trap, code) in [
            (Trap::UnreachableCodeReached, "unreachable"),
            (Trap::MemoryOutOfBounds, "memory_out_of_bounds"),
            (Trap::StackOverflow, "stack_overflow"),
            (Trap::IntegerDivisionByZero, "integer_division_by_zero"),
            (Trap::OutOfFuel, "out_of_fuel"),
            (Trap::CannotEnterComponent, "cannot_enter_component"),
        ] {
            let Outcome::Trap {
                code: found,
                message,
            } = outcome_of(&Error::new(trap))
            else {
                panic!("{trap:?} is a trap");
            };
            assert_eq!(found, code);
            assert_eq!(message, trap.to_string());
        }
    }

    /// Traps that `docs/telemetry.md` does not list: those of proposals (garbage collection,
    /// threads, stack switching, async), and Wasmtime's internal checks.
    const NOT_LISTED: [&str; 31] = [
        "allocation_too_large",
        "array_out_of_bounds",
        "async_deadlock",
        "atomic_wait_non_shared_memory",
        "backpressure_overflow",
        "cannot_block_sync_task",
        "cannot_resume_thread",
        "cast_failure",
        "concurrent_future_stream_op",
        "continuation_already_consumed",
        "debug_assert_equal_code_units",
        "debug_assert_pointer_aligned",
        "debug_assert_string_encoding_finished",
        "debug_assert_upper_bits_unset",
        "disabled_opcode",
        "no_async_result",
        "reference_count_overflow",
        "stream_op_too_big",
        "subtask_cancel_after_terminal",
        "subtask_drop_not_resolved",
        "task_cancel_not_cancelled",
        "task_cancel_or_return_twice",
        "task_return_invalid",
        "thread_new_indirect_invalid_type",
        "thread_new_indirect_uninitialized",
        "uncaught_exception",
        "unhandled_tag",
        "unsupported_callback_code",
        "waitable_set_drop_has_waiters",
        "waitable_sync_and_async",
        "interrupt",
    ];

    #[test]
    fn every_trap_of_enabled_features_is_listed() {
        let listed = |code: &str| ERROR_TYPES.iter().any(|known| known.value == code);
        for trap in (0..=u8::MAX).filter_map(Trap::from_u8) {
            let code = trap_code(trap);
            let expected = !NOT_LISTED.contains(&code.as_str());
            assert_eq!(listed(&code), expected, "{code}");
        }
        for code in [
            "invalid_argument",
            "out_of_memory",
            "memory_limit",
            "too_many_handles",
            "host_error",
        ] {
            assert!(listed(code), "{code}");
        }
    }

    #[test]
    fn errors_other_than_traps_have_their_own_outcomes() {
        assert_eq!(
            outcome_of(&Error::new(I32Exit(3))),
            Outcome::Exit { code: 3 }
        );
        assert_eq!(
            outcome_of(&Error::new(I32Exit(0)).context("called")),
            Outcome::Exit { code: 0 }
        );
        assert_eq!(
            outcome_of(&Error::new(Trap::Interrupt).context("called")),
            Outcome::Timeout
        );
        let code = |error: &Error| {
            let Outcome::Trap { code, .. } = outcome_of(error) else {
                panic!("it is a trap");
            };
            code
        };
        // The arguments are a list at address 1, which is not aligned.
        let passed = RawArgs::flat(&[], StringEncoding::Utf8, &[One, One]);
        let lifted = passed.lift::<Vec<BaggageEntry>>(0);
        let Err(LiftError::Invalid(argument)) = lifted else {
            panic!("{lifted:?} is invalid");
        };
        assert_eq!(
            code(&Error::new(*argument).context("called")),
            "invalid_argument"
        );
        assert_eq!(code(&Error::msg("something else")), "host_error");
    }

    /// A core value.
    #[derive(Debug, Clone, Copy)]
    struct One;

    impl CoreValue for One {
        fn u32(self) -> u32 {
            1
        }

        fn u64(self) -> u64 {
            1
        }

        fn f64(self) -> f64 {
            1.0
        }
    }

    #[test]
    fn the_cause_comes_before_its_context() {
        let error = Error::msg("the cause").context("while calling");
        let Outcome::Trap { message, .. } = outcome_of(&error) else {
            panic!("it is a trap");
        };
        assert_eq!(message, "the cause");
    }
}
