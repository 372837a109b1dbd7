//! The text form of [`Limits`]: `WASMSCOPE_LIMITS`.

use wasmscope_telemetry::limits::{Limit, Limits};
use wasmscope_telemetry::printable::printable;

use super::error::ConfigError;
use super::values::{Count, Expected};

/// Limits by name, parsed from a list such as `open_spans=256,call_bytes=65536`.
#[derive(Debug, Clone, Default)]
pub(super) struct LimitList(Vec<(&'static Limit, usize)>);

impl LimitList {
    pub(super) fn push(&mut self, limit: &'static Limit, value: usize) {
        self.0.push((limit, value));
    }

    /// Adds the entries of another list, which take precedence.
    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn apply(&self, limits: &mut Limits) {
        for (limit, value) in &self.0 {
            limit.set(limits, *value);
        }
    }
}

impl std::str::FromStr for LimitList {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let mut list = Vec::new();
        for entry in text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            let (name, value) = entry
                .split_once('=')
                .ok_or_else(|| Expected::new("a list like open_spans=256,call_bytes=65536"))?;
            let (name, value) = (name.trim(), value.trim());
            let Some(limit) = Limit::named(name) else {
                return Err(unknown(name));
            };
            if list
                .iter()
                .any(|(known, _): &(&Limit, _)| known.name == name)
            {
                return Err(Expected(format!("one value for {name}, not two")));
            }
            let Count(value) = value
                .parse()
                .map_err(|Expected(expected)| Expected(format!("{expected} for {name}")))?;
            check_one(limit, value)?;
            list.push((limit, value));
        }
        Ok(Self(list))
    }
}

/// Refuses a value above the limit's maximum.
fn check_one(limit: &Limit, value: usize) -> Result<(), Expected> {
    match limit.max {
        Some(max) if value > max => Err(Expected(format!(
            "a whole number from 0 to {max} for {}",
            limit.name
        ))),
        Some(_) | None => Ok(()),
    }
}

/// Checks the limits that an embedder has changed.
///
/// # Errors
///
/// Returns an error that names the first limit whose value is too large.
pub(super) fn check(limits: &Limits) -> Result<(), ConfigError> {
    for limit in Limits::TABLE {
        if let Some(value) = limit.get(limits)
            && let Err(expected) = check_one(limit, value)
        {
            return Err(ConfigError::new("limits", value.to_string(), expected));
        }
    }
    Ok(())
}

/// Describes an unknown name: suggests a similar limit, and says where all are listed.
fn unknown(name: &str) -> Expected {
    let lower_case = name.to_ascii_lowercase();
    let near = Limits::TABLE
        .iter()
        .map(|limit| limit.name)
        .map(|known| (strsim::damerau_levenshtein(known, &lower_case), known))
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .min_by_key(|(distance, _)| *distance);
    let hint = match near {
        Some((_, near)) => format!("; perhaps {near} was meant"),
        None => String::new(),
    };
    Expected(format!(
        "the name of a limit in place of `{}`{hint} (docs/configuration.md lists them all)",
        printable(name, 40)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_name_that_sets_it_alone() {
        for limit in Limits::TABLE {
            let mut limits = Limits::default();
            let list: LimitList = format!("{}=7", limit.name).parse().unwrap();
            list.apply(&mut limits);
            let is_optional = limit.get(&Limits::default()).is_none();
            let value = if is_optional { "Some(7)" } else { "7" };
            assert_eq!(changes(&limits), [format!("{}: {value}", limit.name)]);
        }
    }

    /// Returns the fields in which limits differ from the default ones, with the new values.
    fn changes(limits: &Limits) -> Vec<String> {
        let [before, after] = [&Limits::default(), limits].map(|limits| format!("{limits:?}"));
        let fields = |text: &str| -> Vec<String> {
            let fields = text.split([',', '{', '}']).map(str::trim);
            fields.map(str::to_owned).collect()
        };
        let (before, after) = (fields(&before), fields(&after));
        assert_eq!(before.len(), after.len());
        let changed = before.iter().zip(after).filter(|(old, new)| *old != new);
        changed.map(|(_, new)| new).collect()
    }

    #[test]
    fn broken_limits_are_refused() {
        for text in [
            "open_spans",
            "opened=1",
            "open_spans=-1",
            "open_spans=many",
            "open_spans=99999999999",
            "open_spans=1,open_spans=2",
            "open_spans=1=2",
            "open_spans=1000001",
            "log_depth=33",
            "=1",
        ] {
            assert!(text.parse::<LimitList>().is_err(), "{text}");
        }
    }

    #[test]
    fn too_large_value_is_refused_with_the_range() {
        for limit in Limits::TABLE {
            let Some(max) = limit.max else { continue };
            let parsed = |value: usize| format!("{}={value}", limit.name).parse::<LimitList>();
            assert!(parsed(max).is_ok(), "{}", limit.name);
            let error = parsed(max + 1).unwrap_err().to_string();
            let expected = format!("a whole number from 0 to {max} for {}", limit.name);
            assert_eq!(error, expected);
            let mut limits = Limits::default();
            limit.set(&mut limits, max);
            assert!(check(&limits).is_ok());
            limit.set(&mut limits, max + 1);
            let error = check(&limits).unwrap_err();
            assert_eq!(error.expected(), expected);
        }
    }

    #[test]
    fn misspelt_limit_is_refused_with_a_suggestion() {
        let table = [
            ("open_span=1", Some("open_spans")),
            ("Open_Spans=1", Some("open_spans")),
            ("call-bytes=1", Some("call_bytes")),
            ("seires=1", Some("series")),
            ("spans_attributes=1", Some("span_attributes")),
            ("patience=1", None),
            ("x=1", None),
        ];
        for (text, near) in table {
            let error = text.parse::<LimitList>().unwrap_err().to_string();
            let hint = near.map(|near| format!("perhaps {near} was meant"));
            assert_eq!(error.contains("perhaps"), near.is_some(), "{text}: {error}");
            assert!(
                error.contains(hint.as_deref().unwrap_or("")),
                "{text}: {error}"
            );
            assert!(error.contains("docs/configuration.md"), "{error}");
            assert!(error.len() < 150, "{error}");
        }
    }
}
