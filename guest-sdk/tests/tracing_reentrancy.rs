//! Values whose `Debug` implementation uses `tracing`. A separate program with a global default
//! subscriber, as in a component: with a thread's own default, `tracing` would not pass on such
//! calls.
#![cfg(feature = "tracing")]

use core::fmt;

use tracing::{info, info_span};
use wasmscope::testing::Recorder;

/// Creates a span and a log while it is formatted.
struct Talkative;

impl fmt::Debug for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = info_span!("within", text = "a");
        let _entered = span.enter();
        info!("while writing");
        span.record("text", "b");
        f.write_str("talkative")
    }
}

/// Logs itself while it is formatted.
struct Endless;

impl fmt::Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!(value = ?self, "again");
        f.write_str("endless")
    }
}

#[test]
fn a_debug_implementation_may_use_tracing() {
    let recorder = Recorder::install();
    let _guard = wasmscope::init();

    let span = info_span!("around", of = ?Talkative, later = tracing::field::Empty);
    span.in_scope(|| info!(value = ?Talkative, "said"));
    span.record("later", tracing::field::debug(Talkative));
    drop(span);
    let logs = recorder.logs();
    let bodies: Vec<_> = logs.iter().filter_map(|log| log.body.clone()).collect();
    assert_eq!(
        bodies,
        [
            "while writing".into(),
            "while writing".into(),
            "said".into(),
            "while writing".into()
        ]
    );
    assert_eq!(logs[2].attribute("value"), Some(&"talkative".into()));
    let around = recorder.span("around");
    assert_eq!(around.attribute("of"), Some(&"talkative".into()));
    assert_eq!(around.attribute("later"), Some(&"talkative".into()));
    let within = recorder
        .spans()
        .into_iter()
        .filter(|span| span.name == "within");
    assert!(
        within
            .clone()
            .all(|span| span.attribute("text") == Some(&"b".into()))
    );
    assert_eq!(within.filter(|span| span.is_child_of(&around)).count(), 1);

    info!(value = ?Endless, "first");
    let again = recorder.logs().split_off(4);
    assert_eq!(again.len(), 4, "{again:?}");
    assert_eq!(again[3].body, Some("first".into()));
    assert_eq!(again[3].attribute("value"), Some(&"endless".into()));
}
