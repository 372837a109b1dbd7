//! The interface `logger`.

use crate::abi::{Cursor, LazyList, LiftError, Memory, Read, Reader, Result, Utf8Key, parameters};
use opentelemetry::Key;
use opentelemetry::logs::Severity;
use wasmscope_telemetry::Instance;
use wasmscope_telemetry::instance::PlainLog;
use wasmscope_telemetry::model::{LogRecord, LogValue, LoggerHandle, Notice, SpanReference};
use wasmscope_telemetry::severity::SEVERITIES;

parameters!((u64, Vec<LogRecord>), first (u64, LazyList<LogRecord>): u64, Vec<LogRecord>);

/// `emit`.
impl Read for (u64, Vec<LogRecord>) {
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        let (logger, records) = Read::read(reader, at)?;
        Ok((logger, reader.log_records(records)?))
    }
}

impl Read for (u64, LazyList<LogRecord>) {
    #[inline]
    fn read(_: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, LazyList::new(at)?))
    }
}

/// A record whose lists have not been read.
struct Partial {
    record: LogRecord,
    attributes: LazyList<(Key, LogValue)>,
    nodes: LazyList<LogValue>,
}

impl Reader<'_> {
    /// Reads records completely.
    pub(crate) fn log_records(&mut self, records: LazyList<LogRecord>) -> Result<Vec<LogRecord>> {
        self.elements(records, |reader, at| {
            let Partial {
                record,
                attributes,
                nodes,
            } = reader.partial_record(at)?;
            Ok(Some(LogRecord {
                attributes: reader.elements(attributes, Self::log_attribute)?,
                nodes: reader.elements(nodes, |reader, at| reader.log_value(at).map(Some))?,
                ..record
            }))
        })
    }

    /// Emits a single plain record (see [`PlainLog`](wasmscope_telemetry::instance::PlainLog))
    /// while it is read. Returns `None` if there are more records, or if it is not plain or exceeds
    /// the budget. The caller then uses [`log_records`](Self::log_records).
    pub(crate) fn emit_plain_record(
        &mut self,
        instance: &mut Instance,
        logger: LoggerHandle,
        records: LazyList<LogRecord>,
    ) -> Result<Option<Notice>> {
        let mut elements = records.elements(self)?;
        let (Some(mut at), None) = (elements.next(), elements.next()) else {
            return Ok(None);
        };
        let mut left = self.budget.left().saturating_sub(size_of::<LogRecord>());
        let at = &mut at;
        let body = at.option::<LogValue>()?;
        let severity = severity(at)?;
        let severity_text = at.option::<String>()?;
        let event_name = at.option::<String>()?;
        let attributes = LazyList::<(Key, LogValue)>::new(at)?;
        let nodes = LazyList::<LogValue>::new(at)?;
        let time = self.time(at)?;
        let (context, _) = at.variant::<SpanReference>()?;
        let context = match context {
            0 => SpanReference::Ambient,
            1 => SpanReference::None,
            _ => return Ok(None),
        };
        // An empty list must have a valid address, too.
        let has_nodes = nodes.elements(self)?.next().is_some();
        if event_name.is_some() || has_nodes {
            return Ok(None);
        }
        instance.emit_plain_log(logger, severity, time, context, |plain| {
            if let Some(mut at) = severity_text {
                let text = self.utf8_text(&mut at, &mut left)?;
                if !text.is_some_and(|text| plain.severity_text(text)) {
                    return Ok(false);
                }
            }
            if let Some(mut at) = body {
                let (0, mut at) = at.variant::<LogValue>()? else {
                    return Ok(false);
                };
                let text = self.utf8_text(&mut at, &mut left)?;
                if !text.is_some_and(|text| plain.body(text)) {
                    return Ok(false);
                }
            }
            let Some((attributes, mut left)) = self.plain_elements(attributes, left)? else {
                return Ok(false);
            };
            for mut at in attributes {
                let taken = match self.utf8_key(&mut at, &mut left)? {
                    Some(Utf8Key::Known(key)) => self.add_plain(plain, key, &mut at, &mut left)?,
                    Some(Utf8Key::New(key)) => {
                        self.add_plain(plain, key.to_owned(), &mut at, &mut left)?
                    }
                    None => false,
                };
                if !taken {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Adds an attribute with this key. Returns false if the record is not plain then.
    #[inline]
    fn add_plain(
        &self,
        plain: &mut PlainLog<'_>,
        key: impl Into<Key> + AsRef<str>,
        at: &mut impl Cursor,
        left: &mut usize,
    ) -> Result<bool> {
        let (discriminant, mut at) = at.variant::<LogValue>()?;
        Ok(match discriminant {
            0 => {
                let text = self.utf8_text(&mut at, left)?;
                text.is_some_and(|text| plain.text(key, text))
            }
            1 => plain.scalar(key, at.bool()?),
            2 => plain.scalar(key, at.i64()?),
            3 => plain.scalar(key, at.f64()?),
            _ => false,
        })
    }

    fn partial_record(&mut self, at: &mut impl Cursor) -> Result<Partial> {
        let body = at.option::<LogValue>()?;
        let body = body.map(|mut at| self.log_value(&mut at)).transpose()?;
        let severity = severity(at)?;
        let severity_text = self.optional_name(at)?;
        let event_name = self.optional_name(at)?;
        let attributes = LazyList::new(at)?;
        let nodes = LazyList::new(at)?;
        let record = LogRecord {
            body,
            severity,
            severity_text,
            event_name,
            attributes: Vec::new(),
            nodes: Vec::new(),
            time: self.time(at)?,
            context: self.span_reference(at)?,
        };
        Ok(Partial {
            record,
            attributes,
            nodes,
        })
    }
}

/// The parameters of `enabled`: the logger, the severity and the event name.
pub(crate) type Enabled = (u64, Option<Severity>, Option<String>);

parameters!(Enabled: u64, Option<Severity>, Option<String>);

impl Read for Enabled {
    #[inline]
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, severity(at)?, reader.optional_string(at)?))
    }
}

impl Reader<'_> {
    fn log_attribute(&mut self, at: &mut Memory<'_>) -> Result<Option<(Key, LogValue)>> {
        let Some(key) = self.key(at)? else {
            self.check_only(|reader| reader.log_value(at))?;
            return Ok(None);
        };
        Ok(Some((key, self.log_value(at)?)))
    }

    fn log_value(&mut self, at: &mut impl Cursor) -> Result<LogValue> {
        let (discriminant, mut at) = at.variant::<LogValue>()?;
        let at = &mut at;
        Ok(match discriminant {
            0 => LogValue::String(self.string(at)?),
            1 => LogValue::Bool(at.bool()?),
            2 => LogValue::Int(at.i64()?),
            3 => LogValue::Double(at.f64()?),
            4 => LogValue::Bytes(self.bytes(at)?),
            5 => LogValue::Array(self.scalars(at, Memory::u32)?),
            6 => LogValue::Map(self.list(at, |reader, at| {
                let key = reader.whole_string(at)?;
                let node = at.u32()?;
                Ok(key.map(|key| (key, node)))
            })?),
            other => return Err(LiftError::discriminant::<LogValue>("log-value", other)),
        })
    }
}

fn severity(at: &mut impl Cursor) -> Result<Option<Severity>> {
    let Some(mut at) = at.option::<Severity>()? else {
        return Ok(None);
    };
    let discriminant = at.u8()?;
    match SEVERITIES.get(usize::from(discriminant)) {
        Some(severity) => Ok(Some(*severity)),
        None => Err(LiftError::discriminant::<Severity>(
            "severity",
            discriminant,
        )),
    }
}
