"""Whether the numbers can be trusted: alerts, age, state."""

from .. import grafana as g
from .. import promql as q
from ..text import Text
from .common import JOB, OP, OPERATION_COLUMN, SKILL_COLUMN

# Every alert of alerts/wolkvox.rules.yml: how the panel names it. Its runbook is the heading of the alert's own name.
ALERTS = {
    "WolkvoxAbandonmentSpike": Text("Pico de abandono", "Abandonment spike"),
    "WolkvoxAbandonmentSpikeAllSkills": Text(
        "Pico de abandono en toda la operación", "Abandonment spike in the whole operation"
    ),
    "WolkvoxAbandonmentElevated": Text("Abandono alto desde hace una hora", "Abandonment high for an hour"),
    "WolkvoxShortAbandonSurge": Text("Muchos abandonos cortos", "Many short abandons"),
    "WolkvoxAbandonTimeHigh": Text("Esperan mucho antes de colgar", "Long waits before hanging up"),
    "WolkvoxSuspiciousSilence": Text("Silencio sospechoso", "Suspicious silence"),
    "WolkvoxExporterDown": Text("El exportador no responde", "Exporter down"),
    "WolkvoxExporterAbsent": Text("No hay exportador", "Exporter absent"),
    "WolkvoxDataStale": Text("Datos atrasados", "Data stale"),
    "WolkvoxTokenRejected": Text("Token rechazado", "Token rejected"),
    "WolkvoxApiFailing": Text("La API falla", "API failing"),
    "WolkvoxQuotaExceeded": Text("Cupo del día agotado", "Day's quota exceeded"),
    "WolkvoxQuotaLow": Text("Cupo del día casi agotado", "Day's quota nearly used up"),
    "WolkvoxCatchingUp": Text("Poniéndose al día", "Catching up"),
    "WolkvoxRowsRejected": Text("Filas rechazadas", "Rows rejected"),
    "WolkvoxMostRowsRejected": Text("Casi todas las filas rechazadas", "Most rows rejected"),
    "WolkvoxOnlyEmpty": Text("El reporte nunca trajo filas", "Report without a row so far"),
    "WolkvoxClockOff": Text("Los relojes difieren", "Clocks differ"),
    "WolkvoxRowsMissing": Text("Filas que no llegaron", "Rows missing"),
    "WolkvoxTimezoneMismatch": Text("Zona horaria equivocada", "Time zone mismatch"),
    "WolkvoxDataSkipped": Text("Datos dejados atrás", "Data skipped"),
    "WolkvoxSeriesOverflow": Text("Demasiadas series", "Series overflow"),
    "WolkvoxLedgerErrors": Text("Errores del libro", "Ledger errors"),
    "WolkvoxLedgerGone": Text("El libro no está en el disco", "Ledger gone from the disk"),
    "WolkvoxLogLinesDropped": Text("El log pierde líneas", "Log lines dropped"),
}

FIRING = 'alertname=~"Wolkvox.+", alertstate="firing"'

# An alert of one operation follows the variable; one without an operation is always there.
ALERTS_HERE = f'(ALERTS{{{FIRING}, {q.OPERATION}}} or ALERTS{{{FIRING}, operation=""}})'

STATS = [
    g.stat(
        2,
        Text("Alertas activas", "Firing alerts"),
        Text("Alertas de este exportador que están activas.", "Alerts of this exporter that are firing."),
        (0, 1, 4, 4),
        [g.instant(f"count({ALERTS_HERE}) or 0 * count({q.COMPLETE} and on () {q.RULES})")],
        "none",
        g.steps("text", (0.5, g.RED)),
        decimals=0,
        no_value=Text("sin reglas o sin exportador", "no rules or no exporter"),
    ),
    g.stat(
        3,
        Text("Edad de los datos", "Age of the data"),
        Text(
            "Tiempo desde el final de la última ventana completa, de la operación más atrasada. Normal: de 1 a 7"
            " minutos. Atrasados: más de 11. WolkvoxDataStale avisa a los 20.",
            "Time since the end of the last complete window, of the operation furthest behind. Normal: 1 to 7 minutes. "
            "Late: more than 11. WolkvoxDataStale pages at 20.",
        ),
        (4, 1, 4, 4),
        [g.instant(q.AGE_MINUTES)],
        g.MINUTES,
        g.steps(g.GREEN, (q.LATE_MINUTES, g.ORANGE), (q.STALE_MINUTES, g.RED)),
        decimals=0,
    ),
    g.stat(
        4,
        Text("Exportador", "Exporter"),
        Text("Si Prometheus alcanza el exportador.", "Whether Prometheus reaches the exporter."),
        (8, 1, 4, 4),
        [g.instant(f"min(up{{{JOB}}})")],
        "none",
        g.steps(g.RED, (1, g.GREEN)),
        defaults={"mappings": g.mapping((1, Text("responde", "up"), g.GREEN), (0, Text("no responde", "down"), g.RED))},
    ),
    g.stat(
        5,
        Text("Reinicios en 24 h", "Restarts in 24 h"),
        Text("Veces que el proceso ha empezado de nuevo en 24 horas.", "Times the process has begun anew in 24 hours."),
        (12, 1, 4, 4),
        [g.instant(f"sum(changes(process_start_time_seconds{{{JOB}}}[24h]))")],
        "none",
        g.steps(g.GREEN, (0.5, g.YELLOW), (2.5, g.RED)),
        decimals=0,
    ),
    g.stat(
        6,
        Text("Perdido en 24 h", "Lost in 24 h"),
        Text(
            "Tiempo dejado atrás por ser más viejo que max_catch_up: sus llamadas no se contarán nunca.",
            "Time given up because it was older than max_catch_up: its calls will never be counted.",
        ),
        (16, 1, 4, 4),
        [g.instant(f"sum(increase(wolkvox_skipped_seconds_total{{{OP}}}[24h])) / 60")],
        g.MINUTES,
        g.steps(g.GREEN, (0.01, g.RED)),
        decimals=0,
    ),
    g.stat(
        7,
        Text("Versión", "Version"),
        Text("Versión del exportador y revisión del código.", "The exporter's version and the code's revision."),
        (20, 1, 4, 4),
        [
            g.instant(
                f"group by (version, revision) (wolkvox_exporter_build_info{{{JOB}}})", "{{version}} ({{revision}})"
            )
        ],
        "none",
        text_mode="name",
    ),
]

ALERT_COLUMN = Text("Alerta", "Alert")
SEVERITY_COLUMN, RUNBOOK_COLUMN = Text("Gravedad", "Severity"), Text("Guía", "Runbook")

FIRING_TABLE = g.table(
    8,
    Text("Alertas activas, y qué hacer", "Firing alerts, and what to do"),
    Text(
        "Las alertas activas, con enlace a su guía: qué significa, cómo comprobarlo, qué hacer.",
        "The firing alerts, each with a link to its runbook: what it means, how to check, what to do.",
    ),
    (0, 5, 12, 7),
    [
        g.column(
            "A",
            f'label_replace(sum by (alertname, severity, operation, skill_name) ({ALERTS_HERE}), "runbook", "$1",'
            ' "alertname", "(.+)")',
        )
    ],
    "none",
    joined=False,
    order=["alertname", "severity", "operation", "skill_name", "runbook"],
    names={
        "alertname": ALERT_COLUMN,
        "severity": SEVERITY_COLUMN,
        "operation": OPERATION_COLUMN,
        "skill_name": SKILL_COLUMN,
        "runbook": RUNBOOK_COLUMN,
    },
    no_value=Text("Ninguna alerta activa, o faltan las reglas", "No alert is firing, or rules not loaded"),
    overrides=[
        g.override(
            ALERT_COLUMN,
            mappings=g.mapping(*((name, text, None) for name, text in ALERTS.items())),
            custom__minWidth=185,
        ),
        g.override(
            SEVERITY_COLUMN,
            custom__width=75,
            custom__cellOptions={"type": "color-text"},
            mappings=g.mapping(
                ("critical", Text("crítica", "critical"), g.RED),
                ("warning", Text("aviso", "warning"), g.ORANGE),
                ("info", Text("nota", "info"), g.BLUE),
            ),
        ),
        g.override(OPERATION_COLUMN, custom__width=85),
        g.override(SKILL_COLUMN, custom__width=85),
        g.override(
            # The link's end is what the cell shows: the heading's anchor.
            RUNBOOK_COLUMN,
            custom__minWidth=120,
            mappings=g.mapping(*((name, name.lower(), g.BLUE) for name in ALERTS)),
            links=[
                {
                    "title": Text("Abrir la guía", "Open the runbook"),
                    "url": "${runbooks}#${__value.text}",
                    "targetBlank": True,
                }
            ],
        ),
    ],
)

STATES = g.mapping(
    (q.STATE_OK, Text("al día", "current"), g.GREEN),
    (q.STATE_LATE, Text("atrasada", "late"), g.ORANGE),
    (q.STATE_CATCHING_UP, Text("poniéndose al día", "catching up"), g.BLUE),
    (q.STATE_REJECTED, Text("token rechazado", "token rejected"), g.RED),
)

STATE = g.panel(
    9,
    "state-timeline",
    Text("Estado de cada operación", "State of each operation"),
    Text(
        "**Al día**: datos completos hasta hace menos de 11 minutos. **Atrasada**: más viejos. **Poniéndose al día**:"
        " recuperando un corte; las alertas de abandono callan. **Token rechazado**: alguien tiene que cambiarlo. Un"
        " hueco: Prometheus no alcanzaba el exportador.",
        "**Current**: data complete to less than 11 minutes ago. **Late**: older. **Catching up**: making good an"
        " outage; the abandonment alerts are silent. **Token rejected**: somebody must change it. A gap: Prometheus did"
        " not reach the exporter.",
    ),
    (12, 5, 12, 7),
    [g.query(q.STATE, "{{operation}}", "60s")],
    "none",
    options={
        "mergeValues": True,
        "showValue": "auto",
        "alignValue": "left",
        "rowHeight": 0.8,
        "legend": g.legend(),
        "tooltip": {"mode": "single", "sort": "none"},
    },
    defaults={
        "mappings": STATES,
        "color": {"mode": "thresholds"},
        "thresholds": g.steps(g.GREEN),
        "noValue": g.NO_DATA,
        "custom": {"fillOpacity": 75, "lineWidth": 0},
    },
)
