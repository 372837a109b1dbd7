//! The interface `meter`.

use crate::abi::{Cursor, LazyList, LiftError, Memory, Read, Reader, Result, parameters};
use opentelemetry::KeyValue;
use wasmscope_telemetry::model::{
    InstrumentDescriptor, InstrumentHandle, InstrumentKind, Number, Observation,
};

parameters!((u64, InstrumentDescriptor): u64, InstrumentDescriptor);

/// `create`.
impl Read for (u64, InstrumentDescriptor) {
    #[inline]
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        let meter = at.u64()?;
        let mut at = at.record::<InstrumentDescriptor>()?;
        let descriptor = InstrumentDescriptor {
            name: reader.string(&mut at)?,
            kind: instrument_kind(at.u8()?)?,
            unit: reader.optional_string(&mut at)?,
            description: reader.optional_string(&mut at)?,
            boundaries: (at.option::<Vec<f64>>()?)
                .map(|mut at| reader.scalars(&mut at, Memory::f64))
                .transpose()?,
        };
        Ok((meter, descriptor))
    }
}

fn instrument_kind(discriminant: u8) -> Result<InstrumentKind> {
    let kind = InstrumentKind::ALL.get(usize::from(discriminant)).copied();
    kind.ok_or_else(|| LiftError::discriminant::<InstrumentKind>("instrument-kind", discriminant))
}

parameters!(
    (u64, Number, Vec<KeyValue>), first (u64, Number, LazyList<KeyValue>):
    u64,
    Number,
    Vec<KeyValue>
);

/// `measure`.
impl Read for (u64, Number, Vec<KeyValue>) {
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        let (instrument, number, attributes) = Read::read(reader, at)?;
        Ok((instrument, number, reader.lazy_attributes(attributes)?))
    }
}

impl Read for (u64, Number, LazyList<KeyValue>) {
    #[inline]
    fn read(_: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, number(at)?, LazyList::new(at)?))
    }
}

parameters!((u64, Vec<KeyValue>): u64, Vec<KeyValue>);

/// `bind`.
impl Read for (u64, Vec<KeyValue>) {
    #[inline]
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, reader.attributes(at)?))
    }
}

parameters!((u64, Number): u64, Number);

/// `measure-series`.
impl Read for (u64, Number) {
    #[inline]
    fn read(_: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, number(at)?))
    }
}

parameters!((u64, Vec<Observation>, bool): u64, Vec<Observation>, bool);

/// `observe`.
impl Read for (u64, Vec<Observation>, bool) {
    #[inline]
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        let observer = at.u64()?;
        let observations = reader.list(at, |reader, at| {
            Ok(Some(Observation {
                instrument: InstrumentHandle::from_bits(at.u64()?),
                value: number(at)?,
                attributes: reader.attributes(at)?,
            }))
        })?;
        Ok((observer, observations, at.bool()?))
    }
}

fn number(at: &mut impl Cursor) -> Result<Number> {
    let (discriminant, mut at) = at.variant::<Number>()?;
    Ok(match discriminant {
        0 => Number::Unsigned(at.u64()?),
        1 => Number::Signed(at.i64()?),
        2 => Number::Float(at.f64()?),
        other => return Err(LiftError::discriminant::<Number>("number", other)),
    })
}
