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
            if let Some(back) = time.back_to(&windows, cursor, proven, host.at(second)) {
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

mod passages {
    use super::*;

    /// 1,800,000,000 is a window's end.
    const INTERVAL: i64 = 300;

    fn question(host: Host, second: i64, due_end: i64) -> Question {
        Question { to: at(due_end), due_end: at(due_end), asked: host.at(second), answered: host.at(second) }
    }

    /// How far each of these polls moves the cursor: one at 65 seconds after each window's end.
    fn passed(host: Host, first_proven: i64, testimonies: &[Testimony]) -> Vec<i64> {
        let windows = windows(300, 60);
        let mut passages = Passages::new(at(first_proven), host.at(0).monotonic);
        let polls = (1..).map(|poll| poll * INTERVAL).zip(testimonies);
        let passed = polls.map(|(end, &testimony)| {
            let due_end = windows.last_due_end(host.at(end + 65).host).as_second() - 1_800_000_000;
            let passage = passages.pass(&windows, question(host, end + 65, due_end), testimony, None);
            assert!(passage.proven <= passage.to);
            assert!(passage.proven <= at(end), "what is to come is not proven");
            passage.to.as_second() - 1_800_000_000
        });
        passed.collect()
    }

    fn server(second: i64) -> Testimony {
        Testimony::Server(at(second))
    }

    #[test]
    fn a_stale_date_costs_one_interval() {
        let told =
            passed(Host(0), 0, &[server(365), server(-200), server(965), server(100), server(-900), Testimony::None]);
        assert_eq!(told, [300, -300, 900, 0, 1_200, 1_800]);
    }

    #[test]
    fn a_cache_completes_what_was_over_when_it_was_filled() {
        let cache = Testimony::Cache { made: at(365), age: seconds(1) };
        assert_eq!(passed(Host(0), 0, &[cache, cache, cache, server(1_265)]), [300, 300, 300, 1_200]);
    }

    /// A long call to a cache: when that was looked at its `Date` says, if the host's clock has nothing against it.
    #[test]
    fn an_age_is_of_some_moment_of_the_call() {
        // How long before the question the answer says that it was made, with its age, and so how old it was at the most.
        for (before, age, at_most) in
            [(292, 889, 292), (889, 889, 889), (892, 889, 889), (-7_200, 889, 889), (9_000, 889, 889), (-200, 100, 0)]
        {
            let stamp = Stamp::new(at(1_000 - before), seconds(age));
            let answer = Heard { stamp: Some(stamp), at: Host(0).at(1_597), ..heard(Host(0), 1_000, 0) };
            let Testimony::Cache { age: told, .. } = new(Host(0)).heard(&answer, &windows(300, 60)) else {
                panic!("an age")
            };
            assert_eq!(told, seconds(at_most), "{before} s before");
        }
    }

    /// The host's clock is days behind: its word is not needed where rows show that a time has come.
    #[test]
    fn what_rows_are_dated_at_has_come() {
        let windows = windows(300, 60);
        for (newest, told, proven) in [
            (None, 965, -7_200),
            (Some(-100), 965, -300),
            (Some(960), 965, 900),
            (Some(9_000), 965, 900),
            (Some(900), 300, 0),
        ] {
            let host = Host(-300_000);
            let mut passages = Passages::new(at(-7_200), host.at(965).monotonic);
            let asked = question(host, 965, 900);
            let passage = passages.pass(&windows, asked, server(told), newest.map(at));
            assert_eq!(passage.proven, at(proven), "{newest:?}, and the server says {told}");
        }
    }

    /// The `Date` may lie; the `Age` says of the host's clock too how late the answer can know anything.
    #[test]
    fn what_a_cache_kept_is_proven_by_the_host_as_of_when_it_was_made() {
        let windows = windows(300, 60);
        for (age, lie, proven) in [(0, 0, 900), (10, 0, 600), (709, 0, 0), (709, 7_200, 0), (709, 300_000, 0)] {
            for earlier_proof in [-7_200, 0] {
                let mut passages = Passages::new(at(earlier_proof), Host(0).at(earlier_proof + 60).monotonic);
                let made = at(965 - age + lie);
                let kept = Testimony::Cache { made, age: seconds(age) };
                let passage = passages.pass(&windows, question(Host(0), 965, 900), kept, None);
                assert_eq!(passage.proven, at(proven), "{age} s old, {lie} s ahead");
            }
        }
    }

    /// A part that a cache answers for, which may say so or not, and one behind it that the server answers for.
    #[test]
    fn nothing_is_completed_beyond_what_another_answer_of_the_poll_completes() {
        let windows = windows(300, 60);
        for (made, limit) in [(100, 0), (365, 300), (700, 600), (965, 900)] {
            for testimony in [cached(at(made)), kept(at(made)), server(made)] {
                let mut passages = Passages::new(at(0), Host(0).at(60).monotonic);
                let mut pass = |asked, to, testimony| {
                    let question = Question { to: at(to), ..question(Host(0), asked, asked - 65) };
                    let Passage { to, held_back_by, .. } = passages.pass(&windows, question, testimony, None);
                    (to, held_back_by)
                };
                let held_back_by = |to: i64| (limit < to).then_some(at(made));
                assert_eq!(pass(965, 300, server(965)), (at(300), None));
                assert_eq!(pass(965, 600, testimony), (at(limit.min(600)), held_back_by(600)), "{made}");
                assert_eq!(pass(965, 900, server(965)), (at(limit), held_back_by(900)), "{made}");
                assert_eq!(pass(1_265, 1_200, server(1_265)), (at(1_200), None), "the next poll");
            }
        }
    }

    #[test]
    fn a_cache_that_keeps_one_part_for_ever_stops_nothing() {
        let windows = windows(300, 60);
        let mut passages = Passages::new(at(0), Host(0).at(60).monotonic);
        let passed = (1..=14).map(|poll| {
            let due_end = poll * INTERVAL;
            let question = question(Host(0), due_end + 65, due_end);
            passages.pass(&windows, Question { to: at(0), ..question }, cached(at(100)), None);
            passages.pass(&windows, question, server(due_end + 65), None).to
        });
        let expected = (1..=14).map(|poll| if poll <= 12 { at(0) } else { at(poll * INTERVAL) });
        assert!(passed.eq(expected));
    }

    // The exporter was down for two hours, and the server tells no time.
    #[test]
    fn without_a_clock_of_the_server_the_hosts_is_proof_after_three_answers() {
        let (windows, host) = (windows(300, 60), Host(0));
        let mut passages = Passages::new(at(-7_200), host.at(0).monotonic);
        let proven = [300, 600, 900].map(|end| {
            let passage = passages.pass(&windows, question(host, end + 65, end), Testimony::None, None);
            assert_eq!(passage.to, at(end));
            passage.proven
        });
        assert_eq!(proven, [at(-6_900), at(-6_600), at(900)]);
    }

    #[test]
    fn a_host_that_is_days_ahead_completes_no_window_to_come() {
        let days = 3 * 86_400;
        let polls: Vec<_> = (1..=11).map(|poll| server(poll * INTERVAL + 65)).collect();
        let ends: Vec<_> = (1..=11).map(|poll| poll * INTERVAL).collect();
        assert_eq!(passed(Host(days), 0, &polls), ends);
    }

    /// The server's clock is looked at some time between question and answer.
    #[test]
    fn a_long_call_proves_nothing_for_the_time_before_its_end() {
        let mut passages = Passages::new(at(0), Host(9_000).at(0).monotonic);
        let windows = windows(300, 60);
        let call = |asked: i64, answered: i64| {
            let due_end = windows.last_due_end(at(asked + 9_000));
            Question { to: due_end, due_end, asked: Host(9_000).at(asked), answered: Host(9_000).at(answered) }
        };
        passages.pass(&windows, call(365, 1_500), server(1_500), None);
        let passage = passages.pass(&windows, call(1_510, 1_511), server(1_511), None);
        assert!(passage.proven <= at(1_200), "{passage:?}");
    }

    #[test]
    fn an_objection_without_proof_is_heard_for_twelve_polls() {
        let hour = 12 * INTERVAL;
        let polls: Vec<_> = (1..=14).map(|poll| server(poll * INTERVAL - hour)).collect();
        let told = passed(Host(0), -2 * hour, &polls);
        assert!(told[..12].iter().zip(1..).all(|(&to, poll)| to < poll * INTERVAL - hour / 2), "{told:?}");
        assert_eq!(told[13], 13 * INTERVAL);
    }

    proptest! {
        // With a host that is right and has once been confirmed, any server costs no more than one interval, caches apart.
        #[test]
        fn no_server_delays_a_window_by_more_than_an_interval(
            told in prop::collection::vec(prop_oneof![Just(None), (-5_000_000i64..5_000_000).prop_map(Some)], 1..40),
        ) {
            let testimonies: Vec<_> = core::iter::once(server(365))
                .chain(told.iter().map(|told| told.map_or(Testimony::None, server)))
                .collect();
            let mut cursor = 0;
            for (passed, poll) in passed(Host(0), 0, &testimonies).into_iter().zip(1..) {
                cursor = cursor.max(passed);
                prop_assert!(cursor == poll * INTERVAL || cursor == (poll - 1) * INTERVAL);
            }
        }
    }
}

/// What a cache has kept for no time worth speaking of.
fn cached(made: Timestamp) -> Testimony {
    Testimony::Cache { made, age: Duration::ZERO }
}

fn kept(made: Timestamp) -> Testimony {
    Testimony::Kept { made, age: Duration::ZERO }
}

#[test]
fn no_clock_alone_gives_up_what_the_other_says_is_recent() {
    let (windows, day) = (windows(300, 60), Duration::from_secs(86_400));
    // By a clock at `now` all before this is older than a day; the second of the origin is the beginning of a window.
    let oldest = |now: i64| at((now - 60).div_euclid(300) * 300 - 86_400);
    for wrong in [-200_000, -7_703, -301, 0] {
        let to = oldest(1_000);
        let said = at(1_000 + wrong);
        let agrees = wrong == 0;
        for testimony in [Testimony::Server(said), cached(said), kept(said)] {
            assert_eq!(testimony.agrees_to_give_up(to, &windows, day), agrees, "{testimony:?}");
        }
    }
    assert!(Testimony::Server(at(90_000)).agrees_to_give_up(oldest(1_000), &windows, day), "older still");
    assert!(Testimony::None.agrees_to_give_up(oldest(1_000), &windows, day), "there is no other clock");
    assert!(!Testimony::Server(Timestamp::MIN).agrees_to_give_up(oldest(1_000), &windows, day));
}

/// What a poll asked at `second`, of all that is due by its planning clock, completes by the answer of a server that is right.
fn completed(time: &mut ServerTime, host: Host, second: i64, windows: &Windows) -> (Timestamp, Timestamp) {
    let asked = host.at(second);
    let due_end = windows.last_due_end(time.now(asked));
    let testimony = time.heard(&heard(host, second, 0), windows);
    let question = Question { to: due_end, due_end, asked, answered: asked };
    (time.passage(windows, question, testimony).to, due_end)
}

#[test]
fn no_window_is_completed_before_its_end_by_the_answers_own_clock() {
    for settle in 0..7 {
        let windows = windows(300, settle);
        for host in [6, 30, 299, 3_670, 40_000_000].map(Host) {
            for early in 1..=6 {
                // The last answer is not believed, or for the first time, or has been.
                for before in [&[][..], &[200, 240], &[150, 190, 230]] {
                    let mut time = new(host);
                    for &second in before {
                        time.heard(&heard(host, second, 0), &windows);
                    }
                    let (to, _) = completed(&mut time, host, 300 - early, &windows);
                    assert!(to <= at(0), "{settle} s to settle, {} s ahead, {early} s early: {to}", host.0);
                }
            }
        }
    }
}

#[test]
fn clocks_that_hardly_differ_delay_no_window() {
    for settle in 0..7 {
        let windows = windows(300, settle);
        for host in (-5..=5).map(Host) {
            let by_the_host = 300 + i64::try_from(settle).unwrap() - host.0;
            let (to, due_end) = completed(&mut new(host), host, by_the_host, &windows);
            assert_eq!((to, due_end), (at(300), at(300)), "{settle} s to settle, {} s ahead", host.0);
        }
    }
}

/// Where no answer tells the time, what is over is what the host's clock and the one that windows are planned by both say.
#[test]
fn without_a_clock_of_the_server_neither_of_the_others_proves_alone() {
    let windows = windows(300, 60);
    // The host's clock, the window planned by, and what is proven by them.
    for (host, due_end, proven) in [(0, 7_200, -300), (7_260, 0, 0), (0, 0, -300), (360, 300, 300)] {
        for testimony in [Testimony::None, kept(at(host)), kept(at(9_000))] {
            let mut passages = Passages::new(at(-3_000), Host(host).at(0).monotonic);
            let moment = Host(host).at(0);
            let question = Question { to: at(due_end), due_end: at(due_end), asked: moment, answered: moment };
            let passed: Vec<_> = (0..3).map(|_| passages.pass(&windows, question, testimony, None)).collect();
            assert_eq!(passed[1].proven, at(-3_000), "two may be odd ones");
            assert_eq!(passed[2].proven, at(proven), "host {host}, planned {due_end}, {testimony:?}");
            let completes = if testimony == kept(at(host)) { due_end.min(host - 60) } else { due_end };
            assert!(passed.iter().all(|passage| passage.to <= at(due_end) && passage.to >= at(completes - 300)));
        }
    }
}
