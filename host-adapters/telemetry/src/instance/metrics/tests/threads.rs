//! Instances on several threads, while another thread collects.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

const THREADS: u64 = 4;
const ROUNDS: u64 = 2_000;

#[test]
fn nothing_is_lost_or_counted_twice_during_collections() {
    let host = Host::new();
    let done = AtomicBool::new(false);
    thread::scope(|threads| {
        let collector = threads.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                host.collect();
            }
        });
        let guests: Vec<_> = (0..THREADS)
            .map(|_| threads.spawn(|| measure(&host)))
            .collect();
        for guest in guests {
            guest.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        collector.join().unwrap();
    });
    let metrics = host.collect();
    for (name, set, expected) in [
        ("c", "k=0", Point::U64(THREADS * ROUNDS / 2)),
        ("c", "k=1", Point::U64(THREADS * ROUNDS / 2)),
        ("o", "", Point::U64(THREADS * ROUNDS)),
    ] {
        assert_eq!(
            metrics[&format!("s/{name}")].points[set],
            expected,
            "{name} {set}"
        );
    }
    // Only one number of this size fits into the sum.
    assert_eq!(metrics["s/full"].points[""], Point::U64(i64::MAX as u64));
    assert_eq!(host.dropped(Reason::NumberRange), THREADS * ROUNDS - 1);
}

fn measure(host: &Host) {
    for round in 0..ROUNDS {
        // A new instance for each round, as hosts make them.
        let mut guest = host.telemetry.instance("shop");
        let counter = instrument(&mut guest, "c", Kind::CounterU64);
        guest.measure(counter, Unsigned(1), attributes(&(round % 2).to_string()));
        let full = instrument(&mut guest, "full", Kind::CounterU64);
        guest.measure(full, Unsigned(i64::MAX as u64), vec![]);
        let observable = instrument(&mut guest, "o", Kind::ObservableCounterU64);
        observe(&mut guest, observable, Unsigned(1), vec![]);
    }
}
