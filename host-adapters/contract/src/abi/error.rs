//! Errors of lifting. The adapter traps the guest for them.

use super::WitType;

/// Says how a guest broke the component model's ABI in a call to a contract. The guest was trapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid argument{}{package}: {reason}", if package.is_empty() { "" } else { " to " })]
pub struct InvalidArgument {
    /// The contract's package; empty until it is known.
    package: &'static str,
    reason: String,
}

/// The reason why the arguments of a call could not be lifted. The guest is trapped in both cases.
#[derive(Debug, thiserror::Error)]
pub enum LiftError {
    /// The guest broke the ABI.
    // Boxed to keep the result of every read small.
    #[error(transparent)]
    Invalid(Box<InvalidArgument>),
    /// More was read than the type of a value has. This is a bug of the host that no guest can
    /// provoke.
    #[error("a value was read past its end; this is a bug in wasmscope-contract")]
    Misread,
}

pub(crate) type Result<T, E = LiftError> = std::result::Result<T, E>;

impl LiftError {
    #[cold]
    pub(crate) fn invalid(reason: String) -> Self {
        Self::Invalid(Box::new(InvalidArgument {
            package: "",
            reason,
        }))
    }

    /// Adds the package of the contract that was called.
    pub(crate) fn in_package(mut self, package: &'static str) -> Self {
        if let Self::Invalid(invalid) = &mut self {
            invalid.package = package;
        }
        self
    }

    /// Returns the error for a discriminant that is no case of the type `S`, named `name` in WIT.
    #[cold]
    pub(crate) fn discriminant<S: WitType>(name: &str, found: impl Into<u32>) -> Self {
        let found = found.into();
        let cases = S::TYPE.cases();
        Self::invalid(format!(
            "{name} has discriminant {found}, expected one below {cases}"
        ))
    }
}
