//! Histories of each kind, generated.

use proptest::prelude::*;

use crate::history::{Answer, Answered, Call, History, Life, Rename, Report, Says, Settings, Spoilt, What};

/// What a history may contain beyond the ordinary.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope {
    /// The host's clock is wrong, and set.
    pub host_clock: bool,
    /// The server's clock is wrong, jumps, stops, or isn't told.
    pub server_clock: bool,
    pub wrong_zones: bool,
}

/// The calls are dated within so many seconds.
const SPAN: i64 = 4 * 3_600;

pub fn history(scope: Scope) -> impl Strategy<Value = History> {
    let place = prop_oneof![
        3 => Just(("America/Bogota", 1_800_000_000)),
        // An hour or two before: the clock is put back at 03:00 UTC of 5 April 2026 (America/Santiago),
        2 => before().prop_map(|before| ("America/Santiago", 1_775_358_000 - before)),
        // forward at 04:00 UTC of 6 September 2026,
        1 => before().prop_map(|before| ("America/Santiago", 1_788_667_200 - before)),
        // back at 01:00 UTC of 25 October 2026,
        1 => before().prop_map(|before| ("Europe/Madrid", 1_792_890_000 - before)),
        // and by half an hour at 15:00 UTC of 4 April 2026.
        1 => before().prop_map(|before| ("Australia/Lord_Howe", 1_775_314_800 - before)),
    ];
    let calls = prop::collection::vec(call(), 0..40);
    let rename = (0i64..SPAN, 0u8..4, 0u8..3).prop_map(|(at, skill, name)| Rename { at, skill, name });
    let dates = if scope.server_clock {
        prop::collection::vec((-100i64..SPAN, says(scope)), 1..4)
            .prop_map(|mut dates| {
                dates.sort_by_key(|&(at, _)| at);
                dates
            })
            .boxed()
    } else {
        Just(Vec::new()).boxed()
    };
    let tokens = prop_oneof![
        4 => Just(Vec::new()),
        1 => prop::collection::vec((0i64..SPAN, any::<bool>()), 1..4).prop_map(|mut tokens| {
            tokens.sort_by_key(|&(at, _)| at);
            tokens
        }),
    ];
    (
        (place, prop_oneof![Just(0u64), 0u64..5_000]),
        (calls, prop::collection::vec(rename, 0..4), report(), prop::option::weighted(0.5, answered(scope))),
        (prop::collection::vec(answer(scope), 0..24), dates, tokens),
        (prop::collection::vec(life(scope), 1..5), prop::bool::weighted(0.7), prop::bool::weighted(0.2)),
    )
        .prop_map(
            |(
                ((zone, begin), start_history),
                (calls, renames, report, answered),
                (answers, dates, tokens),
                (lives, calm_begins_with_a_start, power_cuts),
            )| History {
                zone,
                begin,
                start_history,
                answered: answered.map(|answered| with_equals(answered, &calls)),
                calls: without_riddles(calls, &report),
                report,
                answers,
                renames,
                dates,
                tokens,
                lives: with_a_right_start(lives),
                calm_begins_with_a_start,
                power_cuts,
            },
        )
}

/// Some minutes up to hours. In half of them the five-minute windows that calls are dated by are those that are read, and one
/// ends with the change of the clock.
fn before() -> impl Strategy<Value = i64> {
    prop_oneof![0i64..9_000, (0i64..30).prop_map(|windows| windows * 300)]
}

/// Where a ledger begins that was made by a wrong clock hangs on which answers came first; that has tests of its own.
fn with_a_right_start(mut lives: Vec<Life>) -> Vec<Life> {
    if let Some(first) = lives.first_mut() {
        (first.clock_error, first.clock_step) = (0, None);
    }
    lives
}

/// The other report, and of which of its calls the identity is that of an abandoned one, by the numbers of the two.
type WithEquals = (Answered, Vec<(prop::sample::Index, prop::sample::Index)>);

fn answered(scope: Scope) -> impl Strategy<Value = WithEquals> {
    let equals = prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..8);
    let answers = prop_oneof![3 => prop::collection::vec(answer(scope), 0..24), 1 => Just(Vec::new())];
    (prop::collection::vec(call(), 0..30), report(), answers, equals)
        .prop_map(|(calls, report, answers, equals)| (Answered { calls, report, answers }, equals))
}

fn with_equals((mut answered, equals): WithEquals, abandoned: &[Call]) -> Answered {
    for (place, other) in equals {
        if !abandoned.is_empty() && !answered.calls.is_empty() {
            let Call { at, skill, chat, conn_id, waited, .. } = *place_in(abandoned, &other);
            let place = place.index(answered.calls.len());
            let call = &mut answered.calls[place];
            *call = Call {
                at,
                skill,
                chat,
                conn_id,
                waited,
                twin: call.twin.filter(|_| conn_id.is_some()),
                ..call.clone()
            };
        }
    }
    answered.calls = without_riddles(answered.calls, &answered.report);
    answered
}

fn place_in<'a>(calls: &'a [Call], place: &prop::sample::Index) -> &'a Call {
    &calls[place.index(calls.len())]
}

fn report() -> impl Strategy<Value = Report> {
    let phantoms = prop_oneof![
        8 => Just(Vec::new()),
        2 => prop::collection::vec(-3_600i64..SPAN, 1..4),
    ];
    let spill = prop_oneof![8 => Just(0u16), 1 => 1u16..2, 1 => 1u16..900];
    (any::<bool>(), spill, any::<bool>(), phantoms, any::<u8>(), prop::bool::weighted(0.2)).prop_map(
        |(end_included, spill, old_rows_are_renamed, phantoms, dialect, bare_404)| Report {
            end_included,
            spill,
            old_rows_are_renamed,
            phantoms,
            dialect,
            bare_404,
        },
    )
}

fn call() -> impl Strategy<Value = Call> {
    // Boundary seconds of five-minute windows are as frequent as all others.
    let at = prop_oneof![
        -7_200i64..SPAN,
        (-24i64..SPAN / 300).prop_map(|window| window * 300),
        (-24i64..SPAN / 300).prop_map(|window| window * 300 - 1)
    ];
    let lateness = prop_oneof![5 => 0i64..62, 1 => 0i64..3_600, 1 => 0i64..20_000];
    let counts_from = prop_oneof![6 => Just(None), 1 => (0i64..4_000).prop_map(Some)];
    let waited = prop_oneof![5 => (0u16..600).prop_map(Some), 1 => Just(None)];
    let spoilt = prop_oneof![Just(Spoilt::Date), Just(Spoilt::Quote), Just(Spoilt::Shape)];
    let until = prop_oneof![2 => Just(i64::MAX / 4), 1 => 0i64..4_000];
    let quirks = (
        prop::bool::weighted(0.1),
        prop::option::weighted(0.1, any::<bool>()),
        prop::option::weighted(0.06, (until, spoilt)),
        prop::bool::weighted(0.05),
    );
    (
        at,
        lateness,
        0u8..4,
        any::<bool>(),
        prop::option::weighted(0.9, prop_oneof![3 => any::<u8>(), 1 => 0u8..2]),
        counts_from,
        waited,
        quirks,
    )
        .prop_map(|(at, lateness, skill, chat, conn_id, counts_from, waited, (twice, twin, spoilt, tab))| Call {
            at,
            lateness,
            skill,
            chat,
            conn_id,
            counts_from,
            waited,
            twice,
            twin: twin.filter(|_| conn_id.is_some()),
            spoilt,
            tab,
        })
}

/// Two calls of one identity say the same of what is counted: otherwise nobody could say which of them counts. After a
/// row that is no JSON nothing follows but objects, and nothing is missing: where the next row begins, or whether there
/// is one, could not be said.
fn without_riddles(mut calls: Vec<Call>, report: &Report) -> Vec<Call> {
    for index in 1..calls.len() {
        let (before, rest) = calls.split_at_mut(index);
        let call = &mut rest[0];
        let same =
            |other: &&Call| other.conn_id.is_some() && other.conn_id == call.conn_id && other.skill == call.skill;
        // In a repeated hour the same date comes again, some hours later.
        if let Some(other) = before.iter().filter(same).find(|other| (other.at - call.at) % 1_800 == 0) {
            (call.chat, call.waited) = (other.chat, other.waited);
        }
    }
    let spoilt = || calls.iter().filter_map(|call| call.spoilt.as_ref());
    let (from, to) = match () {
        () if !report.phantoms.is_empty() => (Spoilt::Quote, Spoilt::Date),
        () if spoilt().any(|(_, spoilt)| *spoilt == Spoilt::Quote) => (Spoilt::Shape, Spoilt::Quote),
        () => return calls,
    };
    for (_, spoilt) in calls.iter_mut().filter_map(|call| call.spoilt.as_mut()).filter(|(_, spoilt)| *spoilt == from) {
        *spoilt = to;
    }
    calls
}

fn answer(scope: Scope) -> impl Strategy<Value = Answer> {
    let latency = prop_oneof![4 => 0u64..3, 1 => 0u64..75, 1 => 200u64..900];
    let what = prop_oneof![
        8 => Just(What::Well),
        1 => Just(What::KilledBeforeCommit),
        1 => Just(What::KilledAfterCommit),
        5 => (0u8..14, prop::option::weighted(0.1, 0u64..4_000))
            .prop_map(|(kind, retry_after)| What::Failure { kind, retry_after }),
        2 => (1u8..3).prop_map(|missing| What::Short { missing }),
        2 => any::<u8>().prop_map(What::NoEvidence),
        1 => Just(What::Cut),
        1 => prop_oneof![1u64..900, 1u64..20_000].prop_map(|age| What::Cached { age }),
    ];
    let says = if scope.server_clock { prop::option::weighted(0.2, says(scope)).boxed() } else { Just(None).boxed() };
    (latency, what, says).prop_map(|(latency, what, says)| Answer { latency, what, says })
}

fn says(scope: Scope) -> impl Strategy<Value = Says> {
    // Where both clocks say that it is next year, nobody can know better.
    let far = if scope.host_clock { vec![0] } else { vec![40_000_000, -40_000_000, -1_800_000_000, 230_000_000_000] };
    prop_oneof![
        2 => Just(Says::Right),
        2 => (-300i64..300).prop_map(Says::Off),
        3 => (-9_000i64..9_000).prop_map(Says::Off),
        1 => prop::sample::select(far).prop_map(Says::Off),
        2 => Just(Says::Stopped),
        1 => Just(Says::Nothing),
    ]
}

fn life(scope: Scope) -> impl Strategy<Value = Life> {
    let down = prop_oneof![3 => 0u64..900, 1 => 0u64..20_000, 1 => Just(200_000u64)];
    let clock_error = if scope.host_clock {
        prop_oneof![3 => Just(0i64), 1 => -8_000i64..8_000, 1 => Just(40_000_000i64), 1 => Just(-400_000i64)].boxed()
    } else {
        Just(0i64).boxed()
    };
    let clock_step = if scope.host_clock {
        prop::option::weighted(0.3, (0u64..6_000, prop_oneof![-8_000i64..8_000, -40_000_000i64..40_000_000])).boxed()
    } else {
        Just(None).boxed()
    };
    (1u64..6_000, down, any::<bool>(), (clock_error, clock_step), settings(scope)).prop_map(
        |(seconds, down, killed, (clock_error, clock_step), settings)| Life {
            seconds,
            down,
            killed,
            clock_error,
            clock_step,
            settings,
        },
    )
}

fn settings(scope: Scope) -> impl Strategy<Value = Settings> {
    let wrong_zone = if scope.wrong_zones {
        prop::option::weighted(0.4, prop::sample::select(vec!["America/Mexico_City", "Europe/Madrid", "UTC"])).boxed()
    } else {
        Just(None).boxed()
    };
    (
        prop_oneof![4 => Just(300u64), 1 => Just(60u64), 1 => Just(900u64), 1 => Just(3_600u64)],
        prop_oneof![3 => Just(60u64), 1 => 0u64..400],
        (overlap(3_600), overlap(10_800)),
        prop_oneof![3 => Just(86_400u64), 1 => 3_600u64..20_000],
        prop_oneof![3 => Just(90u64), 1 => Just(0u64)],
        prop_oneof![3 => Just(2_000usize), 1 => 1usize..4],
        (buckets(), buckets()),
        prop::option::weighted(0.2, 0u8..4),
        wrong_zone,
    )
        .prop_map(
            |(interval, settle, overlaps, max_catch_up, hold, max_series, buckets, skills_below, wrong_zone)| {
                Settings {
                    interval,
                    settle,
                    overlap: overlaps.0,
                    answered_overlap: overlaps.1,
                    max_catch_up: max_catch_up.max(interval),
                    hold,
                    max_series,
                    buckets: buckets.0,
                    answered_buckets: buckets.1,
                    skills_below,
                    wrong_zone,
                }
            },
        )
}

/// As the configuration allows: a second to a day.
fn overlap(usual: u64) -> impl Strategy<Value = u64> {
    prop_oneof![4 => Just(usual), 1 => 1u64..8_000, 1 => Just(86_400u64)]
}

fn buckets() -> impl Strategy<Value = Vec<u32>> {
    prop::sample::subsequence(vec![5u32, 10, 30, 60, 120, 300, 600], 1..=7)
}
