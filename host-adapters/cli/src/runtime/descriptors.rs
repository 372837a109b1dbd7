//! `--max-descriptors`: the program's share of file descriptors, and the host's reserve.

use crate::messages::say;
use wasi_bounds::{Bounds, DESCRIPTORS};

/// The file descriptors that are reserved for this command: connections to collectors, standard
/// streams, files that it reads and writes, and those of its async runtimes.
const RESERVED: u64 = 128;

/// The connections for HTTP requests that are possible at least. They are part of [`RESERVED`] if
/// the system's limit is too low.
const FEWEST_CONNECTIONS: usize = 32;

/// Returns the program's bounds: `wanted` descriptors, or fewer if the system's limit for this
/// process is lower than that plus [`RESERVED`].
///
/// Also returns the number of connections for the HTTP requests of the program: `connections`, or
/// fewer if there are not as many descriptors besides.
///
/// `server` is the number of descriptors that a server needs for its connections and instances. It
/// comes before the others.
pub(super) fn bounds(wanted: Option<usize>, connections: usize, server: usize) -> (Bounds, usize) {
    let program = wanted.unwrap_or(DESCRIPTORS);
    let (all, besides) = available(program.saturating_add(server), connections);
    let most = all.saturating_sub(server).max(all / 4).min(program);
    if most < program && server > 0 {
        say!(
            "wasmscope: warning: the server and the program may need {} files and connections, but the system's limit on open files allows {all}; raise it with `ulimit -n`, or lower --max-connections",
            program.saturating_add(server)
        );
    } else if let Some(wanted) = wanted.filter(|wanted| *wanted > most) {
        say!(
            "wasmscope: warning: --max-descriptors {wanted}: the system's limit on open files allows the program {most}; raise it with `ulimit -n`"
        );
    }
    let connections = connections.min(besides.max(FEWEST_CONNECTIONS));
    (Bounds::new(most), connections)
}

/// Raises the soft limit of this process if it is too low. Returns the number of descriptors for
/// the program, and of those that are left besides.
#[cfg(unix)]
fn available(wanted: usize, connections: usize) -> (usize, usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let needed = u64::try_from(wanted.saturating_add(connections))
        .unwrap_or(u64::MAX)
        .saturating_add(RESERVED);
    let mut current = limit.current.unwrap_or(u64::MAX);
    if current < needed {
        let raised = limit.maximum.map_or(needed, |most| needed.min(most));
        let new = Rlimit {
            current: Some(raised),
            maximum: limit.maximum,
        };
        // If the system refuses, the current limit applies.
        if setrlimit(Resource::Nofile, new).is_ok() {
            current = raised;
        }
    }
    let share = usize::try_from(share(current)).unwrap_or(usize::MAX);
    let program = wanted.min(share);
    (program, share - program)
}

#[cfg(not(unix))]
fn available(wanted: usize, connections: usize) -> (usize, usize) {
    (wanted, connections)
}

/// Returns the program's share of all descriptors: a quarter if there are very few.
#[cfg_attr(not(unix), expect(dead_code, reason = "there is no such limit"))]
fn share(all: u64) -> u64 {
    all.saturating_sub(RESERVED).max(all / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_descriptors_are_always_reserved() {
        for (all, program) in [(1024, 896), (640, 512), (256, 128), (100, 25), (0, 0)] {
            assert_eq!(share(all), program, "{all}");
        }
    }
}
