use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

fn traffic(seed: u64, skills: usize, zone: &str) -> Traffic {
    Traffic {
        seed,
        zone: TimeZone::get(zone).unwrap(),
        skills: (0..skills)
            .map(|index| Skill { id: format!("{}", 4173 + index).into(), name: profile::skill_name(index).into() })
            .collect(),
        rate: 1.0,
        redials: false,
        answered_share: 0.0,
        lateness: Lateness::default(),
        incidents: Vec::new(),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Twenty weeks from a Monday, of a centre with twelve skills.
static MONTHS: LazyLock<(Traffic, Vec<Call>)> = LazyLock::new(|| {
    let traffic = traffic(11, 12, "America/Bogota");
    let calls = traffic.calls(at("2026-01-05T05:00:00Z"), at("2026-05-25T05:00:00Z"));
    (traffic, calls)
});

fn near(what: &str, got: f64, expected: f64, tolerance: f64) {
    assert!((got / expected - 1.0).abs() <= tolerance, "{what}: {got} instead of {expected} within {tolerance}");
}

// About 40,000 calls: the sampling error of the middle quantiles is about 1 %, of p99 4 %; whole seconds add the rest
// at the low end.
#[test]
fn the_time_to_abandon_has_the_measured_quantiles() {
    let (_, calls) = &*MONTHS;
    let mut times: Vec<f64> = calls.iter().map(|call| call.abandon_time.unwrap()).collect();
    times.sort_by(f64::total_cmp);
    assert!(times.len() > 30_000, "{}", times.len());
    let quantile = |share: f64| times[(times.len() as f64 * share) as usize];
    let measured = [
        (0.05, 6.0, 0.0),
        (0.10, 9.0, 0.0),
        (0.25, 18.0, 0.06),
        (0.50, 54.0, 0.04),
        (0.75, 109.0, 0.04),
        (0.90, 209.0, 0.04),
        (0.95, 295.0, 0.05),
        (0.99, 551.0, 0.1),
    ];
    for (share, seconds, tolerance) in measured {
        near(&format!("p{}", share * 100.0), quantile(share), seconds, tolerance);
    }
    let within = |seconds: f64| times.iter().filter(|time| **time <= seconds).count() as f64 / times.len() as f64;
    near("<=5 s", within(5.0), 0.048, 0.08);
    near("<=10 s", within(10.0), 0.137, 0.05);
    near("<=30 s", within(30.0), 0.35, 0.03);
    near("mean", times.iter().sum::<f64>() / times.len() as f64, 89.0, 0.05);
    assert!(*times.last().unwrap() <= 2405.0 && times[0] >= 1.0);
}

// The load of an hour has a coefficient of variation of about 1: over 140 days its mean is known to about 10 %.
#[test]
fn the_hours_of_the_day_have_the_measured_volume() {
    let (traffic, calls) = &*MONTHS;
    let mut by_hour = [0.0; 24];
    for call in calls {
        by_hour[traffic.zone.to_datetime(call.at).hour() as usize] += 1.0 / 140.0;
    }
    for (hour, offered, share) in [(8, 67.0, 0.12), (10, 117.0, 0.22), (15, 87.0, 0.25), (21, 52.0, 0.16)] {
        near(&format!("{hour}h"), by_hour[hour], offered * share, 0.35);
    }
    near("7h to 23h", by_hour[7..].iter().sum(), 235.0, 0.08);
}

#[test]
fn friday_has_a_third_and_saturday_a_tenth() {
    let (traffic, calls) = &*MONTHS;
    let mut by_day = [0.0; 7];
    for call in calls {
        by_day[traffic.zone.to_datetime(call.at).weekday().to_monday_zero_offset() as usize] += 1.0;
    }
    let working_day = (by_day[0] + by_day[1] + by_day[2] + by_day[3] + by_day[6]) / 5.0;
    // Twenty Saturdays have about 900 calls, in clusters.
    near("Friday", by_day[4] / working_day, 1.0 / 3.0, 0.15);
    near("Saturday", by_day[5] / working_day, 0.1, 0.25);
}

// The variance of a variance is large in traffic such as this; the bounds tell it from Poisson (1 and 1) and from twice
// the measured dispersion.
#[test]
fn the_load_is_as_uneven_as_measured() {
    let (traffic, calls) = &*MONTHS;
    let start = at("2026-01-05T05:00:00Z").as_second();
    let dispersion = |seconds: i64| {
        let mut counts = vec![0.0; (140 * 86_400 / seconds) as usize];
        for call in calls {
            counts[((call.at.as_second() - start) / seconds) as usize] += 1.0;
        }
        let busy: Vec<f64> = counts
            .iter()
            .enumerate()
            .filter(|(index, _)| {
                let local = traffic.zone.to_datetime(second(start + *index as i64 * seconds));
                (8..20).contains(&local.hour())
            })
            .map(|(_, count)| *count)
            .collect();
        let mean = busy.iter().sum::<f64>() / busy.len() as f64;
        let variance = busy.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / busy.len() as f64;
        let empty = busy.iter().filter(|count| **count == 0.0).count() as f64 / busy.len() as f64;
        (mean, variance, empty)
    };
    let (mean, variance, empty) = dispersion(300);
    near("mean of five minutes", mean, 1.4, 0.1);
    near("variance of five minutes", variance, 5.4, 0.25);
    // Measured: 56 %. A Poisson number mixed by gamma, of that mean and variance, is 0 in about half of the cases.
    assert!((0.45..0.62).contains(&empty), "{empty}");
    let (mean, variance, _) = dispersion(3600);
    assert!((14.0..28.0).contains(&(variance / mean)), "{}", variance / mean);
}

#[test]
fn skills_differ_and_all_have_calls() {
    let (_, calls) = &*MONTHS;
    let mut by_skill = std::collections::BTreeMap::new();
    for call in calls {
        *by_skill.entry(&call.skill_id).or_insert(0u64) += 1;
    }
    let (least, most) = (by_skill.values().min().unwrap(), by_skill.values().max().unwrap());
    assert_eq!(by_skill.len(), 12);
    assert!(*most > 3 * *least && *least > 100, "{by_skill:?}");
}

#[test]
fn a_conn_id_tells_when_the_call_began_and_occurs_once() {
    let traffic = Traffic { rate: 30.0, redials: true, answered_share: 0.1, ..traffic(3, 5, "Europe/Madrid") };
    let calls = traffic.calls(at("2026-03-09T10:00:00Z"), at("2026-03-09T16:00:00Z"));
    let mut seen = std::collections::HashSet::new();
    for call in &calls {
        assert!(seen.insert(&call.conn_id), "{} twice", call.conn_id);
        let waited = call.abandon_time.unwrap() as i64;
        match call.conn_id.split('.').collect::<Vec<_>>()[..] {
            [_, _, _, began, _] => assert_eq!(began.parse::<i64>().unwrap() + waited, call.at.as_second()),
            [number] => assert!(!profile::is_voice(&call.type_interaction) && number.parse::<u64>().is_ok()),
            _ => panic!("{}", call.conn_id),
        }
        assert!(call.visible_at >= call.at);
    }
    let types: std::collections::BTreeSet<_> = calls.iter().map(|call| call.type_interaction.as_ref()).collect();
    assert_eq!(types.len(), 8);
}

#[test]
fn the_same_people_call_again_when_asked_for() {
    let once = traffic(5, 3, "America/Bogota");
    let again = Traffic { redials: true, ..once.clone() };
    let (from, to) = (at("2026-01-05T00:00:00Z"), at("2026-02-02T00:00:00Z"));
    let (once, again) = (once.calls(from, to), again.calls(from, to));
    let first: std::collections::HashSet<_> = once.iter().map(|call| &call.conn_id).collect();
    let (kept, added): (Vec<_>, Vec<_>) = again.iter().partition(|call| first.contains(&call.conn_id));
    assert_eq!(kept.len(), once.len());
    // 36 % redial and 18.9 % of them give up again; about 500 of 7,000.
    near("redials", added.len() as f64 / once.len() as f64, 0.36 * 0.189, 0.2);
}

#[test]
fn an_incident_adds_calls_to_its_time_and_skill_and_leaves_the_others_as_they_were() {
    let usual = traffic(9, 4, "America/Bogota");
    let (from, until) = (at("2026-01-06T15:02:07Z"), at("2026-01-06T15:40:00Z"));
    let skill = usual.skills[1].id.to_string();
    let with = |factor, skill| Traffic { incidents: vec![Incident { skill, factor, from, until }], ..usual.clone() };
    let all = |traffic: &Traffic| traffic.calls(at("2026-01-06T12:00:00Z"), at("2026-01-06T20:00:00Z"));
    let before = all(&usual);

    let rush = all(&with(40.0, Some(skill.clone())));
    let (kept, added): (Vec<_>, Vec<_>) = rush.iter().partition(|call| before.contains(call));
    assert_eq!(kept.len(), before.len());
    assert!(added.len() > 20, "{}", added.len());
    assert!(added.iter().all(|call| *call.skill_id == *skill && from <= call.at && call.at < until));

    let silence = all(&with(0.0, None));
    let outside: Vec<_> = before.iter().filter(|call| call.at < from || until <= call.at).cloned().collect();
    assert_eq!(silence, outside);
}

#[test]
fn lateness_changes_nothing_but_when_calls_are_seen() {
    let usual = traffic(1, 3, "America/Bogota");
    let late = Traffic {
        lateness: Lateness { usual: Duration::ZERO, late_share: 0.5, late: Duration::from_secs(7200) },
        ..usual.clone()
    };
    let (from, to) = (at("2026-01-06T12:00:00Z"), at("2026-01-07T00:00:00Z"));
    let (usual, late) = (usual.calls(from, to), late.calls(from, to));
    assert!(usual.iter().all(|call| call.visible_at <= call.at + Duration::from_secs(61)));
    let strip = |calls: &[Call]| -> Vec<_> { calls.iter().map(|call| (call.at, call.conn_id.clone())).collect() };
    assert_eq!(strip(&usual), strip(&late));
    let delayed = late.iter().filter(|call| call.visible_at > call.at).count() as f64;
    near("late share", delayed / late.len() as f64, 0.5, 0.25);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    // Any two stretches that meet give the calls of the stretch they form, over folds and gaps too.
    #[test]
    fn stretches_add_up(
        seed: u64,
        skills in 1usize..8,
        zone in prop::sample::select(vec!["America/Bogota", "America/Santiago", "Europe/Madrid", "Australia/Lord_Howe"]),
        start in 1_770_000_000i64..1_800_000_000,
        first in 0i64..20_000,
        rest in 0i64..20_000,
        redials: bool,
        factor in 0.0f64..5.0,
    ) {
        let mut traffic = traffic(seed, skills, zone);
        traffic.rate = 5.0;
        traffic.redials = redials;
        traffic.answered_share = 0.1;
        let (a, b, c) = (second(start), second(start + first), second(start + first + rest));
        traffic.incidents.push(Incident { skill: None, factor, from: second(start + first - 500), until: b });
        let mut parts = traffic.calls(a, b);
        parts.extend(traffic.calls(b, c));
        prop_assert_eq!(parts, traffic.clone().calls(a, c));
    }
}
