//! Why counting stops early, before validation.

use crate::limits::TooLarge;

pub(crate) enum Stop {
    TooLarge(TooLarge),
    /// Malformed input. The validator also refuses it, and reads no further.
    Malformed,
}

pub(crate) type Counted<T> = Result<T, Stop>;

impl From<TooLarge> for Stop {
    fn from(too_large: TooLarge) -> Self {
        Self::TooLarge(too_large)
    }
}

impl From<wasmparser::BinaryReaderError> for Stop {
    fn from(_malformed: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed
    }
}

/// Lets malformed input pass, because an engine describes the error better.
pub(crate) fn too_large(counted: Counted<()>) -> Result<(), TooLarge> {
    match counted {
        Err(Stop::TooLarge(too_large)) => Err(too_large),
        Ok(()) | Err(Stop::Malformed) => Ok(()),
    }
}
