//! Parses variables of which some values are valid in OpenTelemetry but not supported here. Each
//! such value becomes a warning that names the fallback.

use wasmscope_telemetry::Signal;

use super::values::{Expected, Exporter, Propagators, Sampler};

/// An unsupported value, or part of one, and the fallback.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unsupported {
    pub(super) value: String,
    pub(super) instead: String,
}

impl Unsupported {
    fn new(value: &str, instead: impl Into<String>) -> Self {
        Self {
            value: String::from(value),
            instead: instead.into(),
        }
    }
}

/// The value, or `None` for the default, and the unsupported parts.
type Read<T> = Result<(Option<T>, Vec<Unsupported>), Expected>;

/// Samplers that ask a remote service.
const SAMPLERS: &[&str] = &["jaeger_remote", "parentbased_jaeger_remote", "xray"];

/// Propagators other than W3C's.
const PROPAGATORS: &[&str] = &["b3", "b3multi", "jaeger", "xray", "ottrace"];

/// Exporters that the specification names or once named, except for the one below.
const EXPORTERS: &[&str] = &["zipkin", "jaeger", "logging", "logging-otlp", "otlp/stdout"];

const METRICS_EXPORTER: &str = "prometheus";

/// The old name of `console`.
const LOGGING: &str = "logging";

fn is_in(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

pub(super) fn sampler(text: &str) -> Read<Sampler> {
    if is_in(SAMPLERS, text) {
        let instead = "the default, parentbased_always_on, is used";
        return Ok((None, vec![Unsupported::new(text, instead)]));
    }
    Ok((Some(text.parse()?), Vec::new()))
}

pub(super) fn propagators(text: &str) -> Read<Propagators> {
    let (unsupported, rest): (Vec<_>, Vec<_>) =
        entries(text).partition(|name| is_in(PROPAGATORS, name));
    let supported = if rest.is_empty() && !unsupported.is_empty() {
        Propagators {
            trace_context: false,
            baggage: false,
        }
    } else {
        rest.join(",").parse()?
    };
    let instead = match (supported.trace_context, supported.baggage) {
        (true, true) => "tracecontext and baggage are continued",
        (true, false) => "tracecontext is continued",
        (false, true) => "baggage is continued",
        (false, false) => "no context is continued",
    };
    let unsupported = unsupported.into_iter();
    let unsupported = unsupported.map(|name| Unsupported::new(name, instead));
    Ok((Some(supported), unsupported.collect()))
}

/// Parses the exporters of a signal. The specification allows a list; here the first supported one
/// is used.
pub(super) fn exporter(signal: Signal, text: &str) -> Read<Exporter> {
    let is_known = |name: &str| {
        is_in(EXPORTERS, name)
            || signal == Signal::Metrics && name.eq_ignore_ascii_case(METRICS_EXPORTER)
    };
    let (unsupported, rest): (Vec<_>, Vec<_>) = entries(text).partition(|name| is_known(name));
    let mut chosen: Option<Exporter> = None;
    let mut further = Vec::new();
    for name in &rest {
        let exporter: Exporter = name.parse()?;
        match chosen {
            None => chosen = Some(exporter),
            Some(first) if first == exporter => {}
            // `none` cannot be combined with other exporters.
            Some(first) if first == Exporter::None || exporter == Exporter::None => {
                return Err(Expected::new("otlp or console, or none alone"));
            }
            Some(first) => further.push(Unsupported::new(
                exporter.as_str(),
                format!("a signal has one exporter, and {first} is used"),
            )),
        }
    }
    if chosen.is_none() && unsupported.is_empty() {
        // The list has only commas.
        return text.parse().map(|exporter| (Some(exporter), Vec::new()));
    }
    let is_logging = |name: &str| name.eq_ignore_ascii_case(LOGGING);
    let used = match chosen {
        Some(exporter) => exporter,
        None if unsupported.iter().copied().any(is_logging) => Exporter::Console,
        None => Exporter::None,
    };
    let instead = match used {
        Exporter::None => format!("{} are not exported", signal.as_str()),
        Exporter::Otlp | Exporter::Console => format!("{used} is used"),
    };
    let mut notes: Vec<_> = unsupported
        .into_iter()
        .map(|name| Unsupported::new(name, instead.as_str()))
        .collect();
    notes.extend(further);
    Ok((Some(used), notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes<T>(read: Read<T>) -> Vec<(String, String)> {
        let (_, notes) = read.unwrap();
        notes
            .into_iter()
            .map(|note| (note.value, note.instead))
            .collect()
    }

    #[test]
    fn every_specified_sampler_is_supported_or_reported() {
        for name in SAMPLERS {
            let (sampler, notes) = sampler(name).unwrap();
            assert_eq!((sampler, notes.len()), (None, 1), "{name}");
        }
        assert_eq!(sampler("Always_On").unwrap().0, Some(Sampler::AlwaysOn));
        assert!(sampler("sometimes").is_err());
        assert!(sampler("jaeger").is_err());
    }

    #[test]
    fn unsupported_propagators_are_ignored() {
        let both = Propagators::default();
        let none = Propagators {
            trace_context: false,
            baggage: false,
        };
        for name in PROPAGATORS {
            let alone = propagators(name).unwrap();
            assert_eq!((alone.0, alone.1.len()), (Some(none), 1), "{name}");
            let among = propagators(&format!("tracecontext, {name} ,baggage")).unwrap();
            assert_eq!((among.0, among.1.len()), (Some(both), 1), "{name}");
        }
        assert_eq!(
            notes(propagators("baggage,B3")),
            [("B3".into(), "baggage is continued".into())]
        );
        assert_eq!(propagators("baggage,,tracecontext").unwrap().0, Some(both));
        assert_eq!(propagators("none").unwrap().0, Some(none));
        for text in ["pigeon", "b3,pigeon", "none,baggage", ","] {
            assert!(propagators(text).is_err(), "{text}");
        }
    }

    #[test]
    fn first_supported_exporter_of_a_list_is_used() {
        let table = [
            (Signal::Traces, "otlp", Exporter::Otlp, 0),
            (Signal::Traces, "OTLP,otlp", Exporter::Otlp, 0),
            (Signal::Traces, "otlp,console", Exporter::Otlp, 1),
            (Signal::Traces, "zipkin", Exporter::None, 1),
            (Signal::Traces, "jaeger,otlp", Exporter::Otlp, 1),
            (Signal::Traces, "logging", Exporter::Console, 1),
            (Signal::Metrics, "prometheus", Exporter::None, 1),
            (Signal::Metrics, "prometheus,console", Exporter::Console, 1),
            (Signal::Logs, "otlp/stdout", Exporter::None, 1),
            (Signal::Logs, "none", Exporter::None, 0),
        ];
        for (signal, text, expected, told) in table {
            let (exporter, notes) = exporter(signal, text).unwrap();
            assert_eq!((exporter, notes.len()), (Some(expected), told), "{text}");
        }
        for text in ["pigeon", "otlp,pigeon", "none,otlp", "otlp,none", ","] {
            assert!(exporter(Signal::Traces, text).is_err(), "{text}");
        }
        assert!(exporter(Signal::Traces, METRICS_EXPORTER).is_err());
        assert_eq!(
            notes(exporter(Signal::Metrics, "prometheus")),
            [("prometheus".into(), "metrics are not exported".into())]
        );
    }
}
