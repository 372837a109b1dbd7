//! Checks that `docs/telemetry.md` lists the host telemetry that appears in the scenarios.

use std::collections::BTreeSet;
use std::path::Path;

use wasmscope_tests::scenario;

/// The host's scope in snapshots.
const HOST_SCOPE: &str = concat!("scope wasmscope ", env!("CARGO_PKG_VERSION"));

/// Attributes whose values must be listed too.
const LISTED_VALUES: [&str; 4] = [
    "wasmscope.outcome",
    "wasmscope.end_reason",
    "wasmscope.reason",
    "error.type",
];

/// Returns the names in the first columns of the page's tables.
fn listed() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/telemetry.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let cells = page.lines().filter_map(|line| line.strip_prefix("| `"));
    cells
        .filter_map(|cell| Some(cell.split_once('`')?.0.to_owned()))
        .collect()
}

/// Returns the host's names in a snapshot: metrics, attribute keys, and the values of some
/// attributes.
fn shown(snapshot: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut metric = "";
    let mut of_host = false;
    let telemetry = snapshot.lines().skip_while(|line| *line != "traces:");
    for line in telemetry {
        let text = line.trim_start();
        if let Some(rest) = text.strip_prefix("metric ") {
            metric = rest.split(' ').next().unwrap_or_default();
        }
        if text.starts_with("scope ") {
            of_host = text == HOST_SCOPE;
            if of_host && !metric.is_empty() {
                names.insert(metric.to_owned());
            }
            names.extend(
                pairs(text)
                    .filter(|(key, _)| is_own(key))
                    .map(|(key, _)| key),
            );
            continue;
        }
        for (key, value) in pairs(text) {
            // Guests set attributes on the host's span too.
            let is_of_guest = key.starts_with("guest.");
            let is_listed = is_own(&key) || (of_host && !is_of_guest && !text.contains(" event "));
            if is_listed && LISTED_VALUES.contains(&key.as_str()) {
                names.insert(value);
            }
            if is_listed {
                names.insert(key);
            }
        }
    }
    names
}

fn is_own(key: &str) -> bool {
    key.starts_with("wasmscope.")
}

/// Returns the attributes in a line: `key = "value"`, or several in braces.
fn pairs(line: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let is_span = line.contains(" @");
    let inner = match line.split_once('{') {
        Some((_, rest)) => rest.rsplit_once('}').map_or(rest, |(inner, _)| inner),
        None => line,
    };
    inner
        .split(", ")
        .filter(move |_| !is_span)
        .filter_map(|pair| pair.split_once(" = "))
        .filter(|(key, _)| !key.contains([' ', '"']))
        .map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned()))
}

#[test]
fn host_telemetry_in_scenarios_is_listed() {
    let listed = listed();
    let mut all = BTreeSet::new();
    for name in scenario::names().expect("the scenarios") {
        let file = scenario::folder().join(&name).join("expected.snap");
        let snapshot = std::fs::read_to_string(file).expect("a snapshot");
        let mut shown = shown(&snapshot);
        // Status codes, and names of `wasi:http`, of which one is listed.
        shown.retain(|name| name != "destination-unavailable" && name.parse::<u16>().is_err());
        let missing: Vec<_> = shown.difference(&listed).collect();
        assert!(
            missing.is_empty(),
            "{name} shows {missing:?}: list it in `emitted`"
        );
        all.extend(shown);
    }
    // The check finds names at all.
    for name in [
        "wasmscope.dropped",
        "wasmscope.runtime.instances",
        "wasmscope.component.name",
        "process.exit.code",
        "trap",
        "out_of_fuel",
        "span_attributes",
        "wrong_handle",
    ] {
        assert!(all.contains(name), "no {name} in {all:?}");
    }
}
