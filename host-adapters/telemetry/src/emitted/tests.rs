//! Checks that all emitted names are listed, and that the page is up to date.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::dropped::Reason;

#[test]
fn published_page_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/telemetry.md");
    let current = markdown();
    if std::env::var_os("WASMSCOPE_BLESS").is_some() {
        std::fs::write(path, current).unwrap();
    } else {
        assert_eq!(
            std::fs::read_to_string(path).unwrap_or_default(),
            current,
            "run this test with WASMSCOPE_BLESS=1 to bring docs/telemetry.md up to date"
        );
    }
}

#[test]
fn nothing_is_listed_twice_and_metrics_have_listed_attributes() {
    let keys: BTreeSet<_> = ATTRIBUTES.iter().map(|attribute| attribute.key).collect();
    assert_eq!(keys.len(), ATTRIBUTES.len());
    let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), METRICS.len());
    let types: BTreeSet<_> = ERROR_TYPES.iter().map(|value| value.value).collect();
    assert_eq!(types.len(), ERROR_TYPES.len());
    for metric in METRICS {
        for key in metric.attributes {
            let listed = ATTRIBUTES.iter().find(|attribute| attribute.key == *key);
            assert!(
                listed.is_some_and(|listed| listed.locations.contains(&AttributeLocation::Metric)),
                "{} has {key}",
                metric.name
            );
        }
    }
    let reasons: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(reasons.len(), Reason::ALL.len());
}

/// Lists the sources of this crate, without the tests and the tables.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if ["tests", "tests.rs", "emitted", "emitted.rs"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// A name that is not in the tables would be missing from the page.
#[test]
fn own_names_are_written_in_the_tables_only() {
    let mut files = Vec::new();
    for folder in ["/src", "/../otlp/src", "/../console/src"] {
        let folder = format!("{}{folder}", env!("CARGO_MANIFEST_DIR"));
        sources(Path::new(&folder), &mut files);
    }
    assert!(files.len() > 50, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
        for line in code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            for begin in ["\"wasmscope.", "\"otel."] {
                assert!(
                    !line.contains(begin),
                    "{}: {line}: use a constant of `emitted`",
                    file.display()
                );
            }
        }
    }
}
