//! The text form of [`Limits`]: `WASMSCOPE_LIMITS`.

use crate::limits::{Limit, Limits};

use super::values::{Count, Expected};

/// Limits by name, as `open_spans=256,call_bytes=65536` gives them.
#[derive(Debug, Clone, Default)]
pub(super) struct LimitList(Vec<(&'static Limit, usize)>);

impl LimitList {
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
                let known: Vec<_> = Limits::TABLE.iter().map(|limit| limit.name).collect();
                return Err(Expected(format!("known limits ({})", known.join(", "))));
            };
            let Count(value) = value
                .parse()
                .map_err(|Expected(expected)| Expected(format!("{expected} for {name}")))?;
            list.push((limit, value));
        }
        Ok(Self(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_name_that_sets_it() {
        for limit in Limits::TABLE {
            let mut limits = Limits::default();
            let list: LimitList = format!("{}=7", limit.name).parse().unwrap();
            list.apply(&mut limits);
            assert_eq!(limit.get(&limits), Some(7), "{}", limit.name);
        }
    }

    #[test]
    fn broken_limits_are_refused() {
        for text in [
            "open_spans",
            "opened=1",
            "open_spans=-1",
            "open_spans=many",
            "open_spans=99999999999",
        ] {
            assert!(text.parse::<LimitList>().is_err(), "{text}");
        }
    }
}
