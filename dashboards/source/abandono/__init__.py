"""The supervisors' dashboard: what callers do now, who is affected, and whether it is more than usual."""

from .. import frame
from .. import grafana as g
from .. import promql as q
from ..text import Text
from .common import OTHER_UID, UID
from .how import BY_TYPE, HEATMAP, SHORTS, WAITS
from .now import BARS, STATS
from .week import WEEK
from .who import AGAINST, RANKING


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
            g.row(1, Text("Ahora", "Now"), 0),
            *STATS,
            BARS,
            g.row(8, Text("Quién y cuánto", "Who and how much"), 14),
            RANKING,
            AGAINST,
            g.row(11, Text("Cómo abandonan", "How they abandon"), 25),
            HEATMAP,
            WAITS,
            SHORTS,
            BY_TYPE,
            g.row(16, Text("La semana", "The week"), 43),
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
    frame.choice(
        "type",
        Text("Tipo", "Type"),
        Text("Tipo de interacción", "Type of interaction"),
        'label_values(wolkvox_abandoned_calls_total{operation=~"$operation", skill_id=~"$skill"}, type_interaction)',
        all_value=".+",
    ),
    frame.hidden_value(
        "today",
        Text("Segundos desde la medianoche de la operación", "Seconds since the operation's midnight"),
        f"query_result({q.TODAY})",
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
        "{{alertname}}",
        "{{operation}} {{skill_name}}",
        tags="severity,operation",
    ),
    frame.annotation(
        Text("Poniéndose al día tras un corte", "Catching up after an outage"),
        f"wolkvox_catching_up{{{q.SELF}}} == 1",
        g.YELLOW,
        Text("Poniéndose al día", "Catching up"),
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
