//! Many components, one for each seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use fastrand::Rng;

use crate::case::{self, Call, Compared, Pair};
use crate::coverage::Coverage;
use crate::generate::{self, Handles, Signature};
use crate::guest::{Definer, Encoding, Whole, gives_back, passing, places};
use crate::host::Host;
use crate::outcome::Outcome;
use crate::ty::Ty;
use crate::value::Value;

/// How many functions a component has: enough for what comes with each component not to count.
pub const FUNCTIONS: usize = 25;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The first component's seed; those of the others follow.
    pub seed: u64,
    /// How many types there are to be, at least.
    pub types: usize,
    /// How many values each function is called with.
    pub values: usize,
    /// How many times each function's guests misbehave.
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
    /// What each host did.
    pub difference: String,
    /// The case, as [`case::replay`] reads it.
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

/// Runs components until there were enough types, on as many threads as there are processors; `report` is told of each difference.
///
/// # Errors
///
/// An error if a component cannot be made or called at all, or a host panics.
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
    // Encodings take turns, so that any number of components has about as many of each.
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
        let possible = gives_back(&signature);
        match definer {
            Definer::Guest if !possible => {}
            Definer::Guest => functions.push((signature, true)),
            Definer::Host | Definer::Nobody => {
                let given_back = possible && rng.u8(0..4) == 0;
                functions.push((signature, given_back));
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
                // A guest that reads a NaN as something else sees which NaN it is, and hosts may differ in that.
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

/// Says what is wrong with a result that both hosts agree on.
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

/// Says whether the hosts have called the guests' allocators otherwise than each other.
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

/// Makes the calls that have a guest misbehave in the next one.
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

/// Makes a case with one function only, if that shows a difference too.
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
    // The last call of the function, what prepared it and what found the difference, and then all calls of the function.
    let last = renamed.iter().rposition(|call| call.name == "e0")?;
    let prepared = last.saturating_sub(1);
    let text = small.text();
    [prepared, last, 0].into_iter().find_map(|from| {
        let case = case::text(&renamed[from..], &text);
        case::replay(hosts, &case).is_err().then_some(case)
    })
}
