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
