use core::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::account::Account;
use super::instant::{earlier, later, shifted};
use super::range::{LONGEST_RANGE, Stretch};
use super::rules::Rules;
use super::server_time::{CLOCKS_MAY_DIFFER, Clocks};
use super::zone::{civil_range, reads_from};

/// How far back the first read of a new ledger looks: a day has calls in it, so that a wrong zone shows at once.
const FIRST_LOOK: Duration = Duration::from_secs(24 * 3_600);

/// No clock is put forward by more within a range.
const MOST_PUT_FORWARD: Duration = Duration::from_secs(24 * 3_600);

/// What a poll is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// From the cursor, less the overlap, to the end of the last window that is due.
    pub stretch: Stretch,
    /// The end of a stretch that is given up with the first commit, for being older than `max_catch_up`.
    pub skip_to: Option<Timestamp>,
    /// Whether more than one window is due.
    pub catch_up: bool,
    /// The end of the last window that is due.
    pub due_end: Timestamp,
}

/// What is to be read by these clocks; `None` while nothing is due.
///
/// While it is not settled which of several clocks is right, the range reaches from the earliest to the latest: no row is
/// left out whichever it is, and the rows show it. Only the cursor goes by one of them. Where that is ahead of the time,
/// or a window is due by another clock only, there is something to find out, and so to ask.
pub fn plan(account: &Account, rules: &Rules, clocks: Clocks) -> Option<Plan> {
    let marks = &account.marks;
    let due_end = rules.windows.last_due_end(clocks.now.max(clocks.latest));
    let is_ahead = marks.complete_until > shifted(clocks.now, CLOCKS_MAY_DIFFER);
    let is_due = due_end > marks.complete_until || !marks.read_before || is_ahead;
    is_due.then(|| read_now(account, rules, clocks))
}

/// What is to be read where something must be asked, due or not: where nothing is, the overlap once more.
pub fn read_now(account: &Account, rules: &Rules, clocks: Clocks) -> Plan {
    let marks = &account.marks;
    let windows = &rules.windows;
    let now = clocks.now;
    let due_end = windows.last_due_end(now);
    let latest_end = windows.last_due_end(clocks.latest);
    let earliest_end = windows.last_due_end(clocks.earliest);
    let oldest = windows.start_of(earlier(windows.last_due_end(clocks.least), rules.max_catch_up));
    let skip_to = (marks.complete_until < oldest).then_some(oldest);
    let cursor = skip_to.unwrap_or(marks.complete_until);
    // Before the first window is due, the first look is at the day before it.
    let to = due_end.max(cursor).max(latest_end);

    let mut from = earlier(cursor.min(marks.unproven_from(cursor)), rules.overlap);
    if clocks.earliest < now {
        from = from.min(earlier(earliest_end, rules.overlap));
    }
    if !marks.read_before {
        // A clock that is behind the one which began the ledger must not make this look any longer.
        from = from.min(earlier(windows.start_of(now).max(cursor), FIRST_LOOK));
    }
    // Below the floor nothing is asked for; nor is a row whose identity is gone, which would be counted twice.
    let known_from = marks.kept_from.and_then(|date| reads_from(&rules.zone, date));
    from = from.max(skip_to.or(marks.floor).max(known_from).unwrap_or(Timestamp::MIN));
    // A cursor that both clocks took beyond the oldest identity is asked at: the answer tells the time.
    let to = if from < to { to } else { later(from, windows.interval()) };
    Plan {
        stretch: not_too_long(rules, Stretch { from, to }),
        skip_to,
        catch_up: windows.ends_within(cursor, due_end) > 1,
        due_end,
    }
}

/// `stretch`, cut off where its local range would be longer than the API answers: clocks that are put forward in it make
/// that longer than the time that passes, by no more than a day.
fn not_too_long(rules: &Rules, stretch: Stretch) -> Stretch {
    let asked = civil_range(&rules.zone, stretch);
    let second = SignedDuration::from_secs(1);
    if (asked.end.duration_since(asked.ini) + second).unsigned_abs() <= LONGEST_RANGE {
        return stretch;
    }
    Stretch { to: stretch.to.min(later(stretch.from, LONGEST_RANGE.saturating_sub(MOST_PUT_FORWARD))), ..stretch }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::rules;
    use alloc::borrow::ToOwned as _;
    use alloc::format;
    use alloc::string::String;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// An account that has read up to `complete_until`.
    fn read_until(complete_until: &str) -> Account {
        let mut account = Account::new(&rules("UTC").windows, at("2026-01-01T00:00:00Z"));
        account.marks.complete_until = at(complete_until);
        account.marks.proven_until = at(complete_until);
        account.marks.read_before = true;
        account
    }

    /// What is planned, as `from .. to`, and what is skipped.
    fn planned(account: &Account, rules: &Rules, now: &str) -> Option<(String, Option<Timestamp>, bool)> {
        plan(account, rules, Clocks::agreed(at(now)))
            .map(|plan| (format!("{} .. {}", plan.stretch.from, plan.stretch.to), plan.skip_to, plan.catch_up))
    }

    fn expected(stretch: &str, skip_to: Option<&str>, catch_up: bool) -> Option<(String, Option<Timestamp>, bool)> {
        Some((stretch.to_owned(), skip_to.map(at), catch_up))
    }

    #[test]
    fn a_window_is_read_once_it_has_settled_with_the_overlap_before_it() {
        let account = read_until("2026-03-01T12:00:00Z");
        assert_eq!(planned(&account, &rules("UTC"), "2026-03-01T12:05:59Z"), None);
        assert_eq!(
            planned(&account, &rules("UTC"), "2026-03-01T12:06:00Z"),
            expected("2026-03-01T11:00:00Z .. 2026-03-01T12:05:00Z", None, false)
        );
        assert_eq!(
            planned(&account, &rules("UTC"), "2026-03-01T12:11:00Z"),
            expected("2026-03-01T11:00:00Z .. 2026-03-01T12:10:00Z", None, true)
        );
    }

    #[test]
    fn who_must_ask_though_nothing_is_due_asks_for_the_overlap() {
        for (complete_until, now, stretch) in [
            ("2026-03-01T12:00:00Z", "2026-03-01T12:05:59Z", "2026-03-01T11:00:00Z .. 2026-03-01T12:00:00Z"),
            ("2026-03-01T12:00:00Z", "2026-03-01T12:06:00Z", "2026-03-01T11:00:00Z .. 2026-03-01T12:05:00Z"),
            ("2026-03-01T12:05:00Z", "2026-03-01T12:06:00Z", "2026-03-01T11:05:00Z .. 2026-03-01T12:05:00Z"),
        ] {
            let plan = read_now(&read_until(complete_until), &rules("UTC"), Clocks::agreed(at(now)));
            assert_eq!(format!("{} .. {}", plan.stretch.from, plan.stretch.to), stretch);
        }
    }

    /// The clock that plans is behind, and another one has told that there is more.
    #[test]
    fn what_is_due_by_another_clock_only_is_asked_for() {
        let (account, rules) = (read_until("2026-03-01T12:00:00Z"), rules("UTC"));
        let by = |now, latest| {
            let clocks = Clocks { latest: at(latest), ..Clocks::agreed(at(now)) };
            plan(&account, &rules, clocks).map(|plan| plan.stretch.to)
        };
        assert_eq!(by("2026-03-01T12:01:00Z", "2026-03-01T12:05:59Z"), None);
        for now in ["2026-03-01T12:01:00Z", "2026-03-01T12:05:59Z", "2026-03-01T12:00:00Z"] {
            assert_eq!(by(now, "2026-03-01T13:06:00Z"), Some(at("2026-03-01T13:05:00Z")), "{now}");
        }
    }

    #[test]
    fn what_one_clock_alone_has_passed_is_asked_for_again() {
        let (mut account, mut rules) = (read_until("2026-03-01T12:00:00Z"), rules("UTC"));
        rules.overlap = Duration::from_secs(1);
        for (proven, from) in [
            ("2026-03-01T12:00:00Z", "2026-03-01T11:59:59Z"),
            ("2026-03-01T11:54:00Z", "2026-03-01T11:53:59Z"),
            ("2026-02-20T00:00:00Z", "2026-02-28T11:59:59Z"),
        ] {
            account.marks.proven_until = at(proven);
            let plan = plan(&account, &rules, Clocks::agreed(at("2026-03-01T12:06:00Z"))).unwrap();
            assert_eq!(plan.stretch.from, at(from), "{proven}");
        }
    }

    #[test]
    fn nothing_before_the_start_is_asked_for_again_for_want_of_a_proof() {
        let (mut account, mut rules) = (read_until("2026-03-01T12:00:00Z"), rules("UTC"));
        rules.overlap = Duration::from_secs(1);
        (account.marks.start, account.marks.proven_until) = (at("2026-03-01T11:00:00Z"), at("2026-03-01T10:00:00Z"));
        let plan = plan(&account, &rules, Clocks::agreed(at("2026-03-01T12:06:00Z"))).unwrap();
        assert_eq!(plan.stretch.from, at("2026-03-01T10:59:59Z"));
    }

    #[test]
    fn nothing_is_given_up_that_one_clock_calls_recent() {
        let (account, rules) = (read_until("2026-03-01T12:00:00Z"), rules("UTC"));
        for now in ["2026-03-05T12:00:00Z", "2027-06-01T12:00:00Z", "2099-12-31T00:00:00Z"] {
            let earliest = at(now) - SignedDuration::from_hours(24);
            let clocks = Clocks { earliest, least: at("2026-03-01T13:00:00Z"), ..Clocks::agreed(at(now)) };
            let plan = plan(&account, &rules, clocks).unwrap();
            assert_eq!((plan.skip_to, plan.stretch.from <= account.marks.complete_until), (None, true), "{now}");
        }
    }

    #[test]
    fn the_first_look_is_at_a_day_and_counts_nothing_of_the_window_in_progress() {
        let rules = rules("UTC");
        let now = "2026-03-01T12:03:00Z";
        let account = Account::new(&rules.windows, at(now));
        assert_eq!(
            planned(&account, &rules, now),
            expected("2026-02-28T12:00:00Z .. 2026-03-01T12:00:00Z", None, false)
        );
    }

    #[test]
    fn the_first_look_is_at_no_more_than_a_day_when_the_clock_is_put_back() {
        let rules = rules("UTC");
        let account = Account::new(&rules.windows, at("2026-03-01T12:00:00Z"));
        assert_eq!(
            planned(&account, &rules, "2026-02-01T12:03:00Z"),
            expected("2026-02-28T12:00:00Z .. 2026-03-01T12:00:00Z", None, false)
        );
    }

    #[test]
    fn what_is_too_old_is_given_up_and_not_asked_for() {
        let mut account = read_until("2026-03-01T12:00:00Z");
        assert_eq!(
            planned(&account, &rules("UTC"), "2026-03-02T12:01:00Z"),
            expected("2026-03-01T11:00:00Z .. 2026-03-02T12:00:00Z", None, true),
            "just a day"
        );
        assert_eq!(
            planned(&account, &rules("UTC"), "2026-03-02T12:06:00Z"),
            expected("2026-03-01T12:05:00Z .. 2026-03-02T12:05:00Z", Some("2026-03-01T12:05:00Z"), true)
        );
        account.marks.floor = Some(at("2026-03-01T11:30:00Z"));
        assert_eq!(
            planned(&account, &rules("UTC"), "2026-03-01T12:06:00Z"),
            expected("2026-03-01T11:30:00Z .. 2026-03-01T12:05:00Z", None, false),
            "the overlap ends at the floor"
        );
    }

    #[test]
    fn a_longer_overlap_stops_where_identities_are_gone() {
        let mut account = read_until("2026-03-01T12:00:00Z");
        account.marks.kept_from = Some(jiff::civil::date(2026, 3, 1).at(11, 20, 0, 0));
        assert_eq!(
            planned(&account, &rules("UTC"), "2026-03-01T12:06:00Z"),
            expected("2026-03-01T11:20:00Z .. 2026-03-01T12:05:00Z", None, false)
        );
    }

    // In Madrid the clock is put forward on 29 March 2026: 31 days of time are an hour more of local time.
    #[test]
    fn no_local_range_is_longer_than_the_api_answers() {
        let mut rules = rules("Europe/Madrid");
        rules.max_catch_up = Duration::from_secs(31 * 86_400 - 3_600);
        let account = read_until("2026-03-15T12:00:00Z");
        let within = plan(&account, &rules, Clocks::agreed(at("2026-04-15T10:01:00Z"))).unwrap();
        assert_eq!(within.stretch.to, at("2026-04-15T10:00:00Z"), "31 days of local time");
        rules.overlap = Duration::from_secs(3_601);
        let beyond = plan(&account, &rules, Clocks::agreed(at("2026-04-15T10:01:00Z"))).unwrap();
        assert_eq!(beyond.stretch.from, at("2026-03-15T10:59:59Z"));
        assert_eq!(beyond.stretch.to, at("2026-04-14T10:59:59Z"), "a second more");
        rules.overlap = Duration::from_secs(3_600);
        let beyond = plan(&account, &rules, Clocks::agreed(at("2026-04-15T10:06:00Z"))).unwrap();
        assert_eq!(beyond.stretch.from, at("2026-03-15T11:00:00Z"));
        assert_eq!(beyond.stretch.to, at("2026-04-14T11:00:00Z"));
    }

    fn clocks(now: &str, earliest: &str, latest: &str) -> Clocks {
        Clocks { now: at(now), earliest: at(earliest), latest: at(latest), least: at(earliest) }
    }

    #[test]
    fn a_range_reaches_from_the_earliest_clock_to_the_latest_and_the_windows_go_by_one() {
        let account = read_until("2026-03-01T12:00:00Z");
        let plan = plan(
            &account,
            &rules("UTC"),
            clocks("2026-03-01T12:06:00Z", "2026-03-01T09:06:00Z", "2026-03-01T14:06:00Z"),
        );
        let plan = plan.unwrap();
        assert_eq!(plan.stretch.from, at("2026-03-01T08:05:00Z"));
        assert_eq!(plan.stretch.to, at("2026-03-01T14:05:00Z"));
        assert_eq!((plan.due_end, plan.catch_up), (at("2026-03-01T12:05:00Z"), false));
    }

    #[test]
    fn nothing_is_given_up_because_of_one_clock_alone() {
        let account = read_until("2026-03-01T12:00:00Z");
        let (right, ahead) = ("2026-03-01T12:06:00Z", "2026-03-04T12:06:00Z");
        assert_eq!(plan(&account, &rules("UTC"), clocks(ahead, right, ahead)).unwrap().skip_to, None);
        assert!(plan(&account, &rules("UTC"), Clocks::agreed(at(ahead))).unwrap().skip_to.is_some());
    }

    #[test]
    fn a_cursor_ahead_of_the_time_is_a_reason_to_ask() {
        let account = read_until("2026-03-01T12:00:00Z");
        for now in ["2026-03-01T11:59:54Z", "2026-03-01T09:00:00Z", "1970-01-01T00:00:00Z"] {
            let plan = plan(&account, &rules("UTC"), Clocks::agreed(at(now))).unwrap();
            assert_eq!(plan.stretch.to, at("2026-03-01T12:00:00Z"), "{now}");
            assert!(plan.due_end < plan.stretch.to && plan.skip_to.is_none());
        }
        assert_eq!(plan(&account, &rules("UTC"), Clocks::agreed(at("2026-03-01T11:59:55Z"))), None);
    }

    #[test]
    fn no_clock_is_too_far_off_to_plan_by() {
        let account = read_until("2026-03-01T12:00:00Z");
        for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            for (earliest, latest) in [(now, now), (Timestamp::MIN, now), (now, Timestamp::MAX)] {
                let plan = plan(&account, &rules("UTC"), Clocks { now, earliest, latest, least: earliest }).unwrap();
                assert!(plan.stretch.from < plan.stretch.to, "{now}");
            }
        }
    }
}
