//! Callsites of `tracing` cache the host's log threshold. A separate program, because they cache it
//! for all threads.
#![cfg(feature = "tracing-std")]

use std::cell::Cell;

use tracing::{debug, info_span};
use wasmscope::Severity;
use wasmscope::testing::Recorder;

#[test]
fn callsites_cache_a_threshold_until_the_host_changes_it() {
    let recorder = Recorder::install();
    recorder.set_log_threshold(Some(Severity::Info));
    wasmscope::subscriber()
        .with_cached_thresholds(true)
        .try_init()
        .expect("no other subscriber");
    let evaluated = Cell::new(0);
    let emit = || debug!(count = evaluated.replace(evaluated.get() + 1), "said");

    emit();
    assert_eq!(recorder.take_calls(), ["logger.get", "logger.threshold"]);
    emit();
    assert_eq!(recorder.take_calls(), [""; 0]);
    assert_eq!(evaluated.get(), 0);

    recorder.set_log_threshold(Some(Severity::Debug));
    emit();
    assert_eq!(
        recorder.take_calls(),
        [""; 0],
        "the change is not known yet"
    );
    info_span!("any").in_scope(|| {});
    emit();
    assert_eq!(recorder.logs().len(), 1);
    assert_eq!(evaluated.get(), 1);

    // An unrecorded span brings the change with its handle.
    recorder.sample(false);
    recorder.set_log_threshold(Some(Severity::Info));
    info_span!("any").in_scope(|| {});
    emit();
    recorder.set_log_threshold(Some(Severity::Debug));
    info_span!("any").in_scope(|| {});
    assert_eq!(recorder.logs().len(), 1);
    recorder.sample(true);

    // An event brings it, too, through the program's default subscriber.
    recorder.set_log_threshold(None);
    emit();
    let _ = recorder.take_calls();
    emit();
    assert_eq!(recorder.take_calls(), [""; 0]);
    assert_eq!(recorder.logs().len(), 2);

    // Through a thread's own default, callsites would find no subscriber within an event. A later
    // call refreshes them.
    let _default = wasmscope::subscriber()
        .with_cached_thresholds(true)
        .set_default();
    recorder.set_log_threshold(Some(Severity::Trace));
    info_span!("any").in_scope(|| {});
    recorder.set_log_threshold(Some(Severity::Debug));
    emit();
    emit();
    info_span!("any").in_scope(|| {});
    emit();
    assert_eq!(recorder.logs().len(), 5);
}
