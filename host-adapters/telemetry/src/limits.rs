//! How much a guest may make the host hold, and how much one call may bring.

mod budget;
mod table;

pub use budget::{Budget, Grant};
pub(crate) use table::limit_table;

use crate::dropped::Reason;

/// A row of the table of limits.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limit {
    /// The field's name in [`Limits`], in `WASMSCOPE_LIMITS`, and in `wasmscope.dropped` as the
    /// reason.
    pub name: &'static str,
    /// The thing that it limits.
    pub meaning: &'static str,
    /// The reason under which [`Dropped`](crate::Dropped) counts telemetry beyond it; `None` if
    /// nothing is dropped.
    pub reason: Option<Reason>,
    /// The largest value that has an effect; `None` if every value has.
    pub most: Option<usize>,
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

/// Returns the largest value of a row that has one.
const fn first(most: &[usize]) -> Option<usize> {
    match most {
        [most, ..] => Some(*most),
        [] => None,
    }
}

macro_rules! define_limits {
    (
        ()
        counted { $($name:ident: $type:ty = $default:expr, $reason:ident, $meaning:literal $(, at most $most:expr)?;)+ }
        uncounted { $($other:ident: $other_type:ty = $other_default:expr, $other_meaning:literal $(, at most $other_most:expr)?;)* }
    ) => {
        /// The limits on everything that a guest can grow.
        ///
        /// Telemetry beyond a limit is dropped or shortened, and counted in
        /// [`Dropped`](crate::Dropped) under the [`Reason`] of the same name. Lengths of text are
        /// in bytes of UTF-8 unless said otherwise; text is cut at a character boundary.
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
                    most: first(&[$($most)?]),
                    get: |limits| limits.$name.into(),
                    set: |limits, value| limits.$name = value.into(),
                },)+
                $(Limit {
                    name: stringify!($other),
                    meaning: $other_meaning,
                    reason: None,
                    most: first(&[$($other_most)?]),
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

    #[test]
    fn largest_values_are_in_the_meanings() {
        for limit in Limits::TABLE {
            let words = limit.most.map(|most| format!("t most {most}"));
            let meaning = limit.meaning.replace(',', "");
            assert_eq!(meaning.contains("t most "), words.is_some(), "{meaning}");
            assert!(meaning.contains(&words.unwrap_or_default()), "{meaning}");
            let default = limit.get(&Limits::default());
            assert!(limit.most.is_none_or(|most| default <= Some(most)));
        }
    }

    #[test]
    fn every_limit_sets_its_own_field_and_is_counted_under_its_name() {
        // `Debug` lists all fields: one that is not in the table would show here.
        let fields = format!("{:?}", Limits::default()).matches(": ").count();
        assert_eq!(fields, Limits::TABLE.len());
        for limit in Limits::TABLE {
            let mut limits = Limits::default();
            limit.set(&mut limits, 7);
            assert_eq!(limit.get(&limits), Some(7));
            assert!(format!("{limits:?}").contains(&format!("{}: ", limit.name)));
            assert_ne!(limits, Limits::default(), "{}", limit.name);
            if let Some(reason) = limit.reason {
                assert_eq!(reason.as_str(), limit.name);
                assert_eq!(reason.limit().map(|limit| limit.name), Some(limit.name));
            }
        }
    }
}
