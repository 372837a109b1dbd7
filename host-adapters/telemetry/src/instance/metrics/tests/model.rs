//! Compares random guests with a model that adds in 128 bits.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the model has half of the kinds"
)]

use proptest::prelude::*;

use super::host::complete;
use super::*;

const MAX: i128 = i64::MAX as i128;

const KINDS: [Kind; 8] = [
    Kind::CounterU64,
    Kind::UpDownCounterS64,
    Kind::HistogramU64,
    Kind::GaugeU64,
    Kind::GaugeS64,
    Kind::ObservableCounterU64,
    Kind::ObservableUpDownCounterS64,
    Kind::ObservableGaugeS64,
];

#[derive(Debug, Clone)]
enum Op {
    Measure {
        kind: usize,
        set: usize,
        value: i128,
        bound: bool,
    },
    Collect,
    Complete,
    NewInstance,
}

/// The expected state of a series.
#[derive(Debug, Clone, Copy, Default)]
struct Series {
    /// The sum or last value of a synchronous instrument, or the reports of ended instances of an
    /// observable one.
    value: Option<i128>,
    /// The last report of the live instance.
    live: Option<i128>,
    /// Whether the live instance has left it out of its last round.
    silent: bool,
    /// Whether it was reported in this round.
    in_round: bool,
    /// Whether an instance that reported it in its last round has ended.
    ended: bool,
    /// The number of measurements of a histogram.
    count: u64,
}

#[derive(Debug, Default)]
struct Model {
    series: [[Series; 3]; KINDS.len()],
    refused: u64,
}

fn is_unsigned(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::CounterU64 | Kind::HistogramU64 | Kind::GaugeU64 | Kind::ObservableCounterU64
    )
}

fn is_observable(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::ObservableCounterU64 | Kind::ObservableUpDownCounterS64 | Kind::ObservableGaugeS64
    )
}

impl Model {
    fn measure(&mut self, index: usize, set: usize, value: i128) {
        let kind = KINDS[index];
        let merged: i128 = self.series[index]
            .iter()
            .filter_map(|series| series.value)
            .sum();
        let series = &mut self.series[index][set];
        let sum = series.value.unwrap_or(0) + value;
        let accepted = value <= MAX
            && match kind {
                Kind::CounterU64 => sum <= MAX,
                Kind::HistogramU64 => sum <= MAX && merged + value <= i128::from(u64::MAX),
                Kind::UpDownCounterS64 => (-MAX - 1..=MAX).contains(&sum),
                Kind::ObservableCounterU64 => {
                    let live = series.live.unwrap_or(0);
                    let restarts = series.silent && value < live;
                    let sum = if restarts { sum + live } else { sum };
                    sum <= MAX && (restarts || value >= live)
                }
                Kind::ObservableUpDownCounterS64 => (-MAX - 1..=MAX).contains(&sum),
                _ => true,
            };
        series.in_round |= series.live.is_some();
        if !accepted {
            self.refused += 1;
        } else if is_observable(kind) {
            if let Some(live) = series.live.filter(|live| *live > value)
                && kind == Kind::ObservableCounterU64
            {
                series.value = Some(series.value.unwrap_or(0) + live);
            }
            series.live = Some(value);
            series.silent = false;
            series.in_round = true;
        } else if matches!(kind, Kind::GaugeU64 | Kind::GaugeS64) {
            series.value = Some(value);
        } else {
            series.value = Some(sum);
            series.count += 1;
        }
    }

    fn collect(&mut self) -> BTreeMap<String, Metric> {
        let mut metrics = BTreeMap::new();
        for (kind, all) in KINDS.into_iter().zip(&mut self.series) {
            let mut points = BTreeMap::new();
            for (set, series) in all.iter_mut().enumerate() {
                let value = match kind {
                    Kind::ObservableGaugeS64 => series.live.or(series.value),
                    Kind::ObservableCounterU64
                        if !series.ended && (series.live.is_none() || series.silent) =>
                    {
                        None
                    }
                    _ if series.live.is_none() => series.value,
                    _ => Some(series.live.unwrap_or(0) + series.value.unwrap_or(0)),
                };
                if let Some(value) = value {
                    points.insert(key(set), point(kind, value, series.count));
                }
                if matches!(
                    kind,
                    Kind::ObservableUpDownCounterS64 | Kind::ObservableGaugeS64
                ) {
                    series.value = None;
                }
            }
            if !points.is_empty() {
                let monotonic = match kind {
                    Kind::CounterU64 | Kind::ObservableCounterU64 => Some(true),
                    Kind::UpDownCounterS64 | Kind::ObservableUpDownCounterS64 => Some(false),
                    _ => None,
                };
                let metric = Metric {
                    unit: String::new(),
                    description: String::new(),
                    monotonic,
                    points,
                };
                metrics.insert(format!("s/{kind:?}"), metric);
            }
        }
        metrics
    }

    fn complete(&mut self) {
        for (kind, all) in KINDS.into_iter().zip(&mut self.series) {
            for series in all {
                if series.live.is_some() && !std::mem::take(&mut series.in_round) {
                    if kind == Kind::ObservableCounterU64 {
                        series.silent = true;
                    } else {
                        series.live = None;
                    }
                }
            }
        }
    }

    fn end_instance(&mut self) {
        for (kind, all) in KINDS.into_iter().zip(&mut self.series) {
            for series in all {
                series.in_round = false;
                let silent = std::mem::take(&mut series.silent);
                if let Some(live) = series.live.take() {
                    series.ended |= !silent;
                    series.value = match kind {
                        Kind::ObservableGaugeS64 => Some(live),
                        _ => Some(series.value.unwrap_or(0) + live),
                    };
                }
            }
        }
    }
}

fn key(set: usize) -> String {
    if set == 0 {
        String::new()
    } else {
        format!("k={set}")
    }
}

fn point(kind: Kind, value: i128, count: u64) -> Point {
    match kind {
        // Without boundaries there are only sum and count.
        Kind::HistogramU64 => Point::HistogramU64 {
            count,
            sum: u64::try_from(value).unwrap(),
            buckets: vec![],
        },
        _ if is_unsigned(kind) => Point::U64(u64::try_from(value).unwrap()),
        _ => Point::I64(i64::try_from(value).unwrap()),
    }
}

fn op() -> impl Strategy<Value = Op> {
    let value = prop_oneof![
        4 => -3..3_i128,
        2 => Just(MAX),
        1 => Just(MAX - 1),
        1 => Just(MAX / 2),
        1 => Just(-MAX),
        1 => Just(-MAX - 1),
        1 => Just(MAX + 1),
        1 => Just(i128::from(u64::MAX)),
    ];
    prop_oneof![
        12 => (0..KINDS.len(), 0..3_usize, value, any::<bool>())
            .prop_map(|(kind, set, value, bound)| Op::Measure { kind, set, value, bound }),
        1 => Just(Op::Collect),
        2 => Just(Op::Complete),
        1 => Just(Op::NewInstance),
    ]
}

fn make(guest: &mut Instance) -> [InstrumentHandle; KINDS.len()] {
    let meter = guest.meter(scope("s"));
    KINDS.map(|kind| {
        let boundaries = Some(vec![]);
        let descriptor = InstrumentDescriptor {
            boundaries,
            ..descriptor(&format!("{kind:?}"), kind)
        };
        guest.create_instrument(meter, descriptor)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn random_guests_agree_with_the_model(ops in proptest::collection::vec(op(), 1..150)) {
        let host = Host::new();
        let mut model = Model::default();
        let mut guest = host.telemetry.instance("shop");
        let mut handles = make(&mut guest);
        for op in ops.into_iter().chain([Op::Collect, Op::NewInstance, Op::Collect, Op::Collect]) {
            match op {
                Op::Measure { kind: index, set, value, bound } => {
                    let kind = KINDS[index];
                    let number = if is_unsigned(kind) {
                        Unsigned(u64::try_from(value.max(0)).unwrap())
                    } else if let Ok(value) = i64::try_from(value) {
                        Signed(value)
                    } else {
                        continue;
                    };
                    let value = if is_unsigned(kind) { value.max(0) } else { value };
                    let attributes = if set == 0 { vec![] } else { attributes(&set.to_string()) };
                    if is_observable(kind) {
                        observe(&mut guest, handles[index], number, attributes);
                    } else if bound {
                        let series = guest.bind(handles[index], attributes);
                        guest.measure_series(series, number);
                    } else {
                        guest.measure(handles[index], number, attributes);
                    }
                    model.measure(index, set, value);
                }
                Op::Collect => prop_assert_eq!(host.collect(), model.collect()),
                Op::Complete => {
                    complete(&mut guest);
                    model.complete();
                }
                Op::NewInstance => {
                    guest = host.telemetry.instance("shop");
                    handles = make(&mut guest);
                    model.end_instance();
                }
            }
            prop_assert_eq!(host.dropped(Reason::NumberRange), model.refused);
        }
        prop_assert_eq!(host.telemetry.dropped().total(Signal::Metrics), model.refused);
    }
}
