//! Generated histories: what callers, the API, the operator and the host do.

use proptest::prelude::*;

/// Everything that happens in one history. Times are in seconds; instants are relative to the history's begin.
#[derive(Debug, Clone)]
pub struct History {
    /// The zone that the report is in, and the UTC second at which the history begins: often just before a transition.
    pub zone: &'static str,
    pub begin: i64,
    pub start_history: u64,
    /// Whether the API includes `date_end`.
    pub end_included: bool,
    pub calls: Vec<Call>,
    pub renames: Vec<Rename>,
    /// Whether the report names the skill of an old row as it is named now, or as it was at the time.
    pub old_rows_are_renamed: bool,
    /// Seconds of true time at which the report announces a row that it never delivers.
    pub phantom: Option<i64>,
    /// What befalls the API's answers, one after another; then it is well.
    pub answers: Vec<Answer>,
    /// The lives of the process, one after another.
    pub lives: Vec<Life>,
}

/// A call as the report has it.
#[derive(Debug, Clone)]
pub struct Call {
    pub at: i64,
    /// How long after the hang-up the report shows it.
    pub lateness: i64,
    pub skill: u8,
    pub chat: bool,
    /// A `conn_id` of this number may occur more than once; `None` is an empty one.
    pub conn_id: Option<u8>,
    /// Seconds after its hang-up at which an answered call becomes an abandoned one; `None`: abandoned from the first.
    pub answered_until: Option<i64>,
    pub waited: Option<u16>,
    /// The report has this row twice.
    pub twice: bool,
}

/// From `at` on, `skill` has the name of this number.
#[derive(Debug, Clone)]
pub struct Rename {
    pub at: i64,
    pub skill: u8,
    pub name: u8,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Well {
        latency: u64,
    },
    /// The process is killed when the answer has come and before it is counted.
    KilledBeforeCommit {
        latency: u64,
    },
    /// The process is killed as soon as the answer is counted.
    KilledAfterCommit {
        latency: u64,
    },
    /// A failure of this kind.
    Failure {
        kind: u8,
        latency: u64,
        retry_after: Option<u64>,
    },
    /// This many rows are announced and not delivered.
    Short {
        missing: u8,
    },
}

/// One life of the process.
#[derive(Debug, Clone)]
pub struct Life {
    pub seconds: u64,
    /// How long it is down afterwards.
    pub down: u64,
    /// Whether it is killed, or told to stop.
    pub killed: bool,
    /// By how much the host's clock is wrong in this life.
    pub clock_error: i64,
    /// The host's clock is set meanwhile: when, and by how much.
    pub clock_step: Option<(u64, i64)>,
    pub settings: Settings,
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub interval: u64,
    pub settle: u64,
    pub overlap: u64,
    pub max_catch_up: u64,
    pub hold: u64,
    pub max_series: usize,
    pub buckets: Vec<u32>,
    /// Skills that are selected: all, or those below this number.
    pub skills_below: Option<u8>,
    /// The zone that is configured, where it is not the report's.
    pub wrong_zone: Option<&'static str>,
}

/// What a history may contain beyond the ordinary.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    pub clock_errors: bool,
    pub wrong_zones: bool,
}

pub fn history(scope: Scope) -> impl Strategy<Value = History> {
    let place = prop_oneof![
        3 => Just(("America/Bogota", 1_800_000_000)),
        // An hour or two before: the clock is put back at 03:00 UTC of 5 April 2026 (America/Santiago),
        2 => (0i64..9_000).prop_map(|before| ("America/Santiago", 1_775_358_000 - before)),
        // forward at 04:00 UTC of 6 September 2026,
        1 => (0i64..9_000).prop_map(|before| ("America/Santiago", 1_788_667_200 - before)),
        // back at 01:00 UTC of 25 October 2026,
        1 => (0i64..9_000).prop_map(|before| ("Europe/Madrid", 1_792_890_000 - before)),
        // by half an hour at 15:00 UTC of 4 April 2026,
        1 => (0i64..9_000).prop_map(|before| ("Australia/Lord_Howe", 1_775_314_800 - before)),
    ];
    let span = 4 * 3_600i64;
    let calls = prop::collection::vec(call(span), 0..40);
    let rename = (0i64..span, 0u8..4, 0u8..3).prop_map(|(at, skill, name)| Rename { at, skill, name });
    let names = (prop::collection::vec(rename, 0..4), any::<bool>());
    let phantom = prop::option::weighted(0.1, -3_600i64..span);
    let answers = prop::collection::vec(answer(), 0..24);
    let lives = prop::collection::vec(life(scope), 1..5);
    (place, prop_oneof![Just(0u64), 0u64..5_000], any::<bool>(), (calls, names, phantom), answers, lives).prop_map(
        |((zone, begin), start_history, end_included, (calls, names, phantom), answers, lives)| History {
            zone,
            begin,
            start_history,
            end_included,
            calls,
            renames: names.0,
            old_rows_are_renamed: names.1,
            phantom,
            answers,
            lives,
        },
    )
}

fn call(span: i64) -> impl Strategy<Value = Call> {
    // Boundary seconds of five-minute windows are as frequent as all others.
    let at = prop_oneof![
        -7_200i64..span,
        (-24i64..span / 300).prop_map(|window| window * 300),
        (-24i64..span / 300).prop_map(|window| window * 300 - 1)
    ];
    let lateness = prop_oneof![5 => 0i64..62, 1 => 0i64..3_600, 1 => 0i64..20_000];
    let answered_until = prop_oneof![6 => Just(None), 1 => (0i64..4_000).prop_map(Some)];
    let waited = prop_oneof![5 => (0u16..600).prop_map(Some), 1 => Just(None)];
    (
        at,
        lateness,
        0u8..4,
        any::<bool>(),
        prop::option::weighted(0.9, prop_oneof![3 => any::<u8>(), 1 => 0u8..2]),
        answered_until,
        waited,
        prop::bool::weighted(0.1),
    )
        .prop_map(|(at, lateness, skill, chat, conn_id, answered_until, waited, twice)| Call {
            at,
            lateness,
            skill,
            chat,
            conn_id,
            answered_until,
            waited,
            twice,
        })
}

fn answer() -> impl Strategy<Value = Answer> {
    let latency = prop_oneof![4 => 0u64..3, 1 => 0u64..75, 1 => 200u64..900];
    prop_oneof![
        8 => latency.clone().prop_map(|latency| Answer::Well { latency }),
        1 => latency.clone().prop_map(|latency| Answer::KilledBeforeCommit { latency }),
        1 => latency.clone().prop_map(|latency| Answer::KilledAfterCommit { latency }),
        6 => (0u8..9, latency, prop::option::weighted(0.1, 0u64..4_000))
            .prop_map(|(kind, latency, retry_after)| Answer::Failure { kind, latency, retry_after }),
        2 => (1u8..3).prop_map(|missing| Answer::Short { missing }),
    ]
}

fn life(scope: Scope) -> impl Strategy<Value = Life> {
    let down = prop_oneof![3 => 0u64..900, 1 => 0u64..20_000, 1 => Just(200_000u64)];
    let clock_error = if scope.clock_errors {
        prop_oneof![3 => Just(0i64), 1 => -8_000i64..8_000, 1 => Just(40_000_000i64), 1 => Just(-400_000i64)].boxed()
    } else {
        Just(0i64).boxed()
    };
    let clock_step = if scope.clock_errors {
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
        // As the configuration allows: a second to a day.
        prop_oneof![4 => Just(3_600u64), 1 => 1u64..8_000, 1 => Just(86_400u64)],
        prop_oneof![3 => Just(86_400u64), 1 => 3_600u64..20_000],
        prop_oneof![3 => Just(90u64), 1 => Just(0u64)],
        prop_oneof![3 => Just(2_000usize), 1 => 1usize..4],
        prop::sample::subsequence(vec![5u32, 10, 30, 60, 120, 300, 600], 1..=7),
        prop::option::weighted(0.2, 0u8..4),
        wrong_zone,
    )
        .prop_map(
            |(interval, settle, overlap, max_catch_up, hold, max_series, buckets, skills_below, wrong_zone)| Settings {
                interval,
                settle,
                overlap,
                max_catch_up: max_catch_up.max(interval),
                hold,
                max_series,
                buckets,
                skills_below,
                wrong_zone,
            },
        )
}
