//! Different instruments with the same name.

use super::*;

struct Guest<'a> {
    guest: Instance,
    host: &'a Host,
}

impl Guest<'_> {
    fn make(&mut self, scope_name: &str, descriptor: InstrumentDescriptor) -> &mut Self {
        let meter = self.guest.meter(scope(scope_name));
        self.guest.create_instrument(meter, descriptor);
        self
    }

    #[track_caller]
    fn assert_warned(&self, expected: &[&str]) {
        assert_eq!(self.host.telemetry.take_warnings(), expected);
        assert_eq!(self.host.telemetry.dropped().snapshot(), []);
    }
}

fn guest(host: &Host) -> Guest<'_> {
    Guest {
        guest: host.telemetry.instance("shop"),
        host,
    }
}

fn counter() -> InstrumentDescriptor {
    InstrumentDescriptor {
        unit: Some(String::from("{call}")),
        description: Some(String::from("calls")),
        ..descriptor("calls", Kind::CounterU64)
    }
}

#[test]
fn equal_descriptors_and_other_scopes_have_no_warnings() {
    let host = Host::new();
    for _ in 0..2 {
        guest(&host)
            .make("s", counter())
            .make("s", counter())
            .make("s", descriptor("other", Kind::GaugeF64))
            .make("t", descriptor("calls", Kind::GaugeF64))
            .assert_warned(&[]);
    }
}

#[test]
fn each_difference_has_one_warning_over_all_instances() {
    let mut other_kind = counter();
    other_kind.kind = Kind::ObservableUpDownCounterS64;
    let mut other_unit = counter();
    other_unit.unit = None;
    let mut other_description = counter();
    other_description.description = Some(String::from("\u{1b}[31mall\ncalls"));
    let mut other_case = counter();
    other_case.name = String::from("CALLS");
    let table = [
        (
            other_kind,
            "the scope \"s\" has two instruments \"calls\", one with counter-u64 and one with observable-up-down-counter-s64; both \
             are exported, give one another name",
        ),
        (
            other_unit,
            "the scope \"s\" has two instruments \"calls\", one with unit \"{call}\" and one with no unit; both are exported, give one \
             another name",
        ),
        (
            other_description,
            "the scope \"s\" has two instruments \"calls\", one with description \"calls\" and one with description \
             \"\\u{1b}[31mall\\ncalls\"; both are exported, give one another name",
        ),
        (
            other_case,
            "the instrument \"calls\" of the scope \"s\" is also called \"CALLS\"; the first name is exported",
        ),
    ];
    for (other, warning) in table {
        let host = Host::new();
        guest(&host)
            .make("s", counter())
            .make("s", other.clone())
            .assert_warned(&[warning]);
        guest(&host)
            .make("s", other.clone())
            .make("s", counter())
            .make("s", other.clone())
            .assert_warned(&[]);
        // In two instances.
        let host = Host::new();
        guest(&host).make("s", counter()).assert_warned(&[]);
        guest(&host).make("s", other).assert_warned(&[warning]);
    }
}

#[test]
fn the_first_boundaries_are_kept_and_others_have_a_warning() {
    let histogram = |boundaries: Option<&[f64]>| InstrumentDescriptor {
        boundaries: boundaries.map(<[f64]>::to_vec),
        ..descriptor("latency", Kind::HistogramF64)
    };
    let host = Host::new();
    guest(&host)
        .make("s", histogram(Some(&[0.5, 1.0])))
        .make("s", histogram(Some(&[0.5, 1.0])))
        .assert_warned(&[]);
    let warning = "the histogram \"latency\" of the scope \"s\" has the boundaries [0.5, 1] and was made again with the default \
                   boundaries; the first hold";
    guest(&host)
        .make("s", histogram(None))
        .make("s", histogram(Some(&[7.0])))
        .assert_warned(&[warning]);
}

#[test]
fn number_and_length_of_warnings_are_bounded() {
    let host = Host::new();
    let mut guest = guest(&host);
    for number in 0..100 {
        let name = format!("{}{number:03}", "n".repeat(200));
        guest.make("s", descriptor(&name, Kind::CounterU64));
        guest.make("s", descriptor(&name, Kind::GaugeF64));
    }
    let warnings = host.telemetry.take_warnings();
    assert_eq!(warnings.len(), 33);
    assert!(warnings.iter().all(|warning| warning.len() < 300));
}
