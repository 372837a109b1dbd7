//! The types of `wasi:filesystem`.

use wasmtime_wasi::p2::bindings::filesystem::types;

use crate::clocks::Datetime;
use crate::mirror::{mirror_enum, mirror_flags};

mirror_enum! {
    DescriptorType = types::DescriptorType {
        "unknown" => Unknown,
        "block-device" => BlockDevice,
        "character-device" => CharacterDevice,
        "directory" => Directory,
        "fifo" => Fifo,
        "symbolic-link" => SymbolicLink,
        "regular-file" => RegularFile,
        "socket" => Socket,
    }
}

mirror_enum! {
    Advice = types::Advice {
        "normal" => Normal,
        "sequential" => Sequential,
        "random" => Random,
        "will-need" => WillNeed,
        "dont-need" => DontNeed,
        "no-reuse" => NoReuse,
    }
}

mirror_enum! {
    ErrorCode = types::ErrorCode {
        "access" => Access,
        "would-block" => WouldBlock,
        "already" => Already,
        "bad-descriptor" => BadDescriptor,
        "busy" => Busy,
        "deadlock" => Deadlock,
        "quota" => Quota,
        "exist" => Exist,
        "file-too-large" => FileTooLarge,
        "illegal-byte-sequence" => IllegalByteSequence,
        "in-progress" => InProgress,
        "interrupted" => Interrupted,
        "invalid" => Invalid,
        "io" => Io,
        "is-directory" => IsDirectory,
        "loop" => Loop,
        "too-many-links" => TooManyLinks,
        "message-size" => MessageSize,
        "name-too-long" => NameTooLong,
        "no-device" => NoDevice,
        "no-entry" => NoEntry,
        "no-lock" => NoLock,
        "insufficient-memory" => InsufficientMemory,
        "insufficient-space" => InsufficientSpace,
        "not-directory" => NotDirectory,
        "not-empty" => NotEmpty,
        "not-recoverable" => NotRecoverable,
        "unsupported" => Unsupported,
        "no-tty" => NoTty,
        "no-such-device" => NoSuchDevice,
        "overflow" => Overflow,
        "not-permitted" => NotPermitted,
        "pipe" => Pipe,
        "read-only" => ReadOnly,
        "invalid-seek" => InvalidSeek,
        "text-file-busy" => TextFileBusy,
        "cross-device" => CrossDevice,
    }
}

mirror_flags! {
    DescriptorFlags = types::DescriptorFlags {
        "read" => READ,
        "write" => WRITE,
        "file-integrity-sync" => FILE_INTEGRITY_SYNC,
        "data-integrity-sync" => DATA_INTEGRITY_SYNC,
        "requested-write-sync" => REQUESTED_WRITE_SYNC,
        "mutate-directory" => MUTATE_DIRECTORY,
    }
}

mirror_flags! {
    PathFlags = types::PathFlags {
        "symlink-follow" => SYMLINK_FOLLOW,
    }
}

mirror_flags! {
    OpenFlags = types::OpenFlags {
        "create" => CREATE,
        "directory" => DIRECTORY,
        "exclusive" => EXCLUSIVE,
        "truncate" => TRUNCATE,
    }
}

pub(crate) struct DescriptorStat {
    ty: DescriptorType,
    link_count: u64,
    size: u64,
    accessed: Option<Datetime>,
    modified: Option<Datetime>,
    status_changed: Option<Datetime>,
}

component_model::record! {
    DescriptorStat {
        "type" => ty: DescriptorType,
        "link-count" => link_count: u64,
        "size" => size: u64,
        "data-access-timestamp" => accessed: Option<Datetime>,
        "data-modification-timestamp" => modified: Option<Datetime>,
        "status-change-timestamp" => status_changed: Option<Datetime>,
    }
}

impl From<types::DescriptorStat> for DescriptorStat {
    fn from(stat: types::DescriptorStat) -> Self {
        Self {
            ty: stat.type_.into(),
            link_count: stat.link_count,
            size: stat.size,
            accessed: stat.data_access_timestamp.map(Datetime::from),
            modified: stat.data_modification_timestamp.map(Datetime::from),
            status_changed: stat.status_change_timestamp.map(Datetime::from),
        }
    }
}

pub(crate) enum NewTimestamp {
    NoChange,
    Now,
    Timestamp(Datetime),
}

component_model::variant! {
    NewTimestamp {
        "no-change" => NoChange,
        "now" => Now,
        "timestamp" => Timestamp(Datetime),
    }
}

impl From<NewTimestamp> for types::NewTimestamp {
    fn from(timestamp: NewTimestamp) -> Self {
        match timestamp {
            NewTimestamp::NoChange => Self::NoChange,
            NewTimestamp::Now => Self::Now,
            NewTimestamp::Timestamp(time) => Self::Timestamp(time.into()),
        }
    }
}

pub(crate) struct DirectoryEntry {
    ty: DescriptorType,
    name: String,
}

component_model::record! {
    DirectoryEntry {
        "type" => ty: DescriptorType,
        "name" => name: String,
    }
}

impl From<types::DirectoryEntry> for DirectoryEntry {
    fn from(entry: types::DirectoryEntry) -> Self {
        Self {
            ty: entry.type_.into(),
            name: entry.name,
        }
    }
}

pub(crate) struct MetadataHashValue {
    lower: u64,
    upper: u64,
}

component_model::record! {
    MetadataHashValue {
        "lower" => lower: u64,
        "upper" => upper: u64,
    }
}

impl From<types::MetadataHashValue> for MetadataHashValue {
    fn from(hash: types::MetadataHashValue) -> Self {
        Self {
            lower: hash.lower,
            upper: hash.upper,
        }
    }
}
