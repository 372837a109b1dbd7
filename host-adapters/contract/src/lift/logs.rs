//! The interface `logger`.

use opentelemetry::logs::Severity;
use wasmscope_telemetry::model::{LogRecord, LogValue};

use super::cursor::{Cursor, Memory};
use super::reader::Reader;
use super::{Read, parameters};
use crate::error::{LiftError, Result};

parameters!((u64, Vec<LogRecord>): u64, Vec<LogRecord>);

/// `emit`.
impl Read for (u64, Vec<LogRecord>) {
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        let logger = at.u64()?;
        let records = reader.list(at, |reader, at| {
            Ok(Some(LogRecord {
                body: (at.option::<LogValue>()?)
                    .map(|mut at| reader.log_value(&mut at))
                    .transpose()?,
                severity: severity(at)?,
                severity_text: reader.optional_string(at)?,
                event_name: reader.optional_string(at)?,
                attributes: reader.log_attributes(at)?,
                nodes: reader.list(at, |reader, at| reader.log_value(at).map(Some))?,
                time: reader.time(at)?,
                context: reader.span_reference(at)?,
            }))
        })?;
        Ok((logger, records))
    }
}

/// The parameters of `enabled`: the logger, the severity and the event name.
pub(crate) type Enabled = (u64, Option<Severity>, Option<String>);

parameters!(Enabled: u64, Option<Severity>, Option<String>);

impl Read for Enabled {
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, severity(at)?, reader.optional_string(at)?))
    }
}

impl Reader<'_> {
    fn log_attributes(&mut self, at: &mut impl Cursor) -> Result<Vec<(String, LogValue)>> {
        self.list(at, |reader, at| {
            let Some(key) = reader.whole_string(at)? else {
                reader.check_only(|reader| reader.log_value(at))?;
                return Ok(None);
            };
            Ok(Some((key, reader.log_value(at)?)))
        })
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

/// The severities in the order of `logger.severity`.
pub(crate) const SEVERITIES: [Severity; 24] = [
    Severity::Trace,
    Severity::Trace2,
    Severity::Trace3,
    Severity::Trace4,
    Severity::Debug,
    Severity::Debug2,
    Severity::Debug3,
    Severity::Debug4,
    Severity::Info,
    Severity::Info2,
    Severity::Info3,
    Severity::Info4,
    Severity::Warn,
    Severity::Warn2,
    Severity::Warn3,
    Severity::Warn4,
    Severity::Error,
    Severity::Error2,
    Severity::Error3,
    Severity::Error4,
    Severity::Fatal,
    Severity::Fatal2,
    Severity::Fatal3,
    Severity::Fatal4,
];

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
