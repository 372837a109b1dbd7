//! Normalises results and telemetry: replaces values that differ between runs (ids that the SDK
//! generates, handles, and the current time).

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use wasmscope_otlp::memory::MemoryExporter;
use wasmtime::component::Val;

use crate::generate::{HANDLES, MARKS};

/// Numbers generated ids in the order of their appearance.
pub(crate) struct Normal {
    start: u64,
    ids: HashMap<String, usize>,
}

/// Telemetry as lines of JSON, and the numbers of its items.
pub(crate) struct Exported {
    pub(crate) lines: Vec<String>,
    pub(crate) counts: Counts,
}

/// The numbers of items.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    spans: usize,
    events: usize,
    links: usize,
    logs: usize,
    nested: usize,
    points: usize,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.spans += other.spans;
        self.events += other.events;
        self.links += other.links;
        self.logs += other.logs;
        self.nested += other.nested;
        self.points += other.points;
    }

    /// Asserts that there are enough items of each kind for a meaningful comparison.
    pub(crate) fn assert_enough(&self) {
        let Self {
            spans,
            events,
            links,
            logs,
            nested,
            points,
        } = *self;
        let counts = [spans, events, links, logs, nested, points];
        assert!(counts.iter().all(|count| *count > 50), "{self:?}");
    }
}

impl Normal {
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self {
            start: u64::try_from(now.as_nanos()).unwrap(),
            ids: HashMap::new(),
        }
    }

    /// Returns an id unchanged if it was an argument, otherwise its number.
    fn id(&mut self, id: &str) -> String {
        let is_argument = MARKS.iter().any(|(_, mark)| {
            // The last digit of an argument is a small number. A generated id may begin with some
            // of the others, but not with all.
            let digits = format!("{mark:016x}");
            id.starts_with(&digits[..15])
        });
        if id.is_empty() || is_argument {
            return id.to_owned();
        }
        let next = self.ids.len();
        let number = self.ids.entry(id.to_owned()).or_insert(next);
        format!("generated {number}")
    }

    fn time(&self, nanos: u64) -> String {
        if nanos >= self.start {
            return "now".to_owned();
        }
        nanos.to_string()
    }

    /// Returns a function's result as text.
    pub(crate) fn result(&mut self, function: &str, result: &Val) -> String {
        match result {
            Val::U64(handle) if HANDLES.iter().any(|(name, _)| *name == function) => {
                // Bit 63 of a span's handle says that it is not recorded, and bit 62 says why. The
                // other bits are random, except for handles beyond a limit, which end in ones.
                let kind = match (function, handle >> 62) {
                    ("tracer.start" | "tracer.ambient", 0b11) => "unrecorded with any attributes",
                    ("tracer.start" | "tracer.ambient", 0b10) => "unrecorded",
                    _ => "a handle",
                };
                let is_beyond = *handle as u32 == u32::MAX;
                format!(
                    "{kind}, none: {}, beyond a limit: {is_beyond}",
                    *handle == 0
                )
            }
            Val::U64(time) if function == "tracer.now" => self.time(*time),
            Val::Option(Some(context)) => {
                let Val::Record(fields) = &**context else {
                    return format!("{result:?}");
                };
                let mut text = String::new();
                let mut trace_id = String::new();
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        ("trace-id", Val::Record(halves)) => {
                            for (_, half) in halves {
                                if let Val::U64(half) = half {
                                    trace_id.push_str(&format!("{half:016x}"));
                                }
                            }
                        }
                        ("span-id", Val::U64(id)) => {
                            text.push_str(&self.id(&format!("{id:016x}")));
                        }
                        (name, value) => text.push_str(&format!(" {name} {value:?}")),
                    }
                }
                format!("{} {text}", self.id(&trace_id))
            }
            other => format!("{other:?}"),
        }
    }

    /// Returns all telemetry of the guest.
    pub(crate) fn exported(mut self, exporter: &MemoryExporter) -> Exported {
        let mut json = Vec::new();
        exporter.write_json(&mut json).unwrap();
        let json = String::from_utf8(json).unwrap();
        let mut counts = Counts::default();
        let mut lines = Vec::new();
        for line in json.lines() {
            let mut line: Value = serde_json::from_str(line).unwrap();
            self.normalise("", &mut line, &mut counts);
            let pretty = serde_json::to_string_pretty(&line).unwrap();
            lines.extend(pretty.lines().map(str::to_owned));
        }
        Exported { lines, counts }
    }

    fn normalise(&mut self, name: &str, value: &mut Value, counts: &mut Counts) {
        match value {
            Value::String(text) => match name {
                "traceId" | "spanId" | "parentSpanId" => *text = self.id(text),
                name if name.ends_with("TimeUnixNano") || name.ends_with("timeUnixNano") => {
                    *text = self.time(text.parse().unwrap());
                }
                _ => {}
            },
            Value::Array(items) => {
                // The host's own metrics measure the memory of the arguments, which differs.
                items.retain(|item| item["scope"]["name"] != "wasmscope");
                for item in &mut *items {
                    self.normalise(name, item, counts);
                }
                if ["dataPoints", "metrics", "scopeMetrics"].contains(&name) {
                    items.sort_by_key(Value::to_string);
                }
                match name {
                    "spans" => counts.spans += items.len(),
                    "events" => counts.events += items.len(),
                    "links" => counts.links += items.len(),
                    "logRecords" => counts.logs += items.len(),
                    "dataPoints" => counts.points += items.len(),
                    _ => {}
                }
            }
            Value::Object(fields) => {
                counts.nested += usize::from(fields.contains_key("kvlistValue"));
                for (name, value) in fields {
                    self.normalise(name, value, counts);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
