"""What became of the rows."""

from .. import grafana as g
from .. import promql as q
from ..text import Text
from .common import OP

DISPOSITIONS = {
    "counted": (Text("contadas (counted)", "counted"), g.BLUE),
    "duplicate": (Text("ya vistas (duplicate)", "seen before (duplicate)"), g.GREY),
    "other_result": (Text("no eran abandonos (other_result)", "no abandonment (other_result)"), g.SKY),
    "before_start": (Text("anteriores al inicio (before_start)", "before the start (before_start)"), "#b3dcf5"),
    "not_selected": (Text("de otros skills (not_selected)", "of other skills (not_selected)"), g.YELLOW),
    "rejected": (Text("rechazadas (rejected)", "rejected"), g.RED),
}

ROWS = g.lines(
    15,
    Text("Filas por hora, según lo que se hizo con ellas", "Rows an hour, by what became of them"),
    Text(
        "Las ya vistas son lo normal, porque cada lectura repasa la última hora. Las rechazadas no se pudieron leer y no se"
        " cuentan.",
        "Those seen before are normal, for every read looks at the last hour again. The rejected ones could not be read and are not"
        " counted.",
    ),
    (0, 22, 8, 8),
    [
        g.query(
            f"sum by (disposition) (3600 * rate(wolkvox_rows_total{{{OP}}}[$__rate_interval])) > 0",
            "{{disposition}}",
            q.MIN_STEP,
        )
    ],
    "none",
    decimals=0,
    custom={**g.STACKED_BARS, "barWidthFactor": 1},
    overrides=[g.colored(name, color, displayName=text) for name, (text, color) in DISPOSITIONS.items()],
)

REJECTED = g.lines(
    16,
    Text("Filas rechazadas por hora, según la razón", "Rows rejected an hour, by reason"),
    Text(
        "`date`: sin fecha legible. `shape`: no es una fila. `range`: fuera del rango pedido, señal de una zona horaria"
        " equivocada.",
        "`date`: no readable date. `shape`: not a row. `range`: outside the range asked for, a sign of a wrong time"
        " zone.",
    ),
    (8, 22, 8, 8),
    [
        g.query(
            f"sum by (reason) ({q.increase('wolkvox_rows_rejected_total', OP, '1h', 'reason')})",
            "{{reason}}",
            q.MIN_STEP,
        )
    ],
    "none",
    decimals=0,
    overrides=[
        g.colored("date", g.ORANGE, displayName=Text("fecha (date)", "date")),
        g.colored("shape", g.PURPLE, displayName=Text("forma (shape)", "shape")),
        g.colored("range", g.BLUE, displayName=Text("fuera del rango (range)", "range")),
    ],
)

EXCEPTIONS = {
    "wolkvox_late_rows_total": Text("filas tardías, contadas", "late rows, counted"),
    "wolkvox_rows_rejected_total": Text("filas rechazadas", "rows rejected"),
    "wolkvox_rows_missing_total": Text("filas ausentes", "rows missing"),
    "wolkvox_abandon_time_unreadable_total": Text("sin tiempo legible", "no readable time"),
    "wolkvox_series_overflow_total": Text("llamadas en __other__", "calls in __other__"),
    "wolkvox_ledger_commit_errors_total": Text("errores del libro", "ledger errors"),
}

# A zero is no alarm.
ONCE = g.steps(g.GREY, (0.5, g.AMBER))

EXCEPTION_TABLE = g.panel(
    17,
    "bargauge",
    Text("Fuera de lo normal, en el rango", "Out of the ordinary, in the range"),
    Text(
        "Lo que no se contó como siempre, en el rango mostrado. Las filas tardías están contadas; las demás cifras son"
        " de lo que falta o se leyó a medias.",
        "What was not counted the usual way, in the range shown. Late rows are counted; the other figures are of what"
        " is missing or was half read.",
    ),
    (16, 22, 8, 8),
    [
        g.instant(
            f"round({q.increase(name, '' if 'ledger' in name else OP, '$__range', '')})", text, ref=chr(ord("A") + i)
        )
        for i, (name, text) in enumerate(EXCEPTIONS.items())
    ],
    "none",
    options={
        "displayMode": "basic",
        "orientation": "horizontal",
        "valueMode": "color",
        "showUnfilled": True,
        "namePlacement": "left",
        "minVizHeight": 16,
        "maxVizHeight": 32,
        "minVizWidth": 8,
        "sizing": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
    defaults={
        "decimals": 0,
        "min": 0,
        "color": {"mode": "thresholds"},
        "thresholds": ONCE,
        "noValue": g.NO_DATA,
    },
)
