//! The interface `types`, and parameters that are numbers.

use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use wasmscope_telemetry::model::{RemoteContext, Scope, SpanReference};

use super::cursor::{Cursor, Memory};
use super::reader::Reader;
use super::{Read, parameters};
use crate::error::{LiftError, Result};
use crate::shape::TraceId;

impl Reader<'_> {
    /// Reads a `list<key-value>`.
    pub(crate) fn attributes(&mut self, at: &mut impl Cursor) -> Result<Vec<KeyValue>> {
        self.list(at, |reader, at| {
            let Some(key) = reader.whole_string(at)? else {
                reader.check_only(|reader| reader.value(at))?;
                return Ok(None);
            };
            Ok(Some(KeyValue::new(Key::from(key), reader.value(at)?)))
        })
    }

    fn value(&mut self, at: &mut impl Cursor) -> Result<Value> {
        let (discriminant, mut at) = at.variant::<Value>()?;
        let at = &mut at;
        Ok(match discriminant {
            0 => Value::String(self.string(at)?.into()),
            1 => Value::Bool(at.bool()?),
            2 => Value::I64(at.i64()?),
            3 => Value::F64(at.f64()?),
            4 => Value::Array(Array::String(self.list(at, |reader, at| {
                reader.string(at).map(|text| Some(StringValue::from(text)))
            })?)),
            5 => Value::Array(Array::Bool(self.scalars(at, Memory::bool)?)),
            6 => Value::Array(Array::I64(self.scalars(at, Memory::i64)?)),
            7 => Value::Array(Array::F64(self.scalars(at, Memory::f64)?)),
            other => return Err(LiftError::discriminant::<Value>("value", other)),
        })
    }

    /// Reads a `span-reference`.
    pub(crate) fn span_reference(&mut self, at: &mut impl Cursor) -> Result<SpanReference> {
        let (discriminant, mut at) = at.variant::<SpanReference>()?;
        Ok(match discriminant {
            0 => SpanReference::Ambient,
            1 => SpanReference::None,
            2 => SpanReference::Span(at.u64()?),
            3 => SpanReference::Remote(self.span_context(&mut at)?),
            other => {
                return Err(LiftError::discriminant::<SpanReference>(
                    "span-reference",
                    other,
                ));
            }
        })
    }

    /// Reads a `span-context`.
    pub(crate) fn span_context(&mut self, at: &mut impl Cursor) -> Result<RemoteContext> {
        let mut at = at.record::<RemoteContext>()?;
        let mut trace_id = at.record::<TraceId>()?;
        Ok(RemoteContext {
            trace_id: (trace_id.u64()?, trace_id.u64()?),
            span_id: at.u64()?,
            trace_flags: at.flags()? & 0b11,
            // Half a trace state could name other vendors' entries wrongly.
            trace_state: self.whole_string(&mut at)?.unwrap_or_default(),
        })
    }
}

parameters!(Scope: Scope);

/// `get`, of each interface.
impl Read for Scope {
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        let mut at = at.record::<Self>()?;
        let mut scope = Self::builder(reader.string(&mut at)?);
        if let Some(version) = reader.optional_string(&mut at)? {
            scope = scope.with_version(version);
        }
        if let Some(schema_url) = reader.optional_string(&mut at)? {
            scope = scope.with_schema_url(schema_url);
        }
        Ok(scope.with_attributes(reader.attributes(&mut at)?).build())
    }
}

parameters!((): );

/// Of the functions without parameters.
impl Read for () {
    fn read(_: &mut Reader<'_>, _: &mut impl Cursor) -> Result<Self> {
        Ok(())
    }
}

parameters!((u64,): u64);

/// Of the functions that take nothing but a handle.
impl Read for (u64,) {
    fn read(_: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?,))
    }
}
