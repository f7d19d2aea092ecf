"""Defects that the judge must notice: each a name, and what of the sources is replaced by what."""

CURSOR = "crates/domain/src/tally/cursor.rs"
NAMES = "crates/domain/src/tally/names.rs"
ROWS = "crates/domain/src/tally/rows.rs"
ACCOUNT = "crates/domain/src/account.rs"
MARKS = "crates/domain/src/account/marks.rs"
PARTS = "crates/domain/src/reading/parts.rs"
READING = "crates/domain/src/reading.rs"
CADENCE = "crates/domain/src/cadence.rs"
ZONE = "crates/domain/src/zone.rs"
PLAN = "crates/domain/src/plan.rs"
TIME = "crates/domain/src/server_time.rs"
TESTIMONY = "crates/domain/src/server_time/testimony.rs"
PASSAGE = "crates/domain/src/server_time/passage.rs"
POLL = "src/poller/poll.rs"
LEDGER = "src/ledger/mod.rs"

DEFECTS = {
    # What is counted.
    "boundary-counted-twice": [
        (ROWS, "            Some(earlier) if earlier.verdict == Verdict::Counted || !inside => return None,\n",
         "            Some(_) if place == Ok(self.before.marks.complete_until - SignedDuration::from_secs(1)) => {\n"
         "                Contents::default()\n"
         "            }\n"
         "            Some(earlier) if earlier.verdict == Verdict::Counted || !inside => return None,\n"),
    ],
    "duplicate-within-an-answer": [
        (ROWS, "let mut identities: Vec<_> = rows.chunk_by(|(_, one), (_, other)| one.id() == other.id()).collect();",
         "let mut identities: Vec<_> = rows.chunk_by(|_, _| false).collect();"),
    ],
    "changed-row-not-looked-at": [
        (ROWS, "            Some(earlier) => earlier.contents.clone(),\n", "            Some(_) => return None,\n"),
    ],
    "other-content-counted-at-each-read": [
        (ROWS, "        contents.extend(rows.iter().map(|row| row.content));\n",
         "        contents.extend(rows.iter().take(1).map(|row| row.content));\n"),
    ],
    "late-row-counted-twice": [
        (ROWS, "self.account.totals.add(Total::LateRows, 1);", "self.account.totals.add(Total::LateRows, 2);"),
    ],
    "late-rows-change-the-gauge": [
        (ROWS, "            self.account.totals.add(Total::LateRows, 1);\n        } else {\n",
         "            self.account.totals.add(Total::LateRows, 1);\n        }\n        {\n"),
    ],
    "renamed-series-not-held": [
        (NAMES, "Arc::make_mut(series).hold = Some(Hold { shown, since: now });",
         "drop((series, Hold { shown, since: now }));"),
    ],
    "windows-counted-by-reads": [
        (CURSOR, "self.account.totals.add(Total::Windows, completed);",
         "self.account.totals.add(Total::Windows, completed.min(1));"),
    ],
    "identities-forgotten-too-early": [
        (CURSOR, "let reach = overlap.saturating_add(WIDEST_CHANGE_OF_ZONE);",
         "let reach = overlap.saturating_sub(SignedDuration::from_mins(90));"),
    ],
    "identities-never-forgotten": [
        (CURSOR, "        self.account.gaps.forget_before(limit);\n        Some(limit)\n",
         "        self.account.gaps.forget_before(limit);\n        None\n"),
    ],
    # Windows, and the time that they are of.
    "window-read-before-its-end": [
        ("crates/domain/src/window.rs", "        self.start_of(earlier(now, self.settle))\n",
         "        later(self.start_of(earlier(now, self.settle)), self.interval())\n"),
    ],
    "overlap-not-reached-back": [
        (PLAN, "earlier(cursor.min(marks.unproven_from(cursor)), rules.overlap);", "cursor.min(marks.unproven_from(cursor));"),
    ],
    "fold-row-lost": [
        (ZONE, "        if at > last {\n            break;\n", "        if at > last || at >= stretch.from {\n            break;\n"),
    ],
    "last-second-of-a-fold-lost": [
        (ZONE, "range.end = range.end.max(first_pass.saturating_add(Duration::from_secs(1)));",
         "range.end = range.end.max(first_pass);"),
    ],
    "second-pass-taken-for-the-first": [
        (ZONE, "began.is_some_and(|began| began > first)", "began.is_some_and(|began| began > second)"),
    ],
    "corrected-zone-not-read-again": [
        (MARKS, "        if ahead != (0..=0) {\n", "        if false && ahead != (0..=0) {\n"),
    ],
    "cursor-below-the-oldest-identity": [
        (MARKS, "            && known_from > from\n", "            && known_from > from + jiff::SignedDuration::from_hours(24 * 7)\n"),
    ],
    "skip-not-counted": [
        (MARKS, "self.totals.add(Total::SkippedSeconds, seconds.max(0) as u64);",
         "self.totals.add(Total::SkippedSeconds, seconds.min(0) as u64);"),
    ],
    "gauge-of-a-stale-window": [
        (ACCOUNT, "2 * windows.interval() + windows.settle())", "4 * windows.interval() + windows.settle())"),
    ],
    "gauge-of-a-window-taken-back": [
        (ACCOUNT, "            && to <= self.marks.complete_until\n", ""),
    ],
    "gauge-of-half-a-window": [
        (ACCOUNT, "from >= self.marks.recent_from\n            && to", "to"),
    ],
    # Answers that lack something.
    "cursor-moved-over-an-incomplete-answer": [
        ("crates/domain/src/shortfall.rs", "pub const POLLS_TO_BELIEVE: u32 = 3;", "pub const POLLS_TO_BELIEVE: u32 = 0;"),
        (READING, "        let short = shape.shortfall();\n", "        let short = 0 * shape.shortfall();\n"),
    ],
    "parts-lose-their-last-second": [
        (PARTS, "            let from = second(part.from.as_second().saturating_sub(1)).max(self.plan.stretch.from);\n",
         "            let from = part.from;\n"),
    ],
    "empty-by-absence-of-anything-else": [
        ("crates/domain/src/evidence.rs", "!matches!(self, Self::Bare404)", "{ _ = self; true }"),
    ],
    "halving-on-a-cut-answer": [
        ("src/wolkvox/verdict.rs", "matches!(decoded, Err(NotReadable::Spoilt(_)))",
         "matches!(decoded, Err(NotReadable::Spoilt(_) | NotReadable::Cut(_)))"),
    ],
    # The process, its file and its manners.
    "cursor-committed-before-the-totals": [
        (POLL, "            let called = self.call(question.asked).await?;\n",
         "            let to = question.stretch.to;\n"
         "            let early = move |account: &mut Account| {\n"
         "                account.marks.complete_until = account.marks.complete_until.max(to);\n"
         "            };\n"
         "            _ = self.report.amend(early).await;\n"
         "            let called = self.call(question.asked).await?;\n"),
    ],
    "hold-not-begun-again-by-a-restart": [
        ("src/ledger/account.rs", "Hold { shown, since: now });",
         "Hold { shown, since: now - std::time::Duration::from_secs(60) });"),
    ],
    "refusals-not-spaced": [
        (CADENCE, "self.refusals = if refused { self.refusals.saturating_add(1) } else { 0 };",
         "self.refusals = u32::from(refused);"),
    ],
    "retry-after-not-kept": [
        (CADENCE, "(mendable && fits && retry_after.is_none())",
         "(mendable && fits && retry_after.is_none_or(|wish| !wish.is_zero()))"),
    ],
    "token-compared-after-the-call": [
        ("src/poller/turn.rs", "self.read().await.ok().as_ref().map(fingerprint) != self.last.as_ref().map(fingerprint)",
         "_ = fingerprint;\n        false"),
    ],
    # Clocks.
    "date-believed-at-once": [
        ("crates/domain/src/server_time/run.rs", "const ANSWERS_TO_BELIEVE: u32 = 3;", "const ANSWERS_TO_BELIEVE: u32 = 1;"),
        ("crates/domain/src/server_time/run.rs", "pub const SPREAD_TO_BELIEVE: Duration = Duration::from_secs(30);",
         "pub const SPREAD_TO_BELIEVE: Duration = Duration::ZERO;"),
    ],
    "cursor-stays-ahead": [
        (TIME, "        if !is_known || !is_ahead {\n", "        if !is_known || !is_ahead || cursor > due {\n"),
    ],
    "window-passed-by-one-clock": [
        (PASSAGE, "            Some(limit) if limit < due_end => limit.max(self.object(windows, due_end, asked.monotonic)),\n",
         "            Some(limit) if limit < due_end => limit.max(due_end),\n"),
    ],
    "given-up-by-one-clock": [
        (TESTIMONY, "is_none_or(|due_end| to <= windows.start_of(earlier(due_end, max_catch_up)))\n",
         "is_none_or(|due_end| to <= windows.start_of(earlier(due_end, max_catch_up)) || to > Timestamp::MIN)\n"),
        (TIME, "                clocks.least = clocks.least.min(other);\n", "                clocks.least = clocks.least.max(other);\n"),
    ],
    "start-shifted-at-each-answer": [
        ("crates/domain/src/server_time/first_start.rs", "FirstStart::Settled { later }\n        } else if",
         "FirstStart::Settled { later: later.saturating_add(later) }\n        } else if"),
    ],
    # Two reports of one operation.
    "identities-of-two-reports-mixed": [
        ("src/ledger/sqlite.rs", "contents FROM seen WHERE account = ?1 AND id >= ?2", "contents FROM seen WHERE ?1 > 0 AND id >= ?2"),
    ],
    "cursor-taken-over-with-the-label-sets": [
        (LEDGER, "let Some(new) = sibling.with_label_sets_of(&account) else { return sibling };",
         "let Some(mut new) = sibling.with_label_sets_of(&account) else { return sibling };\n"
         "                    new.marks.complete_until = new.marks.complete_until.max(account.marks.complete_until);"),
    ],
    "label-sets-not-shared": [
        (LEDGER, "let Some(new) = sibling.with_label_sets_of(&account) else",
         "let Some(new) = sibling.with_label_sets_of(&sibling) else"),
    ],
    "rename-moves-one-report-only": [
        ("crates/domain/src/label_sets.rs", "known.name != said.name)", "known.name != said.name && said.name.is_empty())"),
    ],
    "one-report-shown-early": [
        ("src/operation/accounts.rs", "any(|poll| poll.place != place);", "any(|poll| poll.place == usize::MAX);"),
    ],
    "one-report-shown-for-ever-later": [
        ("src/operation/accounts.rs", "since.elapsed() >= TOGETHER_WITHIN)", "since.elapsed() >= 100 * TOGETHER_WITHIN)"),
    ],
    "refusal-heard-by-one": [
        ("src/operation/refusal.rs", "    matches!(outcome, Outcome::Unauthorized | Outcome::QuotaExceeded)\n", "    _ = outcome;\n    false\n"),
    ],
    "overlap-of-the-other-report": [
        ("src/operation/open.rs", "settings(&ANSWERED, config.answered_overlap,", "settings(&ANSWERED, config.overlap,"),
    ],
    "unknown-result-not-answered": [
        ("crates/domain/src/report.rs", "|result| *result != CallResult::Abandoned,", "|result| *result == CallResult::Answered,"),
    ],
    # Counts by day.
    "day-of-utc": [
        (ROWS, "self.account.days.count(row.date.date(), at,", "self.account.days.count(jiff::tz::TimeZone::UTC.to_datetime(at).date(), at,"),
    ],
    "late-row-in-no-day": [
        (ROWS, "        self.account.days.count(row.date.date(), at, number, row.waited);\n",
         "        if !late {\n            self.account.days.count(row.date.date(), at, number, row.waited);\n        }\n"),
    ],
    "only-the-last-day-stored": [
        ("src/ledger/days.rs", "let present = new.days.iter().map(", "let present = new.days.iter().rev().take(1).map("),
    ],
    "given-up-not-noted-as-unread": [
        (MARKS, "        self.days.unread.note(Stretch { from, to });\n", "        self.days.unread.note(Stretch { from: to, to });\n"),
    ],
}
