//! Writes the tables as `docs/telemetry.md`.

use std::fmt::Write as _;

use super::{
    ATTRIBUTES, AttributeInfo, AttributeLocation, ERROR_TYPES, METRICS, MetricInfo, Stability,
    ValueInfo,
};
use crate::dropped::Reason;
use crate::invocation::Outcome;

const HEAD: &str = "# What the host emits

This page is generated from the tables in `host-adapters/telemetry/src/emitted/`. If it is out of date, `cargo xtask test` fails
and says how to generate it again.

The host adds the following to the telemetry of the components that it runs. All other spans, metrics and logs come from the
components, with their own names and scopes.

In the column *Stability*, *conventions* is a name of the [OpenTelemetry semantic conventions](https://opentelemetry.io/docs/specs/semconv/),
with its status there. *own* is a name that Wasmscope defines. Before version 1.0, it may change with a minor version.

## Scope

The host's own telemetry has the scope `wasmscope`, with Wasmscope's version and no attributes. The host adds the attribute
`wasmscope.component.name` to each scope of a component.

## Spans

| Span | Kind | When |
|---|---|---|
| `run COMPONENT`, unless the embedder sets a name | internal, unless the embedder sets a kind | Around each call into a component. It is the parent of the component's spans, and continues the trace in `TRACEPARENT` |
| `METHOD`, or `METHOD ROUTE` if the component names its route | server | Around an HTTP request that a component answers (`wasmscope serve`), until its response was sent. It takes the place of the span above |
| `METHOD` | client | Around an HTTP request that a component sends, until its response was received. A child of the component's current span |

This page calls the first two the host span. If `error.type` is set, its status is an error. With `--trust-incoming never` or `sampled`, the
span of a request has a link to the caller's span, if that is not its parent. If a limiter refused memory to the component during the
call, the host adds one event, `wasmscope.memory.refused`.

The component can add attributes, events, links and a status to the host span (`tracer.invocation`). Attributes that the host sets itself, and
errors of the host, have precedence. If it sets `http.route` there or, failing that, on the first span of kind server that it starts,
this is the route of the request.

When the call ends, the host ends all spans that the component has left open, and sets `wasmscope.end_reason` on them. After an error
it also sets `error.type` and the status. It replaces a status that the component has set.

## Log records

The host emits no log records of its own. With `--stdio logs`, each line that a component prints becomes a record with the scope `wasmscope.stdio`, the
attribute `log.iostream`, and the component's active span. The severity is INFO for standard output. Lines of standard error have none, because
programs print progress there as well as errors. Like all records without a severity, they pass every log level except `off`.
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
        "The host's own errors, and the kinds of traps. Depending on its version, a runtime may have other traps. Their values are \
         the runtime's own names, in snake case.",
        ERROR_TYPES,
    );
    reasons(&mut text);
    text
}

/// Appends a line. Writing into a string cannot fail.
macro_rules! put {
    ($text:expr, $($format:tt)*) => {{
        let _ = writeln!($text, $($format)*);
    }};
}

fn metrics(text: &mut String) {
    put!(text, "\n## Metrics\n");
    put!(
        text,
        "All metrics have the scope `wasmscope`. None has the component's name as an attribute, so the number of series does not grow with the number of components.\n"
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
            locations,
            meaning,
            stability,
        } = attribute;
        let locations: Vec<_> = locations
            .iter()
            .copied()
            .map(AttributeLocation::as_str)
            .collect();
        put!(
            text,
            "| `{key}` | {value} | {} | {} | {} |",
            locations.join(", "),
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
        "Why telemetry was dropped or shortened. `wasmscope.dropped` counts by signal and reason. The signal `traces` includes contexts and baggage.\n\n\
         Each limit has a reason of the same name; [configuration.md](configuration.md#limits) has the defaults. To raise a limit, set \
         `WASMSCOPE_LIMITS=NAME=NUMBER`; in an embedder's program, set the field of that name in `Limits`. The summary at the end of `wasmscope run`, and \
         `Dropped::snapshot`, name the first three instruments, attribute keys, spans or scopes for each reason.\n"
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

/// Returns the text with its first letter in lower case.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + letters.as_str())
        .unwrap_or_default()
}
