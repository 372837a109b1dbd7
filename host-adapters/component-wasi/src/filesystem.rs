//! `wasi:filesystem`: files and directories in the guest's preopened directories.

mod types;

use component_model::engine::Engine;
use component_model::{LinkError, Linker};
use wasi_bounds::{Bounds, Listing};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{Descriptor, Host as _, HostDescriptor};

use self::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use crate::handle::Handle;
use crate::interface::{Interface, Outcome, one};

impl<R> Outcome<WasiFilesystem> for FsResult<R>
where
    (Result<R, ErrorCode>,): component_model::LowerList + 'static,
{
    type Lowered = (Result<R, ErrorCode>,);

    fn convert(self, files: &mut WasiFilesystemCtxView<'_>) -> wasmtime::Result<Self::Lowered> {
        match self {
            Ok(value) => Ok((Ok(value),)),
            Err(error) => Ok((Err(files.convert_error_code(error)?.into()),)),
        }
    }
}

type Types<'l, T, E> = Interface<'l, T, E, WasiFilesystem>;

pub(crate) fn add_to_linker<T: WasiView + 'static, E: Engine>(
    linker: &mut Linker<T, E>,
    bounds: &Bounds,
) -> Result<(), LinkError> {
    Types::new(linker, "wasi:filesystem/preopens@0.2.12", T::filesystem).func(
        "get-directories",
        |files, ()| {
            let directories = files.get_directories()?.into_iter();
            let directories = directories.map(|(directory, path)| (Handle(directory), path));
            one(Ok(directories.collect::<Vec<_>>()))
        },
    )?;
    let mut types = Types::new(linker, "wasi:filesystem/types@0.2.12", T::filesystem);
    add_descriptor(&mut types)?;
    add_streams(&mut types, bounds)?;
    add_contents(&mut types)?;
    add_metadata(&mut types)?;
    add_directory(&mut types)?;
    add_opening(&mut types, bounds)
}

fn add_descriptor<T: WasiView, E: Engine>(types: &mut Types<'_, T, E>) -> Result<(), LinkError> {
    types
        .resource("descriptor", |files, file| {
            HostDescriptor::drop(files, file)
        })?
        .resource("directory-entry-stream", |files, listing| {
            Listing::close(files.table, listing)
        })?
        .func("filesystem-error-code", |files, (Handle(error),)| {
            one(files
                .filesystem_error_code(error)
                .map(|code| code.map(ErrorCode::from)))
        })?
        .waiting(
            "[method]directory-entry-stream.read-directory-entry",
            async |files, (Handle(listing),)| {
                let entry = Listing::next(files.table, listing).await?;
                FsResult::Ok(entry.map(DirectoryEntry::from))
            },
        )?;
    Ok(())
}

/// Adds the streams of files, whose number is bounded.
fn add_streams<T: WasiView, E: Engine>(
    types: &mut Types<'_, T, E>,
    bounds: &Bounds,
) -> Result<(), LinkError> {
    let own = bounds.clone();
    types.func(
        "[method]descriptor.read-via-stream",
        move |files, (Handle(file), offset)| {
            own.file(files.table)?;
            files.read_via_stream(file, offset).map(Handle)
        },
    )?;
    let own = bounds.clone();
    types.func(
        "[method]descriptor.write-via-stream",
        move |files, (Handle(file), offset)| {
            own.file(files.table)?;
            files.write_via_stream(file, offset).map(Handle)
        },
    )?;
    let own = bounds.clone();
    types.func(
        "[method]descriptor.append-via-stream",
        move |files, (Handle(file),)| {
            own.file(files.table)?;
            files.append_via_stream(file).map(Handle)
        },
    )?;
    Ok(())
}

/// Adds the functions for the contents of files.
fn add_contents<T: WasiView, E: Engine>(types: &mut Types<'_, T, E>) -> Result<(), LinkError> {
    types
        .waiting(
            "[method]descriptor.advise",
            async |files, (Handle(file), offset, len, advice): (_, _, _, Advice)| {
                files.advise(file, offset, len, advice.into()).await
            },
        )?
        .waiting(
            "[method]descriptor.sync-data",
            async |files, (Handle(file),)| files.sync_data(file).await,
        )?
        .waiting("[method]descriptor.sync", async |files, (Handle(file),)| {
            files.sync(file).await
        })?
        .waiting(
            "[method]descriptor.set-size",
            async |files, (Handle(file), size)| files.set_size(file, size).await,
        )?
        .waiting(
            "[method]descriptor.read",
            async |files, (Handle(file), len, offset)| {
                HostDescriptor::read(files, file, len, offset).await
            },
        )?
        .waiting(
            "[method]descriptor.write",
            async |files, (Handle(file), bytes, offset)| {
                HostDescriptor::write(files, file, bytes, offset).await
            },
        )?;
    Ok(())
}

/// Adds the functions for the metadata of files.
fn add_metadata<T: WasiView, E: Engine>(types: &mut Types<'_, T, E>) -> Result<(), LinkError> {
    types
        .waiting(
            "[method]descriptor.get-flags",
            async |files, (Handle(file),)| files.get_flags(file).await.map(DescriptorFlags::from),
        )?
        .waiting(
            "[method]descriptor.get-type",
            async |files, (Handle(file),)| files.get_type(file).await.map(DescriptorType::from),
        )?
        .waiting("[method]descriptor.stat", async |files, (Handle(file),)| {
            files.stat(file).await.map(DescriptorStat::from)
        })?
        .waiting(
            "[method]descriptor.stat-at",
            async |files, (Handle(file), flags, path): (_, PathFlags, _)| {
                let stat = files.stat_at(file, flags.into(), path).await;
                stat.map(DescriptorStat::from)
            },
        )?
        .waiting(
            "[method]descriptor.set-times",
            async |files, (Handle(file), accessed, modified): (_, NewTimestamp, NewTimestamp)| {
                let (accessed, modified) = (accessed.into(), modified.into());
                files.set_times(file, accessed, modified).await
            },
        )?
        .waiting(
            "[method]descriptor.set-times-at",
            async |files,
                   (Handle(file), flags, path, accessed, modified): (
                _,
                PathFlags,
                _,
                NewTimestamp,
                NewTimestamp,
            )| {
                let (accessed, modified) = (accessed.into(), modified.into());
                files
                    .set_times_at(file, flags.into(), path, accessed, modified)
                    .await
            },
        )?
        .waiting(
            "[method]descriptor.is-same-object",
            async |files, (Handle(file), Handle(other))| {
                one(files.is_same_object(file, other).await)
            },
        )?
        .waiting(
            "[method]descriptor.metadata-hash",
            async |files, (Handle(file),)| {
                let hash = files.metadata_hash(file).await;
                hash.map(MetadataHashValue::from)
            },
        )?
        .waiting(
            "[method]descriptor.metadata-hash-at",
            async |files, (Handle(file), flags, path): (_, PathFlags, _)| {
                let hash = files.metadata_hash_at(file, flags.into(), path).await;
                hash.map(MetadataHashValue::from)
            },
        )?;
    Ok(())
}

/// Adds the functions for the contents of directories.
fn add_directory<T: WasiView, E: Engine>(types: &mut Types<'_, T, E>) -> Result<(), LinkError> {
    types
        .waiting(
            "[method]descriptor.create-directory-at",
            async |files, (Handle(directory), path)| {
                files.create_directory_at(directory, path).await
            },
        )?
        .waiting(
            "[method]descriptor.link-at",
            async |files,
                   (Handle(directory), flags, old, Handle(new_directory), new): (
                _,
                PathFlags,
                _,
                _,
                _,
            )| {
                files
                    .link_at(directory, flags.into(), old, new_directory, new)
                    .await
            },
        )?
        .waiting(
            "[method]descriptor.readlink-at",
            async |files, (Handle(directory), path)| files.readlink_at(directory, path).await,
        )?
        .waiting(
            "[method]descriptor.remove-directory-at",
            async |files, (Handle(directory), path)| {
                files.remove_directory_at(directory, path).await
            },
        )?
        .waiting(
            "[method]descriptor.rename-at",
            async |files, (Handle(directory), old, Handle(new_directory), new)| {
                files.rename_at(directory, old, new_directory, new).await
            },
        )?
        .waiting(
            "[method]descriptor.symlink-at",
            async |files, (Handle(directory), old, new)| {
                files.symlink_at(directory, old, new).await
            },
        )?
        .waiting(
            "[method]descriptor.unlink-file-at",
            async |files, (Handle(directory), path)| files.unlink_file_at(directory, path).await,
        )?;
    Ok(())
}

/// Adds the functions that open files and directories, whose number is bounded.
fn add_opening<T: WasiView, E: Engine>(
    types: &mut Types<'_, T, E>,
    bounds: &Bounds,
) -> Result<(), LinkError> {
    type OpenAt = (
        Handle<Descriptor>,
        PathFlags,
        String,
        OpenFlags,
        DescriptorFlags,
    );
    let own = bounds.clone();
    types.waiting(
        "[method]descriptor.open-at",
        async move |files, (Handle(directory), follow, path, open, flags): OpenAt| {
            own.file(files.table)?;
            let (follow, open, flags) = (follow.into(), open.into(), flags.into());
            let opened = files.open_at(directory, follow, path, open, flags).await;
            opened.map(Handle)
        },
    )?;
    let own = bounds.clone();
    types.waiting(
        "[method]descriptor.read-directory",
        async move |files, (Handle(directory),)| {
            Listing::open(&own, files, directory).await.map(Handle)
        },
    )?;
    Ok(())
}
