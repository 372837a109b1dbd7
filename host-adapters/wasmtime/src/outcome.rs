//! How a call ended, as Wasmtime's errors tell it.

use wasmscope_telemetry::Outcome;
use wasmtime::error::OutOfMemory;
use wasmtime::{Error, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::InvalidArgument;

/// Gives the outcome that an error from a call or an instantiation stands for.
///
/// - WASI's exit is [`Outcome::Exit`] with its code.
/// - An interruption by the epoch deadline is [`Outcome::Timeout`].
/// - Every other trap is [`Outcome::Trap`], its code Wasmtime's name for it in snake case:
///   `memory_out_of_bounds`, `stack_overflow`, `integer_division_by_zero`, `out_of_fuel`; and
///   `unreachable`.
/// - So are errors from the host that end the guest just as well: `invalid_argument` where it broke
///   the ABI in a call to `wasmscope:otel` ([`InvalidArgument`]), `out_of_memory`, `memory_limit`
///   where a limiter refuses the memory that an instance needs to begin with, `too_many_handles`
///   where the store has no more handles of resources, and `host_error` for what remains.
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

/// How Wasmtime ends the messages for a memory or a table that a limiter refuses; they have no type
/// of their own.
const MEMORY_LIMITS: [&str; 2] = ["exceeds memory limits", "exceeds table limits"];

/// How Wasmtime ends the message for a resource handle beyond the store's limit.
const HANDLE_LIMIT: &str = "store handle limit exceeded";

/// The name by which Wasmtime knows a trap: a list of ours would miss the kinds to come.
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

/// The cause first, since limits cut a message at its end, then where in the guest it happened.
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

    /// Traps of proposals that are not listed in `docs/telemetry.md`: garbage collection, threads,
    /// stack switching, async, and checks of Wasmtime's own.
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
    fn every_trap_of_what_components_may_use_is_listed() {
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
    fn errors_that_are_no_traps_have_outcomes_of_their_own() {
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
        // Of a list at 1, which is not aligned.
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
