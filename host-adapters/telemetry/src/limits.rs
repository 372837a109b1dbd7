//! Limits on the telemetry that a guest can make the host hold, and on the data of one call.

mod budget;
mod fixed;
mod table;

pub use budget::{Budget, Grant};
pub use fixed::*;
pub(crate) use table::limit_table;

use crate::dropped::Reason;

/// A row of the table of limits.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limit {
    /// The field's name in [`Limits`], in `WASMSCOPE_LIMITS`, and in `wasmscope.dropped` as the
    /// reason.
    pub name: &'static str,
    /// A description of the limited quantity.
    pub meaning: &'static str,
    /// The reason under which [`Dropped`](crate::Dropped) counts telemetry beyond it; `None` if
    /// nothing is dropped.
    pub reason: Option<Reason>,
    /// The largest value that has an effect; `None` if all values have.
    pub max: Option<usize>,
    /// The environment variables of OpenTelemetry's specification that set it. The first variable
    /// that is set applies.
    pub variables: &'static [&'static str],
    get: fn(&Limits) -> Option<usize>,
    set: fn(&mut Limits, usize),
}

impl Limit {
    /// Finds a limit by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Limits::TABLE.iter().find(|limit| limit.name == name)
    }

    /// Returns its value in `limits`; `None` for no limit.
    #[must_use]
    pub fn get(&self, limits: &Limits) -> Option<usize> {
        (self.get)(limits)
    }

    /// Sets its value in `limits`.
    pub fn set(&self, limits: &mut Limits, value: usize) {
        (self.set)(limits, value);
    }
}

/// Returns the first element of a list, if there is one.
const fn optional(list: &[usize]) -> Option<usize> {
    match list {
        [value, ..] => Some(*value),
        [] => None,
    }
}

macro_rules! define_limits {
    (
        ()
        counted { $($name:ident: $type:ty = $default:expr, $reason:ident, $meaning:literal $(, at most $max_name:ident = $max:expr)? $(, set by $($variable:literal)or+)?;)+ }
        uncounted { $($other:ident: $other_type:ty = $other_default:expr, $other_meaning:literal $(, at most $other_max_name:ident = $other_max:expr)?;)* }
    ) => {
        $($(
            #[doc = concat!("The largest value of [`Limits::", stringify!($name), "`] that has an effect.")]
            pub(crate) const $max_name: usize = $max;
        )?)+
        $($(
            #[doc = concat!("The largest value of [`Limits::", stringify!($other), "`] that has an effect.")]
            pub(crate) const $other_max_name: usize = $other_max;
        )?)*

        /// The limits on everything that a guest can grow.
        ///
        /// Telemetry beyond a limit is dropped or shortened, and counted in
        /// [`Dropped`](crate::Dropped) under the [`Reason`] of the same name. Lengths of text are
        /// in bytes of UTF-8, except where characters are mentioned. Text is cut at a character
        /// boundary.
        ///
        /// A few bounds are constants. [`FIXED_BOUNDS`] lists them with the reasons.
        ///
        /// # Examples
        ///
        /// ```
        /// let mut limits = wasmscope_telemetry::Limits::default();
        /// limits.open_spans = 256;
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $(
                #[doc = $meaning]
                #[doc = ""]
                #[doc = concat!("Default: `", stringify!($default), "`. Counted as [`Reason::", stringify!($reason), "`].")]
                pub $name: $type,
            )+
            $(
                #[doc = $other_meaning]
                #[doc = ""]
                #[doc = concat!("Default: `", stringify!($other_default), "`. Drops nothing.")]
                pub $other: $other_type,
            )*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)+ $($other: $other_default,)* }
            }
        }

        impl Limits {
            /// Every limit, in the order of the fields.
            pub const TABLE: &'static [Limit] = &[
                $(Limit {
                    name: stringify!($name),
                    meaning: $meaning,
                    reason: Some(Reason::$reason),
                    max: optional(&[$($max)?]),
                    variables: &[$($($variable),+)?],
                    get: |limits| limits.$name.into(),
                    set: |limits, value| limits.$name = value.into(),
                },)+
                $(Limit {
                    name: stringify!($other),
                    meaning: $other_meaning,
                    reason: None,
                    max: optional(&[$($other_max)?]),
                    variables: &[],
                    get: |limits| limits.$other.into(),
                    set: |limits, value| limits.$other = value.into(),
                },)*
            ];
        }
    };
}

limit_table!(define_limits());

impl Limits {
    /// Returns the limits after a change.
    ///
    /// # Examples
    ///
    /// ```
    /// use wasmscope_telemetry::Limits;
    ///
    /// let limits = Limits::default().with(|limits| limits.open_spans = 256);
    /// assert_eq!(limits.open_spans, 256);
    /// ```
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the fields that differ from the defaults, with their values. Reads them from
    /// `Debug`'s text, because it lists all fields.
    fn changes(limits: &Limits) -> Vec<String> {
        let [before, after] = [&Limits::default(), limits].map(|limits| format!("{limits:?}"));
        let fields = |text: &str| -> Vec<String> {
            let (_, fields) = text.split_once(" { ").expect("a struct");
            let fields = fields.trim_end_matches(" }").split(", ");
            fields.map(str::to_owned).collect()
        };
        let (before, after) = (fields(&before), fields(&after));
        assert_eq!(before.len(), Limits::TABLE.len());
        let changed = before.iter().zip(after).filter(|(old, new)| *old != new);
        changed.map(|(_, new)| new).collect()
    }

    #[test]
    fn every_limit_sets_the_field_of_its_name_alone() {
        for limit in Limits::TABLE {
            let mut limits = Limits::default();
            limit.set(&mut limits, 7);
            assert_eq!(limit.get(&limits), Some(7));
            let is_optional = limit.get(&Limits::default()).is_none();
            let value = if is_optional { "Some(7)" } else { "7" };
            assert_eq!(changes(&limits), [format!("{}: {value}", limit.name)]);
        }
    }

    #[test]
    fn every_limit_is_counted_under_its_name() {
        for limit in Limits::TABLE {
            if let Some(reason) = limit.reason {
                assert_eq!(reason.as_str(), limit.name);
                assert_eq!(reason.limit().map(|limit| limit.name), Some(limit.name));
            }
        }
    }

    #[test]
    fn largest_values_are_in_the_meanings() {
        for limit in Limits::TABLE {
            let words = limit.max.map(|max| format!("t most {max}"));
            let meaning = limit.meaning.replace(',', "");
            assert_eq!(meaning.contains("t most "), words.is_some(), "{meaning}");
            assert!(meaning.contains(&words.unwrap_or_default()), "{meaning}");
            let default = limit.get(&Limits::default());
            assert!(limit.max.is_none_or(|max| default <= Some(max)));
        }
    }

    /// Constants that are not bounds, such as the layout of handles and estimates of sizes.
    const NO_BOUNDS: [&str; 21] = [
        "SLOT_BITS",
        "SLOT_MASK",
        "DIGEST_BITS",
        "INDEX_BITS",
        "TAG_BITS",
        "NUMBER_BITS",
        "INDEX_SHIFT",
        "DIGEST_SHIFT",
        "NOT_RECORDED",
        "ATTRIBUTES_LATER",
        "NON_IDENTITY_BITS",
        "SERIES_BYTES",
        "DEFAULT_BOUNDARIES",
        "KNOWN_FLAGS",
        "LONG_TRACE_STATE_MEMBER",
        "MAX_UNSIGNED",
        "FACTOR",
        "UTF16_TAG",
        "SIGNALS",
        "REASONS",
        "COMPARED_BYTES",
    ];

    #[test]
    fn every_bound_is_a_limit_or_in_the_table_of_fixed_bounds() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let contract = root.join("../contract/src");
        let mut folders = vec![
            root.join("src"),
            contract.join("abi"),
            contract.join("otel"),
        ];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.ends_with("tests") {
                    folders.push(path);
                } else if path.is_file() && !path.ends_with("tests.rs") {
                    found.extend(numeric_constants(&std::fs::read_to_string(path).unwrap()));
                }
            }
        }
        found.retain(|name| !NO_BOUNDS.contains(&name.as_str()));
        assert_eq!(found, Vec::<String>::new(), "move it to limits/fixed.rs");
    }

    /// Returns the names of the numeric constants in a source file.
    fn numeric_constants(source: &str) -> Vec<String> {
        let constant = |line: &str| {
            let (_, rest) = line.split_once("const ")?;
            let (name, rest) = rest.split_once(": ")?;
            let (ty, value) = rest.split_once(" = ")?;
            let is_number = ["usize", "u8", "u32", "u64"].contains(&ty);
            let is_duration = ty == "Duration" && value.contains(|c: char| c.is_ascii_digit());
            let is_generic = name.starts_with('$');
            (!is_generic && (is_number || is_duration)).then(|| name.to_owned())
        };
        let (source, _) = source.split_once("#[cfg(test)]").unwrap_or((source, ""));
        source.lines().filter_map(constant).collect()
    }
}
