//! Follows the steps of an instantiation and counts their cost.

use std::collections::HashMap;
use std::rc::Rc;

use crate::Refusal;
use crate::limits::{Limit, Limits, TooLarge};
use crate::read::{Bodies, Body, Captured, Cost, Item, Kind, Module, Step};

/// How many registered resources take about as long to copy as one definition. The translator
/// copies their table at each instantiation, and keeps the copies until the instantiation has
/// ended.
const RESOURCES_PER_DEFINITION: u64 = 20;

/// The maximum length of the name of a definition that counts once, in bytes.
const NAME_BYTES_PER_DEFINITION: u64 = 1024;

/// Counts the cost of instantiating the last of the components.
///
/// Counting ends early at a step that the translator refuses: instantiating a component that the
/// host would pass.
pub(crate) fn count(bodies: &Bodies<'_>, limits: &Limits) -> Result<(), Refusal> {
    let mut counter = Counter {
        bodies: &bodies.list,
        largest: bodies.largest,
        limits,
        names_per_definition: 1u64.saturating_add(bodies.longest_name / NAME_BYTES_PER_DEFINITION),
        definitions: 0,
        functions: 0,
        module_bytes: 0,
        components: Vec::new(),
        instances: Vec::new(),
    };
    match counter.run() {
        Ok(()) | Err(Stop::FromHost) => Ok(()),
        Err(Stop::Refusal(refusal)) => Err(refusal),
    }
}

/// Why counting ended early.
enum Stop {
    Refusal(Refusal),
    /// The host would pass a component, which engines refuse.
    FromHost,
}

impl From<TooLarge> for Stop {
    fn from(error: TooLarge) -> Self {
        Self::Refusal(error.into())
    }
}

const UNKNOWN: Stop = Stop::Refusal(Refusal::Uncounted);

/// A component with the components that it captures.
struct Component {
    body: usize,
    captures: Rc<[usize]>,
    /// How many components and modules are copied with it.
    weight: u64,
}

/// The exports of an instance.
struct Group<'a> {
    exports: HashMap<&'a str, Value>,
    /// How many items are copied with it.
    weight: u64,
}

/// An item in an index space or among exports.
#[derive(Debug, Clone, Copy)]
enum Value {
    /// A component, by its index in the counter.
    Component(usize),
    /// An instance, by its index in the counter.
    Instance(usize),
    /// An instance passed by the host.
    HostInstance,
    /// Anything else.
    Other,
}

/// A component that is being instantiated.
struct Frame<'s, 'a> {
    steps: std::slice::Iter<'s, Step<'a>>,
    /// `None` for the outermost component, whose imports come from the host.
    arguments: Option<HashMap<&'a str, Value>>,
    captures: Rc<[usize]>,
    components: Vec<Value>,
    instances: Vec<Value>,
    exports: HashMap<&'a str, Value>,
    /// The number of registered resource types, including those of enclosing components.
    resources: u64,
}

struct Counter<'s, 'a> {
    bodies: &'s [Body<'a>],
    largest: Module,
    limits: &'s Limits,
    /// How many definitions one counts for, given the longest possible name.
    names_per_definition: u64,
    definitions: u64,
    functions: u64,
    module_bytes: u64,
    components: Vec<Component>,
    instances: Vec<Group<'a>>,
}

impl<'s, 'a> Counter<'s, 'a> {
    fn charge(&mut self, definitions: u64) -> Result<(), Stop> {
        let definitions = definitions.saturating_mul(self.names_per_definition);
        self.definitions = self.definitions.saturating_add(definitions);
        self.limits.allow(Limit::Definitions, self.definitions)?;
        Ok(())
    }

    fn charge_all(&mut self, cost: Cost) -> Result<(), Stop> {
        let passed = |size: u64| cost.passed_modules.saturating_mul(size);
        self.charge(cost.definitions)?;
        self.charge(passed(self.largest.definitions))?;
        let functions = cost
            .functions
            .saturating_add(passed(self.largest.functions));
        self.functions = self.functions.saturating_add(functions);
        self.limits.allow(Limit::Functions, self.functions)?;
        let bytes = cost.module_bytes.saturating_add(passed(self.largest.bytes));
        self.module_bytes = self.module_bytes.saturating_add(bytes);
        self.limits.allow(Limit::ModuleBytes, self.module_bytes)?;
        Ok(())
    }

    fn run(&mut self) -> Result<(), Stop> {
        let outermost = self.bodies.len().checked_sub(1).ok_or(UNKNOWN)?;
        let mut frames = vec![self.frame(outermost, None, [].into(), 0)?];
        while let Some(frame) = frames.last_mut() {
            if let Some(step) = frame.steps.next() {
                if let Some(inner) = self.step(frame, step)? {
                    frames.push(inner);
                }
                continue;
            }
            let exports = std::mem::take(&mut frame.exports);
            frames.pop();
            let instance = self.group(exports)?;
            if let Some(outer) = frames.last_mut() {
                outer.instances.push(instance);
            }
        }
        Ok(())
    }

    fn frame(
        &self,
        body: usize,
        arguments: Option<HashMap<&'a str, Value>>,
        captures: Rc<[usize]>,
        resources: u64,
    ) -> Result<Frame<'s, 'a>, Stop> {
        Ok(Frame {
            steps: self.bodies.get(body).ok_or(UNKNOWN)?.steps.iter(),
            arguments,
            captures,
            components: Vec::new(),
            instances: Vec::new(),
            exports: HashMap::new(),
            resources,
        })
    }

    /// Follows a step. Returns the component that it instantiates.
    fn step(
        &mut self,
        frame: &mut Frame<'s, 'a>,
        step: &'s Step<'a>,
    ) -> Result<Option<Frame<'s, 'a>>, Stop> {
        match step {
            Step::Define(cost) => {
                self.charge_all(*cost)?;
                frame.resources = frame.resources.saturating_add(cost.resources);
            }
            Step::Import { name, kind, size } => {
                self.charge(size.definitions())?;
                frame.resources = frame.resources.saturating_add(size.resources);
                let value = match (&frame.arguments, kind) {
                    (None, Kind::Component) => return Err(Stop::FromHost),
                    (None, Kind::Instance) => Value::HostInstance,
                    (None, Kind::Other) => Value::Other,
                    // Types need not be passed.
                    (Some(arguments), _) => arguments.get(name).copied().unwrap_or(Value::Other),
                };
                self.add(frame, *kind, value)?;
            }
            Step::Component(body) => {
                let value = self.component(frame, *body)?;
                self.add(frame, Kind::Component, value)?;
            }
            Step::Outer(captured) => {
                let value = Value::Component(self.captured(frame, *captured)?);
                self.add(frame, Kind::Component, value)?;
            }
            Step::Instantiate {
                component,
                arguments,
                size,
            } => {
                self.charge(size.definitions())?;
                self.charge(frame.resources / RESOURCES_PER_DEFINITION)?;
                let inner = self.instantiate(frame, *component, arguments)?;
                frame.resources = frame.resources.saturating_add(size.resources);
                return Ok(Some(inner));
            }
            Step::Group { exports, size } => {
                self.charge(size.definitions())?;
                let exports = self.named(frame, exports)?;
                let value = self.group(exports)?;
                frame.instances.push(value);
            }
            Step::Alias {
                instance,
                name,
                kind,
            } => {
                let value = self.export_of(frame, *instance, name, *kind)?;
                self.add(frame, *kind, value)?;
            }
            Step::Export { name, item, size } => {
                // An exported type is converted.
                self.charge(size.definitions())?;
                let value = find(frame, *item)?;
                frame.exports.insert(name, value);
                let kind = match item {
                    Item::Component(_) => Kind::Component,
                    Item::Instance(_) => Kind::Instance,
                    Item::Other => Kind::Other,
                };
                self.add(frame, kind, value)?;
            }
        }
        Ok(None)
    }

    /// Adds an item to an index space of a component, and counts its copy.
    fn add(&mut self, frame: &mut Frame<'_, '_>, kind: Kind, value: Value) -> Result<(), Stop> {
        self.charge(self.weight(value))?;
        match (kind, value) {
            (Kind::Other, _) => {}
            (Kind::Component, Value::Component(_)) => frame.components.push(value),
            (Kind::Instance, Value::Instance(_) | Value::HostInstance) => {
                frame.instances.push(value);
            }
            (
                Kind::Component | Kind::Instance,
                Value::Component(_) | Value::Instance(_) | Value::HostInstance | Value::Other,
            ) => return Err(UNKNOWN),
        }
        Ok(())
    }

    /// Returns how many items are copied with a value.
    fn weight(&self, value: Value) -> u64 {
        match value {
            Value::Component(id) => self.components.get(id).map_or(1, |found| found.weight),
            Value::Instance(id) => self.instances.get(id).map_or(1, |found| found.weight),
            Value::HostInstance | Value::Other => 1,
        }
    }

    /// Makes an instance.
    fn group(&mut self, exports: HashMap<&'a str, Value>) -> Result<Value, Stop> {
        let weights = exports.values().map(|value| self.weight(*value));
        let weight = weights.fold(1, u64::saturating_add);
        self.charge(weight)?;
        self.instances.push(Group { exports, weight });
        Ok(Value::Instance(self.instances.len().saturating_sub(1)))
    }

    /// Makes a component from its definition and its captures.
    fn component(&mut self, frame: &Frame<'_, '_>, body: usize) -> Result<Value, Stop> {
        let text = self.bodies.get(body).ok_or(UNKNOWN)?;
        self.charge(u64::try_from(text.captures.len()).unwrap_or(u64::MAX))?;
        let captures = text.captures.iter();
        let captures: Rc<[usize]> = captures
            .map(|captured| self.captured(frame, *captured))
            .collect::<Result<_, _>>()?;
        let weights = captures
            .iter()
            .map(|captured| self.weight(Value::Component(*captured)));
        let weight = weights.fold(text.captured_modules.saturating_add(1), u64::saturating_add);
        self.components.push(Component {
            body,
            captures,
            weight,
        });
        Ok(Value::Component(self.components.len().saturating_sub(1)))
    }

    fn captured(&self, frame: &Frame<'_, '_>, captured: Captured) -> Result<usize, Stop> {
        match captured {
            Captured::Local(index) => match find(frame, Item::Component(index))? {
                Value::Component(id) => Ok(id),
                Value::Instance(_) | Value::HostInstance | Value::Other => Err(UNKNOWN),
            },
            Captured::Capture(index) => frame.captures.get(index).copied().ok_or(UNKNOWN),
        }
    }

    fn instantiate(
        &mut self,
        frame: &Frame<'_, 'a>,
        component: u32,
        arguments: &'s [(&'a str, Item)],
    ) -> Result<Frame<'s, 'a>, Stop> {
        let Value::Component(id) = find(frame, Item::Component(component))? else {
            return Err(UNKNOWN);
        };
        let found = self.components.get(id).ok_or(UNKNOWN)?;
        let (body, captures, weight) = (found.body, Rc::clone(&found.captures), found.weight);
        self.charge(weight)?;
        let arguments = self.named(frame, arguments)?;
        let weights = arguments.values().map(|value| self.weight(*value));
        let weight = weights.fold(0, u64::saturating_add);
        self.charge(weight)?;
        self.frame(body, Some(arguments), captures, frame.resources)
    }

    /// Resolves the values of arguments or exports.
    fn named(
        &mut self,
        frame: &Frame<'_, '_>,
        items: &'s [(&'a str, Item)],
    ) -> Result<HashMap<&'a str, Value>, Stop> {
        self.charge(u64::try_from(items.len()).unwrap_or(u64::MAX))?;
        let items = items.iter();
        items
            .map(|(name, item)| Ok((*name, find(frame, *item)?)))
            .collect()
    }

    fn export_of(
        &self,
        frame: &Frame<'_, '_>,
        instance: u32,
        name: &str,
        kind: Kind,
    ) -> Result<Value, Stop> {
        match find(frame, Item::Instance(instance))? {
            Value::Instance(id) => {
                let group = self.instances.get(id).ok_or(UNKNOWN)?;
                group.exports.get(name).copied().ok_or(UNKNOWN)
            }
            Value::HostInstance => match kind {
                Kind::Component => Err(Stop::FromHost),
                Kind::Instance => Ok(Value::HostInstance),
                Kind::Other => Ok(Value::Other),
            },
            Value::Component(_) | Value::Other => Err(UNKNOWN),
        }
    }
}

fn find(frame: &Frame<'_, '_>, item: Item) -> Result<Value, Stop> {
    let (list, index) = match item {
        Item::Component(index) => (&frame.components, index),
        Item::Instance(index) => (&frame.instances, index),
        Item::Other => return Ok(Value::Other),
    };
    let index = usize::try_from(index).ok();
    let found = index.and_then(|index| list.get(index)).copied();
    found.ok_or(UNKNOWN)
}
