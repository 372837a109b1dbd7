//! The interface `tracer`.

use opentelemetry::trace::{SpanKind, Status};
use wasmscope_telemetry::model::{LinkTarget, SpanChanges, SpanEvent, SpanLink, SpanStart};
use wasmtime::{Result, bail};

use super::cursor::Cursor;
use super::reader::Reader;
use super::{Arguments, InvalidArgument, shape};

impl Arguments for SpanStart {
    type Shape = (
        u64,
        String,
        shape::SpanKind,
        shape::SpanReference,
        Vec<shape::KeyValue>,
        Option<u64>,
        bool,
    );

    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok(Self {
            tracer: at.u64()?,
            name: reader.string(at)?,
            kind: span_kind(at.u8()?)?,
            parent: reader.span_reference(at)?,
            attributes: reader.attributes(at)?,
            start_time: reader.time(at)?,
            activate: at.bool()?,
        })
    }
}

fn span_kind(discriminant: u8) -> Result<SpanKind> {
    Ok(match discriminant {
        0 => SpanKind::Internal,
        1 => SpanKind::Server,
        2 => SpanKind::Client,
        3 => SpanKind::Producer,
        4 => SpanKind::Consumer,
        other => bail!(InvalidArgument::discriminant(
            "span-kind",
            other.into(),
            shape::SpanKind::COUNT
        )),
    })
}

/// `update`.
impl Arguments for (u64, SpanChanges) {
    type Shape = (u64, shape::SpanChanges);

    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, reader.span_changes(at)?))
    }
}

/// `event`.
impl Arguments for (u64, SpanEvent) {
    type Shape = (u64, String, Vec<shape::KeyValue>, Option<u64>);

    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        let span = at.u64()?;
        let event = SpanEvent {
            name: reader.string(at)?,
            attributes: reader.attributes(at)?,
            time: reader.time(at)?,
        };
        Ok((span, event))
    }
}

/// `end`.
impl Arguments for (u64, SpanChanges, Option<u64>) {
    type Shape = (u64, shape::SpanChanges, Option<u64>);

    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, reader.span_changes(at)?, reader.time(at)?))
    }
}

impl Reader<'_> {
    /// Reads an `option<timestamp>`.
    pub(crate) fn time(&mut self, at: &mut impl Cursor) -> Result<Option<u64>> {
        at.option::<u64>()?.map(|mut at| at.u64()).transpose()
    }

    fn span_changes(&mut self, at: &mut impl Cursor) -> Result<SpanChanges> {
        let mut at = at.record::<shape::SpanChanges>()?;
        Ok(SpanChanges {
            name: self.optional_string(&mut at)?,
            status: self.status(&mut at)?,
            attributes: self.attributes(&mut at)?,
            links: self.list::<shape::Link, _>(&mut at, |reader, at| {
                Ok(Some(SpanLink {
                    target: reader.link_target(at)?,
                    attributes: reader.attributes(at)?,
                }))
            })?,
        })
    }

    fn status(&mut self, at: &mut impl Cursor) -> Result<Status> {
        let (discriminant, mut at) = at.variant::<shape::Status>()?;
        Ok(match discriminant {
            0 => Status::Unset,
            1 => Status::Ok,
            2 => Status::error(self.string(&mut at)?),
            other => bail!(InvalidArgument::discriminant("status", other, 3)),
        })
    }

    fn link_target(&mut self, at: &mut impl Cursor) -> Result<LinkTarget> {
        let (discriminant, mut at) = at.variant::<shape::LinkTarget>()?;
        Ok(match discriminant {
            0 => LinkTarget::Span(at.u64()?),
            1 => LinkTarget::Remote(self.span_context(&mut at)?),
            other => bail!(InvalidArgument::discriminant("link-target", other, 2)),
        })
    }
}
