mod passages;

use super::*;
use crate::range::Stretch;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.unsigned_abs())
}

fn windows(interval: u64, settle: u64) -> Windows {
    Windows::new(Duration::from_secs(interval), Duration::from_secs(settle))
}

/// A host whose clock is wrong by this much.
#[derive(Clone, Copy)]
struct Host(i64);

impl Host {
    /// The moment at which it is truly `second`.
    fn at(self, second: i64) -> Moment {
        Moment::new(at(second + self.0), seconds(second + 100_000))
    }
}

/// What an answer of `second` says; the server's clock is wrong by `wrong`.
fn heard(host: Host, second: i64, wrong: i64) -> Heard {
    let stamp = Some(Stamp::new(at(second + wrong), Duration::ZERO));
    Heard { stamp, asked: host.at(second), at: host.at(second), look: None }
}

fn with_rows(heard: Heard, newest: i64, until: i64) -> Heard {
    Heard { look: Some(Look { whole: Some(all_before(at(until))), newest: Some(at(newest)) }), ..heard }
}

fn all_before(to: Timestamp) -> Stretch {
    Stretch { from: Timestamp::MIN, to }
}

fn new(host: Host) -> ServerTime {
    ServerTime::new(at(-1_000), Duration::ZERO, host.at(-100))
}

/// How far the planning clock is from the truth after answers at these seconds that are wrong by so much.
fn wrong_after(host: Host, answers: &[(i64, i64)]) -> i64 {
    let mut time = new(host);
    for &(second, wrong) in answers {
        time.heard(&heard(host, second, wrong), &windows(300, 60));
    }
    let last = answers.last().map_or(0, |answer| answer.0) + 20;
    time.now(host.at(last)).as_second() - at(last).as_second()
}

#[test]
fn the_third_answer_over_half_a_minute_that_agrees_is_believed() {
    for host in [-300_000, -7, 7, 20_000].map(Host) {
        assert_eq!(wrong_after(host, &[(0, 0), (300, 0)]), host.0, "two answers");
        assert_eq!(wrong_after(host, &[(0, 0), (300, 0), (600, 0)]).abs(), 0, "three");
        assert_eq!(wrong_after(host, &[(0, 0), (10, 0), (29, 0)]), host.0, "in less than half a minute");
        assert_eq!(wrong_after(host, &[(0, 0), (10, 0), (20, 0), (30, 0)]), 0);
        assert_eq!(wrong_after(host, &[(0, 0), (300, 9_000), (600, 0), (900, 0)]), host.0, "one between them");
    }
}

/// One lie between long calls, whose `Date` may be of any moment of theirs.
#[test]
fn answers_that_fit_both_clocks_are_no_evidence_against_the_host() {
    let after = |host: Host, wrong: &[i64], took: i64| {
        let mut time = new(host);
        for (poll, wrong) in wrong.iter().enumerate() {
            let second = 600 * poll as i64;
            // A right answer is made at the end of its call; one that lies comes at once.
            let took = if *wrong == 0 { took } else { 0 };
            let answer = Heard { at: host.at(second + took), ..heard(host, second + took, *wrong) };
            time.heard(&Heard { asked: host.at(second), ..answer }, &windows(300, 60));
        }
        time.now(host.at(6_000)).as_second() - at(6_000).as_second()
    };
    assert_eq!(after(Host(0), &[0, 56, 0], 310), 0);
    assert_eq!(after(Host(0), &[0, 0, 56, 0, 0], 310), 0);
    assert_eq!(after(Host(0), &[0, 56, 0, 56, 0], 310), 0);
    assert_eq!(after(Host(0), &[0, 56, 56, 56], 310), 56, "three");
    assert!(after(Host(-9_000), &[0, 0, 0], 310).abs() <= 310, "long calls alone tell a host that is hours off");
}

#[test]
fn clocks_that_agree_are_the_hosts() {
    let host = Host(4);
    let mut time = new(host);
    assert_eq!(time.difference(host.at(0)), None);
    for second in [0, 300, 600] {
        time.heard(&heard(host, second, 0), &windows(300, 60));
    }
    assert_eq!(time.now(host.at(700)), at(704));
    assert!(!time.differs(host.at(700)));
    assert!(time.difference(host.at(700)).unwrap().abs() <= CLOCKS_MAY_DIFFER);
    assert_eq!(time.clocks(host.at(700)), Clocks::agreed(at(704)));
}

#[test]
fn a_host_that_is_set_moves_nothing_once_the_server_is_known() {
    for host in [0, -20_000].map(Host) {
        let mut time = new(host);
        for second in [0, 300, 600] {
            time.heard(&heard(host, second, 0), &windows(300, 60));
        }
        for set in [-8_000_000, -20_000, 6, 20_000, 200_000_000_000].map(Host) {
            let now = time.now(set.at(700));
            assert!(now.duration_since(at(700)).abs() <= CLOCKS_MAY_DIFFER, "{} {now}", set.0);
        }
    }
}

#[test]
fn one_answer_does_not_change_a_belief_and_three_do() {
    let host = Host(-20_000);
    let believed = [(0, 0), (300, 0), (600, 0)];
    let then = |more: &[(i64, i64)]| wrong_after(host, &[&believed[..], more].concat());
    assert_eq!(then(&[(900, 7_200)]), 0);
    assert_eq!(then(&[(900, 7_200), (1_200, 7_200)]), 0);
    assert_eq!(then(&[(900, 7_200), (1_200, 7_200), (1_500, 7_200)]), 7_200);
    assert_eq!(then(&[(900, 7_200), (1_200, -7_200), (1_500, 7_200), (1_800, -7_200)]), 0, "now this, now that");
}

// A machine that was suspended for an hour: its monotonic clock stood still.
#[test]
fn two_clocks_that_agree_need_no_third() {
    let mut time = new(Host(0));
    for second in [0, 300, 600] {
        time.heard(&heard(Host(0), second, 0), &windows(300, 60));
    }
    let woken = |second: i64| Moment::new(at(second), seconds(second - 3_600 + 100_000));
    assert_eq!(time.now(woken(4_500)), at(900), "so says the monotonic clock");
    let stamp = Some(Stamp::new(at(4_510), Duration::ZERO));
    time.heard(&Heard { stamp, asked: woken(4_510), at: woken(4_511), look: None }, &windows(300, 60));
    assert_eq!(time.now(woken(4_520)), at(4_520));
}

#[test]
fn rows_contradict_a_clock_that_is_behind() {
    let host = Host(0);
    let mut time = new(host);
    for second in [0, 300, 600, 900] {
        let lie = with_rows(heard(host, second, -7_200), second - 30, second);
        assert_eq!(time.heard(&lie, &windows(300, 60)), Testimony::None);
    }
    assert_eq!((time.now(host.at(1_000)), time.difference(host.at(1_000))), (at(1_000), None));
    // At night nothing contradicts it, until the first call in the morning.
    for second in [1_200, 1_500, 1_800] {
        let testimony = time.heard(&with_rows(heard(host, second, -7_200), -9_000, second), &windows(300, 60));
        assert_eq!(testimony, Testimony::Server(at(second - 7_200)));
    }
    assert_eq!(time.now(host.at(1_810)), at(1_810 - 7_200));
    assert_eq!(time.clocks(host.at(1_810)).latest, at(1_810), "asked for all the same");
    time.heard(&with_rows(heard(host, 2_100, -7_200), 2_090, 2_100), &windows(300, 60));
    assert_eq!(time.now(host.at(2_110)), at(2_110));
}

/// Answers each 5 seconds, of a call each second that is visible at once, to an exporter that asks as planned.
fn polls_of_a_call_each_second(host: Host, server: i64, shown: i64, count: i64) -> ServerTime {
    let (mut time, windows) = (new(host), windows(5, 1));
    for second in (0..count).map(|poll| poll * 5) {
        let until = windows.last_due_end(time.clocks(host.at(second)).latest);
        // The rows are dated by the server's clock; the `Date` says something else.
        let newest = at(second + server).min(until - seconds(1));
        let look = Some(Look { whole: Some(all_before(until)), newest: Some(newest) });
        time.heard(&Heard { look, ..heard(host, second, shown) }, &windows);
    }
    time
}

#[test]
fn rows_contradict_a_clock_that_is_ahead() {
    for lie in [20, 120, 7_200, 3_000_000] {
        let time = polls_of_a_call_each_second(Host(0), 0, lie, 100);
        assert_eq!(time.now(Host(0).at(495)), at(495), "{lie}");
    }
}

/// A range that is read in parts, and one whose answers lack rows or are a cache's, is not looked at whole.
#[test]
fn only_a_row_that_was_looked_for_and_not_there_contradicts_a_clock() {
    let (host, windows) = (Host(-7_200), windows(60, 60));
    let (whole, part) = (Some(all_before(at(300))), Some(Stretch { from: at(-100), to: at(300) }));
    for (before, is_cached, refutes) in
        [(whole, false, true), (part, false, false), (None, false, false), (whole, true, false)]
    {
        let before = Look { whole: before, newest: None };
        let mut time = new(host);
        for poll in 0..8 {
            let second = 300 + 60 * poll;
            let late = Look { newest: Some(at(second - 7_200)), ..before };
            let age = i64::from(is_cached);
            let stamp = Some(Stamp::new(at(second - age), seconds(age)));
            time.heard(&Heard { stamp, look: Some(before), ..heard(host, second, 0) }, &windows);
            time.heard(&Heard { look: Some(late), ..heard(host, second, 0) }, &windows);
        }
        let now = if refutes { 800 - 7_200 } else { 800 };
        assert_eq!(time.now(host.at(800)), at(now), "{before:?}, {is_cached}");
    }
}

#[test]
fn rows_that_come_late_do_not_contradict_a_clock_that_is_right() {
    for host in [-20, -120, -7_200, -3_000_000, 20, 7_200].map(Host) {
        let time = polls_of_a_call_each_second(host, 0, 0, 100);
        assert_eq!(time.now(host.at(495)), at(495), "{}", host.0);
    }
}

#[test]
fn ranges_reach_from_the_earliest_clock_to_the_latest_until_rows_show_which_is_right() {
    let host = Host(-7_200);
    let mut time = new(host);
    for second in [0, 300, 600] {
        time.heard(&heard(host, second, 0), &windows(300, 60));
    }
    let unsure = Clocks { now: at(620), earliest: at(620 - 7_200), latest: at(620), least: at(620 - 7_200) };
    assert_eq!(time.clocks(host.at(620)), unsure);
    time.heard(&with_rows(heard(host, 900, 0), 890, 900), &windows(300, 60));
    assert_eq!(time.clocks(host.at(910)), Clocks::agreed(at(910)));
    let years = Host(-100_000_000);
    assert_eq!(time.clocks(years.at(910)), Clocks::agreed(at(910)), "a host that is known to be wrong");
    let mut time = new(years);
    time.heard(&heard(years, 0, 0), &windows(300, 60));
    assert_eq!(time.clocks(years.at(0)).latest, at(86_400 - 100_000_000), "a day at most");
}

/// The seconds whose rows no read has had: there is one row each second, dated by the server's clock, which is wrong by `wrong`.
/// Polls end each `interval` seconds, and begin `overlap` seconds before the cursor.
fn unread(host: Host, (interval, overlap): (u64, u64), seconds_long: i64, wrong: impl Fn(i64) -> i64) -> Vec<i64> {
    let (windows, overlap) = (windows(interval, 1), Duration::from_secs(overlap));
    let mut time = new(host);
    let mut cursor = at(-1_000);
    let mut proven = cursor;
    let mut unread: Vec<i64> = (0..seconds_long).collect();
    for second in (0..seconds_long).step_by(interval as usize) {
        let moment = host.at(second);
        let Clocks { now, earliest, latest, .. } = time.clocks(moment);
        let due_end = windows.last_due_end(now);
        let from = earlier(cursor.min(windows.last_due_end(earliest)), overlap);
        let stretch = Stretch { from, to: due_end.max(windows.last_due_end(latest)) };
        if stretch.from >= stretch.to {
            continue;
        }
        let is_asked = |row: i64| row <= second && (stretch.from..stretch.to).contains(&at(row + wrong(row)));
        let newest = (0..=second).filter(|row| is_asked(*row)).map(|row| at(row + wrong(row))).max();
        let look = Some(Look { whole: Some(stretch), newest });
        let answer = Heard { look, ..heard(host, second, wrong(second)) };
        let testimony = time.heard(&answer, &windows);
        let question = Question { to: stretch.to, due_end, asked: moment, answered: moment };
        let passage = time.passage(&windows, question, testimony);
        let used_to = passage.to.max(cursor);
        unread.retain(|row| !(is_asked(*row) && (at(row + wrong(*row)) < used_to || passage.to == due_end)));
        (cursor, proven) = (used_to, proven.max(passage.proven));
        if let Some(back) = time.back_to(&windows, (cursor, proven), overlap, moment) {
            (cursor, proven) = (back, proven.min(back));
            time.is_back();
            time.prove_from(back, moment);
        }
    }
    unread
}

/// The server's clock dates the rows: what it dates anew, after it was put back, is read anew, however long it takes to know.
#[test]
fn a_server_that_is_put_right_again_hides_no_row() {
    for host in [0, -3, 4, -10_000, 10_000].map(Host) {
        for ahead in [10, 30, 45, 600, 7_200] {
            for (interval, overlap) in [(2, 6), (2, 60), (5, 10), (60, 120), (300, 600)] {
                let long = 120.max(20 * interval as i64);
                for begins in [0, long] {
                    let ends = begins + long;
                    let all = ends + long + 2 * ahead.min(300);
                    let wrong = |second| if (begins..ends).contains(&second) { ahead } else { 0 };
                    let unread = unread(host, (interval, overlap), all, wrong);
                    let late = all - 3 * interval as i64 - 10;
                    let lost: Vec<_> = unread.iter().filter(|row| **row < late).collect();
                    assert!(
                        lost.is_empty(),
                        "host {}, {ahead} s ahead from {begins} to {ends}, each {interval} s, overlap {overlap} s: {lost:?}",
                        host.0
                    );
                }
            }
        }
    }
}

#[test]
fn what_no_clock_can_have_said_is_shown_and_changes_nothing() {
    let host = Host(-20_000);
    let mut time = new(host);
    for (second, date) in
        [(0, None), (150, Some("1970-01-01T00:00:00Z")), (300, None), (450, Some("9999-12-30T21:59:57Z"))]
    {
        let odd = date.map(|date| date.parse().unwrap());
        let stamp = odd.map(|date| Stamp::new(date, Duration::ZERO));
        let answer = heard(host, second, 0);
        let testimony = time.heard(&Heard { stamp: stamp.or(answer.stamp), ..answer }, &windows(300, 60));
        assert_eq!((time.odd(), testimony == Testimony::None), (odd, odd.is_some()));
    }
    time.heard(&heard(host, 600, 0), &windows(300, 60));
    assert_eq!(time.now(host.at(600)), at(600));
}

#[test]
fn a_server_that_is_years_ahead_completes_nothing_until_a_row_shows_that_it_is_right() {
    let windows = windows(300, 60);
    for (ahead, completed_by_it) in [(40_000_000, false), (90_000, false), (80_000, true), (-40_000_000, false)] {
        let mut time = new(Host(0));
        let completed = |time: &mut ServerTime, answer: Heard, second: i64| {
            let testimony = time.heard(&answer, &windows);
            let due_end = windows.last_due_end(time.now(Host(0).at(second)));
            time.passage(
                &windows,
                Question { to: due_end, due_end, asked: Host(0).at(second), answered: Host(0).at(second) },
                testimony,
            )
            .to
        };
        for second in [300, 600, 900] {
            completed(&mut time, heard(Host(0), second, ahead), second);
        }
        let by_the_host = windows.last_due_end(at(1_200));
        let to = completed(&mut time, heard(Host(0), 1_200, ahead), 1_200);
        assert_eq!(to > by_the_host, completed_by_it, "{ahead}");
        if ahead > 0 {
            let row = with_rows(heard(Host(0), 1_500, ahead), 1_490 + ahead, 1_500 + ahead);
            assert!(
                completed(&mut time, row, 1_500) > by_the_host,
                "a row that the host's clock has not come to: {ahead}"
            );
        }
    }
}

/// A poll is planned by a clock that is believed; what comes while it goes on may refute that, or say nothing at all.
#[test]
fn a_poll_that_was_planned_by_a_clock_years_ahead_completes_nothing_whatever_becomes_of_that_clock() {
    let (host, ahead, windows) = (Host(0), 40_000_000, windows(300, 60));
    let silent = Heard { stamp: None, ..heard(host, 1_202, 0) };
    for meanwhile in
        [vec![], vec![heard(host, 1_201, 0)], vec![heard(host, 1_201, 0), heard(host, 1_202, ahead)], vec![silent]]
    {
        let mut time = new(host);
        for second in [300, 600, 900] {
            time.heard(&heard(host, second, ahead), &windows);
        }
        let due_end = windows.last_due_end(time.now(host.at(1_200)));
        assert!(due_end > at(ahead), "it is believed");
        for answer in &meanwhile {
            time.heard(answer, &windows);
        }
        let testimony = time.heard(&heard(host, 1_203, ahead), &windows);
        let moment = host.at(1_203);
        let question = Question { to: due_end, due_end, asked: moment, answered: moment };
        let passage = time.passage(&windows, question, testimony);
        assert!(passage.to <= at(1_200), "after {} answers it completes until {}", meanwhile.len(), passage.to);
    }
}

/// `Age` is a duration, so it says how old an answer is whatever its `Date` is worth.
#[test]
fn what_a_cache_kept_is_as_old_as_it_says_without_a_date_too() {
    for age in [60, 900, 86_400] {
        let testimony = |date: Option<Timestamp>, newest: Option<i64>| {
            let stamp = Some(Stamp::new(date, Duration::from_secs(age)));
            let answer = Heard { stamp, ..heard(Host(0), 1_000, 0) };
            let answer = newest.map_or(answer, |newest| with_rows(answer, newest, newest + 1));
            new(Host(0)).heard(&answer, &windows(300, 60))
        };
        let since = at(1_000 - age as i64);
        let age = seconds(age as i64);
        let (made, kept) = (Testimony::Cache { made: since, age }, Testimony::Kept { made: since, age });
        assert_eq!(testimony(None, None), kept, "no date");
        assert_eq!(testimony(Timestamp::from_second(0).ok(), None), kept, "one that is no time");
        assert_eq!(testimony(Some(since), None), made, "a right one");
        assert_eq!(testimony(Some(at(9_000)), None), made, "one that is ahead");
        assert_eq!(testimony(Some(since), Some(9_000)), kept, "one that its rows contradict");
    }
}

/// What happens between two polls.
#[derive(Debug, Clone)]
enum Event {
    /// The server's clock, or what it says of it, is wrong by this.
    Server(i64),
    /// The host's clock is set to be wrong by this.
    Host(i64),
    /// A cache answers with what was so old.
    Cache(u64),
    /// No `Date`, or one that is none.
    Silent(Option<i64>),
    Row(i64),
}

fn events() -> impl Strategy<Value = Vec<(i64, Event)>> {
    let wrong = || {
        prop_oneof![Just(0), -9i64..9, -7_200i64..7_200, -50_000_000i64..50_000_000, any::<i32>().prop_map(i64::from)]
    };
    let event = prop_oneof![
        4 => wrong().prop_map(Event::Server),
        1 => wrong().prop_map(Event::Host),
        1 => any::<u64>().prop_map(Event::Cache),
        1 => prop::option::of(any::<i32>().prop_map(i64::from)).prop_map(Event::Silent),
        2 => wrong().prop_map(Event::Row),
    ];
    prop::collection::vec((1i64..700, event), 1..60)
}

proptest! {
    // Whatever is said: nothing panics, no clock is believed before the third answer that agrees, over half a minute, a
    // host that is right delays no window for longer than an interval unless the server is believed, and no cursor passes
    // a time that has yet to come by both clocks.
    #[test]
    fn any_history_of_clocks(events in events(), wrong in -100_000i64..100_000) {
        let (mut host, windows, mut second) = (Host(wrong), windows(300, 60), 0);
        let mut time = new(host);
        let (mut cursor, mut proven) = (at(-1_000), at(-1_000));
        let mut agreeing: Vec<(i64, i64)> = Vec::new();
        for (after, event) in events {
            second += after;
            let mut answer = heard(host, second, 0);
            match event {
                Event::Host(wrong) => {
                    host = Host(wrong);
                    continue;
                }
                Event::Server(wrong) => answer = heard(host, second, wrong),
                Event::Cache(age) => answer.stamp = Some(Stamp::new(at(second - (age % 100_000) as i64), Duration::from_secs(age))),
                Event::Silent(odd) => answer.stamp = odd.map(|odd| Stamp::new(Timestamp::from_second(odd).unwrap(), Duration::ZERO)),
                Event::Row(wrong) => answer = with_rows(answer, second + wrong, second + wrong + 1),
            }
            let believed = time.difference(host.at(second)).is_some();
            let testimony = time.heard(&answer, &windows);
            if let Some(told) = answer.stamp.and_then(Stamp::server_time) {
                agreeing.push((second, told.as_second() - second));
            }
            if !believed && time.difference(host.at(second)).is_some() {
                let Some((_, last)) = agreeing.last().copied() else { panic!("nobody said anything") };
                let same = agreeing.iter().rev().take_while(|(_, told)| (told - last).abs() <= 12).collect::<Vec<_>>();
                prop_assert!(same.len() >= 3 && same[0].0 - same[same.len() - 1].0 >= 30, "{same:?}");
            }
            let now = time.now(host.at(second));
            let question = Question { to: windows.last_due_end(now), due_end: windows.last_due_end(now), asked: host.at(second), answered: host.at(second) };
            let passage = time.passage(&windows, question, testimony);
            prop_assert!(passage.to <= question.to && passage.proven <= passage.to);
            (cursor, proven) = (cursor.max(passage.to), proven.max(passage.proven));
            if let Some(back) = time.back_to(&windows, (cursor, proven), Duration::ZERO, host.at(second)) {
                prop_assert!(back < cursor && back <= proven);
                (cursor, proven) = (back, proven.min(back));
                time.prove_from(back, host.at(second));
            }
            let clocks = time.clocks(host.at(second));
            prop_assert!(clocks.earliest <= clocks.now && clocks.now <= clocks.latest);
        }
    }

    // A right server, whatever the host: three answers, and the windows are planned by it.
    #[test]
    fn a_right_server_is_believed_at_the_third_answer(wrong in any::<i32>(), gaps in prop::collection::vec(30i64..4_000, 2)) {
        let host = Host(i64::from(wrong));
        let mut time = new(host);
        let mut second = 0;
        for gap in gaps.into_iter().chain([0]) {
            time.heard(&heard(host, second, 0), &windows(300, 60));
            second += gap;
        }
        prop_assert!(time.now(host.at(second)).duration_since(at(second)).abs() <= CLOCKS_MAY_DIFFER);
    }
}

#[test]
fn a_first_start_is_settled_by_three_answers_or_by_the_host() {
    let first_start = |host: Host, answers: &[(i64, i64)]| {
        let mut time = new(host);
        for &(second, wrong) in answers {
            time.heard(&heard(host, second, wrong), &windows(300, 60));
        }
        time.first_start(host.at(answers.last().map_or(0, |answer| answer.0)), answers.len() as u32)
    };
    let probe = FirstStart::Probe { after: Duration::from_secs(15) };
    let three_days = 3 * 86_400;
    for (host, answers, decided) in [
        (0, vec![], FirstStart::Agreed),
        (59, vec![(0, 0)], FirstStart::Agreed),
        (61, vec![(0, 0)], probe),
        (-three_days, vec![(0, 0), (15, 0)], probe),
        (
            -three_days,
            vec![(0, 0), (15, 0), (30, 0)],
            FirstStart::Settled { later: SignedDuration::from_secs(three_days) },
        ),
        (
            three_days,
            vec![(0, 0), (15, 0), (30, 0)],
            FirstStart::Settled { later: SignedDuration::from_secs(-three_days) },
        ),
        // One lie after the answers that were believed.
        (0, vec![(0, 0), (15, 0), (30, 0), (45, 1_600)], FirstStart::Agreed),
        (0, vec![(0, 0), (15, 0), (30, 0), (45, 40_000_000)], FirstStart::Agreed),
        (
            0,
            vec![(0, -3_540), (15, -3_540), (30, -3_540), (45, 40_000_000)],
            FirstStart::Settled { later: SignedDuration::from_secs(-3_540) },
        ),
        (
            -three_days,
            vec![(0, 0), (15, 0), (30, 0), (45, -9_000)],
            FirstStart::Settled { later: SignedDuration::from_secs(three_days) },
        ),
        (0, (0..8).map(|call| (call * 15, 1_000 * (call + 1))).collect(), probe),
        (0, (0..9).map(|call| (call * 15, 1_000 * (call + 1))).collect(), FirstStart::Agreed),
    ] {
        assert_eq!(first_start(Host(host), &answers), decided, "{host} {answers:?}");
    }
}

/// A `settle` that was made longer holds for what an earlier process proved too: an answer that objects, from a host whose
/// clock is ahead, completes nothing that has not settled.
#[test]
fn what_an_earlier_process_proved_settles_anew() {
    for (settle, passed, completes) in
        [(60, 900, 600), (364, 900, 300), (364, 1_000, 600), (3_000, 3_000, 0), (0, 900, 900)]
    {
        let windows = windows(300, settle);
        let host = Host(900_000);
        let mut time = ServerTime::new(at(0), seconds(settle as i64), host.at(0));
        let pass = |time: &mut ServerTime, second: i64| {
            let due_end = windows.last_due_end(host.at(second).host);
            let question = Question { to: due_end, due_end, asked: host.at(second), answered: host.at(second) };
            time.passage(&windows, question, Testimony::Server(at(-100_000))).to
        };
        pass(&mut time, 0);
        assert_eq!(pass(&mut time, passed), at(completes), "{settle} s, after {passed} s");
    }
}

/// A start hangs on the host's clock as it was when the process began, whatever that is set to before it is settled.
#[test]
fn a_start_is_told_by_the_hosts_clock_as_it_was() {
    for (began, set_to, later) in [(0, 90_000, 0), (0, -7_000, 0), (-90_000, 0, 90_000), (7_000, -9_000, -7_000)] {
        let mut time = new(Host(began));
        for second in [0, 15, 30] {
            time.heard(&heard(Host(set_to), second, 0), &windows(300, 60));
        }
        let decided = time.first_start(Host(set_to).at(30), 3);
        let settled = FirstStart::Settled { later: SignedDuration::from_secs(later) };
        assert_eq!(decided, if later == 0 { FirstStart::Agreed } else { settled }, "{began} then {set_to}");
    }
}
