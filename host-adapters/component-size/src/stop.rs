//! Why counting stops before the end, where nothing is validated yet.

use crate::limits::TooLarge;

pub(crate) enum Stop {
    TooLarge(TooLarge),
    /// The validator refuses this as well, and reads no further either.
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

/// Turns a malformed input into one that passes: an engine says better what is wrong with it.
pub(crate) fn too_large(counted: Counted<()>) -> Result<(), TooLarge> {
    match counted {
        Err(Stop::TooLarge(too_large)) => Err(too_large),
        Ok(()) | Err(Stop::Malformed) => Ok(()),
    }
}
