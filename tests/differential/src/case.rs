//! Cases: a component and calls of it, on both hosts.

use std::fmt;

use anyhow::{Context as _, ensure};

use crate::host::{Host, Instance};
use crate::outcome::Outcome;
use crate::value::Value;

/// A call of an exported instance's function.
#[derive(Debug, Clone)]
pub struct Call {
    /// The instance: `p`, which is called first, or `q`, which it calls.
    pub instance: &'static str,
    /// The function.
    pub name: String,
    /// The arguments.
    pub arguments: Vec<Value>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.instance, self.name)?;
        self.arguments
            .iter()
            .try_for_each(|value| write!(f, " {value}"))
    }
}

/// A component on both hosts, with one instance on each.
#[derive(Debug)]
pub struct Pair<'a, A: Host, B: Host> {
    hosts: (&'a A, &'a B),
    components: (A::Component, B::Component),
    instances: (A::Instance, B::Instance),
    /// The calls since these instances were made.
    calls: Vec<Call>,
}

/// What a call came to.
#[derive(Debug)]
pub enum Compared {
    /// The same on both hosts: this.
    Same(Outcome),
    /// Something else on each: a text that says what.
    Different(String),
}

impl<'a, A: Host, B: Host> Pair<'a, A, B> {
    /// Loads a component on both hosts.
    ///
    /// # Errors
    ///
    /// An error if one of them refuses it.
    pub fn new(hosts: (&'a A, &'a B), text: &str) -> anyhow::Result<Self> {
        let bytes = wat::parse_str(text).context("the component has no valid text")?;
        let components = (
            hosts.0.load(&bytes).context("Wasmtime")?,
            hosts.1.load(&bytes).context("WasmEdge")?,
        );
        let instances = instantiate(hosts, &components)?;
        Ok(Self {
            hosts,
            components,
            instances,
            calls: Vec::new(),
        })
    }

    /// Returns the names of the transcoders that the component's adapters use.
    pub fn transcoders(&self) -> Vec<String> {
        self.hosts.1.transcoders(&self.components.1)
    }

    /// Returns the calls since the last [`renew`](Self::renew).
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Makes new instances.
    ///
    /// # Errors
    ///
    /// An error if one of the hosts cannot.
    pub fn renew(&mut self) -> anyhow::Result<()> {
        self.instances = instantiate(self.hosts, &self.components)?;
        self.calls.clear();
        Ok(())
    }

    /// Calls a function on both hosts. After a call that trapped, the instances have to be renewed.
    ///
    /// # Errors
    ///
    /// An error if the call is none that could be made.
    pub fn call(&mut self, call: Call) -> anyhow::Result<Compared> {
        let Call {
            instance,
            name,
            arguments,
        } = &call;
        let ours = self
            .instances
            .0
            .call(instance, name, arguments)
            .context("Wasmtime")?;
        let theirs = self
            .instances
            .1
            .call(instance, name, arguments)
            .context("WasmEdge")?;
        self.calls.push(call);
        if !ours.agrees(&theirs) {
            let text = format!("Wasmtime {ours}\nWasmEdge {theirs}");
            return Ok(Compared::Different(text));
        }
        let destroyed = (self.instances.0.destroyed(), self.instances.1.destroyed());
        if destroyed.0 != destroyed.1 {
            let text = format!(
                "destroyed, in sum: Wasmtime {}, WasmEdge {}",
                destroyed.0, destroyed.1
            );
            return Ok(Compared::Different(text));
        }
        Ok(Compared::Same(ours))
    }
}

fn instantiate<A: Host, B: Host>(
    hosts: (&A, &B),
    components: &(A::Component, B::Component),
) -> anyhow::Result<(A::Instance, B::Instance)> {
    Ok((
        hosts.0.instantiate(&components.0).context("Wasmtime")?,
        hosts.1.instantiate(&components.1).context("WasmEdge")?,
    ))
}

/// Writes a case as [`replay`] reads it: the calls as comments, then the component's text.
pub fn text(calls: &[Call], component: &str) -> String {
    let mut text = String::new();
    for call in calls {
        text.push_str(&format!(";;! {call}\n"));
    }
    text.push_str(component);
    text.push('\n');
    text
}

/// Replays a case: a component's text, in which `;;! p name arguments` is a call, and `;;= ` after it is followed by the beginning of
/// what it has to come to. After a call that traps, the next one is made in new instances.
///
/// # Errors
///
/// An error that says what a call came to instead, or what is wrong with the text.
pub fn replay<A: Host, B: Host>(hosts: (&A, &B), text: &str) -> anyhow::Result<()> {
    let mut pair = Pair::new(hosts, text)?;
    let mut last = String::new();
    for line in text.lines() {
        if let Some(expected) = line.strip_prefix(";;= ") {
            let call = pair
                .calls()
                .last()
                .map(ToString::to_string)
                .unwrap_or_default();
            ensure!(
                last.starts_with(expected),
                "{call}\nexpected: {expected}\nfound: {last}"
            );
        } else if let Some(call) = line.strip_prefix(";;! ") {
            if last.starts_with("trapped") {
                pair.renew()?;
            }
            match pair.call(parse(call)?)? {
                Compared::Same(outcome) => last = outcome.to_string(),
                Compared::Different(difference) => anyhow::bail!("{call}\n{difference}"),
            }
        }
    }
    ensure!(!last.is_empty(), "a case without calls");
    Ok(())
}

fn parse(text: &str) -> anyhow::Result<Call> {
    let mut words = text.splitn(3, ' ');
    let instance = match words.next() {
        Some("p") => "p",
        Some("q") => "q",
        other => anyhow::bail!("there is no instance {other:?}"),
    };
    let name = words.next().context("a call without a name")?.to_owned();
    let arguments = Value::parse_all(words.next().unwrap_or_default())?;
    Ok(Call {
        instance,
        name,
        arguments,
    })
}
