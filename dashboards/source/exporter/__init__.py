"""The on-call dashboard: can the numbers be trusted, and if not, why."""

from .. import frame
from .. import grafana as g
from ..abandono.common import OTHER_UID as UID
from ..abandono.common import UID as OTHER_UID
from ..text import Text
from .api import LATENCY, POLLS, QUOTA, WINDOWS
from .common import JOB, OP
from .process import OPERATIONS, RESOURCES
from .rows import EXCEPTION_TABLE, RECONCILED, REJECTED, ROWS
from .spike import RULE, RULE_LINES
from .trust import FIRING, FIRING_TABLE, STATE, STATS


def build():
    return frame.dashboard(
        UID,
        Text("wolkvox · Exporter", "wolkvox · Exporter"),
        Text(
            "Si se puede confiar en los números, y si no, por qué. Para la guardia.",
            "Whether the numbers can be trusted, and if not, why. For on-call.",
        ),
        "now-24h",
        VARIABLES,
        ANNOTATIONS,
        LINKS,
        [
            g.row(1, Text("¿Se puede confiar en los números?", "Can the numbers be trusted?"), 0),
            *STATS,
            FIRING_TABLE,
            STATE,
            g.row(10, Text("La API de wolkvox", "The wolkvox API"), 12),
            WINDOWS,
            POLLS,
            LATENCY,
            g.row(14, Text("Las filas", "The rows"), 21),
            ROWS,
            REJECTED,
            EXCEPTION_TABLE,
            RECONCILED,
            QUOTA,
            g.row(18, Text("La regla de picos", "The spike rule"), 37),
            RULE,
            RULE_LINES,
            g.row(21, Text("El exportador", "The exporter"), 47),
            OPERATIONS,
            *RESOURCES,
        ],
    )


VARIABLES = [
    frame.data_source(),
    frame.operation(),
    frame.report(),
    frame.choice(
        "job",
        Text("Trabajo de Prometheus", "Prometheus job"),
        Text("Con él se reconoce el exportador", "The exporter is known by it"),
        "label_values(wolkvox_exporter_build_info, job)",
    ),
    frame.constant("runbooks", Text("Guías", "Runbooks"), frame.RUNBOOKS),
]

ANNOTATIONS = [
    frame.annotation(
        Text("Alertas", "Alerts"),
        f'ALERTS{{{FIRING}, operation=~"$operation|"}}',
        g.RED,
        "{{alertname}}",
        "{{operation}}",
        tags="severity,operation",
    ),
    frame.annotation(
        Text("Reinicios", "Restarts"),
        f"process_start_time_seconds{{{JOB}}} * 1000",
        g.PURPLE,
        Text("Reinicio", "Restart"),
        "{{instance}}",
        at_value=True,
    ),
    frame.annotation(
        Text("Poniéndose al día", "Catching up"),
        f"wolkvox_catching_up{{{OP}}} == 1",
        g.BLUE,
        Text("Poniéndose al día", "Catching up"),
        "{{operation}}",
    ),
]

LINKS = [
    frame.dashboard_link(Text("Abandono (supervisores)", "Abandonment (supervisors)"), OTHER_UID),
    frame.page_link(Text("Guías de alertas", "Runbooks"), "${runbooks}"),
]
