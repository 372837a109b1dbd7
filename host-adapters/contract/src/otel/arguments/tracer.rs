//! The interface `tracer`.

use crate::abi::{Cursor, LiftError, Memory, Read, Reader, Result, parameters};
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanKind, Status};
use wasmscope_telemetry::model::{
    LinkTarget, SpanChanges, SpanEvent, SpanHandle, SpanLink, SpanReference, SpanStart,
    TracerHandle,
};

parameters! {
    SpanStart:
    u64,
    String,
    SpanKind,
    SpanReference,
    Vec<KeyValue>,
    Option<u64>,
    bool
}

/// `start`.
impl Read for SpanStart {
    #[inline]
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok(Self {
            tracer: TracerHandle::from_bits(at.u64()?),
            name: reader.name(at)?,
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
        other => return Err(LiftError::discriminant::<SpanKind>("span-kind", other)),
    })
}

parameters!((u64, SpanChanges): u64, SpanChanges);

/// `update`.
impl Read for (u64, SpanChanges) {
    #[inline]
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, reader.span_changes(at)?))
    }
}

parameters!((u64, SpanEvent): u64, String, Vec<KeyValue>, Option<u64>);

/// `event`.
impl Read for (u64, SpanEvent) {
    #[inline]
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        let span = at.u64()?;
        let event = SpanEvent {
            name: reader.name(at)?,
            attributes: reader.attributes(at)?,
            time: reader.time(at)?,
        };
        Ok((span, event))
    }
}

parameters!((u64, SpanChanges, Option<u64>): u64, SpanChanges, Option<u64>);

/// `end`.
impl Read for (u64, SpanChanges, Option<u64>) {
    #[inline]
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self> {
        Ok((at.u64()?, reader.span_changes(at)?, reader.time(at)?))
    }
}

impl Reader<'_> {
    /// Reads an `option<timestamp>`.
    pub(crate) fn time(&mut self, at: &mut impl Cursor) -> Result<Option<u64>> {
        at.option::<u64>()?.map(|mut at| at.u64()).transpose()
    }

    #[inline]
    fn span_changes(&mut self, at: &mut impl Cursor) -> Result<SpanChanges> {
        let mut at = at.record::<SpanChanges>()?;
        Ok(SpanChanges {
            name: self.optional_string(&mut at)?,
            status: self.status(&mut at)?,
            attributes: self.attributes(&mut at)?,
            links: self.list(&mut at, Self::link)?,
        })
    }

    #[inline]
    fn status(&mut self, at: &mut impl Cursor) -> Result<Status> {
        let (discriminant, mut at) = at.variant::<Status>()?;
        Ok(match discriminant {
            0 => Status::Unset,
            1 => Status::Ok,
            2 => Status::error(self.string(&mut at)?),
            other => return Err(LiftError::discriminant::<Status>("status", other)),
        })
    }

    #[cold]
    fn link(&mut self, at: &mut Memory<'_>) -> Result<Option<SpanLink>> {
        Ok(Some(SpanLink {
            target: self.link_target(at)?,
            attributes: self.attributes(at)?,
        }))
    }

    fn link_target(&mut self, at: &mut impl Cursor) -> Result<LinkTarget> {
        let (discriminant, mut at) = at.variant::<LinkTarget>()?;
        Ok(match discriminant {
            0 => LinkTarget::Span(SpanHandle::from_bits(at.u64()?)),
            1 => LinkTarget::Remote(self.span_context(&mut at)?),
            other => return Err(LiftError::discriminant::<LinkTarget>("link-target", other)),
        })
    }
}
