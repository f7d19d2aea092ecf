"""A dashboard around its panels: variables, annotations, links."""

from .grafana import SOURCE
from .text import Text

SCHEMA = 39
# The place of the runbooks as a person's browser reaches them: change it here, or the variable of each dashboard.
RUNBOOKS = "https://example.org/wolkvox-exporter/alerts/runbooks.md"

# ---- variables


def data_source():
    return {
        "name": "datasource",
        "label": Text("Fuente de datos", "Data source"),
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
    }


ALL = {"text": "All", "value": "$__all"}


def choice(name, label, description, expression, all_value=None, regex="", hide=0, sort=5):
    """A variable of many values. Read again when the time range changes: a skill that rang last week is offered for last week."""
    variable = {
        "name": name,
        "label": label,
        "description": description,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": expression, "refId": f"variable-{name}"},
        "definition": expression,
        "regex": regex,
        "refresh": 2,
        "sort": sort,
        "hide": hide,
        "multi": True,
        "includeAll": True,
        "options": [],
        "current": dict(ALL),
        "skipUrlSync": False,
    }
    if all_value:
        variable["allValue"] = all_value
    return variable


def operation():
    return choice(
        "operation",
        Text("Operación", "Operation"),
        Text("Operación de wolkvox", "wolkvox operation"),
        'label_values(wolkvox_windows_total{report="abandoned"}, operation)',
        all_value=".+",
    )


def report():
    """One at a time: self-metrics of two reports are never added up."""
    variable = choice(
        "report",
        Text("Reporte", "Report"),
        Text("Reporte de wolkvox: abandonadas o atendidas", "wolkvox report: abandoned or answered calls"),
        'label_values(wolkvox_windows_total{operation=~"$operation", report=~".+"}, report)',
    )
    return variable | {"multi": False, "includeAll": False, "current": {}}


def constant(name, label, value):
    return {
        "name": name,
        "label": label,
        "type": "constant",
        "query": value,
        "hide": 2,
        "skipUrlSync": True,
        "current": {"text": value, "value": value},
        "options": [{"selected": True, "text": value, "value": value}],
    }


def hidden_value(name, description, expression, regex):
    """One number worked out by a query, for use as a duration."""
    return {
        "name": name,
        "label": name,
        "description": description,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": expression, "refId": f"variable-{name}"},
        "definition": expression,
        "regex": regex,
        "refresh": 2,
        "sort": 0,
        "hide": 2,
        "multi": False,
        "includeAll": False,
        "options": [],
        "current": {},
        "skipUrlSync": True,
    }


# ---- annotations


def annotation(name, expr, color, title, text, tags="", at_value=False, enable=True):
    return {
        "name": name,
        "datasource": SOURCE,
        "enable": enable,
        "hide": False,
        "iconColor": color,
        "expr": expr,
        "step": "60s",
        "titleFormat": title,
        "textFormat": text,
        "tagKeys": tags,
        "useValueForTime": at_value,
    }


def dashboard_link(title, uid):
    return {
        "title": title,
        "type": "link",
        "icon": "dashboard",
        "url": Text(f"/d/{uid.es}", f"/d/{uid.en}"),
        "tooltip": title,
        "keepTime": True,
        "includeVars": True,
        "targetBlank": False,
        "asDropdown": False,
        "tags": [],
    }


def panel_link(title, uid):
    """To another dashboard, with the operation and the time range."""
    return {
        "title": title,
        "targetBlank": False,
        "url": Text(
            f"/d/{uid.es}?${{operation:queryparam}}&${{__url_time_range}}",
            f"/d/{uid.en}?${{operation:queryparam}}&${{__url_time_range}}",
        ),
    }


def page_link(title, url):
    return {
        "title": title,
        "type": "link",
        "icon": "doc",
        "url": url,
        "tooltip": title,
        "keepTime": False,
        "includeVars": False,
        "targetBlank": True,
        "asDropdown": False,
        "tags": [],
    }


def dashboard(uid, title, description, time_from, variables, annotations, links, panels, refresh="1m"):
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["wolkvox"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "weekStart": "",
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "refresh": refresh,
        "time": {"from": time_from, "to": "now"},
        "timepicker": {},
        "templating": {"list": variables},
        "annotations": {"list": annotations},
        "links": links,
        "panels": panels,
    }
