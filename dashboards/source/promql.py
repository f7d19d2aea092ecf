"""The queries. A call counter moves once in a window and in one step, which is what makes the usual PromQL wrong here:
`increase(calls[15m])` sees now two and now three windows. Each function says what it does about that.

Three ideas carry all of them:

* Calls and `wolkvox_windows_total` are scraped together, so what `increase` extrapolates cancels in their ratio: calls per
  window, exact at every scrape interval and not inflated by a catch-up (`per_windows`).
* A total is the counter's growth and nothing else: no extrapolation (`total`).
* The window gauge holds one whole window. Looked at once for each window it adds up to the truth (`bars`).

A counter moves when its window is read, 5 to 6 minutes after the calls. `bars`, `weekday_hour` and TODAY put that right; the
others say it.
"""

# One window and the time after its end at which it is read: the exporter's `interval` and `settle`.
WINDOW = 300
SETTLE = 60
# A window's gauge stands from WINDOW's end + SETTLE + the call until the next one: this long after the window's end
# even a scrape every minute has seen it, and none has seen the next.
LOOK_AHEAD = WINDOW - 60
assert LOOK_AHEAD >= SETTLE + 120, "windows this short are replaced before a scrape is sure to see them"
PER_HOUR = 3600 // WINDOW
MIN_STEP = f"{WINDOW}s"

# "Short" abandons: must be a bound of abandon_time_buckets, written as a float.
SHORT = "10.0"
SHORT_SECONDS = 10
# A quantile of fewer calls is noise; a share of fewer, too.
QUANTILE_CALLS = 20
SHARE_CALLS = 10
# Skills drawn in their own colour; the others are drawn as one.
TOP_SKILLS = 8

OPERATION = 'operation=~"$operation"'
# An operation's self-metrics stand there once per report, and older exporters have them without that label: the report of
# abandoned calls.
SELF = f'{OPERATION}, report=~"abandoned|"'
CALLS = f'{OPERATION}, skill_id=~"$skill", type_interaction=~"$type"'
SKILL = "operation, skill_id"

# How old the data are.
AGE = f"time() - wolkvox_complete_until_timestamp_seconds{{{SELF}}}"
AGE_MINUTES = f"max({AGE}) / 60"
# Two windows and the settling time: what the contract calls stale.
LATE_AFTER = 2 * WINDOW + SETTLE
LATE_MINUTES = LATE_AFTER // 60
# WolkvoxDataStale.
STALE_MINUTES = 20
CURRENT = f"{AGE} < {LATE_AFTER}"

# Seconds since midnight of the operation's zone at the end of the time range, as the zone is observed in the data; UTC
# until it is known, which takes a few calls. The day's first window is read LOOK_AHEAD after midnight at the earliest, so
# the day of a counter begins there: then "today" is the calls of today, not those of yesterday's last window.
TODAY = (
    f"clamp_min((time() + (max(last_over_time(wolkvox_observed_utc_offset_seconds{{{SELF}}}[7d])) or vector(0))"
    f" - {LOOK_AHEAD}) % 86400, 60)"
)


def summed(by):
    return f"sum by ({by})" if by else "sum"


def increase(metric, selector, span, by, modifier=""):
    """`modifier`: `offset 1w` or `@ end()`."""
    span = f"[{span}] {modifier}".strip()
    return f"{summed(by)} (increase({metric}{{{selector}}}{span}))"


def calls(span, by, modifier="", part="abandoned_calls_total", extra=""):
    return increase(f"wolkvox_{part}", CALLS + extra, span, by, modifier)


def windows(span, modifier=""):
    return increase("wolkvox_windows_total", SELF, span, "operation", modifier)


def with_operation(by):
    names = [name.strip() for name in by.split(",") if name.strip()]
    return ", ".join(dict.fromkeys(["operation", *names]))


def per_windows(count, span, by="", modifier="", least=1, part="abandoned_calls_total"):
    """Calls in `count` windows, averaged over `span`; nothing where fewer than `least` windows were read in it."""
    return (
        f"{summed(by)} ({count} * {calls(span, with_operation(by), modifier, part)}"
        f" / on (operation) group_left () ({windows(span, modifier)} > {least - 0.5:g}))"
    )


def last_hour(by="", modifier=""):
    """Calls an hour; nothing where less than half of the hour was read."""
    return per_windows(PER_HOUR, "1h", by, modifier, least=PER_HOUR // 2)


def total(span, by="", modifier="", part="abandoned_calls_total", extra=""):
    """Calls in the windows read during `span`: a whole number, true to the call.

    The exporter's counters never fall, so a counter's growth is its highest less its lowest value, with nothing
    extrapolated. Where one fell all the same (a new ledger under the old name), `increase` takes its place.
    """
    counter = f"wolkvox_{part}{{{CALLS}{extra}}}[{span}] {modifier}".strip()
    grown = f"max_over_time({counter}) - min_over_time({counter}) and resets({counter}) == 0"
    return f"{summed(by)} ({grown} or increase({counter}))"


def or_zero(expression, known):
    """0 instead of nothing where `known` says that there is something to know and no call has ever been seen."""
    return f"{expression} or 0 * sum({known})"


def ratio(part, whole, least):
    """`part / whole`, where `whole` is at least `least`. Compared with half numbers: floats carry dust."""
    return f"{part} / ({whole} > {least - 0.5:g})"


def short_share(span, by=""):
    short = calls(span, by, part="abandon_time_seconds_bucket", extra=f', le="{SHORT}"')
    return ratio(short, calls(span, by, part="abandon_time_seconds_count"), SHARE_CALLS)


def mean_time(span, by=""):
    return ratio(
        calls(span, by, part="abandon_time_seconds_sum"), calls(span, by, part="abandon_time_seconds_count"), 1
    )


def quantile_time(q, span, by=""):
    """A quantile of the time to abandon, where there are calls enough for one."""
    names = f"{by}, le" if by else "le"
    return (
        f"histogram_quantile({q}, {calls(span, names, part='abandon_time_seconds_bucket')})"
        f" and on ({by}) {calls(span, by, part='abandon_time_seconds_count')} > {QUANTILE_CALLS - 0.5}"
    )


def usual(weeks, by=""):
    """The median of the same hour in the last weeks, of those that there are."""
    each = " or ".join(
        f'label_replace({last_hour(by, f"offset {week}w")}, "week", "{week}", "", "")' for week in range(1, weeks + 1)
    )
    keep = f" by ({by})" if by else ""
    return f"quantile{keep} (0.5, {each})"


def bars(by, only=""):
    """Calls per window, each window once, at the time when the calls ended; a bar of a longer step is the sum of its windows.

    The gauge is looked at LOOK_AHEAD after each window's end. It counts if the window is then complete: a stale one, shown a
    second time, is not. `offset -1s` makes the span hold as many windows in Prometheus 2 as in 3.
    """
    gauge = f"wolkvox_window_abandoned_calls{{{CALLS}}} offset -{LOOK_AHEAD}s"
    complete = f"wolkvox_complete_until_timestamp_seconds{{{SELF}}} offset -{LOOK_AHEAD}s >= time()"
    each = f"sum by (operation, skill_id, skill_name) ({gauge}) and on (operation) {complete}"
    return f"{summed(by)} (sum_over_time(({each})[$__interval:{WINDOW}s] offset -1s){only})"


# The skills with most calls in the time range: the same ones at every step.
TOP = f"topk({TOP_SKILLS}, {calls('$__range', SKILL, '@ end()')})"
BARS_TOP = bars(f"{SKILL}, skill_name", f" and on ({SKILL}) {TOP}")
BARS_REST = bars("", f" unless on ({SKILL}) {TOP}") + " > 0"

# One column of the heat map: calls in 15 minutes. The span is the step, so that each call stands in one column; a column
# in which an outage was made good shows the average of what it caught up, not a burst.
HEAT_STEP = "900s"
HEAT = per_windows(900 // WINDOW, "$__interval", "le", part="abandon_time_seconds_bucket")

# Name of each skill now: one, whatever it was called before.
SKILL_NAME = "group by (operation, skill_id, skill_name) (wolkvox_abandoned_calls_total{" + CALLS + "})"


HALF_AN_HOUR_READ = f"{windows('1h')} > {PER_HOUR // 2 - 0.5:g}"


def ranking_calls():
    """Calls of the last hour by skill, with its present name; skills without any are left out."""
    return f"({last_hour(SKILL)} > 0.5) * on ({SKILL}) group_left (skill_name) {SKILL_NAME}"


def weekday_hour(weeks=4):
    """Mean calls in an hour, by weekday (0 is Monday) and hour of the operation's zone.

    The subquery stands on whole hours and looks LOOK_AHEAD past each: there the hour's windows have been read, and no other.
    `count_values` turns the number of the hour into a label; the hour is named after its middle.
    """
    local = f"(max by (operation) (wolkvox_observed_utc_offset_seconds{{{SELF}}}) + time() - 1800)"
    hour = f'count_values by (operation) ("hour", hour({local}))'
    day = f'count_values by (operation) ("day", (day_of_week({local}) + 6) % 7)'
    read = f"offset -{LOOK_AHEAD}s"
    each = (
        f"{per_windows(PER_HOUR, '1h', 'operation', read, least=PER_HOUR // 2)}"
        f" * on (operation) group_left (hour) {hour} * on (operation) group_left (day) {day}"
    )
    mean = f"sum by (day, hour) (avg_over_time(({each})[{weeks}w:1h]))"
    return f'label_replace({mean}, "hour", "0$1", "hour", "([0-9])")'


# ---- the exporter itself

# What the last call said.
REJECTED = f'max by (operation) (wolkvox_last_poll_outcome{{{SELF}, outcome="unauthorized"}}) == 1'
STATE_OK, STATE_LATE, STATE_CATCHING_UP, STATE_REJECTED = 0, 1, 2, 3
STATE = (
    f"0 * ({REJECTED}) + {STATE_REJECTED} or max by (operation)"
    f" (max_over_time(wolkvox_catching_up{{{SELF}}}[$__rate_interval]) == 1) * {STATE_CATCHING_UP} or 0 * max by"
    f" (operation) ({AGE} > {LATE_AFTER}) + {STATE_LATE} or 0 * max by (operation) ({AGE})"
)
