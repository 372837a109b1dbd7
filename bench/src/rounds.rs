//! Measures in rounds. Each runner has a turn in each round, so a slow machine slows down all of
//! them alike.

use std::time::{Duration, Instant};

use anyhow::Result;

/// The effort of a measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// The number of rounds.
    pub(crate) rounds: usize,
    /// The duration of one turn.
    pub(crate) turn: Duration,
}

impl Effort {
    /// Enough for reproducible numbers.
    pub(crate) const FULL: Self = Self {
        rounds: 31,
        turn: Duration::from_millis(4),
    };
    /// One short round, as a check.
    pub(crate) const SHORT: Self = Self {
        rounds: 1,
        turn: Duration::from_micros(200),
    };

    /// Returns true unless this is only a check.
    pub(crate) fn is_full(self) -> bool {
        self.rounds > 1
    }
}

/// Performs an operation a given number of times, and counts them.
pub(crate) struct Runner<'a> {
    once: Box<dyn FnMut(u32) -> Result<()> + 'a>,
    /// The number of operations so far.
    pub(crate) done: u64,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(once: impl FnMut(u32) -> Result<()> + 'a) -> Self {
        Self {
            once: Box::new(once),
            done: 0,
        }
    }

    fn time(&mut self, times: u32) -> Result<Duration> {
        self.done += u64::from(times);
        let start = Instant::now();
        (self.once)(times)?;
        Ok(start.elapsed())
    }

    /// Finds how many operations fit into a turn. This also warms up.
    fn fitting(&mut self, turn: Duration) -> Result<u32> {
        let mut times = 1;
        loop {
            let time = self.time(times)?;
            if time >= turn / 2 || times >= 1 << 22 {
                let wanted = f64::from(times) * turn.as_secs_f64() / time.as_secs_f64();
                return Ok((wanted as u32).clamp(1, 1 << 22));
            }
            times *= 2;
        }
    }
}

/// Nanoseconds for one operation, by runner and round.
#[derive(Debug)]
pub(crate) struct Times(Vec<Vec<f64>>);

/// A median with its quartiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let index = part * values.len().saturating_sub(1) as f64;
            values
                .get(index.round() as usize)
                .copied()
                .unwrap_or(f64::NAN)
        };
        Self {
            median: at(0.5),
            low: at(0.25),
            high: at(0.75),
        }
    }
}

impl Times {
    /// Returns the time of one operation.
    pub(crate) fn nanos(&self, runner: usize) -> Spread {
        Spread::of(self.0[runner].clone())
    }

    /// Returns the ratio to another runner's time in the same round.
    pub(crate) fn ratio(&self, runner: usize, to: usize) -> Spread {
        let pairs = self.0[runner].iter().zip(&self.0[to]);
        Spread::of(pairs.map(|(time, base)| time / base).collect())
    }
}

/// Runs each runner once in each round. The first runner rotates. `between` is called after each
/// turn.
///
/// # Errors
///
/// If a runner fails.
pub(crate) fn measure(
    effort: Effort,
    runners: &mut [Runner<'_>],
    mut between: impl FnMut() -> Result<()>,
) -> Result<Times> {
    let mut fitting = Vec::new();
    for runner in &mut *runners {
        fitting.push(runner.fitting(effort.turn)?);
        between()?;
    }
    let mut times = vec![Vec::new(); runners.len()];
    for round in 0..effort.rounds {
        for turn in 0..runners.len() {
            let at = (round + turn) % runners.len();
            let time = runners[at].time(fitting[at])?;
            times[at].push(time.as_secs_f64() * 1e9 / f64::from(fitting[at]));
            between()?;
        }
    }
    Ok(Times(times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_values_lie_within_the_spread() {
        let spread = Spread::of((0..=100).rev().map(f64::from).collect());
        let expected = Spread {
            median: 50.0,
            low: 25.0,
            high: 75.0,
        };
        assert_eq!(spread, expected);
    }

    #[test]
    fn ratios_are_those_of_the_same_round() {
        let times = Times(vec![vec![1.0, 10.0, 100.0], vec![2.0, 20.0, 200.0]]);
        assert_eq!(times.ratio(1, 0).median, 2.0);
        assert_eq!(times.ratio(1, 0).high, 2.0);
    }

    #[test]
    fn every_runner_has_a_turn_in_every_round() {
        let effort = Effort {
            rounds: 3,
            turn: Duration::from_micros(50),
        };
        let (mut a, mut b) = (0u64, 0u64);
        let mut runners = [
            Runner::new(|times| {
                a += u64::from(times);
                Ok(())
            }),
            Runner::new(|times| {
                b += u64::from(times);
                Ok(())
            }),
        ];
        let times = measure(effort, &mut runners, || Ok(())).expect("no runner fails");
        let done: Vec<_> = runners.iter().map(|runner| runner.done).collect();
        drop(runners);
        assert_eq!(done, [a, b]);
        assert_eq!(times.0.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
    }
}
