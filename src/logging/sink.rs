use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Takes what is to be written, and never waits for whoever reads it: a thread writes, and what has no room until the
/// reader goes on is dropped and counted. So is what can't be written: the disk is full, or the reader has gone.
/// (`tracing-appender` is the same by number of lines, doesn't notice that the reader is back, and at the end writes to
/// stdout, where nobody may read either.)
#[derive(Debug, Clone)]
pub struct Sink(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<Box<[u8]>>,
    /// Of the lines.
    bytes: usize,
    /// A line has been taken out and may not be written yet.
    writing: bool,
    /// The last line could not be written.
    failing: bool,
    dropped: u64,
    /// When the last of these was.
    last_dropped: Option<Instant>,
    /// How many of these have been told of.
    told: u64,
}

/// Lines that were dropped since the start.
#[derive(Debug, Clone, Copy)]
pub struct Lost {
    pub lines: u64,
    /// How long ago the last of them was.
    pub ago: Duration,
}

impl Sink {
    /// Writes to `writer`, and keeps `most_bytes` of lines at most. When lines have been dropped and all others are
    /// written, the last of them with success, `tell` is called with their number.
    ///
    /// # Errors
    /// When there can be no further thread.
    pub fn start(
        writer: impl Write + Send + 'static,
        most_bytes: usize,
        tell: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Shared { queue: Mutex::default(), changed: Condvar::new(), most_bytes };
        let sink = Self(Arc::new(shared));
        let writing = sink.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || writing.write_to(writer, tell))?;
        Ok(sink)
    }

    /// Takes one line, or several that belong together.
    pub fn take(&self, lines: &[u8]) {
        let mut queue = self.queue();
        if queue.bytes.saturating_add(lines.len()) > self.0.most_bytes {
            queue.drop_line();
        } else {
            queue.bytes += lines.len();
            queue.lines.push_back(lines.into());
            self.0.changed.notify_all();
        }
    }

    /// How often lines were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.queue().dropped
    }

    /// The same with the time of the last. `None` if there was none.
    pub fn lost(&self) -> Option<Lost> {
        let queue = self.queue();
        queue.last_dropped.map(|last| Lost { lines: queue.dropped, ago: last.elapsed() })
    }

    /// Waits until all is written, and no longer than this.
    pub fn drain(&self, within: Duration) {
        let waiting = self.0.changed.wait_timeout_while(self.queue(), within, |queue| {
            queue.writing || !queue.lines.is_empty() || queue.is_to_tell()
        });
        drop(waiting);
    }

    fn write_to(&self, mut writer: impl Write, tell: impl Fn(u64)) {
        loop {
            match self.next() {
                Next::Line(line) => self.written(writer.write_all(&line).and_then(|()| writer.flush()).is_ok()),
                Next::Dropped(lines) => tell(lines),
            }
        }
    }

    fn written(&self, is_written: bool) {
        let mut queue = self.queue();
        queue.failing = !is_written;
        if !is_written {
            queue.drop_line();
        }
    }

    /// Waits for what is to be written next.
    fn next(&self) -> Next {
        let mut queue = self.queue();
        queue.writing = false;
        loop {
            if let Some(line) = queue.lines.pop_front() {
                queue.bytes -= line.len();
                queue.writing = true;
                return Next::Line(line);
            }
            if queue.is_to_tell() {
                let untold = queue.dropped - queue.told;
                queue.told = queue.dropped;
                queue.writing = true;
                return Next::Dropped(untold);
            }
            self.0.changed.notify_all();
            queue = self.0.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Held for a moment only, and nothing that is done meanwhile can panic half way.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn drop_line(&mut self) {
        self.dropped += 1;
        self.last_dropped = Some(Instant::now());
    }

    /// What is told is a line too, and would be lost where the last one was.
    fn is_to_tell(&self) -> bool {
        self.told < self.dropped && !self.failing
    }
}

enum Next {
    Line(Box<[u8]>),
    /// So many could not be kept.
    Dropped(u64),
}

/// Each write is taken whole: one line, as the formatters of `tracing` write it.
impl Write for Sink {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.take(lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Far longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Its reader takes one line for each permission.
    struct Reader {
        permissions: mpsc::Receiver<()>,
        read: mpsc::Sender<String>,
    }

    impl Write for Reader {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
            self.permissions.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            self.read.send(String::from_utf8_lossy(line).into_owned()).map_err(gone)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Test {
        sink: Sink,
        permit: mpsc::Sender<()>,
        read: mpsc::Receiver<String>,
        told: mpsc::Receiver<u64>,
    }

    fn start(most_bytes: usize) -> Test {
        let (permit, permissions) = mpsc::channel();
        let (reading, read) = mpsc::channel();
        let (telling, told) = mpsc::channel();
        let reader = Reader { permissions, read: reading };
        let sink = Sink::start(reader, most_bytes, move |lines| telling.send(lines).unwrap()).unwrap();
        Test { sink, permit, read, told }
    }

    impl Test {
        fn takes(&self, lines: &[&str]) {
            lines.iter().for_each(|line| self.sink.take(line.as_bytes()));
        }

        fn reads(&self, expected: &[&str]) {
            for line in expected {
                self.permit.send(()).unwrap();
                assert_eq!(self.read.recv_timeout(PATIENCE).as_deref(), Ok(*line));
            }
        }
    }

    #[test]
    fn what_has_no_room_is_dropped_counted_and_told_once_when_the_rest_is_read() {
        let test = start(8);
        // The writer may or may not have taken the first line out before the others come.
        test.takes(&["0000", "1111", "2222", "3333", "4444"]);
        let dropped = test.sink.dropped();
        assert!((2..=3).contains(&dropped), "{dropped}");
        assert!(test.told.try_recv().is_err(), "told before the reader was back");
        test.reads(&["0000", "1111"]);
        if dropped == 2 {
            test.reads(&["2222"]);
        }
        assert_eq!(test.told.recv_timeout(PATIENCE), Ok(dropped));
        test.takes(&["5"]);
        test.reads(&["5"]);
        test.sink.drain(PATIENCE);
        assert!(test.told.try_recv().is_err(), "told twice");
    }

    #[test]
    fn a_line_longer_than_there_is_room_is_dropped_and_none_after_it() {
        let test = start(8);
        test.takes(&["a line", "longer than that", "b"]);
        test.reads(&["a line", "b"]);
        assert_eq!((test.told.recv_timeout(PATIENCE), test.sink.dropped()), (Ok(1), 1));
    }

    #[test]
    fn the_end_waits_for_a_reader_and_not_for_ever() {
        let test = start(100);
        test.takes(&["a", "b"]);
        test.sink.drain(Duration::ZERO);
        assert!(test.read.try_recv().is_err());
        test.permit.send(()).unwrap();
        test.permit.send(()).unwrap();
        test.sink.drain(PATIENCE);
        assert_eq!(test.read.try_iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_reader_that_has_gone_holds_nothing_up() {
        let Test { sink, permit, read, told } = start(8);
        drop((permit, read));
        for _ in 0..100 {
            sink.take(b"a line");
            sink.drain(PATIENCE);
        }
        assert_eq!((sink.dropped(), told.try_recv().is_err()), (100, true));
    }

    /// A disk that is full until it has room again.
    struct Disk(mpsc::Receiver<bool>);

    impl Write for Disk {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let has_room = self.0.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            if has_room { Ok(line.len()) } else { Err(io::ErrorKind::StorageFull.into()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_could_not_be_written_is_counted_and_told_once_a_line_can() {
        let (room, disk) = mpsc::channel();
        let (telling, told) = mpsc::channel();
        let sink = Sink::start(Disk(disk), 100, move |lines| telling.send(lines).unwrap()).unwrap();
        for has_room in [true, false, false] {
            sink.take(b"a line");
            room.send(has_room).unwrap();
        }
        // The end waits for no telling that could not be written either.
        sink.drain(PATIENCE);
        assert_eq!((sink.dropped(), told.try_recv().is_err()), (2, true));
        sink.take(b"a line");
        room.send(true).unwrap();
        assert_eq!(told.recv_timeout(PATIENCE), Ok(2));
    }
}
