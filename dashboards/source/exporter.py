"""The on-call dashboard: can the numbers be trusted, and if not, why."""

from . import promql as q
from .abandono import OTHER_UID as UID
from .abandono import UID as OTHER_UID
from .grafana import (
    BLUE, GREEN, GREY, HOURS, MINUTES, NO_DATA, ORANGE, PURPLE, RED, RUNBOOKS, STACKED_BARS, YELLOW, annotation, choice, colored, column,
    constant, dashboard, dashboard_link, data_source, instant, legend, lines, mapping, operation, override, page_link, panel,
    query, row, stat, steps, table,
)
from .text import Text

OP = q.OPERATION
JOB = 'job=~"$job"'

# Every alert of alerts/wolkvox.rules.yml: how the panel names it. Its runbook is the heading of the alert's own name.
ALERTS = {
    "WolkvoxAbandonmentSpike": Text("Pico de abandono en un skill", "Abandonment spike in a skill"),
    "WolkvoxAbandonmentSpikeAllSkills": Text("Pico de abandono en toda la operación", "Abandonment spike in the whole operation"),
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
    "WolkvoxCatchingUp": Text("Poniéndose al día", "Catching up"),
    "WolkvoxRowsRejected": Text("Filas rechazadas", "Rows rejected"),
    "WolkvoxRowsMissing": Text("Filas que no llegaron", "Rows missing"),
    "WolkvoxTimezoneMismatch": Text("Zona horaria equivocada", "Time zone mismatch"),
    "WolkvoxDataSkipped": Text("Datos dejados atrás", "Data skipped"),
    "WolkvoxSeriesOverflow": Text("Demasiadas series", "Series overflow"),
    "WolkvoxLedgerErrors": Text("Errores del libro", "Ledger errors"),
}

FIRING = 'alertname=~"Wolkvox.+", alertstate="firing"'
# An alert of one operation follows the variable; one without an operation is always there.
ALERTS_HERE = f"(ALERTS{{{FIRING}, {OP}}} or ALERTS{{{FIRING}, operation=\"\"}})"
ONCE = steps(GREEN, (0.5, ORANGE))

STATS = [
    stat(
        2, Text("Alertas activas", "Firing alerts"),
        Text("Alertas de este exportador que están activas.", "Alerts of this exporter that are firing."),
        (0, 1, 4, 4), [instant(f"count({ALERTS_HERE}) or vector(0)")], "short", steps(GREEN, (0.5, RED)), decimals=0,
    ),
    stat(
        3, Text("Edad de los datos", "Age of the data"),
        Text(
            "Tiempo desde el final de la última ventana completa, de la operación más atrasada. Normal: de 1 a 7 minutos. "
            "Atrasados: más de 11. WolkvoxDataStale avisa a los 20.",
            "Time since the end of the last complete window, of the operation furthest behind. Normal: 1 to 7 minutes. "
            "Late: more than 11. WolkvoxDataStale pages at 20.",
        ),
        (4, 1, 4, 4), [instant(q.AGE_MINUTES)], MINUTES, steps(GREEN, (q.LATE_MINUTES, ORANGE), (q.STALE_MINUTES, RED)), decimals=0,
    ),
    stat(
        4, Text("Exportador", "Exporter"),
        Text("Si Prometheus alcanza el exportador.", "Whether Prometheus reaches the exporter."),
        (8, 1, 4, 4), [instant(f"min(up{{{JOB}}})")], "none", steps(RED, (1, GREEN)),
        defaults={"mappings": mapping((1, Text("responde", "up"), GREEN), (0, Text("no responde", "down"), RED))},
    ),
    stat(
        5, Text("Reinicios en 24 h", "Restarts in 24 h"),
        Text("Veces que el proceso ha empezado de nuevo en 24 horas.", "Times the process has begun anew in 24 hours."),
        (12, 1, 4, 4), [instant(f"sum(changes(process_start_time_seconds{{{JOB}}}[24h]))")], "short",
        steps(GREEN, (0.5, YELLOW), (2.5, RED)), decimals=0,
    ),
    stat(
        6, Text("Tiempo perdido en 24 h", "Time given up in 24 h"),
        Text(
            "Tiempo dejado atrás por ser más viejo que max_catch_up: sus llamadas no se contarán nunca.",
            "Time given up because it was older than max_catch_up: its calls will never be counted.",
        ),
        (16, 1, 4, 4), [instant(f"sum(increase(wolkvox_skipped_seconds_total{{{OP}}}[24h])) / 60")], MINUTES,
        steps(GREEN, (0.01, RED)), decimals=0,
    ),
    stat(
        7, Text("Versión", "Version"),
        Text("Versión del exportador y revisión del código.", "The exporter's version and the code's revision."),
        (20, 1, 4, 4), [instant(f"group by (version, revision) (wolkvox_exporter_build_info{{{JOB}}})", "{{version}} ({{revision}})")],
        "none", text_mode="name",
    ),
]

ALERT_COLUMN = Text("Alerta", "Alert")
SEVERITY_COLUMN, RUNBOOK_COLUMN = Text("Gravedad", "Severity"), Text("Guía", "Runbook")
OPERATION_COLUMN, SKILL_COLUMN = Text("Operación", "Operation"), Text("Skill", "Skill")
FIRING_TABLE = table(
    8, Text("Alertas activas, y qué hacer", "Firing alerts, and what to do"),
    Text(
        "Las alertas activas, con enlace a su guía: qué significa, cómo comprobarlo, qué hacer.",
        "The firing alerts, each with a link to its runbook: what it means, how to check, what to do.",
    ),
    (0, 5, 12, 7),
    [column("A", f'label_replace(sum by (alertname, severity, operation, skill_name) ({ALERTS_HERE}), "runbook", "$1", "alertname", "(.+)")')],
    "none", joined=False,
    order=["alertname", "severity", "operation", "skill_name", "runbook"],
    names={
        "alertname": ALERT_COLUMN, "severity": SEVERITY_COLUMN, "operation": OPERATION_COLUMN, "skill_name": SKILL_COLUMN,
        "runbook": RUNBOOK_COLUMN,
    },
    no_value=Text("Ninguna alerta activa", "No alert is firing"),
    overrides=[
        override(ALERT_COLUMN, mappings=mapping(*((name, text, None) for name, text in ALERTS.items())), custom__minWidth=220),
        override(
            SEVERITY_COLUMN, custom__width=110, custom__cellOptions={"type": "color-text"},
            mappings=mapping(
                ("critical", Text("crítica", "critical"), RED), ("warning", Text("aviso", "warning"), ORANGE),
                ("info", Text("nota", "info"), BLUE),
            ),
        ),
        override(OPERATION_COLUMN, custom__width=100), override(SKILL_COLUMN, custom__width=130),
        override(
            # The link's end is what the cell shows: the heading's anchor.
            RUNBOOK_COLUMN, custom__minWidth=160,
            mappings=mapping(*((name, name.lower(), BLUE) for name in ALERTS)),
            links=[{"title": Text("Abrir la guía", "Open the runbook"), "url": "${runbooks}#${__value.text}", "targetBlank": True}],
        ),
    ],
)

STATES = mapping(
    (q.STATE_OK, Text("al día", "current"), GREEN), (q.STATE_LATE, Text("atrasada", "late"), ORANGE),
    (q.STATE_CATCHING_UP, Text("poniéndose al día", "catching up"), BLUE),
    (q.STATE_REJECTED, Text("token rechazado", "token rejected"), RED),
)
STATE = panel(
    9, "state-timeline", Text("Estado de cada operación", "State of each operation"),
    Text(
        "**Al día**: datos completos hasta hace menos de 11 minutos. **Atrasada**: más viejos. **Poniéndose al día**: recuperando "
        "un corte; las alertas de abandono callan. **Token rechazado**: alguien tiene que cambiarlo. Un hueco: Prometheus no "
        "alcanzaba el exportador.",
        "**Current**: data complete to less than 11 minutes ago. **Late**: older. **Catching up**: making good an outage; the "
        "abandonment alerts are silent. **Token rejected**: somebody must change it. A gap: Prometheus did not reach the exporter.",
    ),
    (12, 5, 12, 7), [query(q.STATE, "{{operation}}", "60s")], "none",
    options={
        "mergeValues": True, "showValue": "auto", "alignValue": "left", "rowHeight": 0.8, "legend": legend(),
        "tooltip": {"mode": "single", "sort": "none"},
    },
    defaults={
        "mappings": STATES, "color": {"mode": "thresholds"}, "thresholds": steps(GREEN), "noValue": NO_DATA,
        "custom": {"fillOpacity": 75, "lineWidth": 0},
    },
)

WINDOWS = lines(
    11, Text("Ventanas leídas cada 15 minutos", "Windows read in 15 minutes"),
    Text(
        "3 es lo sano: una cada 5 minutos. Cero es un corte; un pico después, lo recuperado. Media de media hora: cerca de 3, no "
        "exactamente, porque las ventanas llegan de golpe.",
        "3 is healthy: one in 5 minutes. Zero is an outage; a peak after it, what was made good. Mean of half an hour: about 3, "
        "not exactly, since windows come at once.",
    ),
    (0, 13, 8, 8), [query(f"{q.windows('30m')} / 2", "{{operation}}", q.MIN_STEP)], "short", decimals=1,
    thresholds=steps("transparent", (3, GREEN)), custom={"axisSoftMax": 4},
)

OUTCOME_COLORS = {
    "ok": GREEN, "empty": "light-green", "unauthorized": "dark-red", "quota_exceeded": "dark-orange", "busy": YELLOW,
    "maintenance": "light-yellow", "bad_request": PURPLE, "server_error": RED, "timeout": ORANGE, "connect": "light-red",
    "malformed": "dark-purple", "incomplete": BLUE,
}
POLLS = lines(
    12, Text("Llamadas a la API por hora, según su resultado", "Calls to the API an hour, by outcome"),
    Text(
        "12 por hora y operación es lo normal. `ok` y `empty` (una ventana sin filas, de noche lo habitual) son éxitos; cada otro color es "
        "una razón por la que no llegaron datos.",
        "12 an hour and operation is normal. `ok` and `empty` (a window without rows, usual at night) are successes; every other colour is a "
        "reason why no data came.",
    ),
    (8, 13, 8, 8),
    [query(f"sum by (outcome) (3600 * rate(wolkvox_polls_total{{{OP}}}[$__rate_interval])) > 0", "{{outcome}}", q.MIN_STEP)],
    "short", decimals=0, custom={**STACKED_BARS, "barWidthFactor": 1},
    overrides=[colored(name, color) for name, color in OUTCOME_COLORS.items()],
)

LATENCY_MEAN, LATENCY_P90 = Text("media, 1 h", "mean, 1 h"), Text("p90, 6 h", "p90, 6 h")
LATENCY = lines(
    13, Text("Lo que tarda una llamada a la API", "How long a call to the API takes"),
    Text(
        f"De la petición al último byte. El p90 mira 6 horas, con {q.QUANTILE_CALLS} llamadas o más. La API corta a los 60 s.",
        f"From the request to the last byte. The p90 looks at 6 hours, with {q.QUANTILE_CALLS} calls or more. The API cuts at 60 s.",
    ),
    (16, 13, 8, 8),
    [
        query(
            f"{q.increase('wolkvox_poll_duration_seconds_sum', OP, '1h', '')} / ({q.increase('wolkvox_poll_duration_seconds_count', OP, '1h', '')} > 0.5)",
            LATENCY_MEAN, q.MIN_STEP,
        ),
        query(
            f"histogram_quantile(0.9, {q.increase('wolkvox_poll_duration_seconds_bucket', OP, '6h', 'le')})"
            f" and on () {q.increase('wolkvox_poll_duration_seconds_count', OP, '6h', '')} > {q.QUANTILE_CALLS - 0.5}",
            LATENCY_P90, q.MIN_STEP, ref="B",
        ),
    ],
    "s", thresholds=steps("transparent", (60, RED)), overrides=[colored(LATENCY_MEAN, BLUE), colored(LATENCY_P90, ORANGE)],
)

DISPOSITION_COLORS = {
    "counted": GREEN, "duplicate": GREY, "other_result": BLUE, "before_start": "light-blue", "not_selected": YELLOW, "rejected": RED,
}
ROWS = lines(
    15, Text("Filas por hora, según lo que se hizo con ellas", "Rows an hour, by what became of them"),
    Text(
        "`counted` son llamadas contadas. `duplicate`: ya vistas, lo normal, porque cada lectura repasa la última hora. "
        "`other_result`: no eran abandonos. `rejected`: ilegibles.",
        "`counted` are calls counted. `duplicate`: seen before, which is normal, for every read looks at the last hour again. "
        "`other_result`: no abandonment. `rejected`: unreadable.",
    ),
    (0, 22, 8, 8),
    [query(f"sum by (disposition) (3600 * rate(wolkvox_rows_total{{{OP}}}[$__rate_interval])) > 0", "{{disposition}}", q.MIN_STEP)],
    "short", decimals=0, custom={**STACKED_BARS, "barWidthFactor": 1},
    overrides=[colored(name, color) for name, color in DISPOSITION_COLORS.items()],
)

REJECTED = lines(
    16, Text("Filas rechazadas por hora, según la razón", "Rows rejected an hour, by reason"),
    Text(
        "`date`: sin fecha legible. `shape`: no es una fila. `range`: fuera del rango pedido, señal de una zona horaria equivocada.",
        "`date`: no readable date. `shape`: not a row. `range`: outside the range asked for, a sign of a wrong time zone.",
    ),
    (8, 22, 8, 8), [query(f"sum by (reason) ({q.increase('wolkvox_rows_rejected_total', OP, '1h', 'reason')})", "{{reason}}", q.MIN_STEP)],
    "short", decimals=0,
    overrides=[colored("date", ORANGE), colored("shape", PURPLE), colored("range", RED)],
)

EXCEPTIONS = {
    "wolkvox_late_rows_total": (Text("filas tardías, contadas", "late rows, counted"), BLUE),
    "wolkvox_rows_rejected_total": (Text("filas rechazadas", "rows rejected"), ORANGE),
    "wolkvox_rows_missing_total": (Text("anunciadas, no llegaron", "announced, not delivered"), RED),
    "wolkvox_abandon_time_unreadable_total": (Text("sin tiempo legible", "no readable time"), ORANGE),
    "wolkvox_series_overflow_total": (Text("llamadas en __other__", "calls in __other__"), ORANGE),
    "wolkvox_ledger_commit_errors_total": (Text("errores del libro", "ledger errors"), RED),
}
EXCEPTION_TABLE = panel(
    17, "bargauge", Text("Fuera de lo normal, en el rango", "Out of the ordinary, in the range"),
    Text(
        "Lo que no se contó como siempre, en el rango mostrado. Las filas tardías están contadas; las demás cifras son de lo que "
        "falta o se leyó a medias.",
        "What was not counted the usual way, in the range shown. Late rows are counted; the other figures are of what is missing "
        "or was half read.",
    ),
    (16, 22, 8, 8),
    [
        instant(f"round({q.increase(name, '' if 'ledger' in name else OP, '$__range', '')})", text, ref=chr(ord("A") + i))
        for i, (name, (text, _)) in enumerate(EXCEPTIONS.items())
    ],
    "short",
    options={
        "displayMode": "basic", "orientation": "horizontal", "valueMode": "color", "showUnfilled": True, "namePlacement": "left",
        "minVizHeight": 16, "maxVizHeight": 32, "minVizWidth": 8, "sizing": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
    defaults={"decimals": 0, "min": 0, "color": {"mode": "fixed", "fixedColor": GREY}, "thresholds": ONCE, "noValue": NO_DATA},
    overrides=[colored(text, color) for text, color in EXCEPTIONS.values()],
)

# What the alert compares, as its rules have recorded it.
PER_15M, USUAL, LIMIT = "wolkvox:skill_calls:15m", "wolkvox:skill_calls:usual_1h", "wolkvox:skill_calls:spike_limit"
NAMED = f"* on (operation, skill_id) group_left (skill_name) wolkvox:skill_name:info{{{OP}}}"
SHARE_COLUMN, NOW_COLUMN = Text("Del límite", "Of the limit"), Text("Llamadas en 15 min", "Calls in 15 min")
USUAL_COLUMN, LIMIT_COLUMN = Text("Lo usual a esta hora", "Usual at this hour"), Text("Límite", "Limit")
NO_RULES = Text("Sin datos: cargue alerts/wolkvox.rules.yml en Prometheus", "No data: load alerts/wolkvox.rules.yml into Prometheus")
RULE = table(
    19, Text("La regla de picos: sus números por skill", "The spike rule: its numbers by skill"),
    Text(
        "WolkvoxAbandonmentSpike avisa cuando las llamadas en 15 minutos pasan el límite del skill, con datos al día. Lo usual es "
        "la mediana de esta hora en 4 semanas; falta mientras no hay historia.",
        "WolkvoxAbandonmentSpike pages when the calls in 15 minutes exceed the skill's limit, with current data. Usual is the "
        "median of this hour over 4 weeks; it is missing while there is no history.",
    ),
    (0, 31, 12, 9),
    [
        column("A", f"{PER_15M}{{{OP}}} {NAMED}"),
        column("B", f"max by (operation, skill_id) ({USUAL}{{{OP}}}) / 4"),
        column("C", f"max by (operation, skill_id) ({LIMIT}{{{OP}}})"),
        column("D", f"{PER_15M}{{{OP}}} / on (operation, skill_id) {LIMIT}{{{OP}}}"),
    ],
    "short", defaults={"decimals": 1},
    order=["skill_name", "Value #D", "Value #A", "Value #C", "Value #B", "operation"],
    names={
        "skill_name": SKILL_COLUMN, "Value #D": SHARE_COLUMN, "Value #A": NOW_COLUMN, "Value #C": LIMIT_COLUMN,
        "Value #B": USUAL_COLUMN, "operation": OPERATION_COLUMN,
    },
    required="Value #A", sort=SHARE_COLUMN, no_value=NO_RULES,
    overrides=[
        override(SKILL_COLUMN, custom__minWidth=120),
        override(
            SHARE_COLUMN, unit="percentunit", decimals=0, min=0, max=1, custom__width=140, color={"mode": "thresholds"},
            thresholds=steps(GREEN, (0.7, ORANGE), (1, RED)),
            custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
        ),
        override(NOW_COLUMN, custom__width=145), override(LIMIT_COLUMN, custom__width=75),
        override(USUAL_COLUMN, custom__width=160), override(OPERATION_COLUMN, custom__width=95),
    ],
)
LIMIT_LINE = Text("límite: aquí avisa", "limit: pages here")
RULE_LINES = lines(
    20, Text("Cuánto del límite alcanzan los 5 skills más cercanos", "How much of the limit the 5 nearest skills reach"),
    Text(
        "Llamadas en 15 minutos divididas por el límite del skill. Sobre la línea, WolkvoxAbandonmentSpike avisa si los datos "
        "están al día.",
        "Calls in 15 minutes divided by the skill's limit. Above the line, WolkvoxAbandonmentSpike pages if the data are current.",
    ),
    (12, 31, 12, 9),
    [
        query(
            f"({PER_15M}{{{OP}}} / on (operation, skill_id) {LIMIT}{{{OP}}} {NAMED})"
            f" and on (operation, skill_id) topk(5, max_over_time({PER_15M}{{{OP}}}[$__range] @ end()))",
            "{{skill_name}}", q.MIN_STEP,
        ),
    ],
    "percentunit", decimals=0, thresholds=steps("transparent", (1, RED)), custom={"axisSoftMax": 1.2}, no_value=NO_RULES,
)

OPERATIONS = table(
    22, Text("Operaciones", "Operations"),
    Text(
        "Lo que el exportador sabe de cada operación. La hora observada sale de los datos; si contradice la configurada, las "
        "llamadas caen fuera del rango pedido.",
        "What the exporter knows of each operation. The observed offset comes from the data; where it contradicts the configured "
        "zone, calls fall outside the range asked for.",
    ),
    (0, 41, 24, 5),
    [
        column("A", f"max by (operation) (wolkvox_up{{{OP}}})"),
        column("B", f"max by (operation) ({q.AGE}) / 60"),
        column("C", f"(time() - max by (operation) (wolkvox_last_poll_timestamp_seconds{{{OP}}})) / 60"),
        column("D", f"(time() - max by (operation) (wolkvox_last_success_timestamp_seconds{{{OP}}})) / 60"),
        column("E", f"max by (operation) (wolkvox_catching_up{{{OP}}})"),
        column("F", f"max by (operation) (wolkvox_observed_utc_offset_seconds{{{OP}}}) / 3600"),
        column("G", f"max by (operation) (wolkvox_timezone_mismatch{{{OP}}})"),
        column("H", f"count by (operation) (wolkvox_abandoned_calls_total{{{OP}}})"),
    ],
    "short", order=["operation", *(f"Value #{ref}" for ref in "ABCDEFGH")],
    names={
        "operation": OPERATION_COLUMN, "Value #A": Text("Última lectura", "Last poll"),
        "Value #B": Text("Edad de los datos", "Age of the data"), "Value #C": Text("Última llamada, hace", "Last call, ago"),
        "Value #D": Text("Último éxito, hace", "Last success, ago"), "Value #E": Text("Poniéndose al día", "Catching up"),
        "Value #F": Text("UTC observado", "Observed UTC offset"), "Value #G": Text("Zona horaria", "Time zone"),
        "Value #H": Text("Series (máx. 2000)", "Label sets (max. 2000)"),
    },
    overrides=[
        override(
            Text("Última lectura", "Last poll"), custom__cellOptions={"type": "color-text"},
            mappings=mapping((1, Text("bien", "fine"), GREEN), (0, Text("falló", "failed"), RED)),
        ),
        override(
            Text("Edad de los datos", "Age of the data"), unit=MINUTES, decimals=0, color={"mode": "thresholds"},
            thresholds=steps(GREEN, (q.LATE_MINUTES, ORANGE), (q.STALE_MINUTES, RED)), custom__cellOptions={"type": "color-text"},
        ),
        override(Text("Última llamada, hace", "Last call, ago"), unit=MINUTES, decimals=0),
        override(Text("Último éxito, hace", "Last success, ago"), unit=MINUTES, decimals=0),
        override(
            Text("Poniéndose al día", "Catching up"), custom__cellOptions={"type": "color-text"},
            mappings=mapping((0, Text("no", "no"), None), (1, Text("sí", "yes"), BLUE)),
        ),
        override(Text("UTC observado", "Observed UTC offset"), unit=HOURS, decimals=2),
        override(
            Text("Zona horaria", "Time zone"), custom__cellOptions={"type": "color-text"},
            mappings=mapping((0, Text("concuerda", "agrees"), GREEN), (1, Text("no concuerda", "mismatch"), RED)),
        ),
        override(
            Text("Series (máx. 2000)", "Label sets (max. 2000)"), decimals=0, color={"mode": "thresholds"},
            thresholds=steps("text", (1600, ORANGE), (2000, RED)), custom__cellOptions={"type": "color-text"},
        ),
    ],
)

SAMPLES = Text("muestras por consulta", "samples a scrape")
RESOURCES = [
    lines(
        23, Text("Muestras que entrega /metrics", "Samples that /metrics delivers"),
        Text("Muestras en cada consulta de Prometheus: crece con skills y tipos nuevos.", "Samples in each scrape: grows with new skills and types."),
        (0, 46, 6, 7), [query(f"sum(scrape_samples_scraped{{{JOB}}})", SAMPLES)], "short", decimals=0,
        legends=legend(show=False),
    ),
    lines(
        24, Text("Lo que tarda /metrics", "How long /metrics takes"),
        Text("Duración de una consulta, vista por Prometheus. No depende de wolkvox.", "Duration of a scrape as Prometheus sees it. It does not depend on wolkvox."),
        (6, 46, 6, 7), [query(f"max(scrape_duration_seconds{{{JOB}}})", Text("consulta", "scrape"))], "s",
        legends=legend(show=False), custom={"axisSoftMax": 0.01},
    ),
    lines(
        25, Text("Memoria y libro", "Memory and ledger"),
        Text("Memoria del proceso y tamaño del libro en el disco.", "Memory of the process and size of the ledger on disk."),
        (12, 46, 6, 7),
        [
            query(f"sum(process_resident_memory_bytes{{{JOB}}})", Text("memoria", "memory")),
            query(f"sum(wolkvox_ledger_size_bytes{{{JOB}}})", Text("libro", "ledger"), ref="B"),
        ],
        "bytes", overrides=[colored(Text("memoria", "memory"), BLUE), colored(Text("libro", "ledger"), ORANGE)],
    ),
    lines(
        26, Text("Filas recordadas en el libro", "Rows remembered in the ledger"),
        Text(
            "Identidades de filas que una lectura puede traer otra vez. Sube y baja con el tráfico; si sólo sube, algo va mal.",
            "Identities of rows that a read may bring again. Goes up and down with the traffic; if it only rises, something is wrong.",
        ),
        (18, 46, 6, 7), [query(f"sum(wolkvox_ledger_keys{{{JOB}}})", Text("filas", "rows"))], "short", decimals=0,
        legends=legend(show=False),
    ),
]

VARIABLES = [
    data_source(),
    operation(),
    choice(
        "job", Text("Trabajo de Prometheus", "Prometheus job"), Text("Con él se reconoce el exportador", "The exporter is known by it"),
        "label_values(wolkvox_exporter_build_info, job)",
    ),
    constant("runbooks", Text("Guías", "Runbooks"), RUNBOOKS),
]

ANNOTATIONS = [
    annotation(
        Text("Alertas", "Alerts"), f'ALERTS{{{FIRING}, operation=~"$operation|"}}', RED, "{{alertname}}", "{{operation}}",
        tags="severity,operation",
    ),
    annotation(
        Text("Reinicios", "Restarts"), f"process_start_time_seconds{{{JOB}}} * 1000", PURPLE, Text("Reinicio", "Restart"),
        "{{instance}}", at_value=True,
    ),
    annotation(
        Text("Poniéndose al día", "Catching up"), f"wolkvox_catching_up{{{OP}}} == 1", BLUE,
        Text("Poniéndose al día", "Catching up"), "{{operation}}",
    ),
]

LINKS = [
    dashboard_link(Text("Abandono (supervisores)", "Abandonment (supervisors)"), OTHER_UID),
    page_link(Text("Guías de alertas", "Runbooks"), "${runbooks}"),
]


def build():
    return dashboard(
        UID, Text("wolkvox · Exporter", "wolkvox · Exporter"),
        Text(
            "Si se puede confiar en los números, y si no, por qué. Para la guardia.",
            "Whether the numbers can be trusted, and if not, why. For on-call.",
        ),
        "now-24h", VARIABLES, ANNOTATIONS, LINKS,
        [
            row(1, Text("¿Se puede confiar en los números?", "Can the numbers be trusted?"), 0), *STATS, FIRING_TABLE, STATE,
            row(10, Text("La API de wolkvox", "The wolkvox API"), 12), WINDOWS, POLLS, LATENCY,
            row(14, Text("Las filas", "The rows"), 21), ROWS, REJECTED, EXCEPTION_TABLE,
            row(18, Text("La regla de picos", "The spike rule"), 30), RULE, RULE_LINES,
            row(21, Text("El exportador", "The exporter"), 40), OPERATIONS, *RESOURCES,
        ],
    )
