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
    "WolkvoxTotalsDiffer": Text("Los totales de wolkvox difieren", "wolkvox's totals differ"),
    "WolkvoxConfigNotInForce": Text("Configuración no vigente", "Configuration not in force"),
    "WolkvoxCertificateEnds": Text("El certificado vence pronto", "Certificate ends soon"),
    "WolkvoxDataSkipped": Text("Datos dejados atrás", "Data skipped"),
    "WolkvoxSeriesOverflow": Text("Demasiadas series", "Series overflow"),
    "WolkvoxLedgerErrors": Text("Errores del registro", "Ledger errors"),
    "WolkvoxLedgerGone": Text("El registro no está en el disco", "Ledger gone from the disk"),
    "WolkvoxLogLinesDropped": Text("El log pierde líneas", "Log lines dropped"),
}

FIRING = 'alertname=~"Wolkvox.+", alertstate="firing"'

# An alert of one operation follows the variable; one without an operation is always there.
ALERTS_HERE = f'(ALERTS{{{FIRING}, {q.OPERATION}}} or ALERTS{{{FIRING}, operation=""}})'

# Without one of the two there is no alert either.
KNOWN_TO_BE_QUIET = f"{q.COMPLETE} and on () {q.RULES}"

STATS = [
    g.stat(
        2,
        Text("Alertas activas", "Firing alerts"),
        Text("Alertas de este exportador que están activas.", "Alerts of this exporter that are firing."),
        (0, 1, 4, 4),
        [g.instant(f"count({ALERTS_HERE}) or 0 * count({KNOWN_TO_BE_QUIET})")],
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

ALERT_COLUMN = Text("Alerta y su guía", "Alert and its runbook")
SEVERITY_COLUMN = Text("Gravedad", "Severity")
# Said by the query, and only where there are rules and an exporter: an empty table says nothing of the kind.
NO_ALERT = "none"

FIRING_TABLE = g.table(
    8,
    Text("Alertas activas, y qué hacer", "Firing alerts, and what to do"),
    Text(
        "Las alertas activas. Cada una lleva a su guía: qué significa, cómo comprobarlo, qué hacer.",
        "The firing alerts. Each leads to its runbook: what it means, how to check, what to do.",
    ),
    (0, 5, 12, 7),
    [
        g.column(
            "A",
            f'label_replace(sum by (alertname, severity, operation, skill_name) ({ALERTS_HERE}), "anchor", "$1",'
            f' "alertname", "(.+)") or on () label_replace(0 * count({KNOWN_TO_BE_QUIET}), "alertname", "{NO_ALERT}", "", "")',
        )
    ],
    "none",
    joined=False,
    order=["alertname", "severity", "operation", "skill_name", "anchor"],
    names={
        "alertname": ALERT_COLUMN,
        "severity": SEVERITY_COLUMN,
        "operation": OPERATION_COLUMN,
        "skill_name": SKILL_COLUMN,
    },
    no_value=Text("Sin reglas o sin exportador no se sabe", "Not known without rules and exporter"),
    overrides=[
        g.override(
            ALERT_COLUMN,
            mappings=g.mapping(
                (NO_ALERT, Text("ninguna", "none"), None), *((name, text, g.BLUE) for name, text in ALERTS.items())
            ),
            custom__minWidth=200,
            custom__cellOptions={"type": "color-text", "wrapText": True},
            links=[
                {
                    "title": Text("Abrir la guía", "Open the runbook"),
                    "url": "${runbooks}#${__data.fields.anchor.text}",
                    "targetBlank": True,
                }
            ],
        ),
        g.override(
            SEVERITY_COLUMN,
            custom__width=80,
            custom__cellOptions={"type": "color-text"},
            mappings=g.mapping(
                ("critical", Text("crítica", "critical"), g.RED),
                ("warning", Text("aviso", "warning"), g.ORANGE),
                ("info", Text("nota", "info"), g.BLUE),
            ),
        ),
        g.override(OPERATION_COLUMN, custom__minWidth=130),
        g.override(SKILL_COLUMN, custom__minWidth=130, custom__cellOptions={"type": "auto", "wrapText": True}),
        # The heading that the link goes to: not shown, for it is English and long. Its text is the lower-case one.
        g.override(
            "anchor",
            custom__hidden=True,
            custom__hideFrom={"viz": True, "legend": False, "tooltip": False},
            mappings=g.mapping(*((name, name.lower(), None) for name in ALERTS)),
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
