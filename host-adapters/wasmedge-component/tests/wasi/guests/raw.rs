//! Functions that Rust's standard library does not call, by their core signatures.
//!
//! The versions are those that the standard library imports, because their type information is
//! linked with it.

macro_rules! import {
    ($interface:literal: $($name:literal => fn $function:ident($($param:ident: $ty:ty),*) $(-> $result:ty)?;)+) => {
        #[link(wasm_import_module = $interface)]
        unsafe extern "C" {
            $(
                #[link_name = $name]
                safe fn $function($($param: $ty),*) $(-> $result)?;
            )+
        }
    };
}

/// The buffer for a result.
#[repr(C, align(8))]
struct ResultArea([u8; 32]);

impl ResultArea {
    fn u8(&self, at: usize) -> u8 {
        self.0[at]
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap())
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.0[at..at + 8].try_into().unwrap())
    }

    fn text(&self, at: usize) -> String {
        let (pointer, length) = (self.u32(at), self.u32(at + 4));
        unsafe { String::from_raw_parts(pointer as *mut u8, length as usize, length as usize) }
    }
}

fn area(call: impl FnOnce(&mut ResultArea)) -> ResultArea {
    let mut area = ResultArea([0xaa; 32]);
    call(&mut area);
    area
}

fn ok(call: impl FnOnce(&mut ResultArea)) -> ResultArea {
    let area = area(call);
    assert_eq!(area.u8(0), 0, "{:?}", area.0);
    area
}

import! { "wasi:cli/stdin@0.2.6": "get-stdin" => fn stdin() -> u32; }
import! { "wasi:cli/stdout@0.2.6": "get-stdout" => fn stdout() -> u32; }
import! { "wasi:cli/environment@0.2.6": "initial-cwd" => fn initial_cwd(area: &mut ResultArea); }
import! { "wasi:io/error@0.2.6":
    "[method]error.to-debug-string" => fn to_debug_string(error: u32, area: &mut ResultArea);
    "[resource-drop]error" => fn drop_error(error: u32);
}
import! { "wasi:io/poll@0.2.6":
    "[method]pollable.ready" => fn ready(pollable: u32) -> u32;
    "[method]pollable.block" => fn block(pollable: u32);
    "[resource-drop]pollable" => fn drop_pollable(pollable: u32);
}
import! { "wasi:io/streams@0.2.6":
    "[method]input-stream.read" => fn read(stream: u32, len: u64, area: &mut ResultArea);
    "[method]input-stream.skip" => fn skip(stream: u32, len: u64, area: &mut ResultArea);
    "[method]input-stream.blocking-skip" => fn blocking_skip(stream: u32, len: u64, area: &mut ResultArea);
    "[method]output-stream.write" => fn write(stream: u32, bytes: *const u8, length: usize, area: &mut ResultArea);
    "[method]output-stream.write-zeroes" => fn write_zeroes(stream: u32, len: u64, area: &mut ResultArea);
    "[method]output-stream.blocking-write-zeroes-and-flush" => fn write_zeroes_and_flush(stream: u32, len: u64, area: &mut ResultArea);
    "[method]output-stream.check-write" => fn check_write(stream: u32, area: &mut ResultArea);
    "[method]output-stream.blocking-flush" => fn blocking_flush(stream: u32, area: &mut ResultArea);
    "[method]output-stream.flush" => fn flush(stream: u32, area: &mut ResultArea);
    "[method]output-stream.splice" => fn splice(stream: u32, source: u32, len: u64, area: &mut ResultArea);
    "[method]output-stream.blocking-splice" => fn blocking_splice(stream: u32, source: u32, len: u64, area: &mut ResultArea);
    "[method]output-stream.subscribe" => fn subscribe_output(stream: u32) -> u32;
    "[resource-drop]output-stream" => fn drop_output(stream: u32);
}

fn streams() {
    let (input, output) = (stdin(), stdout());
    assert_eq!(ok(|area| skip(input, 2, area)).u64(8), 2);
    assert_eq!(ok(|area| blocking_skip(input, 1, area)).u64(8), 1);
    assert_eq!(ok(|area| splice(output, input, 2, area)).u64(8), 2);
    assert_eq!(
        ok(|area| blocking_splice(output, input, 1, area)).u64(8),
        1
    );
    assert_eq!(ok(|area| read(input, 1, area)).text(4), "g");
    assert!(ok(|area| check_write(output, area)).u64(8) > 8);
    ok(|area| write_zeroes(output, 1, area));
    ok(|area| write_zeroes_and_flush(output, 1, area));
    ok(|area| flush(output, area));
    let pollable = subscribe_output(output);
    block(pollable);
    assert_eq!(ready(pollable), 1);
    drop_pollable(pollable);
    drop_output(output);
    // Nothing is left to read.
    let closed = area(|area| skip(input, 1, area));
    assert_eq!((closed.u8(0), closed.u8(8)), (1, 1), "closed");
}

import! { "wasi:filesystem/types@0.2.6":
    "filesystem-error-code" => fn filesystem_error_code(error: u32, area: &mut ResultArea);
    "[method]descriptor.open-at" => fn open_at(directory: u32, path_flags: u32, path: *const u8, length: usize, open_flags: u32, flags: u32, area: &mut ResultArea);
    "[method]descriptor.get-type" => fn get_type(file: u32, area: &mut ResultArea);
    "[method]descriptor.get-flags" => fn get_flags(file: u32, area: &mut ResultArea);
    "[method]descriptor.is-same-object" => fn is_same_object(file: u32, other: u32) -> u32;
    "[method]descriptor.metadata-hash" => fn metadata_hash(file: u32, area: &mut ResultArea);
    "[method]descriptor.advise" => fn advise(file: u32, offset: u64, len: u64, advice: u32, area: &mut ResultArea);
    "[method]descriptor.sync-data" => fn sync_data(file: u32, area: &mut ResultArea);
    "[method]descriptor.write" => fn write_file(file: u32, bytes: *const u8, length: usize, offset: u64, area: &mut ResultArea);
    "[method]descriptor.read" => fn read_file(file: u32, len: u64, offset: u64, area: &mut ResultArea);
    "[method]descriptor.set-times" => fn set_times(file: u32, accessed: u32, seconds: u64, nanoseconds: u32, modified: u32, seconds: u64, nanoseconds: u32, area: &mut ResultArea);
    "[method]descriptor.stat" => fn stat(file: u32, area: &mut [u64; 13]);
    "[method]descriptor.write-via-stream" => fn write_via_stream(file: u32, offset: u64, area: &mut ResultArea);
    "[method]descriptor.read-via-stream" => fn read_via_stream(file: u32, offset: u64, area: &mut ResultArea);
    "[resource-drop]descriptor" => fn drop_file(file: u32);
}
import! { "wasi:filesystem/preopens@0.2.6": "get-directories" => fn get_directories(area: &mut ResultArea); }

const CREATE: u32 = 1;
const READ: u32 = 1;
const WRITE: u32 = 2;

fn open_directory() -> u32 {
    let directories = area(|area| get_directories(area));
    assert_eq!(directories.u32(4), 1, "one directory is open");
    unsafe { *(directories.u32(0) as *const u32) }
}

fn files() {
    let directory = open_directory();
    let open = |open_flags: u32, flags: u32| {
        ok(|area| {
            open_at(directory, 0, "raw".as_ptr(), 3, open_flags, flags, area);
        })
        .u32(4)
    };
    let (file, other) = (open(CREATE, READ | WRITE), open(0, READ));
    assert_eq!(ok(|area| get_type(file, area)).u8(1), 6, "a regular file");
    assert_eq!(
        ok(|area| get_flags(file, area)).u8(1),
        3,
        "to be read and written"
    );
    assert_eq!(ok(|area| get_flags(other, area)).u8(1), 1, "to be read");
    assert_eq!(is_same_object(file, other), 1);
    assert_eq!(is_same_object(file, directory), 0);
    let hash = ok(|area| metadata_hash(file, area));
    assert_eq!(hash.u64(8), ok(|area| metadata_hash(other, area)).u64(8));
    ok(|area| advise(file, 0, 3, 5, area));
    assert_eq!(
        ok(|area| write_file(file, "abc".as_ptr(), 3, 1, area)).u64(8),
        3
    );
    ok(|area| sync_data(file, area));
    let refused = area(|area| write_file(other, "abc".as_ptr(), 3, 0, area));
    assert_ne!(refused.u8(0), 0);
    let content = ok(|area| read_file(file, 3, 2, area));
    assert_eq!(content.text(4), "bc");
    ok(|area| set_times(file, 0, 0, 0, 2, 1_000_000_000, 500, area));
    let mut area = [0; 13];
    stat(file, &mut area);
    // The type, the links, the size, and the modification time.
    assert_eq!(
        (area[0] & 0xff, area[1] & 0xff, area[2], area[3]),
        (0, 6, 1, 4)
    );
    assert_eq!(
        area[8..10]
            .iter()
            .map(|part| part & 0xffff_ffff)
            .collect::<Vec<_>>(),
        [1_000_000_000, 500]
    );
    // A stream of a directory is refused with the correct code.
    let refused = self::area(|area| read_via_stream(directory, 0, area));
    assert_eq!((refused.u8(0), refused.u8(4)), (1, 14), "is-directory");
    drop_file(file);
    drop_file(other);
}

/// The device is always full.
fn errors() {
    let directory = open_directory();
    let file = ok(|area| open_at(directory, 0, "full".as_ptr(), 4, 0, WRITE, area)).u32(4);
    let output = ok(|area| write_via_stream(file, 0, area)).u32(4);
    ok(|area| check_write(output, area));
    ok(|area| write(output, [7; 16].as_ptr(), 16, area));
    let failed = area(|area| blocking_flush(output, area));
    assert_eq!((failed.u8(0), failed.u8(4)), (1, 0), "it failed");
    let error = failed.u32(8);
    println!("{}", area(|area| to_debug_string(error, area)).text(0));
    let code = area(|area| filesystem_error_code(error, area));
    assert_eq!((code.u8(0), code.u8(1)), (1, 23), "insufficient-space");
    drop_error(error);
    drop_output(output);
    drop_file(file);
}

import! { "wasi:random/random@0.2.6": "get-random-u64" => fn random() -> u64; }
import! { "wasi:random/insecure@0.2.6":
    "get-insecure-random-u64" => fn insecure() -> u64;
    "get-insecure-random-bytes" => fn insecure_bytes(length: u64, area: &mut ResultArea);
}
import! { "wasi:clocks/monotonic-clock@0.2.6":
    "resolution" => fn resolution() -> u64;
    "now" => fn now() -> u64;
    "subscribe-instant" => fn subscribe_instant(when: u64) -> u32;
}
import! { "wasi:clocks/wall-clock@0.2.6": "resolution" => fn wall_resolution(area: &mut ResultArea); }

fn others() {
    assert_ne!(random(), random());
    assert_ne!(insecure(), insecure());
    assert_eq!(area(|area| insecure_bytes(5, area)).u32(4), 5);
    assert!(resolution() > 0);
    let wall = area(|area| wall_resolution(area));
    assert!(wall.u64(0) > 0 || wall.u32(8) > 0);
    let past = subscribe_instant(0);
    block(past);
    assert_eq!(ready(past), 1);
    drop_pollable(past);
    let later = subscribe_instant(now() + 20_000_000);
    assert_eq!(ready(later), 0);
    block(later);
    drop_pollable(later);
    let directory = area(|area| initial_cwd(area));
    assert_eq!(directory.u8(0), 1);
    println!("{}", directory.text(4));
}

import! { "wasi:sockets/tcp-create-socket@0.2.6": "create-tcp-socket" => fn create_tcp(family: u32, area: &mut ResultArea); }
import! { "wasi:sockets/tcp@0.2.6":
    "[method]tcp-socket.address-family" => fn family(socket: u32) -> u32;
    "[method]tcp-socket.is-listening" => fn is_listening(socket: u32) -> u32;
    "[method]tcp-socket.keep-alive-enabled" => fn keep_alive(socket: u32, area: &mut ResultArea);
    "[method]tcp-socket.set-keep-alive-enabled" => fn set_keep_alive(socket: u32, value: u32, area: &mut ResultArea);
    "[method]tcp-socket.keep-alive-idle-time" => fn idle_time(socket: u32, area: &mut ResultArea);
    "[method]tcp-socket.set-keep-alive-idle-time" => fn set_idle_time(socket: u32, value: u64, area: &mut ResultArea);
    "[method]tcp-socket.keep-alive-interval" => fn interval(socket: u32, area: &mut ResultArea);
    "[method]tcp-socket.set-keep-alive-interval" => fn set_interval(socket: u32, value: u64, area: &mut ResultArea);
    "[method]tcp-socket.keep-alive-count" => fn count(socket: u32, area: &mut ResultArea);
    "[method]tcp-socket.set-keep-alive-count" => fn set_count(socket: u32, value: u32, area: &mut ResultArea);
    "[method]tcp-socket.hop-limit" => fn hop_limit(socket: u32, area: &mut ResultArea);
    "[method]tcp-socket.set-hop-limit" => fn set_hop_limit(socket: u32, value: u32, area: &mut ResultArea);
    "[method]tcp-socket.receive-buffer-size" => fn receive_buffer(socket: u32, area: &mut ResultArea);
    "[method]tcp-socket.set-receive-buffer-size" => fn set_receive_buffer(socket: u32, value: u64, area: &mut ResultArea);
    "[method]tcp-socket.send-buffer-size" => fn send_buffer(socket: u32, area: &mut ResultArea);
    "[method]tcp-socket.set-send-buffer-size" => fn set_send_buffer(socket: u32, value: u64, area: &mut ResultArea);
    "[method]tcp-socket.set-listen-backlog-size" => fn set_backlog(socket: u32, value: u64, area: &mut ResultArea);
    "[method]tcp-socket.finish-connect" => fn finish_connect(socket: u32, area: &mut ResultArea);
    "[resource-drop]tcp-socket" => fn drop_tcp(socket: u32);
}
import! { "wasi:sockets/udp-create-socket@0.2.6": "create-udp-socket" => fn create_udp(family: u32, area: &mut ResultArea); }
import! { "wasi:sockets/udp@0.2.6":
    "[method]udp-socket.address-family" => fn udp_family(socket: u32) -> u32;
    "[method]udp-socket.unicast-hop-limit" => fn udp_hop_limit(socket: u32, area: &mut ResultArea);
    "[method]udp-socket.set-unicast-hop-limit" => fn set_udp_hop_limit(socket: u32, value: u32, area: &mut ResultArea);
    "[method]udp-socket.receive-buffer-size" => fn udp_receive_buffer(socket: u32, area: &mut ResultArea);
    "[method]udp-socket.set-receive-buffer-size" => fn set_udp_receive_buffer(socket: u32, value: u64, area: &mut ResultArea);
    "[method]udp-socket.send-buffer-size" => fn udp_send_buffer(socket: u32, area: &mut ResultArea);
    "[method]udp-socket.set-send-buffer-size" => fn set_udp_send_buffer(socket: u32, value: u64, area: &mut ResultArea);
    "[resource-drop]udp-socket" => fn drop_udp(socket: u32);
}

const SECOND: u64 = 1_000_000_000;

fn sockets() {
    let socket = ok(|area| create_tcp(0, area)).u32(4);
    assert_eq!((family(socket), is_listening(socket)), (0, 0));
    ok(|area| set_keep_alive(socket, 1, area));
    assert_eq!(ok(|area| keep_alive(socket, area)).u8(1), 1);
    ok(|area| set_idle_time(socket, 7 * SECOND, area));
    assert_eq!(ok(|area| idle_time(socket, area)).u64(8), 7 * SECOND);
    ok(|area| set_interval(socket, 8 * SECOND, area));
    assert_eq!(ok(|area| interval(socket, area)).u64(8), 8 * SECOND);
    ok(|area| set_count(socket, 9, area));
    assert_eq!(ok(|area| count(socket, area)).u32(4), 9);
    ok(|area| set_hop_limit(socket, 10, area));
    assert_eq!(ok(|area| hop_limit(socket, area)).u8(1), 10);
    ok(|area| set_receive_buffer(socket, 20_000, area));
    assert!(ok(|area| receive_buffer(socket, area)).u64(8) >= 20_000);
    ok(|area| set_send_buffer(socket, 30_000, area));
    assert!(ok(|area| send_buffer(socket, area)).u64(8) >= 30_000);
    ok(|area| set_backlog(socket, 5, area));
    let early = area(|area| finish_connect(socket, area));
    assert_eq!((early.u8(0), early.u8(4)), (1, 7), "not-in-progress");
    drop_tcp(socket);

    let socket = ok(|area| create_udp(0, area)).u32(4);
    assert_eq!(udp_family(socket), 0);
    ok(|area| set_udp_hop_limit(socket, 11, area));
    assert_eq!(ok(|area| udp_hop_limit(socket, area)).u8(1), 11);
    ok(|area| set_udp_receive_buffer(socket, 20_000, area));
    assert!(ok(|area| udp_receive_buffer(socket, area)).u64(8) >= 20_000);
    ok(|area| set_udp_send_buffer(socket, 30_000, area));
    assert!(ok(|area| udp_send_buffer(socket, area)).u64(8) >= 30_000);
    drop_udp(socket);
}

fn main() {
    match std::env::args().nth(1).unwrap().as_str() {
        "streams" => streams(),
        "files" => files(),
        "errors" => errors(),
        "others" => others(),
        "sockets" => sockets(),
        other => panic!("no `{other}`"),
    }
}
