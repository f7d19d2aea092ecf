"""The calls to the wolkvox API."""

from .. import grafana as g
from .. import promql as q
from ..text import Text
from .common import OP

WINDOWS = g.lines(
    11,
    Text("Ventanas leídas cada 15 minutos", "Windows read in 15 minutes"),
    Text(
        "3 es lo sano: una cada 5 minutos. Cero es un corte; un pico después, lo recuperado. Media de media hora: cerca"
        " de 3, no exactamente, porque las ventanas llegan de golpe. Falta en la primera media hora.",
        "3 is healthy: one in 5 minutes. Zero is an outage; a peak after it, what was made good. Mean of half an hour:"
        " about 3, not exactly, since windows come at once. Missing in the first half hour.",
    ),
    (0, 13, 8, 8),
    g.queries_by_color(
        q.OPERATION_COLORS,
        lambda ending: f"{q.windows('30m')} / 2 and on (operation)"
        f' wolkvox_windows_total{{{q.SELF}, operation=~"{ending}"}} offset 30m',
        "{{operation}}",
        q.MIN_STEP,
    ),
    "none",
    decimals=1,
    thresholds=g.steps("transparent", (3, g.GREY)),
    custom={"axisSoftMax": 4},
    overrides=g.colors_of(q.OPERATION_COLORS),
)

# Outcome: what it is called beside its name in logs and alerts, and its colour.
OUTCOMES = {
    "ok": (Text("con filas (ok)", "with rows (ok)"), g.BLUE),
    "empty": (Text("sin filas (empty)", "without rows (empty)"), g.SKY),
    "unauthorized": (Text("token rechazado (unauthorized)", "token refused (unauthorized)"), g.RED),
    "quota_exceeded": (Text("cupo agotado (quota_exceeded)", "quota used up (quota_exceeded)"), "#8f3f6b"),
    "busy": (Text("ocupado (busy)", "busy"), g.YELLOW),
    "maintenance": (Text("mantenimiento (maintenance)", "maintenance"), "#f7cf7a"),
    "bad_request": (Text("consulta rechazada (bad_request)", "bad_request"), g.PURPLE),
    "server_error": (Text("error del servidor (server_error)", "server_error"), "#8c6d31"),
    "timeout": (Text("sin respuesta (timeout)", "no answer (timeout)"), g.ORANGE),
    "connect": (Text("sin conexión (connect)", "no connection (connect)"), "#d3b16c"),
    "malformed": (Text("ilegible (malformed)", "unreadable (malformed)"), "#9467bd"),
    "incomplete": (Text("incompleta (incomplete)", "incomplete"), "#17becf"),
}

POLLS = g.lines(
    12,
    Text("Llamadas a la API por hora, por resultado", "Calls to the API an hour, by outcome"),
    Text(
        "12 por hora y operación es lo normal. Con filas y sin filas (de noche lo habitual) son éxitos;"
        " cada otro color es una razón por la que no llegaron datos.",
        "12 an hour and operation is normal. With rows and without (usual at night) are successes;"
        " every other colour is a reason why no data came.",
    ),
    (8, 13, 8, 8),
    [
        g.query(
            f"sum by (outcome) (3600 * rate(wolkvox_polls_total{{{OP}}}[$__rate_interval])) > 0",
            "{{outcome}}",
            q.MIN_STEP,
        )
    ],
    "none",
    decimals=0,
    custom={**g.STACKED_BARS, "barWidthFactor": 1},
    overrides=[g.colored(name, color, displayName=text) for name, (text, color) in OUTCOMES.items()],
)

LATENCY_MEAN, LATENCY_P90 = Text("media, 1 h", "mean, 1 h"), Text("p90, 6 h", "p90, 6 h")

LATENCY = g.lines(
    13,
    Text("Lo que tarda una llamada a la API", "How long a call to the API takes"),
    Text(
        f"De la petición al último byte. El p90 mira 6 horas, con {q.QUANTILE_CALLS} llamadas o más. La API corta a los"
        " 60 s.",
        f"From the request to the last byte. The p90 looks at 6 hours, with {q.QUANTILE_CALLS} calls or more. The API"
        " cuts at 60 s.",
    ),
    (16, 13, 8, 8),
    [
        g.query(
            f"{q.increase('wolkvox_poll_duration_seconds_sum', OP, '1h', '')} /"
            f" ({q.increase('wolkvox_poll_duration_seconds_count', OP, '1h', '')} > 0.5)",
            LATENCY_MEAN,
            q.MIN_STEP,
        ),
        g.query(
            f"histogram_quantile(0.9, {q.increase('wolkvox_poll_duration_seconds_bucket', OP, '6h', 'le')})"
            f" and on () {q.increase('wolkvox_poll_duration_seconds_count', OP, '6h', '')} > {q.QUANTILE_CALLS - 0.5}",
            LATENCY_P90,
            q.MIN_STEP,
            ref="B",
        ),
    ],
    "s",
    thresholds=g.steps("transparent", (60, g.AMBER)),
    overrides=[g.colored(LATENCY_MEAN, g.BLUE), g.colored(LATENCY_P90, g.ORANGE)],
)

QUOTA = g.lines(
    28,
    Text("Llamadas que le quedan hoy al token", "Calls that the token has left today"),
    Text(
        "Lo que wolkvox dice que queda de las llamadas del día, por operación. Se pregunta cada quota_interval; lo normal es no"
        " preguntar, porque cada pregunta gasta una llamada.",
        "What wolkvox says is left of the day's calls, by operation. It is asked every quota_interval; usually it is not asked,"
        " for each question costs a call.",
    ),
    (12, 30, 12, 7),
    g.queries_by_color(
        q.OPERATION_COLORS,
        lambda ending: f'max by (operation) (wolkvox_token_uses_remaining{{{q.OPERATION}, operation=~"{ending}"}})',
        "{{operation}}",
        q.MIN_STEP,
    ),
    "none",
    decimals=0,
    overrides=g.colors_of(q.OPERATION_COLORS),
    no_value=Text("No se sabe: quota_interval es 0, o no hay datos", "Not known: quota_interval is 0, or no data"),
)
