//! Runs many components, one for each seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use fastrand::Rng;

use crate::case::{self, Call, Compared, Pair};
use crate::coverage::Coverage;
use crate::generate::{self, Handles, Signature};
use crate::guest::{Definer, Encoding, Whole, can_echo, passing, places};
use crate::host::Host;
use crate::outcome::Outcome;
use crate::ty::Ty;
use crate::value::Value;

/// The number of functions of a component. Large enough that the fixed cost of a component does not
/// matter.
pub const FUNCTIONS: usize = 25;

/// The plan of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The first component's seed. Each further component has the next seed.
    pub seed: u64,
    /// The minimum number of types.
    pub types: usize,
    /// The number of values for each function.
    pub values: usize,
    /// How often each function's guests misbehave.
    pub mutations: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 0,
            types: 2000,
            values: 3,
            mutations: 3,
        }
    }
}

/// A difference between the hosts.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The component's seed.
    pub seed: u64,
    /// The outcomes on both hosts.
    pub difference: String,
    /// The case, in the form that [`case::replay`] reads.
    pub case: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            seed,
            difference,
            case,
        } = self;
        write!(
            f,
            "seed {seed} (run it alone with `--types 1 --seed {seed}`):\n{difference}\n\n{case}"
        )
    }
}

/// Runs components until there were enough types, with one thread for each processor. Calls
/// `report` for each difference.
///
/// # Errors
///
/// If a component cannot be made or called at all, or if a host panics.
pub fn run<A: Host, B: Host>(
    hosts: (&A, &B),
    plan: Plan,
    report: &(dyn Fn(&Failure) + Sync),
) -> anyhow::Result<Coverage> {
    let next = AtomicU64::new(plan.seed);
    let total = Mutex::new(Coverage::default());
    let lock = || total.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || -> anyhow::Result<()> {
        while lock().types() < plan.types {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let ran = catch_unwind(AssertUnwindSafe(|| component(hosts, seed, plan)));
            let ran = ran.unwrap_or_else(|_panic| Err(anyhow::anyhow!("a host panicked")));
            let (coverage, failures) = ran.with_context(|| format!("seed {seed}"))?;
            failures.iter().for_each(report);
            lock().add(coverage);
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in running {
            let ended = thread.join();
            ended.unwrap_or_else(|_panic| Err(anyhow::anyhow!("a thread panicked")))?;
        }
        anyhow::Ok(())
    })?;
    Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Makes the component of a seed.
fn generate(rng: &mut Rng, seed: u64) -> Whole {
    // The encodings rotate, so each occurs about equally often.
    let pair = usize::try_from(seed % 12).unwrap_or_default();
    let definer = match rng.u8(0..10) {
        0 | 1 => Definer::Host,
        2 | 3 => Definer::Guest,
        _ => Definer::Nobody,
    };
    let handles = match definer {
        Definer::Nobody => Handles::Without,
        Definer::Host | Definer::Guest => Handles::With,
    };
    let mut functions = Vec::new();
    while functions.len() < FUNCTIONS {
        let signature = generate::signature(rng, handles);
        let possible = can_echo(&signature);
        match definer {
            Definer::Guest if !possible => {}
            Definer::Guest => functions.push((signature, true)),
            Definer::Host | Definer::Nobody => {
                let echoes = possible && rng.u8(0..4) == 0;
                functions.push((signature, echoes));
            }
        }
    }
    Whole {
        outer: Encoding::ALL[pair % 3],
        inner: (pair / 3).checked_sub(1).map(|inner| Encoding::ALL[inner]),
        definer,
        functions,
    }
}

fn component<A: Host, B: Host>(
    hosts: (&A, &B),
    seed: u64,
    plan: Plan,
) -> anyhow::Result<(Coverage, Vec<Failure>)> {
    let mut rng = Rng::with_seed(seed);
    let whole = generate(&mut rng, seed);
    let text = whole.text();
    let mut pair = Pair::new(hosts, &text)?;
    let mut coverage = Coverage::default();
    let mut failures = Vec::new();
    coverage.component(&whole, pair.transcoders());
    for (at, (signature, _)) in whole.functions.iter().enumerate() {
        coverage.function(signature, passing(signature));
        for turn in 0..plan.values + plan.mutations {
            let mut arguments: Vec<Value> = arguments(&mut rng, signature);
            let mutated = turn >= plan.values;
            if mutated {
                // If a guest reads a NaN as another type, it sees the NaN's bits, in which hosts
                // may differ.
                arguments.iter_mut().for_each(Value::without_nans);
                for call in mutation(&mut rng, &whole, signature) {
                    pair.call(call)?;
                }
            }
            let call = Call {
                instance: "p",
                name: format!("e{at}"),
                arguments: arguments.clone(),
            };
            let mut compared = pair.call(call)?;
            if let (Compared::Same(Outcome::Returned(result)), false) = (&compared, mutated) {
                compared = check(signature, &arguments, result.as_ref())
                    .map_or(compared, Compared::Different);
            }
            if let Compared::Same(Outcome::Returned(_)) = compared {
                compared = traces(&mut pair, &whole)?.map_or(compared, Compared::Different);
            }
            coverage.call(&compared, mutated);
            let renew = match compared {
                Compared::Same(Outcome::Returned(_)) => mutated,
                Compared::Same(Outcome::Trapped { .. }) => true,
                Compared::Different(difference) => {
                    let case = smaller(hosts, &whole, at, pair.calls());
                    failures.push(Failure {
                        seed,
                        difference,
                        case: case.unwrap_or_else(|| case::text(pair.calls(), &text)),
                    });
                    true
                }
            };
            if renew {
                pair.renew()?;
            }
        }
    }
    Ok((coverage, failures))
}

fn arguments(rng: &mut Rng, signature: &Signature) -> Vec<Value> {
    let mut budget = 400;
    let params = signature.params.iter();
    params
        .map(|ty| generate::value(rng, ty, &mut budget))
        .collect()
}

/// Returns the error in a result on which both hosts agree, if there is one.
fn check(signature: &Signature, arguments: &[Value], result: Option<&Value>) -> Option<String> {
    if signature
        .params
        .iter()
        .any(|ty| ty.has(|ty| *ty == Ty::Borrow))
    {
        return None;
    }
    let expected = match arguments {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(Value::Tuple(several.to_vec())),
    };
    (expected.as_ref() != result).then(|| match result {
        Some(result) => format!("both returned {result}"),
        None => "both returned nothing".to_owned(),
    })
}

/// Returns the difference between the hosts' calls to the guests' allocators, if there is one.
fn traces<A: Host, B: Host>(
    pair: &mut Pair<'_, A, B>,
    whole: &Whole,
) -> anyhow::Result<Option<String>> {
    for instance in parts(whole) {
        let call = Call {
            instance,
            name: "trace".to_owned(),
            arguments: Vec::new(),
        };
        if let Compared::Different(text) = pair.call(call)? {
            return Ok(Some(format!("the hosts call realloc otherwise: {text}")));
        }
    }
    Ok(None)
}

fn parts(whole: &Whole) -> &'static [&'static str] {
    if whole.inner.is_some() {
        &["p", "q"]
    } else {
        &["p"]
    }
}

/// Makes the calls that let a guest misbehave in the next one.
fn mutation(rng: &mut Rng, whole: &Whole, signature: &Signature) -> Vec<Call> {
    let parts = parts(whole);
    let instance = parts[rng.usize(0..parts.len())];
    if rng.u8(0..6) == 0 {
        let arguments = vec![Value::U32(rng.u32(1..=8)), Value::U32(rng.u32(0..4))];
        return vec![Call {
            instance,
            name: "fault".to_owned(),
            arguments,
        }];
    }
    const NUMBERS: [u64; 22] = [
        0,
        1,
        2,
        3,
        4,
        5,
        8,
        16,
        0x7f,
        0x80,
        0xc3,
        0xff,
        0x100,
        0xd800,
        0xdfff,
        0xffff,
        0x10_ffff,
        0x11_0000,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        0xffff_ffff_0000_0001,
    ];
    let places = places(signature);
    let reach = if rng.bool() { 8 } else { 48 };
    let arguments = vec![
        Value::U32(rng.u32(1..=8)),
        Value::U32(places[rng.usize(0..places.len())]),
        Value::U64(NUMBERS[rng.usize(0..NUMBERS.len())]),
        Value::U32(rng.u32(0..reach)),
    ];
    vec![Call {
        instance,
        name: "corrupt".to_owned(),
        arguments,
    }]
}

/// Returns a case with only this function, if it also shows a difference.
fn smaller<A: Host, B: Host>(
    hosts: (&A, &B),
    whole: &Whole,
    at: usize,
    calls: &[Call],
) -> Option<String> {
    let mut small = whole.clone();
    small.functions = vec![whole.functions.get(at)?.clone()];
    let name = format!("e{at}");
    let related = calls
        .iter()
        .filter(|call| !call.name.starts_with('e') || call.name == name);
    let mut renamed: Vec<Call> = related.cloned().collect();
    for call in &mut renamed {
        if call.name == name {
            call.name = "e0".to_owned();
        }
    }
    // First the function's last call, with its preparation and its check, and then all calls of the
    // function.
    let last = renamed.iter().rposition(|call| call.name == "e0")?;
    let prepared = last.saturating_sub(1);
    let text = small.text();
    [prepared, last, 0].into_iter().find_map(|from| {
        let case = case::text(&renamed[from..], &text);
        case::replay(hosts, &case).is_err().then_some(case)
    })
}
