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
# An operation's self-metrics stand there once per report; the one that is always there is that of abandoned calls.
SELF = f'{OPERATION}, report="abandoned"'
SKILLS = f'{OPERATION}, skill_id=~"$skill"'
CALLS = SKILLS
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
LOCAL = f"(time() + (max(last_over_time(wolkvox_observed_utc_offset_seconds{{{SELF}}}[7d])) or vector(0)) - {LOOK_AHEAD})"
TODAY = f"clamp_min({LOCAL} % 86400, 60)"
# Likewise since the zone's last whole hour.
THIS_HOUR = f"clamp_min({LOCAL} % 3600, 60)"


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
    """As many calls as a quantile asks for: the mean of one call beside a median that waits for twenty says nothing."""
    count = calls(span, by, part="abandon_time_seconds_count")
    return ratio(calls(span, by, part="abandon_time_seconds_sum"), count, QUANTILE_CALLS)


def quantile_time(q, span, by=""):
    """A quantile of the time to abandon, where there are calls enough for one."""
    names = f"{by}, le" if by else "le"
    return (
        f"histogram_quantile({q}, {calls(span, names, part='abandon_time_seconds_bucket')})"
        f" and on ({by}) {calls(span, by, part='abandon_time_seconds_count')} > {QUANTILE_CALLS - 0.5}"
    )


def bars(by, only="", extra=""):
    """Calls per window, each window once, at the time when the calls ended; a bar of a longer step is the sum of its windows.

    The gauge is looked at LOOK_AHEAD after each window's end. It counts if the window is then complete: a stale one, shown a
    second time, is not. `offset -1s` makes the span hold as many windows in Prometheus 2 as in 3.
    """
    gauge = f"wolkvox_window_abandoned_calls{{{CALLS}{extra}}} offset -{LOOK_AHEAD}s"
    complete = f"wolkvox_complete_until_timestamp_seconds{{{SELF}}} offset -{LOOK_AHEAD}s >= time()"
    each = f"sum by (operation, skill_id, skill_name) ({gauge}) and on (operation) {complete}"
    return f"{summed(by)} (sum_over_time(({each})[$__interval:{WINDOW}s] offset -1s){only})"


# Colour of a skill: by the last two digits of its number, so that no filter and no range changes it. No red.
COLORS = [
    ("[^1-9]", "#0072b2", "#6fb7e4"),
    ("1", "#e69f00", "#f7cf7a"),
    ("2", "#56b4e9", "#b3dcf5"),
    ("3", "#009e73", "#66d1b3"),
    ("4", "#f0e442", "#a69c00"),
    ("5", "#cc79a7", "#8f3f6b"),
    ("6", "#9467bd", "#cbb3e0"),
    ("7", "#17becf", "#0b6a75"),
    ("8", "#8c6d31", "#d3b16c"),
    ("9", "#b5cf6b", "#637939"),
]
# Reference of a query, what the skill's number matches, its colour: one for even tens (or none), one for odd ones.
SKILL_COLORS = [
    (f"{kind}{last if last.isdigit() else 0}", f"{tens}{last}", color)
    for last, *pair in COLORS
    for kind, tens, color in zip("EO", ("(.*[^13579])?", ".*[13579]"), pair)
]

# Colour of an operation: by the last letter of its name, which tells apart most of the few that there are.
OPERATION_COLORS = [
    ("A", ".*[aA]", "#0072b2"),
    ("B", ".*[sS]", "#e69f00"),
    ("C", ".*[oO]", "#56b4e9"),
    ("D", ".*[eE]", "#cc79a7"),
    ("E", ".*[lnrLNR]", "#66d1b3"),
    ("F", ".*[0-9]", "#8c6d31"),
    ("G", ".*[^aAsSoOeElnrLNR0-9]", "#9467bd"),
]

# The skills with most calls in the time range: the same ones at every step.
TOP = f"topk({TOP_SKILLS}, {calls('$__range', SKILL, '@ end()')})"


def bars_top(end):
    """Of those, the ones whose number ends so."""
    return bars(f"{SKILL}, skill_name", f" and on ({SKILL}) {TOP}", f', skill_id=~"{end}"')


BARS_REST = bars("", f" unless on ({SKILL}) {TOP}") + " > 0"

# One column of the heat map: calls in 15 minutes. The span is the step, so that each call stands in one column; a column
# in which an outage was made good shows the average of what it caught up, not a burst; one of which a single window was read
# shows nothing, for that one's calls would stand there threefold.
HEAT_STEP = "900s"
HEAT = per_windows(900 // WINDOW, "$__interval", "le", least=2, part="abandon_time_seconds_bucket")

HALF_AN_HOUR_READ = f"{windows('1h')} > {PER_HOUR // 2 - 0.5:g}"


def local_hours(day=False):
    """Calls of each hour of the operation's zone, with the labels `hour` and perhaps `day` (0 is Monday).

    For a subquery on whole hours: it looks LOOK_AHEAD past each, where the hour's windows have been read, and no other.
    `count_values` turns the number of the hour into a label; the hour is named after its middle.
    """
    local = f"(max by (operation) (wolkvox_observed_utc_offset_seconds{{{SELF}}}) + time() - 1800)"
    read = f"offset -{LOOK_AHEAD}s"
    each = (
        f"{per_windows(PER_HOUR, '1h', 'operation', read, least=PER_HOUR // 2)}"
        f' * on (operation) group_left (hour) count_values by (operation) ("hour", hour({local}))'
    )
    if day:
        each += (
            " * on (operation) group_left (day)"
            f' count_values by (operation) ("day", (day_of_week({local}) + 6) % 7)'
        )
    return each


def by_hour_today(today, this_hour):
    """Calls of each of today's hours. Of the one that goes on, those so far, unless an earlier hour's were made good in it."""
    so_far = (
        f'{total(this_hour)} * on () group_left (hour) count_values("hour", hour({LOCAL}))'
        f" unless on () max(max_over_time(wolkvox_catching_up{{{SELF}}}[{this_hour}])) == 1"
    )
    return f"(sum by (hour) (sum_over_time(({local_hours()})[{today}:1h])) or ({so_far})) > 0.5"


# As many columns of 50 px as fit beside the day's on a screen of 1280.
HOURS_SHOWN = 22


def weekday_hour(weeks=4):
    """Mean calls in an hour, by weekday and hour, where two weeks at least know it; hours without calls on any day are left out."""
    hours = local_hours(day=True)
    mean = (
        f"sum by (day, hour) (avg_over_time(({hours})[{weeks}w:1h])"
        f" and count_over_time(({hours})[{weeks}w:1h]) > 1.5)"
    )
    busy = f"topk({HOURS_SHOWN}, sum by (hour) (sum_over_time(({hours})[{weeks}w:1h]))) > 0.5"
    return f'label_replace({mean} and on (hour) {busy}, "hour", "0$1", "hour", "([0-9])")'


# ---- what the rules record: the numbers of the page, the first screen and its table

USUAL_1H = f"wolkvox:skill_calls:usual_1h{{{SKILLS}}}"
UNUSUAL = f"wolkvox:skill_unusual:15m{{{SKILLS}}}"
TRUSTED = f"wolkvox:data_trusted{{{OPERATION}}}"
COMPLETE = f"wolkvox_complete_until_timestamp_seconds{{{SELF}}}"
# Any rule's record that is there as soon as the rules are.
RULES = "wolkvox:threshold:spike_floor"
# Above any surprise, and below.
FIRST = 1000
RANK = (
    f"{UNUSUAL} * 0 + {FIRST} + on (operation, skill_id) (wolkvox:skill_surprise:15m{{{SKILLS}}} or {UNUSUAL} * 0)"
    f" or wolkvox:skill_surprise:15m{{{SKILLS}}} or wolkvox:skill_calls:15m{{{SKILLS}}} - {FIRST}"
)

# Service: the usual targets, and the bound of answer_time_buckets that they speak of.
TARGET_LOST, TARGET_SERVED, SERVICE_SECONDS = 0.05, 0.8, 20
TARGETS = "5 / 80 %"


def named(expression):
    """With the skill's present name."""
    return f"{expression} * on (operation, skill_id) group_left (skill_name) wolkvox:skill_name:info{{{OPERATION}}}"


def unnamed(expression):
    """Without the metric's name: tables are merged by the labels that they have in common."""
    return f"max by (operation, skill_id) ({expression})"


def usual_today(today):
    """Calls that are usual from the operation's midnight to now."""
    return f"sum(avg_over_time({USUAL_1H}[{today}])) * scalar(vector({today.removesuffix('s')})) / 3600"


def parts(part, span):
    """Calls of the chosen skills between two moments at which both reports were complete: whole numbers."""
    return f'sum(wolkvox:skill_service:{span}{{{SKILLS}, part=~"{part}"}})'


OFFERED = parts("abandoned|answered", "1h")
# There where the report of answered calls is read.
ANSWERED_READ = f'wolkvox_complete_until_timestamp_seconds{{{OPERATION}, report="answered"}}'


def _of_offered(part, span):
    """Nothing on few calls; nor where nobody was answered, for that is not yet a share but a report that may be wrong."""
    return f"{ratio(parts(part, span), parts('abandoned|answered', span), SHARE_CALLS)} and on () {parts('answered', span)} > 0.5"


def share(span="1h"):
    """Abandoned of offered."""
    return _of_offered("abandoned", span)


def service(span="1h"):
    """Answered in time of offered."""
    return _of_offered("in_time", span)


# 1 where the window that ends here was not read when it was due, in any of the operations.
NOT_READ = f"max(wolkvox_complete_until_timestamp_seconds{{{SELF}}} offset -{LATE_AFTER}s < bool time()) > 0"


# ---- the exporter itself

# What the last call said.
REJECTED = f'max by (operation) (wolkvox_last_poll_outcome{{{SELF}, outcome="unauthorized"}}) == 1'
STATE_OK, STATE_LATE, STATE_CATCHING_UP, STATE_REJECTED = 0, 1, 2, 3
STATE = (
    f"0 * ({REJECTED}) + {STATE_REJECTED} or max by (operation)"
    f" (max_over_time(wolkvox_catching_up{{{SELF}}}[$__rate_interval]) == 1) * {STATE_CATCHING_UP} or 0 * max by"
    f" (operation) ({AGE} > {LATE_AFTER}) + {STATE_LATE} or 0 * max by (operation) ({AGE})"
)
