"""Panels, as Grafana's classic JSON. What is around them is in frame.py."""

from .text import Text

SOURCE = {"type": "prometheus", "uid": "${datasource}"}

# Units that read the same in both languages; Grafana's own "s" writes "5 mins".
SECONDS, MINUTES, HOURS, DAYS = "suffix: s", "suffix: min", "suffix: h", "suffix: d"

# Red is for alarms alone, and green for what has been checked and is well. The others are told apart by the colour-blind too
# (Okabe and Ito's palette).
GREEN, RED = "green", "#d0021b"
AMBER, DARK_AMBER, CALM = "#e0a100", "#8a6100", "#3f4756"
BLUE, SKY, ORANGE, YELLOW, PURPLE, GREY = "#0072b2", "#56b4e9", "#e69f00", "#f0e442", "#cc79a7", "#8e8e8e"


def query(expr, legend="", min_step="", ref="A", kind="range", format="time_series"):
    """`min_step` is the query's own: only that reaches $__rate_interval."""
    target = {
        "refId": ref,
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": expr,
        "legendFormat": legend or "__auto",
        "instant": kind == "instant",
        "range": kind == "range",
        "format": format,
    }
    if min_step:
        target["interval"] = min_step
    return target


def instant(expr, legend="", ref="A", format="time_series"):
    return query(expr, legend, "", ref, "instant", format)


def column(ref, expr):
    return query(expr, "", "", ref, "instant", "table")


def steps(base, *more):
    """Threshold steps: a colour, then (from, colour) pairs."""
    return {
        "mode": "absolute",
        "steps": [{"color": base, "value": None}, *({"color": color, "value": value} for value, color in more)],
    }


def override(name, **properties):
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()],
    }


def empty_cells(text="–"):
    """What a cell without a value shows; the panel's own noValue is for a table without lines."""
    return {"matcher": {"id": "byRegexp", "options": "/.*/"}, "properties": [{"id": "noValue", "value": text}]}


def colored(name, color, **more):
    return override(name, color={"mode": "fixed", "fixedColor": color}, **more)


def of_query(ref, color):
    """All series of one query in one colour."""
    return {
        "matcher": {"id": "byFrameRefID", "options": ref},
        "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
    }


def queries_by_color(colors, expr, legend, min_step):
    """A query for each of `colors` (reference, what names match, colour), of what `expr` makes of a match; see
    `colors_of`."""
    return [query(expr(match), legend, min_step, ref=ref) for ref, match, _ in colors]


def colors_of(colors):
    """The overrides that give those queries their colours."""
    return [of_query(ref, color) for ref, _, color in colors]


def mapping(*entries):
    """(value, text, colour) triples."""
    return [
        {
            "type": "value",
            "options": {
                str(value): {"index": i, "text": text, **({"color": color} if color else {})}
                for i, (value, text, color) in enumerate(entries)
            },
        }
    ]


def panel(id, kind, title, description, place, targets, unit, options=None, defaults=None, overrides=(), **more):
    x, y, w, h = place
    return {
        "id": id,
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": w, "h": h},
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit, **(defaults or {})}, "overrides": list(overrides)},
        "options": options or {},
        **more,
    }


def row(id, title, y):
    return {
        "id": id,
        "type": "row",
        "title": title,
        "collapsed": False,
        "panels": [],
        "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
    }


NO_DATA = Text("sin datos", "no data")


def stat(id, title, description, place, targets, unit, thresholds=None, no_value=NO_DATA, decimals=None, **more):
    defaults = {"noValue": no_value, "color": {"mode": "thresholds"}, "thresholds": thresholds or steps("text")}
    if decimals is not None:
        defaults["decimals"] = decimals
    defaults.update(more.pop("defaults", {}))
    text_mode = more.pop("text_mode", "value")
    options = {
        "colorMode": more.pop("color_mode", "value"),
        "graphMode": "none",
        "justifyMode": "center",
        "textMode": text_mode,
        # Beside its name a value has a third of the width: a sentence has letters of five points then, on a telephone.
        "wideLayout": text_mode != "value_and_name",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return panel(id, "stat", title, description, place, targets, unit, options, defaults, **more)


def legend(calcs=(), placement="bottom", show=True, mode="list", **more):
    return {"showLegend": show, "displayMode": mode, "placement": placement, "calcs": list(calcs), **more}


def lines(
    id,
    title,
    description,
    place,
    targets,
    unit,
    *,
    overrides=(),
    thresholds=None,
    legends=None,
    custom=None,
    decimals=None,
    minimum=0,
    no_value=NO_DATA,
    **more,
):
    own = {
        "drawStyle": "line",
        "lineWidth": 2,
        "fillOpacity": 0,
        "showPoints": "never",
        "spanNulls": False,
        "axisSoftMax": 1,
        "thresholdsStyle": {"mode": "dashed" if thresholds else "off"},
        **(custom or {}),
    }
    defaults = {"min": minimum, "custom": own, "noValue": no_value, "color": {"mode": "shades", "fixedColor": BLUE}}
    if thresholds:
        defaults["thresholds"] = thresholds
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {"legend": legends or legend(), "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel(id, "timeseries", title, description, place, targets, unit, options, defaults, overrides, **more)


# A bar stands on the time before its sample: the calls of the window that ends there.
STACKED_BARS = {
    "drawStyle": "bars",
    "barAlignment": -1,
    "barWidthFactor": 0.9,
    "fillOpacity": 85,
    "lineWidth": 0,
    "stacking": {"mode": "normal", "group": "A"},
}


def table(
    id,
    title,
    description,
    place,
    targets,
    unit,
    *,
    order,
    names,
    overrides=(),
    sort=None,
    no_value=NO_DATA,
    required=None,
    joined=True,
    defaults=None,
    presort=None,
):
    """`order`: the columns shown, by their names in the frame; `names`: what they are called on the panel; `presort`: a
    field to sort by, descending, that need not be shown."""
    transformations = [{"id": "merge", "options": {}}] if joined else []
    if required:
        transformations.append(
            {
                "id": "filterByValue",
                "options": {
                    "type": "include",
                    "match": "all",
                    "filters": [{"fieldName": required, "config": {"id": "isNotNull", "options": {}}}],
                },
            }
        )
    if presort:
        transformations.append({"id": "sortBy", "options": {"fields": {}, "sort": [{"field": presort, "desc": True}]}})
    transformations.append({"id": "filterFieldsByName", "options": {"include": {"names": list(order)}}})
    transformations.append(
        {
            "id": "organize",
            "options": {
                "indexByName": {name: i for i, name in enumerate(order)},
                "renameByName": names,
                "excludeByName": {},
            },
        }
    )
    base = {"noValue": no_value, "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False}}
    options = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"], "fields": ""}}
    if sort:
        options["sortBy"] = [{"displayName": sort, "desc": True}]
    return panel(
        id,
        "table",
        title,
        description,
        place,
        targets,
        unit,
        options,
        {**base, **(defaults or {})},
        [empty_cells(), *overrides],
        transformations=transformations,
    )
