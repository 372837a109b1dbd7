//! The coverage of a run.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use crate::case::Compared;
use crate::generate::Signature;
use crate::guest::Whole;
use crate::outcome::Outcome;
use crate::ty::{KINDS, Ty};

type Counts<K> = BTreeMap<K, usize>;

/// Counts of generated types and calls.
#[derive(Debug, Default)]
pub struct Coverage {
    types: HashSet<Ty>,
    functions: usize,
    encodings: Counts<String>,
    definers: Counts<String>,
    transcoders: Counts<String>,
    params: Counts<String>,
    results: Counts<String>,
    returned: usize,
    trapped: Counts<String>,
    misbehaved: Counts<String>,
    different: usize,
}

fn count<K: Ord>(counts: &mut Counts<K>, key: K) {
    *counts.entry(key).or_default() += 1;
}

fn merge<K: Ord>(counts: &mut Counts<K>, other: Counts<K>) {
    for (key, number) in other {
        *counts.entry(key).or_default() += number;
    }
}

impl Coverage {
    /// Returns the number of different parameter types.
    pub fn types(&self) -> usize {
        self.types.len()
    }

    /// Returns the number of types that contain a type of this kind.
    pub fn of_kind(&self, kind: &str) -> usize {
        self.types
            .iter()
            .filter(|ty| ty.has(|ty| ty.kind() == kind))
            .count()
    }

    /// Returns the number of types of at least this depth.
    pub fn of_depth(&self, depth: usize) -> usize {
        self.types.iter().filter(|ty| ty.depth() >= depth).count()
    }

    /// Returns the number of components with these encodings.
    pub fn of_encodings(&self, encodings: &str) -> usize {
        self.encodings.get(encodings).copied().unwrap_or_default()
    }

    /// Returns the number of calls with different outcomes on the two hosts.
    pub fn different(&self) -> usize {
        self.different
    }

    /// Returns the number of kinds of transcoders.
    pub fn transcoders(&self) -> usize {
        self.transcoders.len()
    }

    pub(crate) fn component(&mut self, whole: &Whole, transcoders: Vec<String>) {
        // A component may have several equal transcoders; they count once.
        for transcoder in transcoders.into_iter().collect::<HashSet<_>>() {
            count(&mut self.transcoders, transcoder);
        }
        count(&mut self.encodings, encodings(whole));
        count(
            &mut self.definers,
            format!("{:?}", whole.definer).to_lowercase(),
        );
    }

    pub(crate) fn function(
        &mut self,
        signature: &Signature,
        passing: (Option<usize>, Option<usize>),
    ) {
        self.functions += 1;
        self.types.extend(signature.params.iter().cloned());
        let name = |flat: Option<usize>| match flat {
            None => "spilled".to_owned(),
            Some(0) => "none".to_owned(),
            Some(16) => "flat, 16".to_owned(),
            Some(_) => "flat".to_owned(),
        };
        count(&mut self.params, name(passing.0));
        count(&mut self.results, name(passing.1));
    }

    pub(crate) fn call(&mut self, compared: &Compared, mutated: bool) {
        let name = match compared {
            Compared::Same(Outcome::Returned(_)) => "returned".to_owned(),
            Compared::Same(Outcome::Trapped { class, .. }) => format!("{class:?}"),
            Compared::Different(_) => {
                self.different += 1;
                return;
            }
        };
        match (mutated, &*name) {
            (true, _) => count(&mut self.misbehaved, name),
            (false, "returned") => self.returned += 1,
            (false, _) => count(&mut self.trapped, name),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.types.extend(other.types);
        self.functions += other.functions;
        self.returned += other.returned;
        self.different += other.different;
        merge(&mut self.encodings, other.encodings);
        merge(&mut self.definers, other.definers);
        merge(&mut self.transcoders, other.transcoders);
        merge(&mut self.params, other.params);
        merge(&mut self.results, other.results);
        merge(&mut self.trapped, other.trapped);
        merge(&mut self.misbehaved, other.misbehaved);
    }
}

/// Names the encodings of a component's parts: the called one and the one that it calls.
pub fn encodings(whole: &Whole) -> String {
    match whole.inner {
        Some(inner) => format!("{} -> {}", whole.outer.name(), inner.name()),
        None => whole.outer.name().to_owned(),
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, title: &str, counts: &Counts<String>| {
            let list: Vec<String> = counts
                .iter()
                .map(|(name, number)| format!("{name} {number}"))
                .collect();
            writeln!(f, "{title:<24}{}", list.join(", "))
        };
        let components: usize = self.encodings.values().sum();
        writeln!(
            f,
            "{} types, {} functions, {components} components",
            self.types.len(),
            self.functions
        )?;
        let list: Vec<String> = KINDS
            .iter()
            .map(|kind| format!("{kind} {}", self.of_kind(kind)))
            .collect();
        writeln!(f, "{:<24}{}", "types with a", list.join(", "))?;
        let mut depths: Counts<usize> = Counts::new();
        for ty in &self.types {
            count(&mut depths, ty.depth());
        }
        let list: Vec<String> = depths
            .iter()
            .map(|(depth, number)| format!("{depth}: {number}"))
            .collect();
        writeln!(f, "{:<24}{}", "types by depth", list.join(", "))?;
        line(f, "string encodings", &self.encodings)?;
        line(f, "transcoders", &self.transcoders)?;
        line(f, "resource defined by", &self.definers)?;
        line(f, "parameters", &self.params)?;
        line(f, "results", &self.results)?;
        writeln!(f, "{:<24}{} returned", "calls", self.returned)?;
        line(f, "  that trapped", &self.trapped)?;
        line(f, "  of guests gone wrong", &self.misbehaved)?;
        writeln!(f, "{:<24}{}", "differences", self.different)
    }
}
