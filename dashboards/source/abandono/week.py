"""When they abandon, by weekday and hour."""

from .. import grafana as g
from .. import promql as q
from ..text import Text

DAYS = [
    Text("lunes", "Monday"),
    Text("martes", "Tuesday"),
    Text("miércoles", "Wednesday"),
    Text("jueves", "Thursday"),
    Text("viernes", "Friday"),
    Text("sábado", "Saturday"),
    Text("domingo", "Sunday"),
]

DAY_COLUMN = Text("Día", "Day")

WEEK = g.panel(
    17,
    "table",
    Text("Cuándo abandonan, llamadas por hora", "When they abandon, calls an hour"),
    Text(
        "Media de las llamadas abandonadas en cada hora de cada día de la semana, en las 4 semanas antes del final del"
        " rango, en la hora local de la operación; vacío lo que se conoce de menos de dos semanas. Faltan las horas en las"
        " que nunca hubo llamadas, y donde nunca se cierra las dos más quietas.",
        "Mean of the calls abandoned in each hour of each weekday, in the 4 weeks before the end of the range, in the "
        "operation's local time; empty where less than two weeks are known. Hours that never had a call are left out, and where it never closes the two quietest.",
    ),
    (0, 55, 24, 9),
    [g.column("A", q.weekday_hour())],
    "none",
    options={"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"], "fields": ""}},
    defaults={
        "decimals": 0,
        "min": 0,
        "color": {"mode": "continuous-blues"},
        "noValue": Text("Se muestra desde dos semanas de historia", "Shown from two weeks of history on"),
        # Grafana makes no column narrower.
        "custom": {"align": "center", "cellOptions": {"type": "color-background", "mode": "basic"}, "minWidth": 50},
        "mappings": [{"type": "range", "options": {"from": 0, "to": 0.5, "result": {"index": 0, "text": "·"}}}],
    },
    overrides=[
        g.empty_cells(),
        g.override(
            "day\\hour",
            displayName=DAY_COLUMN,
            custom__width=110,
            custom__align="left",
            custom__cellOptions={"type": "auto"},
            mappings=g.mapping(*((i, day, None) for i, day in enumerate(DAYS))),
        ),
    ],
    # A matrix takes its columns in the order in which they come.
    transformations=[
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": "hour", "desc": False}]}},
        {
            "id": "groupingToMatrix",
            "options": {"columnField": "hour", "rowField": "day", "valueField": "Value", "emptyValue": "null"},
        },
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": "day\\hour", "desc": False}]}},
    ],
)
