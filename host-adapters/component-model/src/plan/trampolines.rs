//! Converts trampolines, transcoders, and the trap codes of adapters.

use wasmtime_environ::component::{self as environ, FixedEncoding};

use super::TrampolineKind;
use super::types::{Types, resource_table_id};
use crate::abi::transcode::Transcode;
use crate::error::{LoadError, TrapCode};
use crate::ids::*;

pub(super) fn trampoline_kind(
    trampoline: &environ::Trampoline,
    lowered: &[ImportId],
    types: &mut Types<'_>,
) -> Result<TrampolineKind, LoadError> {
    use environ::Trampoline as T;
    let unsupported = |feature| Err(LoadError::unsupported(feature));
    Ok(match trampoline {
        T::LowerImport {
            index,
            lower_ty,
            options,
        } => {
            let import = usize::try_from(index.as_u32())
                .ok()
                .and_then(|index| lowered.get(index));
            TrampolineKind::LowerImport {
                import: *import
                    .ok_or_else(|| LoadError::invalid("a lowered import that is not imported"))?,
                abi: types.function(*lower_ty)?,
                options: OptionsId(options.as_u32()),
            }
        }
        T::Transcoder { from64: true, .. } | T::Transcoder { to64: true, .. } => {
            return unsupported("64-bit memories");
        }
        T::Transcoder {
            op,
            from,
            to,
            from64: false,
            to64: false,
        } => TrampolineKind::Transcoder {
            op: transcode(*op),
            from: MemoryId(from.as_u32()),
            to: MemoryId(to.as_u32()),
        },
        T::ResourceNew { instance, ty } => TrampolineKind::ResourceNew {
            instance: instance_id(*instance),
            table: resource_table_id(*ty),
        },
        T::ResourceRep { ty, .. } => TrampolineKind::ResourceRep {
            table: resource_table_id(*ty),
        },
        T::ResourceDrop { instance, ty } => TrampolineKind::ResourceDrop {
            instance: instance_id(*instance),
            table: resource_table_id(*ty),
        },
        T::ResourceTransferOwn => TrampolineKind::ResourceTransferOwn,
        T::ResourceTransferBorrow => TrampolineKind::ResourceTransferBorrow,
        T::Trap => TrampolineKind::Trap,
        T::EnterSyncCall => TrampolineKind::EnterSyncCall,
        T::ExitSyncCall => TrampolineKind::ExitSyncCall,
        T::BackpressureInc { .. } | T::BackpressureDec { .. } => {
            return unsupported("backpressure (WASI 0.3)");
        }
        T::TaskReturn { .. } | T::TaskCancel { .. } => {
            return unsupported("async tasks (WASI 0.3)");
        }
        T::WaitableSetNew { .. }
        | T::WaitableSetWait { .. }
        | T::WaitableSetPoll { .. }
        | T::WaitableSetDrop { .. }
        | T::WaitableJoin { .. } => return unsupported("waitable sets (WASI 0.3)"),
        T::SubtaskDrop { .. } | T::SubtaskCancel { .. } => {
            return unsupported("async subtasks (WASI 0.3)");
        }
        T::StreamNew { .. }
        | T::StreamRead { .. }
        | T::StreamWrite { .. }
        | T::StreamCancelRead { .. }
        | T::StreamCancelWrite { .. }
        | T::StreamDropReadable { .. }
        | T::StreamDropWritable { .. }
        | T::StreamTransfer => return unsupported("streams (WASI 0.3)"),
        T::FutureNew { .. }
        | T::FutureRead { .. }
        | T::FutureWrite { .. }
        | T::FutureCancelRead { .. }
        | T::FutureCancelWrite { .. }
        | T::FutureDropReadable { .. }
        | T::FutureDropWritable { .. }
        | T::FutureTransfer => return unsupported("futures (WASI 0.3)"),
        T::ErrorContextNew { .. }
        | T::ErrorContextDebugMessage { .. }
        | T::ErrorContextDrop { .. }
        | T::ErrorContextTransfer => return unsupported("error contexts (WASI 0.3)"),
        T::PrepareCall { .. } | T::SyncStartCall { .. } | T::AsyncStartCall { .. } => {
            return unsupported("async calls (WASI 0.3)");
        }
        T::ThreadIndex { .. }
        | T::ThreadNewIndirect { .. }
        | T::ThreadResumeLater { .. }
        | T::ThreadSuspend { .. }
        | T::ThreadYield { .. }
        | T::ThreadSuspendThenResume { .. }
        | T::ThreadYieldThenResume { .. }
        | T::ThreadSuspendThenPromote { .. }
        | T::ThreadYieldThenPromote { .. } => return unsupported("component-model threads"),
    })
}

fn instance_id(index: environ::RuntimeComponentInstanceIndex) -> ComponentInstanceId {
    ComponentInstanceId(index.as_u32())
}

fn transcode(op: environ::Transcode) -> Transcode {
    match op {
        environ::Transcode::Copy(FixedEncoding::Utf8) => Transcode::CopyUtf8,
        environ::Transcode::Copy(FixedEncoding::Utf16) => Transcode::CopyUtf16,
        environ::Transcode::Copy(FixedEncoding::Latin1) => Transcode::CopyLatin1,
        environ::Transcode::Latin1ToUtf16 => Transcode::Latin1ToUtf16,
        environ::Transcode::Latin1ToUtf8 => Transcode::Latin1ToUtf8,
        environ::Transcode::Utf16ToCompactProbablyUtf16 => Transcode::Utf16ToCompactProbablyUtf16,
        environ::Transcode::Utf16ToCompactUtf16 => Transcode::Utf16ToCompactUtf16,
        environ::Transcode::Utf16ToLatin1 => Transcode::Utf16ToLatin1,
        environ::Transcode::Utf16ToUtf8 => Transcode::Utf16ToUtf8,
        environ::Transcode::Utf8ToCompactUtf16 => Transcode::Utf8ToCompactUtf16,
        environ::Transcode::Utf8ToLatin1 => Transcode::Utf8ToLatin1,
        environ::Transcode::Utf8ToUtf16 => Transcode::Utf8ToUtf16,
    }
}

pub(super) fn adapter_trap(code: u32) -> (TrapCode, String) {
    use wasmtime_environ::Trap;
    let Some(trap) = u8::try_from(code).ok().and_then(Trap::from_u8) else {
        return (
            TrapCode::Adapter,
            format!("an adapter trapped with the unknown code {code}"),
        );
    };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the enum is non-exhaustive, and others have no code here"
    )]
    let ours = match trap {
        Trap::UnreachableCodeReached => TrapCode::Unreachable,
        Trap::MemoryOutOfBounds => TrapCode::MemoryOutOfBounds,
        Trap::StringOutOfBounds => TrapCode::StringOutOfBounds,
        Trap::ListOutOfBounds => TrapCode::ListOutOfBounds,
        Trap::UnalignedPointer => TrapCode::UnalignedPointer,
        Trap::InvalidDiscriminant => TrapCode::InvalidDiscriminant,
        Trap::InvalidChar => TrapCode::InvalidChar,
        Trap::CannotLeaveComponent => TrapCode::CannotLeave,
        Trap::CannotEnterComponent => TrapCode::CannotEnter,
        _ => TrapCode::Adapter,
    };
    let message = trap.to_string();
    (
        ours,
        message
            .strip_prefix("wasm trap: ")
            .unwrap_or(&message)
            .to_owned(),
    )
}
