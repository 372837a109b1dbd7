//! `wasi:io`: errors, pollables, and streams of bytes.

use component_model::engine::Engine;
use component_model::{LinkError, Linker};
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::WasiView;
use wasmtime_wasi_io::bindings::wasi::io::error::{Error, HostError};
use wasmtime_wasi_io::bindings::wasi::io::poll::{Host as _, HostPollable, Pollable};
use wasmtime_wasi_io::bindings::wasi::io::streams::{
    self, Host as _, HostInputStream, HostOutputStream, InputStream, OutputStream,
};
use wasmtime_wasi_io::streams::StreamResult;

use crate::handle::Handle;
use crate::interface::{Interface, Outcome, one};

/// The part of WASI's state that `wasi:io` uses: all resources.
struct WasiIo;

impl HasData for WasiIo {
    type Data<'a> = &'a mut ResourceTable;
}

enum StreamError {
    LastOperationFailed(Handle<Error>),
    Closed,
}

component_model::variant! {
    StreamError {
        "last-operation-failed" => LastOperationFailed(Handle<Error>),
        "closed" => Closed,
    }
}

impl<R> Outcome<WasiIo> for StreamResult<R>
where
    (Result<R, StreamError>,): component_model::LowerList + 'static,
{
    type Lowered = (Result<R, StreamError>,);

    fn convert(self, table: &mut &mut ResourceTable) -> wasmtime::Result<Self::Lowered> {
        let error = match self {
            Ok(value) => return Ok((Ok(value),)),
            Err(error) => table.convert_stream_error(error)?,
        };
        Ok((Err(match error {
            streams::StreamError::LastOperationFailed(error) => {
                StreamError::LastOperationFailed(Handle(error))
            }
            streams::StreamError::Closed => StreamError::Closed,
        }),))
    }
}

fn interface<'l, T: WasiView, E: Engine>(
    linker: &'l mut Linker<T, E>,
    name: &str,
) -> Interface<'l, T, E, WasiIo> {
    Interface::new(linker, name, |data| data.ctx().table)
}

pub(crate) fn add_to_linker<T: WasiView + 'static, E: Engine>(
    linker: &mut Linker<T, E>,
) -> Result<(), LinkError> {
    interface(linker, "wasi:io/error@0.2.12")
        .resource("error", |table, error| HostError::drop(*table, error))?
        .func(
            "[method]error.to-debug-string",
            |table, (Handle(error),)| one(table.to_debug_string(error)),
        )?;
    interface(linker, "wasi:io/poll@0.2.12")
        .resource("pollable", |table, pollable| {
            HostPollable::drop(*table, pollable)
        })?
        .waiting(
            "[method]pollable.ready",
            async |table, (Handle(pollable),)| one(table.ready(pollable).await),
        )?
        .waiting(
            "[method]pollable.block",
            async |table, (Handle(pollable),)| table.block(pollable).await,
        )?
        .waiting("poll", async |table, (list,): (Vec<Handle<Pollable>>,)| {
            let list = list.into_iter().map(|Handle(pollable)| pollable);
            one(table.poll(list.collect()).await)
        })?;
    add_input_stream(&mut interface(linker, "wasi:io/streams@0.2.12"))?;
    add_output_stream(&mut interface(linker, "wasi:io/streams@0.2.12"))
}

fn add_input_stream<T: WasiView, E: Engine>(
    streams: &mut Interface<'_, T, E, WasiIo>,
) -> Result<(), LinkError> {
    streams
        .waiting_resource::<InputStream>("input-stream", async |table, stream| {
            HostInputStream::drop(*table, stream).await
        })?
        .func(
            "[method]input-stream.read",
            |table, (Handle(stream), len)| HostInputStream::read(*table, stream, len),
        )?
        .waiting(
            "[method]input-stream.blocking-read",
            async |table, (Handle(stream), len)| table.blocking_read(stream, len).await,
        )?
        .func(
            "[method]input-stream.skip",
            |table, (Handle(stream), len)| table.skip(stream, len),
        )?
        .waiting(
            "[method]input-stream.blocking-skip",
            async |table, (Handle(stream), len)| table.blocking_skip(stream, len).await,
        )?
        .func(
            "[method]input-stream.subscribe",
            |table, (Handle(stream),)| one(HostInputStream::subscribe(*table, stream).map(Handle)),
        )?;
    Ok(())
}

fn add_output_stream<T: WasiView, E: Engine>(
    streams: &mut Interface<'_, T, E, WasiIo>,
) -> Result<(), LinkError> {
    streams
        .waiting_resource::<OutputStream>("output-stream", async |table, stream| {
            HostOutputStream::drop(*table, stream).await
        })?
        .func(
            "[method]output-stream.check-write",
            |table, (Handle(stream),)| table.check_write(stream),
        )?
        .func(
            "[method]output-stream.write",
            |table, (Handle(stream), bytes)| table.write(stream, bytes),
        )?
        .waiting(
            "[method]output-stream.blocking-write-and-flush",
            async |table, (Handle(stream), bytes)| {
                table.blocking_write_and_flush(stream, bytes).await
            },
        )?
        .func("[method]output-stream.flush", |table, (Handle(stream),)| {
            table.flush(stream)
        })?
        .waiting(
            "[method]output-stream.blocking-flush",
            async |table, (Handle(stream),)| table.blocking_flush(stream).await,
        )?
        .func(
            "[method]output-stream.subscribe",
            |table, (Handle(stream),)| one(HostOutputStream::subscribe(*table, stream).map(Handle)),
        )?
        .func(
            "[method]output-stream.write-zeroes",
            |table, (Handle(stream), len)| table.write_zeroes(stream, len),
        )?
        .waiting(
            "[method]output-stream.blocking-write-zeroes-and-flush",
            async |table, (Handle(stream), len)| {
                table.blocking_write_zeroes_and_flush(stream, len).await
            },
        )?
        .func(
            "[method]output-stream.splice",
            |table, (Handle(stream), Handle(source), len)| table.splice(stream, source, len),
        )?
        .waiting(
            "[method]output-stream.blocking-splice",
            async |table, (Handle(stream), Handle(source), len)| {
                table.blocking_splice(stream, source, len).await
            },
        )?;
    Ok(())
}
