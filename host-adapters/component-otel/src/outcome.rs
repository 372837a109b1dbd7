//! Maps the errors of `wasmedge-component` to outcomes.

use anyhow::Error;
use component_model::{Trap, TrapCode};
use component_wasi::I32Exit;
use wasmscope_contract::InvalidArgument;
use wasmscope_telemetry::Outcome;

/// Returns the outcome for an error from a call or an instantiation.
///
/// - WASI's exit is [`Outcome::Exit`] with its code.
/// - An interruption is [`Outcome::Timeout`].
/// - Every other trap is [`Outcome::Trap`]. Its code is [`TrapCode::as_str`], which is Wasmtime's
///   name if Wasmtime has one: `memory_out_of_bounds`, `stack_overflow`,
///   `integer_division_by_zero`, `out_of_fuel`, `unreachable`.
/// - Errors of the host that end the guest are traps, too: `invalid_argument` if the guest broke
///   the ABI in a call to `wasmscope:otel` ([`InvalidArgument`]), `memory_limit` if a limiter
///   refuses an instance's initial memory, and `host_error` for all others.
#[must_use]
pub fn outcome_of(error: &Error) -> Outcome {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Outcome::Exit { code: *code };
    }
    let code = match error.downcast_ref().map(Trap::code) {
        Some(TrapCode::Interrupt) => return Outcome::Timeout,
        Some(code) => code.as_str(),
        None if error.is::<InvalidArgument>() => TrapCode::InvalidArgument.as_str(),
        None => TrapCode::Host.as_str(),
    };
    Outcome::Trap {
        code: code.to_owned(),
        message: error.root_cause().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use wasmscope_telemetry::emitted::ERROR_TYPES;

    use super::*;

    #[test]
    fn every_kind_of_trap_is_listed() {
        for code in TrapCode::ALL {
            let listed = ERROR_TYPES.iter().any(|known| known.value == code.as_str());
            // It is reported as a timeout.
            assert_eq!(listed, *code != TrapCode::Interrupt, "{code:?}");
        }
    }

    #[test]
    fn errors_have_distinct_outcomes() {
        assert_eq!(
            outcome_of(&Error::new(I32Exit(3)).context("called")),
            Outcome::Exit { code: 3 }
        );
        let trap = |code| Error::new(Trap::new(code, "why")).context("called");
        assert_eq!(outcome_of(&trap(TrapCode::Interrupt)), Outcome::Timeout);
        for (error, expected) in [
            (trap(TrapCode::StackOverflow), "stack_overflow"),
            (trap(TrapCode::OutOfFuel), "out_of_fuel"),
            (trap(TrapCode::InvalidArgument), "invalid_argument"),
            (trap(TrapCode::Host), "host_error"),
            (Error::msg("why").context("called"), "host_error"),
        ] {
            assert_eq!(
                outcome_of(&error),
                Outcome::Trap {
                    code: expected.to_owned(),
                    message: "why".to_owned()
                }
            );
        }
    }
}
