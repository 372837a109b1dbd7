//! Errors of lifting, for which a guest is trapped.

use super::WitType;

/// A guest broke the component model's ABI in a call to a contract, and was trapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid argument{}{package}: {reason}", if package.is_empty() { "" } else { " to " })]
pub struct InvalidArgument {
    /// The contract, or nothing until it is known.
    package: &'static str,
    reason: String,
}

/// Why the arguments of a call could not be lifted; either way the guest is trapped.
#[derive(Debug, thiserror::Error)]
pub enum LiftError {
    /// The guest broke the ABI.
    // Boxed, since this type is part of what is returned for each number that is read.
    #[error(transparent)]
    Invalid(Box<InvalidArgument>),
    /// More was read than the type of a value has: a mistake of ours that no guest can provoke.
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

    /// Says which contract was called.
    pub(crate) fn in_package(mut self, package: &'static str) -> Self {
        if let Self::Invalid(invalid) = &mut self {
            invalid.package = package;
        }
        self
    }

    /// Refuses what is no case of the type `S`, which WIT calls `name`.
    #[cold]
    pub(crate) fn discriminant<S: WitType>(name: &str, found: impl Into<u32>) -> Self {
        let found = found.into();
        let cases = S::TYPE.cases();
        Self::invalid(format!(
            "{name} has discriminant {found}, expected one below {cases}"
        ))
    }
}
