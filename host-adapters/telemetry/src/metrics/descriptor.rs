//! The descriptors of instruments: the syntax of names and units, and the identity of instruments.

use crate::attributes::Rules;
use crate::dropped::Reason;
use crate::limits::{INSTRUMENT_NAME_BYTES, INSTRUMENT_UNIT_BYTES};
use crate::model::{InstrumentDescriptor, InstrumentKind, InstrumentRole};

/// The unit of histograms with other default boundaries, in UCUM notation.
const SECONDS: &str = "s";

/// The default boundaries of histograms in seconds. The semantic conventions recommend them for
/// `http.server.request.duration` and similar metrics.
///
/// The SDK's default boundaries from 5 to 10,000 suit milliseconds: nearly every duration in
/// seconds would be in the first bucket. For other units the specification recommends nothing, so
/// they keep the SDK's default.
const SECONDS_BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The identity of an instrument within its scope.
///
/// As the specification says, names are case-insensitive, and boundaries are not part of the
/// identity: the first ones apply. Instruments that differ in anything else are different, even if
/// they have the same name. The SDK exports each of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct InstrumentKey {
    /// In lower case.
    pub(super) name: String,
    pub(super) kind: InstrumentKind,
    pub(super) unit: Option<String>,
    pub(super) description: Option<String>,
}

/// A valid descriptor.
#[derive(Debug)]
pub(crate) struct Descriptor {
    pub(crate) name: String,
    pub(crate) kind: InstrumentKind,
    pub(crate) unit: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) boundaries: Option<Vec<f64>>,
}

impl Descriptor {
    /// Applies the rules of `wit/meter.wit`. Counts parts that are left out or shortened.
    ///
    /// # Errors
    ///
    /// Returns an error if the name is invalid.
    pub(crate) fn new(given: InstrumentDescriptor, rules: &Rules<'_>) -> Result<Self, Reason> {
        if !is_name(&given.name) {
            return Err(Reason::InstrumentName);
        }
        let unit = given.unit.filter(|unit| {
            let valid = is_unit(unit);
            if !valid {
                rules.count_named(Reason::InstrumentUnit, &given.name);
            }
            valid
        });
        let description = given.description.map(|description| rules.text(description));
        let is_histogram = given.kind.role() == InstrumentRole::Histogram;
        let boundaries = given
            .boundaries
            .filter(|_| is_histogram)
            .filter(|boundaries| {
                let reason = if boundaries.len() > rules.limits.boundaries {
                    Reason::Boundaries
                } else if !are_boundaries(boundaries) {
                    Reason::InvalidBoundaries
                } else {
                    return true;
                };
                rules.count_named(reason, &given.name);
                false
            })
            .or_else(|| {
                let in_seconds = is_histogram && unit.as_deref() == Some(SECONDS);
                in_seconds.then(|| SECONDS_BOUNDS.to_vec())
            });
        Ok(Self {
            name: given.name,
            kind: given.kind,
            unit,
            description,
            boundaries,
        })
    }

    pub(crate) fn key(&self) -> InstrumentKey {
        InstrumentKey {
            name: self.name.to_ascii_lowercase(),
            kind: self.kind,
            unit: self.unit.clone().filter(|unit| !unit.is_empty()),
            description: self
                .description
                .clone()
                .filter(|description| !description.is_empty()),
        }
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= INSTRUMENT_NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte))
}

fn is_unit(unit: &str) -> bool {
    unit.len() <= INSTRUMENT_UNIT_BYTES && unit.is_ascii()
}

fn are_boundaries(boundaries: &[f64]) -> bool {
    boundaries.iter().all(|bound| bound.is_finite()) && boundaries.is_sorted_by(|a, b| a < b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dropped::{Dropped, Signal};
    use crate::limits::Limits;

    fn given(name: &str) -> InstrumentDescriptor {
        InstrumentDescriptor {
            name: String::from(name),
            kind: InstrumentKind::HistogramF64,
            unit: None,
            description: None,
            boundaries: None,
        }
    }

    fn descriptor(given: InstrumentDescriptor) -> (Descriptor, Dropped) {
        let (descriptor, dropped) = checked(given);
        (descriptor.unwrap(), dropped)
    }

    fn checked(given: InstrumentDescriptor) -> (Result<Descriptor, Reason>, Dropped) {
        let (limits, dropped) = (Limits::default(), Dropped::default());
        let rules = Rules {
            limits: &limits,
            dropped: &dropped,
            signal: Signal::Metrics,
            value_chars: None,
            pending: None,
        };
        (Descriptor::new(given, &rules), dropped)
    }

    #[test]
    fn names_follow_the_specifications_syntax() {
        let longest = "a".repeat(255);
        let too_long = "a".repeat(256);
        let table = [
            ("a", true),
            ("Http.server-request/duration_1", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("", false),
            ("1a", false),
            ("_a", false),
            ("a b", false),
            ("a\u{e4}", false),
            ("\u{e4}", false),
            ("a\0", false),
        ];
        for (name, valid) in table {
            let result = checked(given(name)).0;
            assert_eq!(
                result.map(|_| ()),
                if valid {
                    Ok(())
                } else {
                    Err(Reason::InstrumentName)
                },
                "{name:?}"
            );
        }
    }

    #[test]
    fn invalid_units_are_left_out_and_counted() {
        let longest = "m".repeat(63);
        let too_long = "m".repeat(64);
        for (unit, valid) in [
            ("ms", true),
            ("{request}", true),
            ("", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("\u{b5}s", false),
        ] {
            let (descriptor, dropped) = descriptor(InstrumentDescriptor {
                unit: Some(String::from(unit)),
                ..given("a")
            });
            assert_eq!(descriptor.unit.is_some(), valid, "{unit:?}");
            assert_eq!(
                dropped.get(Signal::Metrics, Reason::InstrumentUnit),
                u64::from(!valid),
                "{unit:?}"
            );
        }
    }

    #[test]
    fn invalid_boundaries_are_left_out_and_counted() {
        let most: Vec<f64> = (0..256).map(f64::from).collect();
        let too_many: Vec<f64> = (0..257).map(f64::from).collect();
        let invalid = Some(Reason::InvalidBoundaries);
        for (boundaries, reason) in [
            (vec![], None),
            (vec![-1.0, 0.0, 0.5], None),
            (most, None),
            (too_many, Some(Reason::Boundaries)),
            (vec![1.0, 1.0], invalid),
            (vec![0.0, -0.0], invalid),
            (vec![2.0, 1.0], invalid),
            (vec![f64::NAN], invalid),
            (vec![1.0, f64::INFINITY], invalid),
        ] {
            let (descriptor, dropped) = descriptor(InstrumentDescriptor {
                boundaries: Some(boundaries.clone()),
                ..given("a")
            });
            assert_eq!(descriptor.boundaries.is_none(), reason.is_some());
            let counted = dropped.snapshot();
            let reasons: Vec<_> = counted.iter().map(|count| count.reason).collect();
            assert_eq!(reasons, Vec::from_iter(reason), "{boundaries:?}");
        }
    }

    #[test]
    fn histograms_in_seconds_have_the_boundaries_of_the_conventions_by_default() {
        let seconds = Some(SECONDS_BOUNDS.to_vec());
        for (unit, boundaries, expected) in [
            (Some("s"), None, seconds.clone()),
            // Invalid boundaries are ignored.
            (Some("s"), Some(vec![2.0, 1.0]), seconds.clone()),
            (Some("s"), Some(vec![1.0]), Some(vec![1.0])),
            (Some("s"), Some(vec![]), Some(vec![])),
            (Some("ms"), None, None),
            (Some("us"), None, None),
            (Some("S"), None, None),
            (Some("By"), None, None),
            (Some("{request}"), None, None),
            (Some(""), None, None),
            (None, None, None),
        ] {
            for kind in [InstrumentKind::HistogramU64, InstrumentKind::HistogramF64] {
                let (descriptor, _) = descriptor(InstrumentDescriptor {
                    kind,
                    unit: unit.map(String::from),
                    boundaries: boundaries.clone(),
                    ..given("a")
                });
                assert_eq!(descriptor.boundaries, expected, "{unit:?} {boundaries:?}");
            }
        }
        let (gauge, _) = descriptor(InstrumentDescriptor {
            kind: InstrumentKind::GaugeF64,
            unit: Some(String::from("s")),
            ..given("a")
        });
        assert_eq!(gauge.boundaries, None);
    }

    #[test]
    fn other_kinds_ignore_boundaries() {
        let (descriptor, dropped) = descriptor(InstrumentDescriptor {
            kind: InstrumentKind::GaugeF64,
            boundaries: Some(vec![f64::NAN]),
            ..given("a")
        });
        assert_eq!(descriptor.boundaries, None);
        assert!(dropped.snapshot().is_empty());
    }

    #[test]
    fn long_descriptions_are_shortened_and_counted() {
        let (descriptor, dropped) = descriptor(InstrumentDescriptor {
            description: Some("x".repeat(2_000)),
            ..given("a")
        });
        assert_eq!(descriptor.description.map(|text| text.len()), Some(1_024));
        assert_eq!(dropped.get(Signal::Metrics, Reason::TextBytes), 1);
    }

    #[test]
    fn keys_ignore_case_boundaries_and_empty_texts() {
        let key = |given| descriptor(given).0.key();
        let plain = key(given("Name"));
        assert_eq!(
            plain,
            key(InstrumentDescriptor {
                unit: Some(String::new()),
                description: Some(String::new()),
                boundaries: Some(vec![1.0]),
                ..given("nAME")
            })
        );
        for other in [
            given("other"),
            InstrumentDescriptor {
                kind: InstrumentKind::GaugeF64,
                ..given("name")
            },
            InstrumentDescriptor {
                unit: Some(String::from("s")),
                ..given("name")
            },
            InstrumentDescriptor {
                description: Some(String::from("d")),
                ..given("name")
            },
        ] {
            assert_ne!(plain, key(other));
        }
    }
}
