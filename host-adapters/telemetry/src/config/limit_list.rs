//! The text form of [`Limits`]: `WASMSCOPE_LIMITS`.

use crate::limits::Limits;

use super::values::{Count, Expected};

macro_rules! limits {
    ($($field:ident,)+ ; $($optional:ident,)+) => {
        /// The name of every limit.
        pub(super) const NAMES: &[&str] = &[$(stringify!($field),)+ $(stringify!($optional),)+];

        fn set(limits: &mut Limits, name: &str, value: usize) -> bool {
            match name {
                $(stringify!($field) => limits.$field = value,)+
                $(stringify!($optional) => limits.$optional = Some(value),)+
                _ => return false,
            }
            true
        }

        /// What holds for the limit `name` where nothing is said.
        pub(super) fn default_of(name: &str) -> Option<String> {
            let limits = Limits::default();
            match name {
                $(stringify!($field) => Some(limits.$field.to_string()),)+
                $(stringify!($optional) => Some(limits.$optional.map_or_else(|| String::from("none"), |limit| limit.to_string())),)+
                _ => None,
            }
        }
    };
}

limits! {
    call_bytes, scopes, scopes_per_provider, scope_attributes, text_bytes, key_bytes, value_bytes, array_elements,
    open_spans, entered_spans, unrecorded_traces, span_attributes, span_events, span_links, event_attributes,
    link_attributes, span_bytes, open_span_bytes, trace_state_bytes, baggage_entries, baggage_bytes, baggage_scopes,
    instruments, instruments_per_provider, series, measurement_attributes, cardinality, boundaries, metric_bytes, log_scopes, scope_bytes, observations,
    observations_per_provider, log_attributes, log_nodes, log_depth, log_bytes, interned, interned_bytes,;
    span_value_chars, log_value_chars,
}

/// Limits by name, as `open_spans=256,call_bytes=65536` gives them.
#[derive(Debug, Clone, Default)]
pub(super) struct LimitList(Vec<(String, usize)>);

impl LimitList {
    pub(super) fn apply(&self, limits: &mut Limits) {
        for (name, value) in &self.0 {
            set(limits, name, *value);
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
            if !NAMES.contains(&name) {
                return Err(Expected(format!("known limits ({})", NAMES.join(", "))));
            }
            let Count(value) = value
                .parse()
                .map_err(|Expected(expected)| Expected(format!("{expected} for {name}")))?;
            list.push((String::from(name), value));
        }
        Ok(Self(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_name_that_sets_it_alone() {
        // `Debug` lists all fields: a limit without a name would show here.
        let fields = format!("{:?}", Limits::default()).matches(": ").count();
        assert_eq!(fields, NAMES.len());
        for name in NAMES {
            let mut limits = Limits::default();
            let list: LimitList = format!("{name}=7").parse().unwrap();
            list.apply(&mut limits);
            assert_ne!(limits, Limits::default(), "{name}");
            assert!(
                format!("{limits:?}").contains(&format!("{name}: ")),
                "{name}"
            );
            assert!(default_of(name).is_some());
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
