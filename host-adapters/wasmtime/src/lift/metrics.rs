//! The interface `meter`.

use opentelemetry::KeyValue;
use wasmscope_telemetry::model::{InstrumentDescriptor, InstrumentKind, Number, Observation};
use wasmtime::{Result, bail};

use super::cursor::{Cursor, Memory};
use super::reader::Reader;
use super::{Arguments, InvalidArgument, shape};

/// `create`.
impl Arguments for (u64, InstrumentDescriptor) {
    type Shape = (u64, shape::InstrumentDescriptor);

    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        let meter = at.u64()?;
        let mut at = at.record::<shape::InstrumentDescriptor>()?;
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
    Ok(match discriminant {
        0 => InstrumentKind::CounterU64,
        1 => InstrumentKind::CounterF64,
        2 => InstrumentKind::UpDownCounterS64,
        3 => InstrumentKind::UpDownCounterF64,
        4 => InstrumentKind::HistogramU64,
        5 => InstrumentKind::HistogramF64,
        6 => InstrumentKind::GaugeU64,
        7 => InstrumentKind::GaugeS64,
        8 => InstrumentKind::GaugeF64,
        9 => InstrumentKind::ObservableCounterU64,
        10 => InstrumentKind::ObservableCounterF64,
        11 => InstrumentKind::ObservableUpDownCounterS64,
        12 => InstrumentKind::ObservableUpDownCounterF64,
        13 => InstrumentKind::ObservableGaugeU64,
        14 => InstrumentKind::ObservableGaugeS64,
        15 => InstrumentKind::ObservableGaugeF64,
        other => bail!(InvalidArgument::discriminant(
            "instrument-kind",
            other.into(),
            shape::InstrumentKind::COUNT
        )),
    })
}

/// `measure`.
impl Arguments for (u64, Number, Vec<KeyValue>) {
    type Shape = (u64, shape::Number, Vec<shape::KeyValue>);

    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, number(at)?, reader.attributes(at)?))
    }
}

/// `bind`.
impl Arguments for (u64, Vec<KeyValue>) {
    type Shape = (u64, Vec<shape::KeyValue>);

    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, reader.attributes(at)?))
    }
}

/// `measure-series`.
impl Arguments for (u64, Number) {
    type Shape = (u64, shape::Number);

    fn read(_: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, number(at)?))
    }
}

/// `observe`.
impl Arguments for Vec<Observation> {
    type Shape = (Vec<shape::Observation>,);

    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        reader.list::<shape::Observation, _>(at, |reader, at| {
            Ok(Some(Observation {
                instrument: at.u64()?,
                value: number(at)?,
                attributes: reader.attributes(at)?,
            }))
        })
    }
}

fn number(at: &mut impl Cursor) -> Result<Number> {
    let (discriminant, mut at) = at.variant::<shape::Number>()?;
    Ok(match discriminant {
        0 => Number::Unsigned(at.u64()?),
        1 => Number::Signed(at.i64()?),
        2 => Number::Float(at.f64()?),
        other => bail!(InvalidArgument::discriminant("number", other, 3)),
    })
}
