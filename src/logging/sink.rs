use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Takes what is to be written, and never waits for whoever reads it: a thread writes, and what has no room until the
/// reader goes on is dropped and counted. (`tracing-appender` is the same by number of lines, doesn't notice that the
/// reader is back, and at the end writes to stdout, where nobody may read either.)
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
    dropped: u64,
    /// How many of these have been told of.
    told: u64,
}

impl Sink {
    /// Writes to `writer`, and keeps `most_bytes` of lines at most. When lines have been dropped and all others are
    /// written, `tell` is called with their number.
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
            queue.dropped += 1;
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

    /// Waits until all is written, and no longer than this.
    pub fn drain(&self, within: Duration) {
        let waiting = self.0.changed.wait_timeout_while(self.queue(), within, |queue| {
            queue.writing || !queue.lines.is_empty() || queue.told < queue.dropped
        });
        drop(waiting);
    }

    fn write_to(&self, mut writer: impl Write, tell: impl Fn(u64)) {
        loop {
            match self.next() {
                // A reader that has gone doesn't want to know, and nobody else can be told.
                Next::Line(line) => drop(writer.write_all(&line).and_then(|()| writer.flush())),
                Next::Dropped(lines) => tell(lines),
            }
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
            let untold = queue.dropped - queue.told;
            if untold > 0 {
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
        assert_eq!((sink.dropped(), told.try_recv().is_err()), (0, true));
    }
}
