use super::*;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A stream that is written piece by piece, when the test allows it.
struct Reader {
    allowed: mpsc::Sender<io::Result<()>>,
    written: mpsc::Receiver<Vec<u8>>,
}

impl Reader {
    /// Starts a queue and the reader of its stream.
    fn of(unread: Unread) -> (Queue, Self) {
        let (allowed, allows) = mpsc::channel::<io::Result<()>>();
        let (writes, written) = mpsc::channel();
        let queue = Queue::start_with(StandardStream::Stdout, unread, move |piece| {
            // The test is over then.
            let Ok(allowed) = allows.recv() else {
                return Err(io::ErrorKind::Other.into());
            };
            allowed.inspect(|()| drop(writes.send(piece.to_owned())))
        });
        (queue.expect("a thread"), Self { allowed, written })
    }

    fn read(&self) -> Vec<u8> {
        self.allowed.send(Ok(())).expect("the writer lives");
        let patience = Duration::from_secs(30);
        self.written.recv_timeout(patience).expect("a piece")
    }

    /// Reads in the background from now on.
    fn read_all(self) {
        thread::spawn(
            move || {
                while self.allowed.send(Ok(())).is_ok() && self.written.recv().is_ok() {}
            },
        );
    }

    fn fail(&self, kind: io::ErrorKind) {
        self.allowed
            .send(Err(kind.into()))
            .expect("the writer lives");
    }
}

/// A line of a kibibyte.
fn line() -> Vec<u8> {
    let mut line = vec![b'x'; 1023];
    line.push(b'\n');
    line
}

fn add(queue: &Queue, lines: usize) {
    for _ in 0..lines {
        queue.adding().add(&[&line()]);
    }
}

fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(30), "it never is");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn pieces_have_whole_lines() {
    let pieces = |bytes: &[u8]| {
        let mut rest = bytes;
        let mut lengths = Vec::new();
        while let Some(piece) = first_piece(&mut rest) {
            lengths.push(piece.len());
        }
        lengths
    };
    assert!(pieces(b"").is_empty());
    assert_eq!(pieces(b"one\ntwo\n"), [8]);
    assert_eq!(pieces(&line().repeat(9)), [4096, 4096, 1024]);
    let long = [&vec![b'x'; 10_000][..], b"\nnext\n"].concat();
    assert_eq!(pieces(&long), [10_001, 5]);
    assert_eq!(pieces(&[&b"one\n"[..], &long].concat()), [4, 10_001, 5]);
    // Bytes that are passed on as they are need not have lines.
    let none = vec![0; LONGEST + PIECE + 1];
    assert_eq!(pieces(&none).into_iter().max(), Some(PIECE));
}

#[test]
fn texts_that_are_added_at_the_same_time_stay_together() {
    let (queue, reader) = Reader::of(Unread::Waits);
    thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let queue = &queue;
            scope.spawn(move || {
                for _ in 0..100 {
                    queue
                        .adding()
                        .add(&[name.as_bytes(), b" says ", name.as_bytes(), b"\n"]);
                }
            });
        }
    });
    let mut all = Vec::new();
    while all.len() < 300 * 9 {
        all.extend(reader.read());
    }
    let all = String::from_utf8(all).expect("text");
    let whole = ["a says a", "b says b", "c says c"];
    assert!(all.lines().all(|line| whole.contains(&line)), "{all}");
}

#[test]
fn guests_wait_for_a_slow_reader() {
    let (queue, reader) = Reader::of(Unread::Waits);
    add(&queue, 1024);
    assert!(!queue.has_room());
    // Even for long.
    thread::sleep(READ_TIMEOUT);
    assert!(!queue.has_room());
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().expect("a runtime");
    let waiting = queue.clone();
    let waits = thread::spawn(move || runtime.block_on(waiting.room()));
    assert!(!waits.is_finished());
    let _ = reader.read();
    waits.join().expect("it waits no longer");
    reader.read_all();
    assert_eq!(queue.finish(), 0);
}

#[test]
fn lines_for_a_server_are_dropped_if_nobody_reads() {
    let (queue, reader) = Reader::of(Unread::Drops);
    add(&queue, 1024);
    assert!(!queue.has_room(), "it waits at first");
    wait_until(|| queue.has_room());
    add(&queue, 4 * 1024);
    assert_eq!(queue.0.lock().bytes(), MOST);
    assert_eq!(queue.0.lock().dropped, 1024);
    // When it is read again, guests wait again.
    let _ = reader.read();
    assert!(!queue.has_room());
    // The piece that was read had at least one line.
    let lost = queue.finish();
    assert!((5 * 1024 - 4..5 * 1024).contains(&lost), "{lost}");
    // Nothing is accepted after the end.
    add(&queue, 10);
    assert_eq!(queue.finish(), lost);
    reader.read_all();
    wait_until(|| queue.0.lock().bytes() == 0);
    assert_eq!(queue.finish(), 1024);
}

#[test]
fn a_stream_that_cannot_be_written_is_an_error_of_a_program() {
    let (queue, reader) = Reader::of(Unread::Waits);
    assert_eq!(queue.error(), None);
    add(&queue, 1);
    reader.fail(io::ErrorKind::StorageFull);
    wait_until(|| queue.0.lock().bytes() == 0);
    assert_eq!(queue.error(), Some(io::ErrorKind::StorageFull));
    assert_eq!(queue.error(), None);
    add(&queue, 2000);
    assert!(!queue.has_room());
    reader.fail(io::ErrorKind::BrokenPipe);
    wait_until(|| queue.has_room());
    for _ in 0..2 {
        assert_eq!(queue.error(), Some(io::ErrorKind::BrokenPipe));
    }
    drop(reader);
    assert_eq!(queue.finish(), 0, "the program knows");
}

#[test]
fn a_stream_that_cannot_be_written_is_no_error_of_a_servers_instances() {
    let (queue, reader) = Reader::of(Unread::Drops);
    add(&queue, 3);
    reader.fail(io::ErrorKind::BrokenPipe);
    wait_until(|| queue.0.lock().dropped > 0);
    assert_eq!(queue.error(), None);
    reader.read_all();
    let dropped = queue.finish();
    assert!((1..=3).contains(&dropped), "{dropped}");
}
