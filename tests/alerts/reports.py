"""Finds queries that forget that an operation has more than one report.

Each self-metric of an operation stands there once per report. Adding the reports up, or taking the largest of them, counts
coverage twice and calls late data fresh. So every selector of such a metric says which report it means:

    report="abandoned"   one of them
    report="$report"     the one that is chosen on a dashboard
    report=~".+"         each by itself: then every aggregation in the query keeps the label

Nothing else: what matches a series without the label too, as `!=` does, would take another exporter's numbers for ours.
"""

import re

# Families with the label `report` (contract: per operation and report).
METRICS = (
    "windows_total up polls_total last_poll_outcome poll_duration_seconds_bucket poll_duration_seconds_sum"
    " poll_duration_seconds_count rows_total rows_rejected_total rows_missing_total abandon_time_unreadable_total"
    " answer_time_unreadable_total late_rows_total complete_until_timestamp_seconds last_success_timestamp_seconds"
    " last_poll_timestamp_seconds catching_up skipped_seconds_total observed_utc_offset_seconds timezone_mismatch"
    " api_clock_difference_seconds row_lateness_max_seconds series_overflow_total reconciliation_difference_calls"
    " reconciliation_vendor_calls"
).split()
SELECTOR = re.compile(r"\bwolkvox_(" + "|".join(METRICS) + r")\b(\{(?:[^{}\"]|\"(?:[^\"\\]|\\.)*\")*\})?")
REPORT = re.compile(r"\breport\s*(=~|=|!=|!~)\s*\"([^\"]*)\"")
AGGREGATION = re.compile(
    r"\b(?:sum|max|min|avg|group|count|quantile|topk|bottomk|stddev|stdvar|count_values)\b\s*(?:by\s*\(([^()]*)\))?\s*\("
)
EACH = ("=~", ".+")
ONE = ("abandoned", "answered", "totals", "$report")


def problems(expression):
    """What is wrong with the query, in words; an empty list if nothing is."""
    found = []
    for selector in SELECTOR.finditer(expression):
        report = REPORT.search(selector[2] or "")
        if not report:
            found.append(f"wolkvox_{selector[1]} without a report")
        elif report[1] == "=" and report[2] not in ONE or report[1] != "=" and report.groups() != EACH:
            found.append(f"wolkvox_{selector[1]} with {report[0]}")
        elif report.groups() == EACH:
            # The aggregations that the selector stands in.
            for aggregation in AGGREGATION.finditer(expression):
                inside = _covers(expression, aggregation.end() - 1, selector.start())
                if inside and "report" not in re.split(r"[\s,]+", aggregation[1] or ""):
                    found.append(f"wolkvox_{selector[1]} of each report in {aggregation[0].strip()} that drops the label")
    return found


def _covers(expression, opening, position):
    """Whether `position` is within the brackets that open at `opening`."""
    if position < opening:
        return False
    depth = 0
    for character in expression[opening:position]:
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return False
    return True


def in_markdown(text):
    """The queries in a text: its code, where that uses a function of PromQL on one of the metrics."""
    code, block = [], None
    for line in text.splitlines():
        if line.startswith("```"):
            if block:
                code.append("\n".join(block))
            block = [] if block is None else None
        elif block is not None:
            block.append(line)
        elif line.startswith("    "):
            code.append(line)
        else:
            code += re.findall(r"`([^`]+)`", line)
    return [piece for piece in code if re.search(r"\w *\(", piece) and SELECTOR.search(piece)]


def self_test():
    """Forms of the mistake, and queries without it."""
    for wrong in (
        "sum by (operation) (delta(wolkvox_complete_until_timestamp_seconds[15m]))",
        'max by (operation) (wolkvox_up{report=~".+"})',
        'sum(increase(wolkvox_polls_total{outcome="ok"}[1h]))',
        'wolkvox_up{report=~"abandoned|"}',
        'wolkvox_up{report!="answered"}',
        'wolkvox_up{report=""}',
        'sum by (operation, report) (wolkvox_windows_total{report=~".+"}) / max(wolkvox_windows_total{report=~".+"})',
    ):
        assert problems(wrong), wrong
    for right in (
        'sum by (operation) (delta(wolkvox_complete_until_timestamp_seconds{report="abandoned"}[15m]))',
        'max by (operation, report) (wolkvox_up{operation="ventas",report=~".+"})',
        'sum by (operation) (wolkvox_abandoned_calls_total) / max by (operation) (wolkvox_up{report="answered"})',
        'count(ALERTS) or wolkvox_up{report=~".+"}',
    ):
        assert not problems(right), right


self_test()
