//! Functions that Rust's standard library does not call, by their core signatures.
//!
//! The versions are those of the interfaces that the standard library imports, whose description is linked with it.

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

/// What a result is written to.
#[repr(C, align(8))]
struct Place([u8; 32]);

impl Place {
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

fn place(call: impl FnOnce(&mut Place)) -> Place {
    let mut place = Place([0xaa; 32]);
    call(&mut place);
    place
}

fn ok(call: impl FnOnce(&mut Place)) -> Place {
    let place = place(call);
    assert_eq!(place.u8(0), 0, "{:?}", place.0);
    place
}

import! { "wasi:cli/stdin@0.2.6": "get-stdin" => fn stdin() -> u32; }
import! { "wasi:cli/stdout@0.2.6": "get-stdout" => fn stdout() -> u32; }
import! { "wasi:cli/environment@0.2.6": "initial-cwd" => fn initial_cwd(place: &mut Place); }
import! { "wasi:io/error@0.2.6":
    "[method]error.to-debug-string" => fn to_debug_string(error: u32, place: &mut Place);
    "[resource-drop]error" => fn drop_error(error: u32);
}
import! { "wasi:io/poll@0.2.6":
    "[method]pollable.ready" => fn ready(pollable: u32) -> u32;
    "[method]pollable.block" => fn block(pollable: u32);
    "[resource-drop]pollable" => fn drop_pollable(pollable: u32);
}
import! { "wasi:io/streams@0.2.6":
    "[method]input-stream.read" => fn read(stream: u32, len: u64, place: &mut Place);
    "[method]input-stream.skip" => fn skip(stream: u32, len: u64, place: &mut Place);
    "[method]input-stream.blocking-skip" => fn blocking_skip(stream: u32, len: u64, place: &mut Place);
    "[method]output-stream.write" => fn write(stream: u32, bytes: *const u8, length: usize, place: &mut Place);
    "[method]output-stream.write-zeroes" => fn write_zeroes(stream: u32, len: u64, place: &mut Place);
    "[method]output-stream.blocking-write-zeroes-and-flush" => fn write_zeroes_and_flush(stream: u32, len: u64, place: &mut Place);
    "[method]output-stream.check-write" => fn check_write(stream: u32, place: &mut Place);
    "[method]output-stream.blocking-flush" => fn blocking_flush(stream: u32, place: &mut Place);
    "[method]output-stream.flush" => fn flush(stream: u32, place: &mut Place);
    "[method]output-stream.splice" => fn splice(stream: u32, source: u32, len: u64, place: &mut Place);
    "[method]output-stream.blocking-splice" => fn blocking_splice(stream: u32, source: u32, len: u64, place: &mut Place);
    "[method]output-stream.subscribe" => fn subscribe_output(stream: u32) -> u32;
    "[resource-drop]output-stream" => fn drop_output(stream: u32);
}

fn streams() {
    let (input, output) = (stdin(), stdout());
    assert_eq!(ok(|place| skip(input, 2, place)).u64(8), 2);
    assert_eq!(ok(|place| blocking_skip(input, 1, place)).u64(8), 1);
    assert_eq!(ok(|place| splice(output, input, 2, place)).u64(8), 2);
    assert_eq!(
        ok(|place| blocking_splice(output, input, 1, place)).u64(8),
        1
    );
    assert_eq!(ok(|place| read(input, 1, place)).text(4), "g");
    assert!(ok(|place| check_write(output, place)).u64(8) > 8);
    ok(|place| write_zeroes(output, 1, place));
    ok(|place| write_zeroes_and_flush(output, 1, place));
    ok(|place| flush(output, place));
    let pollable = subscribe_output(output);
    block(pollable);
    assert_eq!(ready(pollable), 1);
    drop_pollable(pollable);
    drop_output(output);
    // Nothing is left to be read.
    let closed = place(|place| skip(input, 1, place));
    assert_eq!((closed.u8(0), closed.u8(8)), (1, 1), "closed");
}

import! { "wasi:filesystem/types@0.2.6":
    "filesystem-error-code" => fn filesystem_error_code(error: u32, place: &mut Place);
    "[method]descriptor.open-at" => fn open_at(directory: u32, path_flags: u32, path: *const u8, length: usize, open_flags: u32, flags: u32, place: &mut Place);
    "[method]descriptor.get-type" => fn get_type(file: u32, place: &mut Place);
    "[method]descriptor.get-flags" => fn get_flags(file: u32, place: &mut Place);
    "[method]descriptor.is-same-object" => fn is_same_object(file: u32, other: u32) -> u32;
    "[method]descriptor.metadata-hash" => fn metadata_hash(file: u32, place: &mut Place);
    "[method]descriptor.advise" => fn advise(file: u32, offset: u64, len: u64, advice: u32, place: &mut Place);
    "[method]descriptor.sync-data" => fn sync_data(file: u32, place: &mut Place);
    "[method]descriptor.write" => fn write_file(file: u32, bytes: *const u8, length: usize, offset: u64, place: &mut Place);
    "[method]descriptor.read" => fn read_file(file: u32, len: u64, offset: u64, place: &mut Place);
    "[method]descriptor.set-times" => fn set_times(file: u32, accessed: u32, seconds: u64, nanoseconds: u32, modified: u32, seconds: u64, nanoseconds: u32, place: &mut Place);
    "[method]descriptor.stat" => fn stat(file: u32, place: &mut [u64; 13]);
    "[method]descriptor.write-via-stream" => fn write_via_stream(file: u32, offset: u64, place: &mut Place);
    "[method]descriptor.read-via-stream" => fn read_via_stream(file: u32, offset: u64, place: &mut Place);
    "[resource-drop]descriptor" => fn drop_file(file: u32);
}
import! { "wasi:filesystem/preopens@0.2.6": "get-directories" => fn get_directories(place: &mut Place); }

const CREATE: u32 = 1;
const READ: u32 = 1;
const WRITE: u32 = 2;

fn open_directory() -> u32 {
    let directories = place(|place| get_directories(place));
    assert_eq!(directories.u32(4), 1, "one directory is open");
    unsafe { *(directories.u32(0) as *const u32) }
}

fn files() {
    let directory = open_directory();
    let open = |open_flags: u32, flags: u32| {
        ok(|place| {
            open_at(directory, 0, "raw".as_ptr(), 3, open_flags, flags, place);
        })
        .u32(4)
    };
    let (file, other) = (open(CREATE, READ | WRITE), open(0, READ));
    assert_eq!(ok(|place| get_type(file, place)).u8(1), 6, "a regular file");
    assert_eq!(
        ok(|place| get_flags(file, place)).u8(1),
        3,
        "to be read and written"
    );
    assert_eq!(ok(|place| get_flags(other, place)).u8(1), 1, "to be read");
    assert_eq!(is_same_object(file, other), 1);
    assert_eq!(is_same_object(file, directory), 0);
    let hash = ok(|place| metadata_hash(file, place));
    assert_eq!(hash.u64(8), ok(|place| metadata_hash(other, place)).u64(8));
    ok(|place| advise(file, 0, 3, 5, place));
    assert_eq!(
        ok(|place| write_file(file, "abc".as_ptr(), 3, 1, place)).u64(8),
        3
    );
    ok(|place| sync_data(file, place));
    let refused = place(|place| write_file(other, "abc".as_ptr(), 3, 0, place));
    assert_ne!(refused.u8(0), 0);
    let content = ok(|place| read_file(file, 3, 2, place));
    assert_eq!(content.text(4), "bc");
    ok(|place| set_times(file, 0, 0, 0, 2, 1_000_000_000, 500, place));
    let mut place = [0; 13];
    stat(file, &mut place);
    // The type and the links, the size, and what was modified.
    assert_eq!(
        (place[0] & 0xff, place[1] & 0xff, place[2], place[3]),
        (0, 6, 1, 4)
    );
    assert_eq!(
        place[8..10]
            .iter()
            .map(|part| part & 0xffff_ffff)
            .collect::<Vec<_>>(),
        [1_000_000_000, 500]
    );
    // A stream of a directory is refused, with the code for that.
    let refused = self::place(|place| read_via_stream(directory, 0, place));
    assert_eq!((refused.u8(0), refused.u8(4)), (1, 14), "is-directory");
    drop_file(file);
    drop_file(other);
}

/// The device never has room.
fn errors() {
    let directory = open_directory();
    let file = ok(|place| open_at(directory, 0, "full".as_ptr(), 4, 0, WRITE, place)).u32(4);
    let output = ok(|place| write_via_stream(file, 0, place)).u32(4);
    ok(|place| check_write(output, place));
    ok(|place| write(output, [7; 16].as_ptr(), 16, place));
    let failed = place(|place| blocking_flush(output, place));
    assert_eq!((failed.u8(0), failed.u8(4)), (1, 0), "it failed");
    let error = failed.u32(8);
    println!("{}", place(|place| to_debug_string(error, place)).text(0));
    let code = place(|place| filesystem_error_code(error, place));
    assert_eq!((code.u8(0), code.u8(1)), (1, 23), "insufficient-space");
    drop_error(error);
    drop_output(output);
    drop_file(file);
}

import! { "wasi:random/random@0.2.6": "get-random-u64" => fn random() -> u64; }
import! { "wasi:random/insecure@0.2.6":
    "get-insecure-random-u64" => fn insecure() -> u64;
    "get-insecure-random-bytes" => fn insecure_bytes(length: u64, place: &mut Place);
}
import! { "wasi:clocks/monotonic-clock@0.2.6":
    "resolution" => fn resolution() -> u64;
    "now" => fn now() -> u64;
    "subscribe-instant" => fn subscribe_instant(when: u64) -> u32;
}
import! { "wasi:clocks/wall-clock@0.2.6": "resolution" => fn wall_resolution(place: &mut Place); }

fn others() {
    assert_ne!(random(), random());
    assert_ne!(insecure(), insecure());
    assert_eq!(place(|place| insecure_bytes(5, place)).u32(4), 5);
    assert!(resolution() > 0);
    let wall = place(|place| wall_resolution(place));
    assert!(wall.u64(0) > 0 || wall.u32(8) > 0);
    let past = subscribe_instant(0);
    block(past);
    assert_eq!(ready(past), 1);
    drop_pollable(past);
    let later = subscribe_instant(now() + 20_000_000);
    assert_eq!(ready(later), 0);
    block(later);
    drop_pollable(later);
    let directory = place(|place| initial_cwd(place));
    assert_eq!(directory.u8(0), 1);
    println!("{}", directory.text(4));
}

import! { "wasi:sockets/tcp-create-socket@0.2.6": "create-tcp-socket" => fn create_tcp(family: u32, place: &mut Place); }
import! { "wasi:sockets/tcp@0.2.6":
    "[method]tcp-socket.address-family" => fn family(socket: u32) -> u32;
    "[method]tcp-socket.is-listening" => fn is_listening(socket: u32) -> u32;
    "[method]tcp-socket.keep-alive-enabled" => fn keep_alive(socket: u32, place: &mut Place);
    "[method]tcp-socket.set-keep-alive-enabled" => fn set_keep_alive(socket: u32, value: u32, place: &mut Place);
    "[method]tcp-socket.keep-alive-idle-time" => fn idle_time(socket: u32, place: &mut Place);
    "[method]tcp-socket.set-keep-alive-idle-time" => fn set_idle_time(socket: u32, value: u64, place: &mut Place);
    "[method]tcp-socket.keep-alive-interval" => fn interval(socket: u32, place: &mut Place);
    "[method]tcp-socket.set-keep-alive-interval" => fn set_interval(socket: u32, value: u64, place: &mut Place);
    "[method]tcp-socket.keep-alive-count" => fn count(socket: u32, place: &mut Place);
    "[method]tcp-socket.set-keep-alive-count" => fn set_count(socket: u32, value: u32, place: &mut Place);
    "[method]tcp-socket.hop-limit" => fn hop_limit(socket: u32, place: &mut Place);
    "[method]tcp-socket.set-hop-limit" => fn set_hop_limit(socket: u32, value: u32, place: &mut Place);
    "[method]tcp-socket.receive-buffer-size" => fn receive_buffer(socket: u32, place: &mut Place);
    "[method]tcp-socket.set-receive-buffer-size" => fn set_receive_buffer(socket: u32, value: u64, place: &mut Place);
    "[method]tcp-socket.send-buffer-size" => fn send_buffer(socket: u32, place: &mut Place);
    "[method]tcp-socket.set-send-buffer-size" => fn set_send_buffer(socket: u32, value: u64, place: &mut Place);
    "[method]tcp-socket.set-listen-backlog-size" => fn set_backlog(socket: u32, value: u64, place: &mut Place);
    "[method]tcp-socket.finish-connect" => fn finish_connect(socket: u32, place: &mut Place);
    "[resource-drop]tcp-socket" => fn drop_tcp(socket: u32);
}
import! { "wasi:sockets/udp-create-socket@0.2.6": "create-udp-socket" => fn create_udp(family: u32, place: &mut Place); }
import! { "wasi:sockets/udp@0.2.6":
    "[method]udp-socket.address-family" => fn udp_family(socket: u32) -> u32;
    "[method]udp-socket.unicast-hop-limit" => fn udp_hop_limit(socket: u32, place: &mut Place);
    "[method]udp-socket.set-unicast-hop-limit" => fn set_udp_hop_limit(socket: u32, value: u32, place: &mut Place);
    "[method]udp-socket.receive-buffer-size" => fn udp_receive_buffer(socket: u32, place: &mut Place);
    "[method]udp-socket.set-receive-buffer-size" => fn set_udp_receive_buffer(socket: u32, value: u64, place: &mut Place);
    "[method]udp-socket.send-buffer-size" => fn udp_send_buffer(socket: u32, place: &mut Place);
    "[method]udp-socket.set-send-buffer-size" => fn set_udp_send_buffer(socket: u32, value: u64, place: &mut Place);
    "[resource-drop]udp-socket" => fn drop_udp(socket: u32);
}

const SECOND: u64 = 1_000_000_000;

fn sockets() {
    let socket = ok(|place| create_tcp(0, place)).u32(4);
    assert_eq!((family(socket), is_listening(socket)), (0, 0));
    ok(|place| set_keep_alive(socket, 1, place));
    assert_eq!(ok(|place| keep_alive(socket, place)).u8(1), 1);
    ok(|place| set_idle_time(socket, 7 * SECOND, place));
    assert_eq!(ok(|place| idle_time(socket, place)).u64(8), 7 * SECOND);
    ok(|place| set_interval(socket, 8 * SECOND, place));
    assert_eq!(ok(|place| interval(socket, place)).u64(8), 8 * SECOND);
    ok(|place| set_count(socket, 9, place));
    assert_eq!(ok(|place| count(socket, place)).u32(4), 9);
    ok(|place| set_hop_limit(socket, 10, place));
    assert_eq!(ok(|place| hop_limit(socket, place)).u8(1), 10);
    ok(|place| set_receive_buffer(socket, 20_000, place));
    assert!(ok(|place| receive_buffer(socket, place)).u64(8) >= 20_000);
    ok(|place| set_send_buffer(socket, 30_000, place));
    assert!(ok(|place| send_buffer(socket, place)).u64(8) >= 30_000);
    ok(|place| set_backlog(socket, 5, place));
    let early = place(|place| finish_connect(socket, place));
    assert_eq!((early.u8(0), early.u8(4)), (1, 7), "not-in-progress");
    drop_tcp(socket);

    let socket = ok(|place| create_udp(0, place)).u32(4);
    assert_eq!(udp_family(socket), 0);
    ok(|place| set_udp_hop_limit(socket, 11, place));
    assert_eq!(ok(|place| udp_hop_limit(socket, place)).u8(1), 11);
    ok(|place| set_udp_receive_buffer(socket, 20_000, place));
    assert!(ok(|place| udp_receive_buffer(socket, place)).u64(8) >= 20_000);
    ok(|place| set_udp_send_buffer(socket, 30_000, place));
    assert!(ok(|place| udp_send_buffer(socket, place)).u64(8) >= 30_000);
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
