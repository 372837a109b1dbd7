//! The tables as `docs/telemetry.md`.

use std::fmt::Write as _;

use super::{
    ATTRIBUTES, AttributeInfo, ERROR_TYPES, METRICS, MetricInfo, Place, Stability, ValueInfo,
};
use crate::dropped::Reason;
use crate::invocation::Outcome;

const HEAD: &str = "# What the host emits

Made from the tables in `host-adapters/telemetry/src/emitted/`; `cargo xtask test` fails when it is out of date, and says how to
make it anew.

The host adds what follows to the telemetry of the components that it runs. Everything else comes from the components: spans,
metrics and logs by their own names, on scopes of their own.

**Stability.** *conventions*: a name of the [OpenTelemetry semantic conventions](https://opentelemetry.io/docs/specs/semconv/),
with its status there. *own*: a name of Wasmscope, which may change with a minor version before 1.0.

## Scope

The host's own telemetry has the scope `wasmscope`, with Wasmscope's version and no attributes. The scopes of a component are
those that it names, with the attribute `wasmscope.component.name`.

## Spans

| Span | Kind | When |
|---|---|---|
| `run COMPONENT`, unless the embedder names it | internal, unless the embedder says otherwise | Around each call into a component. It is the parent of the component's spans, and continues `TRACEPARENT` |

Its status is an error, with a description, where `error.type` is set. The host adds no links to it. It emits no log
records of its own.

The host adds one event to it, `wasmscope.memory.refused`, if a limiter refused the component memory during the call.

A span that a component leaves open is ended by the host when the call ends: it gets `wasmscope.end_reason`, and in case of an error
that error as its status and `error.type`, over what the component has said.
";

/// Writes the page.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(HEAD);
    metrics(&mut text);
    attributes(&mut text);
    values(
        &mut text,
        "Values of `wasmscope.outcome`",
        "How a call into a component ended.",
        &Outcome::VALUES,
    );
    values(
        &mut text,
        "Values of `wasmscope.end_reason`",
        "Why the host ended a span.",
        &Outcome::END_REASONS,
    );
    values(
        &mut text,
        "Values of `error.type`",
        "Those of the host, and the kinds of traps. Which traps there are depends on the runtime and its version: others are its own \
         names in snake case.",
        ERROR_TYPES,
    );
    reasons(&mut text);
    text
}

/// Writing into a string cannot fail.
macro_rules! put {
    ($text:expr, $($format:tt)*) => {{
        let _ = writeln!($text, $($format)*);
    }};
}

fn metrics(text: &mut String) {
    put!(text, "\n## Metrics\n");
    put!(
        text,
        "All on the scope `wasmscope`. None carries the component's name: the number of series does not grow with what is run.\n"
    );
    put!(
        text,
        "| Metric | Kind | Unit | Meaning | Attributes | Stability |\n|---|---|---|---|---|---|"
    );
    for metric in METRICS {
        let MetricInfo {
            name,
            kind,
            unit,
            description,
            attributes,
            note,
            stability,
        } = metric;
        let attributes: Vec<_> = attributes.iter().map(|key| format!("`{key}`")).collect();
        let note = if note.is_empty() {
            String::new()
        } else {
            format!(". {note}")
        };
        let note = note.trim_end_matches('.');
        put!(
            text,
            "| `{name}` | {} | `{unit}` | {description}{note} | {} | {} |",
            kind.as_str(),
            attributes.join(", "),
            stability.as_str()
        );
    }
}

fn attributes(text: &mut String) {
    put!(text, "\n## Attributes\n");
    put!(
        text,
        "| Attribute | Type | On | Meaning | Stability |\n|---|---|---|---|---|"
    );
    for attribute in ATTRIBUTES {
        let AttributeInfo {
            key,
            value,
            places,
            meaning,
            stability,
        } = attribute;
        let places: Vec<_> = places.iter().copied().map(Place::as_str).collect();
        put!(
            text,
            "| `{key}` | {value} | {} | {} | {} |",
            places.join(", "),
            meaning.trim_end_matches('.'),
            Stability::as_str(*stability)
        );
    }
}

fn values(text: &mut String, title: &str, about: &str, values: &[ValueInfo]) {
    put!(
        text,
        "\n## {title}\n\n{about}\n\n| Value | Meaning |\n|---|---|"
    );
    for ValueInfo { value, meaning } in values {
        put!(text, "| `{value}` | {} |", meaning.trim_end_matches('.'));
    }
}

fn reasons(text: &mut String) {
    put!(text, "\n## Values of `wasmscope.reason`\n");
    put!(
        text,
        "Why something was dropped or shortened, as `wasmscope.dropped` counts it by signal: the traces' include contexts and baggage.\n\n\
         A reason that is a limit has the limit's name, and [configuration.md](configuration.md#limits) says what it limits. Raise it with \
         `WASMSCOPE_LIMITS=NAME=NUMBER`, or in an embedder's program with the field of `Limits` of that name. Which instruments, keys, spans \
         or scopes it was about, the first three of each, is said at the end of `wasmscope run`, and by `Dropped::snapshot`.\n"
    );
    put!(text, "| Reason | Meaning |\n|---|---|");
    for reason in Reason::ALL {
        let meaning = match reason.limit() {
            Some(limit) => format!("Limit: {}", lower(limit.meaning)),
            None => reason.meaning().to_owned(),
        };
        put!(
            text,
            "| `{}` | {} |",
            reason.as_str(),
            meaning.trim_end_matches('.')
        );
    }
}

/// Makes the first letter small.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + letters.as_str())
        .unwrap_or_default()
}
