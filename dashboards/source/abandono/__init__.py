"""The supervisors' dashboard: what callers do now, who is affected, and whether it is more than usual."""

from .. import frame
from .. import grafana as g
from .. import promql as q
from ..text import Text
from .common import OTHER_UID, UID
from .day import AGAINST, BARS, SHARE
from .how import BY_TYPE, HEATMAP, SHORTS, WAITS
from .verdict import AGE, RANKING, STATS, VERDICT
from .week import WEEK


def build():
    return frame.dashboard(
        UID,
        Text("wolkvox · Abandono", "wolkvox · Abandonment"),
        Text(
            "Llamadas abandonadas por skill: ahora, hoy y contra lo usual. Para supervisores.",
            "Abandoned calls by skill: now, today and against the usual. For supervisors.",
        ),
        "now-12h",
        VARIABLES,
        ANNOTATIONS,
        LINKS,
        [
            VERDICT,
            AGE,
            *STATS,
            RANKING,
            g.row(10, Text("El día", "The day"), 18),
            BARS,
            AGAINST,
            SHARE,
            g.row(20, Text("Cómo abandonan", "How they abandon"), 36),
            HEATMAP,
            WAITS,
            SHORTS,
            BY_TYPE,
            g.row(25, Text("La semana", "The week"), 54),
            WEEK,
        ],
    )


VARIABLES = [
    frame.data_source(),
    frame.operation(),
    frame.choice(
        "skill",
        Text("Skill", "Skill"),
        Text("Por su número; el texto es el nombre de ahora", "By its number; the text is its present name"),
        "query_result(group by (skill_id, skill_name)"
        ' (last_over_time(wolkvox_abandoned_calls_total{operation=~"$operation"}[$__range])))',
        all_value=".+",
        regex='/skill_id="(?<value>[^"]*)".*skill_name="(?<text>.*)"\\}/',
    ),
    frame.hidden_value(
        "today",
        Text("Segundos desde la medianoche de la operación", "Seconds since the operation's midnight"),
        f"query_result({q.TODAY})",
        "/\\{\\} (\\d+)/",
    ),
    frame.hidden_value(
        "hour",
        Text("Segundos desde la última hora en punto de la operación", "Seconds since the operation's last whole hour"),
        f"query_result({q.THIS_HOUR})",
        "/\\{\\} (\\d+)/",
    ),
    frame.hidden_value(
        "bar",
        Text("Segundos de una barra: una ventana, o una hora en rangos de más de dos días", "Seconds of a bar: a window, or an hour over more than two days"),
        f"query_result(vector({q.WINDOW}) + {3600 - q.WINDOW} * (vector($__range_s) > bool {2 * 86_400}))",
        "/\\{\\} (\\d+)/",
    ),
    frame.constant("runbooks", Text("Guías", "Runbooks"), frame.RUNBOOKS),
]

VALUE_ALERTS = "Wolkvox(Abandon|Short|Suspicious).*"

ANNOTATIONS = [
    frame.annotation(
        Text("Alertas de abandono", "Abandonment alerts"),
        f'ALERTS{{alertname=~"{VALUE_ALERTS}", alertstate="firing", operation=~"$operation"}}',
        g.RED,
        Text("Alerta de abandono", "Abandonment alert"),
        "{{operation}} {{skill_name}} ({{alertname}})",
        tags="severity,operation",
    ),
    # Where the data are missing, not where they were made good.
    frame.annotation(
        Text("Datos sin leer a su hora", "Data not read when due"),
        f"{q.COMPLETE} offset -{q.LATE_AFTER}s < time()",
        g.GREY,
        Text("Datos sin leer", "Data not read"),
        "{{operation}}",
    ),
    frame.annotation(
        Text("Reinicios del exportador", "Restarts of the exporter"),
        "process_start_time_seconds * on (job, instance) group_left () group by (job, instance)"
        " (wolkvox_exporter_build_info) * 1000",
        g.BLUE,
        Text("Reinicio", "Restart"),
        "{{instance}}",
        at_value=True,
        enable=False,
    ),
]

LINKS = [
    frame.dashboard_link(Text("Exporter (guardia)", "Exporter (on call)"), OTHER_UID),
    frame.page_link(Text("Guías de alertas", "Runbooks"), "${runbooks}"),
]
