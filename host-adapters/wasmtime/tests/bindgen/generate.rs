//! Generates arguments by the types of the functions and the names of their fields.

use std::collections::HashMap;

use fastrand::Rng;
use wasmtime::component::types::Type;
use wasmtime::component::{Func, Val};

/// The handles that a guest has received, by the name of the parameters that take them.
#[derive(Debug, Default)]
pub(crate) struct Handles(HashMap<&'static str, Vec<u64>>);

/// The functions that return handles, and the names of parameters and fields that take these.
pub(crate) const HANDLES: [(&str, &str); 10] = [
    ("context.enter-baggage", "scope"),
    ("tracer.get", "tracer"),
    ("tracer.start", "span"),
    ("tracer.ambient", "span"),
    ("tracer.invocation", "span"),
    ("meter.get", "meter"),
    ("meter.create", "instrument"),
    ("meter.bind", "series"),
    ("meter.create-observer", "observer"),
    ("logger.get", "logger"),
];

impl Handles {
    pub(crate) fn keep(&mut self, function: &str, result: &Val) {
        let kind = HANDLES.iter().find(|(name, _)| *name == function);
        if let (Some((_, kind)), Val::U64(handle)) = (kind, result) {
            self.0.entry(kind).or_default().push(*handle);
        }
    }
}

/// Chooses a function. The first calls cover each function, so that there are handles.
pub(crate) fn choose(rng: &mut Rng, functions: &[(String, Func)], call: usize) -> usize {
    const OFTEN: [&str; 4] = [
        "tracer.start",
        "meter.create",
        "meter.measure",
        "logger.emit",
    ];
    if call < functions.len() {
        return call;
    }
    let often = rng.bool();
    loop {
        let index = rng.usize(..functions.len());
        if !often || OFTEN.contains(&functions[index].0.as_str()) {
            return index;
        }
    }
}

/// The high and low half of generated trace ids, and generated span ids. They are constant, to tell
/// them apart from the SDK's random ids.
pub(crate) const MARKS: [(&str, u64); 3] = [
    ("high", 0xfeed_0000_0000_0000),
    ("low", 0x5eed_0000_0000_0000),
    ("span-id", 0xbead_0000_0000_0000),
];

/// 2010-01-01T00:00:00Z, in nanoseconds.
const IN_2010: u64 = 1_262_304_000_000_000_000;

const TEXTS: [&str; 8] = [
    "a",
    "service.name",
    "requests",
    "gr\u{fc}n",
    "\u{20ac}uro",
    "crab \u{1f980}!",
    "",
    "with space",
];

/// Generates values from random numbers. The same numbers, with handles in the same order, give the
/// same calls.
pub(crate) struct Generator<'a> {
    rng: &'a mut Rng,
    handles: &'a Handles,
}

impl<'a> Generator<'a> {
    pub(crate) fn new(rng: &'a mut Rng, handles: &'a Handles) -> Self {
        Self { rng, handles }
    }

    /// Generates a value for a parameter or field of this name and type.
    pub(crate) fn value(&mut self, name: &str, ty: &Type) -> Val {
        match ty {
            Type::Bool => Val::Bool(self.rng.bool()),
            Type::U8 => Val::U8(self.rng.u8(..)),
            Type::U32 => Val::U32(self.rng.u32(..4)),
            Type::U64 => Val::U64(self.number(name)),
            Type::S64 => Val::S64(self.rng.i64(-20..1000)),
            Type::Float64 => Val::Float64(self.float(name)),
            Type::String => Val::String(self.text(name)),
            Type::List(list) => {
                let length = self.rng.usize(..4);
                let element = list.ty();
                Val::List((0..length).map(|_| self.value("", &element)).collect())
            }
            Type::Option(option) => {
                let some = self.rng.bool();
                Val::Option(some.then(|| Box::new(self.value(name, &option.ty()))))
            }
            Type::Record(record) => {
                let fields = record
                    .fields()
                    .map(|field| (field.name.to_owned(), self.value(field.name, &field.ty)));
                let mut fields: Vec<(String, Val)> = fields.collect();
                self.nest(&mut fields);
                Val::Record(fields)
            }
            Type::Variant(variant) => {
                let cases: Vec<_> = variant.cases().collect();
                let case = &cases[self.rng.usize(..cases.len())];
                let payload = case.ty.as_ref().map(|ty| self.value(case.name, ty));
                Val::Variant(case.name.to_owned(), payload.map(Box::new))
            }
            Type::Enum(cases) => {
                let cases: Vec<_> = cases.names().collect();
                Val::Enum(cases[self.rng.usize(..cases.len())].to_owned())
            }
            Type::Flags(flags) => Val::Flags(
                flags
                    .names()
                    .filter(|_| self.rng.bool())
                    .map(str::to_owned)
                    .collect(),
            ),
            other => panic!("the contract has no {other:?}"),
        }
    }

    fn number(&mut self, name: &str) -> u64 {
        if let Some(handles) = self.handles.0.get(name) {
            // Recent handles are more likely to be open.
            let late = handles.len().saturating_sub(6);
            return match self.rng.u8(..10) {
                0 => self.rng.u64(..),
                1 | 2 => handles[self.rng.usize(..handles.len())],
                _ => handles[self.rng.usize(late..handles.len())],
            };
        }
        let mark = MARKS.iter().find(|(field, _)| *field == name);
        match (mark, name) {
            (Some((_, mark)), _) => mark | self.rng.u64(1..4),
            (None, "time" | "start-time") => IN_2010 + self.rng.u64(..1 << 50),
            (None, _) if self.rng.u8(..16) == 0 => u64::MAX - self.rng.u64(..2),
            (None, _) => self.rng.u64(..1000),
        }
    }

    fn float(&mut self, name: &str) -> f64 {
        const ODD: [f64; 5] = [f64::NAN, f64::INFINITY, -0.0, f64::MIN_POSITIVE, f64::MAX];
        // A sum that has reached the maximum would no longer change.
        if name != "float" && self.rng.u8(..4) == 0 {
            return ODD[self.rng.usize(..ODD.len())];
        }
        f64::from(self.rng.i32(-4..4000)) / 8.0
    }

    fn text(&mut self, name: &str) -> String {
        match (name, self.rng.u8(..16)) {
            ("trace-state", 0..8) => "vendor=value,other=1".to_owned(),
            (_, 0) => "long ".repeat(80),
            _ => TEXTS[self.rng.usize(..TEXTS.len())].to_owned(),
        }
    }

    /// Gives some log records valid nested values. Random indices are rarely valid. The body is an
    /// array or a map of all nodes but the last, and the last is in the first.
    fn nest(&mut self, fields: &mut [(String, Val)]) {
        let is_record = fields.iter().any(|(name, _)| name == "nodes");
        if !is_record || self.rng.bool() {
            return;
        }
        let case = |name: &str, value| Val::Variant(name.to_owned(), Some(Box::new(value)));
        let entry = |key: &str, node| {
            Val::Record(vec![
                ("key".to_owned(), Val::String(key.to_owned())),
                ("node".to_owned(), Val::U32(node)),
            ])
        };
        let nodes = vec![
            case("array-value", Val::List(vec![Val::U32(3)])),
            case("bytes-value", Val::List(vec![Val::U8(0), Val::U8(255)])),
            case("double-value", Val::Float64(self.float(""))),
            case("string-value", Val::String(self.text(""))),
        ];
        let body = if self.rng.bool() {
            case("array-value", Val::List((0..3).map(Val::U32).collect()))
        } else {
            let entries = [("a", 0), ("b", 1), ("a", 2)];
            let entries = entries.map(|(key, node)| entry(key, node));
            case("map-value", Val::List(entries.to_vec()))
        };
        for (name, value) in fields {
            match name.as_str() {
                "nodes" => *value = Val::List(nodes.clone()),
                "body" => *value = Val::Option(Some(Box::new(body.clone()))),
                // Only one value may refer to these nodes.
                "attributes" => *value = Val::List(Vec::new()),
                _ => {}
            }
        }
    }
}
