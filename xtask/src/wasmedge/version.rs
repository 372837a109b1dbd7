//! The versions of libwasmedge that can be used.

use anyhow::{Context as _, Result};
use std::fmt;
use std::str::FromStr;

/// The usable versions, as messages name them.
pub(super) const WANTED: &str = "0.17";

/// A version of WasmEdge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// Returns whether our wasmedge-sys works with this version. WasmEdge changes its C API with
    /// each minor version.
    pub(super) fn fits(self) -> bool {
        (self.major, self.minor) == (0, 17)
    }
}

impl FromStr for Version {
    type Err = anyhow::Error;

    /// Parses `0.17.1`, and forms that distributions and development builds use: `0.17.1-1+b1`,
    /// `0.17.1-rc.1`.
    fn from_str(text: &str) -> Result<Self> {
        let plain = text
            .split(|c: char| c != '.' && !c.is_ascii_digit())
            .next()
            .unwrap_or_default();
        let mut parts = plain.split('.').map(str::parse);
        let mut next = || {
            parts
                .next()
                .and_then(Result::ok)
                .with_context(|| format!("`{text}` is no version of the form 1.2.3"))
        };
        Ok(Self {
            major: next()?,
            minor: next()?,
            patch: next()?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_parsed_with_and_without_a_suffix() {
        for text in ["0.17.1", "0.17.1-1+b1", "0.17.1~rc2", "0.17.1+dfsg-3"] {
            let version: Version = text.parse().expect(text);
            assert_eq!(version.to_string(), "0.17.1");
            assert!(version.fits());
        }
    }

    #[test]
    fn other_minor_versions_do_not_fit() {
        for text in ["0.16.1", "0.18.0", "1.17.1", "0.14.0-4"] {
            assert!(!text.parse::<Version>().expect(text).fits(), "{text}");
        }
    }

    #[test]
    fn text_without_a_version_is_refused() {
        for text in ["", "0.17", "v0.17.1", "(none)", "0..1", "0.17.x"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
