//! Generates valid calls of a guest, and nearly valid ones.

use proptest::prelude::*;
use wasmscope_telemetry::model::LogRecord;

use crate::abi::WitType as _;

/// A guest's memory, with a list of `count` elements at `list`.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) memory: Vec<u8>,
    pub(super) list: u64,
    pub(super) count: u64,
}

/// The value of an attribute.
#[derive(Debug, Clone)]
enum Plain {
    Text(String),
    Bool(bool),
    Int(i64),
    Double(f64),
    /// An empty list: the first case that is not plain.
    List,
}

type Attribute = (String, Plain);

#[derive(Debug, Clone)]
struct Record {
    body: Option<Plain>,
    severity: Option<u8>,
    severity_text: Option<&'static str>,
    event_name: Option<&'static str>,
    attributes: Vec<Attribute>,
    time: Option<u64>,
    has_context: bool,
}

/// Writes values into a memory in the canonical ABI.
struct Writer(Vec<u8>);

impl Writer {
    /// Starts with some bytes, so that nothing is at address 0.
    fn new() -> Self {
        Self(vec![0; 8])
    }

    fn put(&mut self, bytes: &[u8]) -> [u32; 2] {
        let at = self.0.len() as u32;
        self.0.extend_from_slice(bytes);
        [at, bytes.len() as u32]
    }

    fn aligned(&mut self, bytes: &[u8]) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        self.put(bytes)[0]
    }

    /// Writes a value: the discriminant and the payload, 8 bytes each.
    fn value(&mut self, value: &Plain) -> [u8; 16] {
        let (case, payload) = match value {
            Plain::Text(text) => {
                let [pointer, length] = self.put(text.as_bytes());
                (0u64, u64::from(length) << 32 | u64::from(pointer))
            }
            Plain::Bool(value) => (1, (*value).into()),
            Plain::Int(value) => (2, value.cast_unsigned()),
            Plain::Double(value) => (3, value.to_bits()),
            Plain::List => (5, 0),
        };
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&case.to_le_bytes());
        bytes[8..].copy_from_slice(&payload.to_le_bytes());
        bytes
    }

    fn attributes(&mut self, attributes: &[Attribute]) -> [u32; 2] {
        let mut bytes = Vec::new();
        for (key, value) in attributes {
            bytes.extend(self.put(key.as_bytes()).map(u32::to_le_bytes).concat());
            bytes.extend(self.value(value));
        }
        [self.aligned(&bytes), attributes.len() as u32]
    }

    fn record(&mut self, record: &Record) -> Vec<u8> {
        let mut bytes = vec![0; LogRecord::LAYOUT.size];
        let mut set = |at: usize, value: &[u8]| bytes[at..][..value.len()].copy_from_slice(value);
        let words = |pair: [u32; 2]| pair.map(u32::to_le_bytes).concat();
        if let Some(body) = &record.body {
            set(0, &[1]);
            set(8, &self.value(body));
        }
        if let Some(severity) = record.severity {
            set(24, &[1, severity]);
        }
        for (at, text) in [(28, record.severity_text), (40, record.event_name)] {
            if let Some(text) = text {
                set(at, &[1]);
                set(at + 4, &words(self.put(text.as_bytes())));
            }
        }
        set(52, &words(self.attributes(&record.attributes)));
        if let Some(time) = record.time {
            set(72, &[1]);
            set(80, &time.to_le_bytes());
        }
        set(88, &[u8::from(!record.has_context)]);
        bytes
    }
}

fn plain() -> impl Strategy<Value = Plain> + Clone {
    prop_oneof![
        16 => "[a-z]{0,8}é?".prop_map(Plain::Text),
        8 => any::<bool>().prop_map(Plain::Bool),
        8 => any::<i64>().prop_map(Plain::Int),
        8 => any::<f64>().prop_map(Plain::Double),
        1 => Just(Plain::List),
    ]
}

/// Attributes that rarely share a key.
fn attributes() -> impl Strategy<Value = Vec<Attribute>> + Clone {
    prop::collection::vec(("[a-z]{2,6}é?", plain()), 0..4)
}

/// Changes up to `most` words to numbers that are often valid, too. Most images stay unchanged.
fn mutated(image: impl Strategy<Value = Image>) -> impl Strategy<Value = Image> {
    let word = prop_oneof![
        4 => 0u32..4,
        2 => (0u32..64).prop_map(|word| word * 8),
        1 => any::<u32>(),
    ];
    let mutations = prop::collection::vec((any::<prop::sample::Index>(), word), 1..3);
    let mutations = prop_oneof![7 => Just(vec![]), 1 => mutations];
    (image, mutations).prop_map(|(mut image, mutations)| {
        for (at, word) in mutations {
            let words = image.memory.len() / 4;
            let at = at.index(words) * 4;
            image.memory[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        image
    })
}

/// Lists of attributes.
pub(super) fn attribute_lists() -> impl Strategy<Value = Image> {
    mutated(attributes().prop_map(|attributes| {
        let mut writer = Writer::new();
        let [list, count] = writer.attributes(&attributes);
        Image {
            memory: writer.0,
            list: list.into(),
            count: count.into(),
        }
    }))
}

/// Lists of log records, mostly of one.
pub(super) fn record_lists() -> impl Strategy<Value = Image> {
    let body = prop_oneof![9 => "[a-z]{0,8}é?".prop_map(Plain::Text), 1 => plain()];
    let record = (
        prop::option::of(body),
        prop::option::of(prop_oneof![19 => 8u8..24, 1 => 0u8..8]),
        prop::option::of(prop::sample::select(vec!["INFO", "warning", "custom"])),
        prop::option::weighted(0.02, Just("event")),
        attributes(),
        prop::option::weighted(
            0.2,
            prop::sample::select(vec![1 << 60, 1 << 60, 1 << 60, 1 << 60, 7]),
        ),
        any::<bool>(),
    );
    let record = record.prop_map(
        |(body, severity, severity_text, event_name, attributes, time, has_context)| Record {
            body,
            severity,
            severity_text,
            event_name,
            attributes,
            time,
            has_context,
        },
    );
    let count = prop_oneof![1 => Just(0), 60 => Just(1), 1 => Just(2)];
    let records = count.prop_flat_map(move |count| prop::collection::vec(record.clone(), count));
    mutated(records.prop_map(|records| {
        let mut writer = Writer::new();
        let bytes: Vec<_> = records.iter().map(|record| writer.record(record)).collect();
        Image {
            list: writer.aligned(&bytes.concat()).into(),
            count: records.len() as u64,
            memory: writer.0,
        }
    }))
}
