//! The targets that the project sets for its measurements.

use std::collections::HashMap;

/// A target for one or both runtimes.
pub(super) struct Target {
    title: &'static str,
    /// The limit for one runtime. `None` if it has no limit.
    wasmtime: Option<Limit>,
    wasmedge: Option<Limit>,
    /// The reason if it is missed, and possible improvements.
    why: &'static str,
}

struct Limit {
    key: &'static str,
    bound: Bound,
    /// The goal beyond the limit.
    aim: Option<f64>,
    unit: Unit,
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Clone, Copy)]
enum Unit {
    Ratio,
    Nanos,
    KiB,
}

const fn ratio(key: &'static str, at_most: f64, aim: Option<f64>) -> Option<Limit> {
    Some(Limit {
        key,
        bound: Bound::AtMost(at_most),
        aim,
        unit: Unit::Ratio,
    })
}

const fn other(key: &'static str, at_most: f64, unit: Unit) -> Option<Limit> {
    Some(Limit {
        key,
        bound: Bound::AtMost(at_most),
        aim: None,
        unit,
    })
}

const fn at_least(key: &'static str, ratio: f64) -> Option<Limit> {
    Some(Limit {
        key,
        bound: Bound::AtLeast(ratio),
        aim: None,
        unit: Unit::Ratio,
    })
}

/// Why a measurement of a bound instrument is slow.
const BOUND: &str = "each measurement is one call into the host. On WasmEdge, that call alone takes nearly as long as the whole measurement in the native SDK (see the \
    boundary). To be changed: the call path (ADR 5 and the roadmap).";

/// Why a component's call is slower than a raw call.
const BOUNDARY: &str = "for each call, the `may_leave` flag is checked, lent resources are counted, and core values pass through a list. Texts and lists are charged to a \
    budget. And the guest is rewritten, so that it can be bounded and stopped (ADR 4 and 5). The raw call does none of this. To be changed: the call \
    path (ADR 5 and the roadmap).";

/// Why a server with telemetry is slower.
const HTTP_TELEMETRY: &str = "the request itself is small: the answer is made in some microseconds. Its two spans, its log record and its measurements are made, batched and encoded \
    in the same process and on the same cores. The native service, whose telemetry is the same, shows what that costs without a guest. To be changed: see the \
    rows of spans and logs by `tracing`.";

/// Why a server on WasmEdge is slower.
const HTTP_WASMEDGE: &str = "each request takes a thread and is passed to it. An instance is made of rewritten modules (ADR 4) and has a thread of its own that can interrupt it (ADR 5). \
    Instances that are reused save most of that. To be changed: one thread that interrupts all instances.";

pub(super) const TARGETS: [Target; 21] = [
    Target {
        title: "span, 4 attributes and an event",
        wasmtime: ratio("signals/span/Wasmtime", 2.8, Some(1.75)),
        wasmedge: ratio("signals/span/WasmEdge AOT", 4.0, None),
        why: "a span makes three calls into the host. Its four attributes are read, checked and copied out of the guest, where the native SDK takes over \
            values that exist already. To be changed: an event could wait for the end of its span, but a trap would then lose it; each exported span \
            copies the attributes of its scope; Wasmtime moves the lifted values in each call. On WasmEdge, each of the three calls costs several \
            times as much as on Wasmtime (see the boundary).",
    },
    Target {
        title: "span not sampled, to native not sampled",
        wasmtime: ratio("signals/span not sampled/Wasmtime", 1.1, None),
        wasmedge: ratio("signals/span not sampled/WasmEdge AOT", 1.5, None),
        why: "a call into the host, which asks the sampler before there is a span (ADR 8), and remembers the trace for children and links. Attributes \
            stay in the guest (ADR 7). To be changed: the name is looked up before the decision; on WasmEdge, the call path (see the boundary).",
    },
    Target {
        title: "log, 3 attributes",
        wasmtime: ratio("signals/log/Wasmtime", 2.5, Some(1.5)),
        wasmedge: ratio("signals/log/WasmEdge AOT", 4.0, None),
        why: "the native record consists of static texts, without an allocation. Here, its texts are checked and copied, after the guest has written the \
            record into its memory. To be changed: values of attributes are moved into the SDK's record just after they were written; each record \
            attaches a context of its own. Several records in one call already share the cost of the call.",
    },
    Target {
        title: "log below the level",
        wasmtime: other("signals/log below the level/Wasmtime/ns", 10.0, Unit::Nanos),
        wasmedge: other(
            "signals/log below the level/WasmEdge AOT/ns",
            10.0,
            Unit::Nanos,
        ),
        why: "the threshold is compared in the guest, so the time depends on how the guest is compiled.",
    },
    Target {
        title: "counter, bound, to native unbound",
        wasmtime: ratio("signals/counter, bound/Wasmtime", 1.0, Some(0.4)),
        wasmedge: ratio("signals/counter, bound/WasmEdge AOT", 1.5, None),
        why: BOUND,
    },
    Target {
        title: "histogram, bound, to native unbound",
        wasmtime: ratio("signals/histogram, bound/Wasmtime", 1.0, Some(0.4)),
        wasmedge: ratio("signals/histogram, bound/WasmEdge AOT", 1.5, None),
        why: BOUND,
    },
    Target {
        title: "counter, 3 attributes, unbound",
        wasmtime: ratio("signals/counter/Wasmtime", 3.0, None),
        wasmedge: ratio("signals/counter/WasmEdge AOT", 5.0, None),
        why: "the attributes are encoded and looked up by their bytes, and a call on WasmEdge costs more (see the boundary).",
    },
    Target {
        title: "a component's call, to the C API's callback (no argument)",
        wasmtime: None,
        wasmedge: ratio("boundary/no argument/WasmEdge AOT", 2.0, Some(1.3)),
        why: BOUNDARY,
    },
    Target {
        title: "a component's call, to the C API's callback (two `u64`)",
        wasmtime: None,
        wasmedge: ratio("boundary/two `u64`/WasmEdge AOT", 2.0, Some(1.3)),
        why: BOUNDARY,
    },
    Target {
        title: "a component's call, to the C API's callback (a string of 20 bytes)",
        wasmtime: None,
        wasmedge: ratio("boundary/a string of 20 bytes/WasmEdge AOT", 2.0, Some(1.3)),
        why: BOUNDARY,
    },
    Target {
        title: "a component's call, to the C API's callback (a record with 4 key-values)",
        wasmtime: None,
        wasmedge: ratio(
            "boundary/a record with 4 key-values/WasmEdge AOT",
            2.0,
            Some(1.3),
        ),
        why: BOUNDARY,
    },
    Target {
        title: "guest size, direct API, opt-level z",
        wasmtime: other("size/size, direct/z", 16.0, Unit::KiB),
        wasmedge: None,
        why: "see the table of sizes.",
    },
    Target {
        title: "guest size, `tracing` without `std`, opt-level z",
        wasmtime: other("size/size, tracing/z", 40.0, Unit::KiB),
        wasmedge: None,
        why: "about 5 KiB are the types and names of the component's interfaces. The rest is mostly the subscriber: events, records, and spans that wait \
            for their start. To be changed: fields could have a layout of their own, which is converted to the contract's.",
    },
    Target {
        title: "cold start with the direct API, to without telemetry",
        wasmtime: ratio("cold-start/cold start, direct/Wasmtime", 1.5, Some(1.2)),
        wasmedge: ratio("cold-start/cold start, direct/WasmEdge AOT", 1.5, None),
        why: "the component is larger. Its imports bring types, whose names are read one by one (a tenth of the time), and which are resolved when the \
            component is instantiated. To be changed: fewer named cases in the contract, 24 of which are the severities.",
    },
    Target {
        title: "cold start with `tracing`, to without telemetry",
        wasmtime: ratio("cold-start/cold start, tracing/Wasmtime", 1.5, Some(1.2)),
        wasmedge: ratio("cold-start/cold start, tracing/WasmEdge AOT", 1.5, None),
        why: "the component is larger than with the direct API. On WasmEdge, the whole component is read and rewritten whenever it is loaded (ADR 4), \
            compiled or not. The first call makes and registers the subscriber, and registers each place in the code that emits telemetry. To be \
            changed: as with the direct API; a smaller subscriber; a cache for the rewritten component.",
    },
    Target {
        title: "HTTP throughput, telemetry disabled, to `wasmtime serve` with a guest without telemetry",
        wasmtime: at_least("http/disabled/throughput", 1.0),
        wasmedge: None,
        why: "the guest is larger than one without telemetry: it asks the host whether telemetry is on, and makes its measurements. The row of the guest without \
            telemetry compares the servers alone. Ours passes each request to a second pool of threads, so that a guest that blocks its thread does \
            not block the server.",
    },
    Target {
        title: "HTTP throughput, with telemetry to disabled",
        wasmtime: at_least("http/on/throughput", 0.85),
        wasmedge: None,
        why: HTTP_TELEMETRY,
    },
    Target {
        title: "p99 of HTTP requests, with telemetry to disabled",
        wasmtime: ratio("http/on/p99", 1.15, None),
        wasmedge: None,
        why: HTTP_TELEMETRY,
    },
    Target {
        title: "HTTP throughput, to Wasmtime, an instance for each request",
        wasmtime: None,
        wasmedge: at_least("http/aot/throughput", 0.5),
        why: HTTP_WASMEDGE,
    },
    Target {
        title: "HTTP throughput, to Wasmtime, instances reused",
        wasmtime: None,
        wasmedge: at_least("http/aot, reused/throughput", 0.5),
        why: HTTP_WASMEDGE,
    },
    Target {
        title: "memory of an HTTP server after 1,000,000 requests, to after 100,000",
        wasmtime: ratio("http-memory/Wasmtime/growth", 1.1, None),
        wasmedge: ratio("http-memory/WasmEdge AOT/growth", 1.1, None),
        why: "see the table.",
    },
];

/// Renders the targets and their measurements in Markdown. A missing number is shown as not
/// measured.
pub(super) fn markdown(measured: &HashMap<String, f64>) -> String {
    let mut text = String::from("| | Wasmtime | | WasmEdge AOT | |\n|---|---|---|---|---|\n");
    let mut missed = String::new();
    for target in &TARGETS {
        let mut fails = false;
        let mut cells = String::new();
        for limit in [&target.wasmtime, &target.wasmedge] {
            let Some(limit) = limit else {
                cells.push_str(" | |");
                continue;
            };
            let (cell, missed) = limit.cell(measured.get(limit.key).copied());
            cells.push_str(&cell);
            fails |= missed;
        }
        text.push_str(&format!("| {} |{cells}\n", target.title));
        if fails {
            missed.push_str(&format!("- **{}**: {}\n", target.title, target.why));
        }
    }
    if !missed.is_empty() {
        text.push_str(&format!("\nMissed:\n\n{missed}"));
    }
    text
}

impl Limit {
    /// Renders a measurement with its limit. Returns whether it misses the limit.
    fn cell(&self, measured: Option<f64>) -> (String, bool) {
        let Some(measured) = measured else {
            return (" not measured | |".to_owned(), false);
        };
        let (measured, show): (f64, fn(f64) -> String) = match self.unit {
            Unit::Ratio => (measured, |value| format!("{value:.2}")),
            Unit::Nanos => (measured, |value| format!("{value:.1} ns")),
            Unit::KiB => (measured / 1024.0, |value| format!("{value:.1} KiB")),
        };
        let aim = self
            .aim
            .map(|aim| format!(", aim {aim}"))
            .unwrap_or_default();
        let (limit, over) = match self.bound {
            Bound::AtMost(most) => (format!("≤ {most}"), measured / most - 1.0),
            Bound::AtLeast(least) => (format!("≥ {least}"), 1.0 - measured / least),
        };
        let missed = over > 0.0;
        let verdict = if missed {
            let over = over * 100.0;
            let digits = usize::from(over < 1.0);
            format!("{limit}{aim}: missed by {over:.digits$} %")
        } else {
            format!("{limit}{aim}")
        };
        (format!(" **{}** | {verdict} |", show(measured)), missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_in_both_directions_can_be_missed() {
        let cell = |limit: Option<Limit>, measured| limit.expect("a limit").cell(Some(measured));
        let most = || ratio("key", 1.1, None);
        let least = || at_least("key", 0.5);
        assert_eq!(cell(most(), 1.1), (" **1.10** | ≤ 1.1 |".to_owned(), false));
        assert_eq!(
            cell(least(), 0.5),
            (" **0.50** | ≥ 0.5 |".to_owned(), false)
        );
        let expected = " **1.32** | ≤ 1.1: missed by 20 % |".to_owned();
        assert_eq!(cell(most(), 1.32), (expected, true));
        let expected = " **0.40** | ≥ 0.5: missed by 20 % |".to_owned();
        assert_eq!(cell(least(), 0.4), (expected, true));
    }
}
