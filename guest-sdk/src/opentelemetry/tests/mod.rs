mod context;
mod logs;
mod metrics;
mod propagation;
mod trace;

use crate::testing::Recorder;

/// Installs the global providers, and a recorder for this thread.
fn installed() -> Recorder {
    super::install();
    Recorder::install()
}

const NO_CALLS: [&str; 0] = [];

/// Pairs of names and values, in the recorder's types.
macro_rules! recorded {
    ($($key:expr => $value:expr),* $(,)?) => {
        vec![$((String::from($key), crate::testing::RecordedValue::from($value))),*]
    };
}
use recorded;
