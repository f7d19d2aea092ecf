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
        " de 3, no exactamente, porque las ventanas llegan de golpe.",
        "3 is healthy: one in 5 minutes. Zero is an outage; a peak after it, what was made good. Mean of half an hour:"
        " about 3, not exactly, since windows come at once.",
    ),
    (0, 13, 8, 8),
    [g.query(f"{q.windows('30m')} / 2", "{{operation}}", q.MIN_STEP)],
    "short",
    decimals=1,
    thresholds=g.steps("transparent", (3, g.GREEN)),
    custom={"axisSoftMax": 4},
)

OUTCOME_COLORS = {
    "ok": g.GREEN,
    "empty": "light-green",
    "unauthorized": "dark-red",
    "quota_exceeded": "dark-orange",
    "busy": g.YELLOW,
    "maintenance": "light-yellow",
    "bad_request": g.PURPLE,
    "server_error": g.RED,
    "timeout": g.ORANGE,
    "connect": "light-red",
    "malformed": "dark-purple",
    "incomplete": g.BLUE,
}

POLLS = g.lines(
    12,
    Text("Llamadas a la API por hora, según su resultado", "Calls to the API an hour, by outcome"),
    Text(
        "12 por hora y operación es lo normal. `ok` y `empty` (una ventana sin filas, de noche lo habitual) son éxitos;"
        " cada otro color es una razón por la que no llegaron datos.",
        "12 an hour and operation is normal. `ok` and `empty` (a window without rows, usual at night) are successes;"
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
    "short",
    decimals=0,
    custom={**g.STACKED_BARS, "barWidthFactor": 1},
    overrides=[g.colored(name, color) for name, color in OUTCOME_COLORS.items()],
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
    thresholds=g.steps("transparent", (60, g.RED)),
    overrides=[g.colored(LATENCY_MEAN, g.BLUE), g.colored(LATENCY_P90, g.ORANGE)],
)
