use std::time::Duration;

use domain::range::Stretch;
use domain::server_time::{Heard, Look, Moment, Question, ServerTime, Stamp};
use domain::window::Windows;
use jiff::Timestamp;

/// Answers of one server, a line each: `Date`, `Age`, the host's clock, the seconds since the last answer and those of this
/// call, and the date of the newest row. Instants are in seconds since 1970. Panics where a clock is believed to be where
/// none of those heard can be, or where a cursor would pass what was not asked for.
pub fn server_time(lines: &[u8]) {
    let windows = Windows::new(Duration::from_secs(300), Duration::from_secs(60));
    let mut monotonic = Duration::ZERO;
    let begin = instant(1_768_766_400);
    let mut time = ServerTime::new(begin, windows.settle(), Moment::new(begin, monotonic));
    let mut proven = begin;
    for line in String::from_utf8_lossy(lines).lines() {
        let mut numbers = line.split_whitespace().map_while(|number| number.parse::<i64>().ok());
        let [date, age, host, waited, took, newest] = std::array::from_fn(|_| numbers.next());
        let mut pass = |seconds: Option<i64>| {
            // A day at most: nobody polls less often.
            monotonic += Duration::from_secs(seconds.unwrap_or(300).unsigned_abs().min(86_400));
            Moment::new(instant(host.unwrap_or(1_768_766_400)), monotonic)
        };
        let (asked, at) = (pass(waited), pass(took.or(Some(1))));
        let clocks = time.clocks(asked);
        assert!(clocks.earliest <= clocks.now && clocks.now <= clocks.latest, "{clocks:?}");
        let due_end = windows.last_due_end(clocks.now);
        let question = Question { to: due_end, due_end, asked, answered: at };
        let stamp = date.map(|date| Stamp::new(instant(date), Duration::from_secs(age.unwrap_or(0).unsigned_abs())));
        let look = newest.map(|newest| Look {
            whole: Some(Stretch { from: Timestamp::MIN, to: due_end }),
            newest: Some(instant(newest)),
        });
        let testimony = time.heard(&Heard { stamp, asked, at, look }, &windows);
        let passage = time.passage(&windows, question, testimony);
        assert!(passage.proven <= passage.to && passage.to <= question.to, "{passage:?} of {question:?}");
        if let Some(back) = time.back_to(&windows, (passage.to, proven), Duration::ZERO, at) {
            assert!(back < passage.to && back <= proven, "{back} from {}", passage.to);
        }
        proven = proven.max(passage.proven);
    }
}

/// The nearest that there is.
fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
