//! `--max-descriptors`: how many file descriptors the program may have, and how many are kept.

use crate::messages::say;
use wasi_bounds::{Bounds, DESCRIPTORS};

/// How many file descriptors are kept for this command: connections to collectors, standard
/// streams, files that it reads and writes, and those of its asynchronous runtimes.
const KEPT: u64 = 128;

/// Returns the program's bounds: as many descriptors as are wanted, if the system lets this process
/// have that many and [`KEPT`] besides.
pub(super) fn bounds(wanted: Option<usize>) -> Bounds {
    let most = available(wanted.unwrap_or(DESCRIPTORS));
    if let Some(wanted) = wanted.filter(|wanted| *wanted > most) {
        say!(
            "wasmscope: warning: --max-descriptors {wanted}: the system's limit on open files allows the program {most}; raise it with `ulimit -n`"
        );
    }
    Bounds::new(most)
}

/// Raises the soft limit of this process if it is too low, and returns how many descriptors there
/// are for the program.
#[cfg(unix)]
fn available(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let needed = u64::try_from(wanted)
        .unwrap_or(u64::MAX)
        .saturating_add(KEPT);
    let mut current = limit.current.unwrap_or(u64::MAX);
    if current < needed {
        let raised = limit.maximum.map_or(needed, |most| needed.min(most));
        let new = Rlimit {
            current: Some(raised),
            maximum: limit.maximum,
        };
        // If the system refuses, what there is has to do.
        if setrlimit(Resource::Nofile, new).is_ok() {
            current = raised;
        }
    }
    usize::try_from(share(current)).map_or(wanted, |most| wanted.min(most))
}

#[cfg(not(unix))]
fn available(wanted: usize) -> usize {
    wanted
}

/// Returns the program's share of all descriptors: a quarter if there are very few.
#[cfg_attr(not(unix), expect(dead_code, reason = "there is no such limit"))]
fn share(all: u64) -> u64 {
    all.saturating_sub(KEPT).max(all / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_descriptors_are_kept_however_few_there_are() {
        for (all, program) in [(1024, 896), (640, 512), (256, 128), (100, 25), (0, 0)] {
            assert_eq!(share(all), program, "{all}");
        }
    }
}
