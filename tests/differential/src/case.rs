//! Cases: a component, and calls to it on both hosts.

use std::fmt;

use anyhow::{Context as _, ensure};

use crate::host::{Host, Instance};
use crate::outcome::Outcome;
use crate::value::Value;

/// A call to a function of an exported instance.
#[derive(Debug, Clone)]
pub struct Call {
    /// The instance: `p`, which is called first, or `q`, which `p` calls.
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
    /// The calls since the instances were made.
    calls: Vec<Call>,
}

/// The result of a call on both hosts.
#[derive(Debug)]
pub enum Compared {
    /// Both hosts have this outcome.
    Same(Outcome),
    /// The hosts differ. The text describes both outcomes.
    Different(String),
}

impl<'a, A: Host, B: Host> Pair<'a, A, B> {
    /// Loads a component on both hosts.
    ///
    /// # Errors
    ///
    /// If one of them refuses it.
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
    /// If a host cannot.
    pub fn renew(&mut self) -> anyhow::Result<()> {
        self.instances = instantiate(self.hosts, &self.components)?;
        self.calls.clear();
        Ok(())
    }

    /// Calls a function on both hosts. After a call that traps, call [`renew`](Self::renew).
    ///
    /// # Errors
    ///
    /// If a host cannot make the call.
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

/// Writes a case in the form that [`replay`] reads: the calls as comments, then the component's
/// text.
pub fn text(calls: &[Call], component: &str) -> String {
    let mut text = String::new();
    for call in calls {
        text.push_str(&format!(";;! {call}\n"));
    }
    text.push_str(component);
    text.push('\n');
    text
}

/// Replays a case. In the component's text, `;;! p name arguments` is a call, and a following `;;=
/// ` gives the beginning of its expected outcome. After a call that traps, new instances are made.
///
/// # Errors
///
/// If a call has another outcome, or the text is invalid.
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
