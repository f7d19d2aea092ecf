"""Which skills, and whether it is more than usual."""

from .. import grafana as g
from .. import promql as q
from ..text import Text
from .common import LAST_WEEK, TODAY, lagging

TIME_STEPS = g.steps("text", (180, g.ORANGE), (300, g.RED))
SKILL_COLUMN = Text("Skill", "Skill")
HOUR_COLUMN = Text("Última hora", "Last hour")
CHANGE_COLUMN = Text("Cambio 1 sem.", "Change 1 wk.")
SHORT_COLUMN = Text(f"Cortas ≤{q.SHORT_SECONDS} s", f"Short ≤{q.SHORT_SECONDS} s")
MEAN_COLUMN = Text("Espera media", "Mean wait")
P90_COLUMN = Text("Espera p90", "p90 wait")
OPERATION_COLUMN = Text("Operación", "Operation")
TODAY_COLUMN = Text("Hoy", "Today")

RANKING = g.table(
    9,
    Text("Skills con abandonos en la última hora", "Skills with abandoned calls in the last hour"),
    lagging(
        "Un renglón por skill que tuvo abandonos, el de más llamadas primero.\n\n**Cambio**: llamadas de más o de"
        f" menos que a esta hora hace una semana. **Cortas**: parte que colgó en {q.SHORT_SECONDS} s o menos; desde"
        f" {q.SHARE_CALLS} llamadas. **Espera**: cuánto esperaron antes de colgar (ATA); 9 de cada 10 esperaron menos"
        f" que el p90, que se muestra desde {q.QUANTILE_CALLS} llamadas.",
        "A line per skill that had abandoned calls, most calls first.\n\n**Change**: calls more or fewer than at this"
        f" hour one week ago. **Short**: share that hung up within {q.SHORT_SECONDS} s; from {q.SHARE_CALLS} calls on."
        " **Wait**: how long they had waited when they hung up (ATA); 9 in 10 waited less than the p90, which is shown"
        f" from {q.QUANTILE_CALLS} calls on.",
    ),
    (0, 15, 14, 10),
    [
        g.column("A", q.ranking_calls()),
        g.column("B", f"{q.last_hour(q.SKILL)} - {q.last_hour(q.SKILL, LAST_WEEK)}"),
        g.column("C", q.total(TODAY, q.SKILL)),
        g.column("D", q.short_share("1h", q.SKILL)),
        g.column("E", q.mean_time("1h", q.SKILL)),
        g.column("F", q.quantile_time(0.9, "1h", q.SKILL)),
    ],
    "short",
    order=["skill_name", "Value #A", "Value #B", "Value #C", "Value #D", "Value #E", "Value #F", "operation"],
    names={
        "skill_name": SKILL_COLUMN,
        "Value #A": HOUR_COLUMN,
        "Value #B": CHANGE_COLUMN,
        "Value #C": TODAY_COLUMN,
        "Value #D": SHORT_COLUMN,
        "Value #E": MEAN_COLUMN,
        "Value #F": P90_COLUMN,
        "operation": OPERATION_COLUMN,
    },
    required="Value #A",
    sort=HOUR_COLUMN,
    # Empty can mean either: the table does not claim the first.
    no_value=Text(
        "Sin abandonos en la última hora, o con menos de media hora leída",
        "No abandoned calls in the last hour, or less than half of it read",
    ),
    overrides=[
        g.override(SKILL_COLUMN, custom__minWidth=150),
        g.override(
            HOUR_COLUMN,
            decimals=0,
            min=0,
            fieldMinMax=True,
            custom__width=130,
            color={"mode": "fixed", "fixedColor": g.BLUE},
            custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
        ),
        g.override(
            CHANGE_COLUMN,
            decimals=0,
            custom__width=125,
            thresholds=g.steps("text", (5.5, g.ORANGE), (15.5, g.RED)),
            color={"mode": "thresholds"},
            custom__cellOptions={"type": "color-text"},
        ),
        g.override(TODAY_COLUMN, decimals=0, custom__width=70),
        g.override(
            SHORT_COLUMN,
            unit="percentunit",
            decimals=0,
            custom__width=110,
            thresholds=g.steps("text", (0.5, g.ORANGE)),
            color={"mode": "thresholds"},
            custom__cellOptions={"type": "color-text"},
        ),
        g.override(MEAN_COLUMN, unit=g.SECONDS, decimals=0, custom__width=115),
        g.override(
            P90_COLUMN,
            unit=g.SECONDS,
            decimals=0,
            custom__width=105,
            thresholds=TIME_STEPS,
            color={"mode": "thresholds"},
            custom__cellOptions={"type": "color-text"},
        ),
        g.override(OPERATION_COLUMN, custom__width=100),
    ],
)

NOW_LINE = Text("ahora", "now")
WEEK_LINE = Text("hace 1 semana", "1 week ago")
MEDIAN_LINE = Text("lo usual (mediana de 4 semanas)", "usual (median of 4 weeks)")

AGAINST = g.lines(
    10,
    Text("¿Más que de costumbre? Llamadas por hora", "More than usual? Calls an hour"),
    lagging(
        "En cada instante, las llamadas de la hora anterior: ahora, hace una semana, y la mediana de esa hora en las"
        " últimas 4 semanas (o en las que haya).",
        "At each moment, the calls of the hour before it: now, one week ago, and the median of that hour in the last "
        "4 weeks (or as many as there are).",
    ),
    (14, 15, 10, 10),
    [
        g.query(q.last_hour(), NOW_LINE, q.MIN_STEP),
        g.query(q.last_hour("", LAST_WEEK), WEEK_LINE, q.MIN_STEP, ref="B"),
        g.query(q.usual(4), MEDIAN_LINE, q.MIN_STEP, ref="C"),
    ],
    "short",
    decimals=0,
    overrides=[
        g.colored(NOW_LINE, g.RED, custom__lineWidth=3),
        g.colored(WEEK_LINE, g.GREY, custom__lineStyle={"fill": "dash", "dash": [6, 6]}, custom__lineWidth=1),
        g.colored(MEDIAN_LINE, g.BLUE, custom__fillOpacity=12),
    ],
)
