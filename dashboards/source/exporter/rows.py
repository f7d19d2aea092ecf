"""What became of the rows."""

from .. import grafana as g
from .. import promql as q
from ..text import Text
from .common import OP, OPERATION_COLUMN, SKILL_COLUMN

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
    Text("Filas por hora, según qué se hizo", "Rows an hour, by what became of them"),
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
    "wolkvox_ledger_commit_errors_total": Text("errores del registro", "ledger errors"),
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

DIFFERENCE_COLUMN, DAY_COLUMN = Text("Diferencia", "Difference"), Text("Día", "Day")
DIFFERENCE = f"wolkvox_reconciliation_difference_calls{{{OP}}}"
DIFFERENCES_SHOWN = 20

RECONCILED = g.table(
    27,
    Text("Diferencia con el total de wolkvox", "Difference from wolkvox's own total"),
    Text(
        "El total que wolkvox da de un día ya cerrado, menos lo contado aquí, por skill: 0 es acuerdo. Se compara una vez al"
        f" día, con el reporte totals; se muestran las {DIFFERENCES_SHOWN} mayores. Un skill sin cifra legible falta.",
        "The total that wolkvox gives of a day that is over, less what was counted here, by skill: 0 is agreement. Compared once"
        f" a day, with the report totals; the {DIFFERENCES_SHOWN} largest are shown. A skill without a readable figure is missing.",
    ),
    (0, 30, 12, 7),
    [
        g.column(
            "A",
            f"max by (operation, skill_id, skill_name) ({DIFFERENCE})"
            f" and on (operation, skill_id) topk({DIFFERENCES_SHOWN}, abs({DIFFERENCE}))",
        ),
        g.column(
            "B",
            f"0 * max by (operation, skill_id) ({DIFFERENCE}) + on (operation) group_left ()"
            f" 1000 * max by (operation) (wolkvox_reconciled_day_timestamp_seconds{{{q.OPERATION}}})",
        ),
        # What it is sorted by.
        g.column("C", f"max by (operation, skill_id) (abs({DIFFERENCE}))"),
    ],
    "none",
    order=["skill_name", "operation", "Value #A", "Value #B"],
    names={
        "skill_name": SKILL_COLUMN,
        "operation": OPERATION_COLUMN,
        "Value #A": DIFFERENCE_COLUMN,
        "Value #B": DAY_COLUMN,
    },
    required="Value #A",
    presort="Value #C",
    no_value=Text(
        "Ningún día conciliado: falta el reporte totals, o aún no cierra un día",
        "No day reconciled: the report totals is off, or no day is over yet",
    ),
    overrides=[
        g.override(SKILL_COLUMN, custom__minWidth=170, custom__cellOptions={"type": "auto", "wrapText": True}),
        g.override(OPERATION_COLUMN, custom__minWidth=130),
        g.override(
            DIFFERENCE_COLUMN,
            decimals=0,
            custom__width=105,
            color={"mode": "thresholds"},
            thresholds=g.steps(g.AMBER, (-0.5, "text"), (0.5, g.AMBER)),
            custom__cellOptions={"type": "color-text"},
        ),
        g.override(DAY_COLUMN, unit="time:YYYY-MM-DD", custom__width=110),
    ],
)
