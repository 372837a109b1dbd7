//! The interface `types`, and parameters that are numbers.

use crate::abi::{Cursor, LazyList, LiftError, Memory, Read, Reader, Result, Utf8Key, parameters};
use crate::otel::types::TraceId;
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use wasmscope_telemetry::limits::SERIES_CACHE_KEY_BYTES;
use wasmscope_telemetry::model::{RemoteContext, Scope, SpanHandle, SpanReference};

impl Reader<'_> {
    /// Reads a `list<key-value>`.
    pub(crate) fn attributes(&mut self, at: &mut impl Cursor) -> Result<Vec<KeyValue>> {
        let list = LazyList::new(at)?;
        self.lazy_attributes(list)
    }

    /// Reads a `list<key-value>` that was left unread.
    pub(crate) fn lazy_attributes(&mut self, list: LazyList<KeyValue>) -> Result<Vec<KeyValue>> {
        match self.plain_attributes(list)? {
            Some(attributes) => Ok(attributes),
            None => self.any_attributes(list),
        }
    }

    #[cold]
    fn any_attributes(&mut self, list: LazyList<KeyValue>) -> Result<Vec<KeyValue>> {
        self.elements(list, Reader::attribute)
    }

    /// Reads attributes without arrays, in UTF-8, that all fit into the budget. Most lists are like
    /// that. Returns `None` for others.
    ///
    /// Each attribute is written directly into the vector. Moving it right after it was written
    /// would cost more than reading it.
    pub(crate) fn plain_attributes(
        &mut self,
        list: LazyList<KeyValue>,
    ) -> Result<Option<Vec<KeyValue>>> {
        let Some((elements, mut left)) = self.plain_elements(list, self.budget.left())? else {
            return Ok(None);
        };
        let mut attributes = Vec::with_capacity(elements.size_hint().0);
        for mut at in elements {
            let pushed = match self.utf8_key(&mut at, &mut left)? {
                Some(Utf8Key::Known(key)) => {
                    self.push_plain(&mut attributes, key, &mut at, &mut left)?
                }
                Some(Utf8Key::New(key)) => {
                    self.push_plain(&mut attributes, key.to_owned(), &mut at, &mut left)?
                }
                None => false,
            };
            if !pushed {
                return Ok(None);
            }
        }
        self.budget.lower_to(left);
        Ok(Some(attributes))
    }

    /// Pushes an attribute with this key. Returns false if its value is not plain.
    #[inline]
    fn push_plain(
        &self,
        attributes: &mut Vec<KeyValue>,
        key: impl Into<Key>,
        at: &mut impl Cursor,
        left: &mut usize,
    ) -> Result<bool> {
        let (discriminant, mut at) = at.variant::<Value>()?;
        match discriminant {
            0 => {
                let Some(text) = self.utf8_text(&mut at, left)? else {
                    return Ok(false);
                };
                attributes.push(KeyValue::new(key, text.to_owned()));
            }
            1 => attributes.push(KeyValue::new(key, at.bool()?)),
            2 => attributes.push(KeyValue::new(key, at.i64()?)),
            3 => attributes.push(KeyValue::new(key, at.f64()?)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Appends a unique byte representation of a `list<key-value>` to `bytes`. Returns false if the
    /// result exceeds [`SERIES_CACHE_KEY_BYTES`], or if the list holds other values than numbers
    /// and UTF-8 texts. Only bounds are checked. The bytes are just compared with those of lists
    /// that were read before.
    pub(crate) fn transcribe(&self, list: LazyList<KeyValue>, bytes: &mut Vec<u8>) -> Result<bool> {
        for mut element in list.elements(self)? {
            // Elements with empty texts might still fit.
            let is_full = bytes.len() > SERIES_CACHE_KEY_BYTES;
            if is_full || !self.transcribe_text(&mut element, bytes)? {
                return Ok(false);
            }
            let (discriminant, mut at) = element.variant::<Value>()?;
            bytes.push(discriminant as u8);
            match discriminant {
                0 if self.transcribe_text(&mut at, bytes)? => {}
                1 => bytes.push(at.bool()?.into()),
                2 | 3 => bytes.extend_from_slice(&at.u64()?.to_le_bytes()),
                _ => return Ok(false),
            }
        }
        Ok(bytes.len() <= SERIES_CACHE_KEY_BYTES)
    }

    /// Appends a text after its length, if it fits.
    fn transcribe_text(&self, at: &mut impl Cursor, bytes: &mut Vec<u8>) -> Result<bool> {
        let room = SERIES_CACHE_KEY_BYTES.saturating_sub(bytes.len());
        let text = self.utf8_bytes(at)?.filter(|text| text.len() <= room);
        if let Some(text) = text {
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text);
        }
        Ok(text.is_some())
    }

    #[inline]
    pub(crate) fn attribute(&mut self, at: &mut Memory<'_>) -> Result<Option<KeyValue>> {
        let Some(key) = self.key(at)? else {
            self.check_only(|reader| reader.value(at))?;
            return Ok(None);
        };
        Ok(Some(KeyValue::new(key, self.value(at)?)))
    }

    #[inline]
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
    #[inline]
    pub(crate) fn span_reference(&mut self, at: &mut impl Cursor) -> Result<SpanReference> {
        let (discriminant, mut at) = at.variant::<SpanReference>()?;
        Ok(match discriminant {
            0 => SpanReference::Ambient,
            1 => SpanReference::None,
            2 => SpanReference::Span(SpanHandle::from_bits(at.u64()?)),
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
            // Part of a trace state could assign entries to the wrong vendors.
            trace_state: self.whole_string(&mut at)?.unwrap_or_default(),
        })
    }
}

parameters!(Scope: Scope);

/// `get`, of each interface.
impl Read for Scope {
    #[inline]
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

/// Functions without parameters.
impl Read for () {
    #[inline]
    fn read(_: &mut Reader<'_>, _: &mut impl Cursor) -> Result<Self> {
        Ok(())
    }
}

parameters!((u64,): u64);

/// Functions whose only parameter is a handle.
impl Read for (u64,) {
    #[inline]
    fn read(_: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?,))
    }
}
