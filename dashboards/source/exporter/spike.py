"""The spike rule's own numbers."""

from .. import grafana as g
from .. import promql as q
from ..text import Text
from .common import OPERATION_COLUMN, SKILL_COLUMN

# What the alert compares, as its rules have recorded it.
PER_15M, EXPECTED = "wolkvox:skill_calls:15m", "wolkvox:skill_calls:expected_15m"
SURPRISE, LIMIT = "wolkvox:skill_surprise:15m", "wolkvox:skill_surprise:limit"
NAMED = f"* on (operation, skill_id) group_left (skill_name) wolkvox:skill_name:info{{{q.OPERATION}}}"
SHARE_COLUMN, NOW_COLUMN = Text("Del límite", "Of the limit"), Text("En 15 min", "In 15 min")
USUAL_COLUMN, LIMIT_COLUMN = Text("Esperado", "Expected"), Text("Límite", "Limit")
SURPRISE_COLUMN = Text("Sorpresa", "Surprise")

NO_RULES = Text(
    "Sin números: aún no hay dos semanas de historia, o faltan las reglas (alerts/wolkvox.rules.yml)",
    "No numbers: not two weeks of history yet, or rules not loaded (alerts/wolkvox.rules.yml)",
)

RULE = g.table(
    19,
    Text("La regla de picos: sus números por skill", "The spike rule: its numbers by skill"),
    Text(
        "Sorpresa: cuánto pasan las llamadas de 15 minutos lo esperado a esta hora y en un día como hoy, en desviaciones del azar."
        " La alerta avisa por encima del límite del skill, con datos al día; además hay un límite absoluto y, con el reporte"
        " answered, uno por la parte que se pierde. Falta mientras no hay historia.",
        "Surprise: how far the calls of 15 minutes are above what is expected at this hour and on a day like today, in deviations of"
        " chance. The alert pages above the skill's limit, with current data; beside it there are an absolute limit and, with"
        " the report answered, one by the share that is lost. Missing while there is no history.",
    ),
    (0, 38, 14, 9),
    [
        g.column("A", f"{PER_15M}{{{q.OPERATION}}} {NAMED}"),
        g.column("B", q.unnamed(f"{EXPECTED}{{{q.OPERATION}}}")),
        g.column("C", q.unnamed(f"{LIMIT}{{{q.OPERATION}}}")),
        g.column("D", f"{SURPRISE}{{{q.OPERATION}}} / on (operation, skill_id) {LIMIT}{{{q.OPERATION}}}"),
        g.column("E", q.unnamed(f"{SURPRISE}{{{q.OPERATION}}}")),
    ],
    "none",
    defaults={"decimals": 1},
    order=["skill_name", "Value #D", "Value #E", "Value #C", "Value #A", "Value #B", "operation"],
    names={
        "skill_name": SKILL_COLUMN,
        "Value #D": SHARE_COLUMN,
        "Value #E": SURPRISE_COLUMN,
        "Value #A": NOW_COLUMN,
        "Value #C": LIMIT_COLUMN,
        "Value #B": USUAL_COLUMN,
        "operation": OPERATION_COLUMN,
    },
    required="Value #A",
    sort=SHARE_COLUMN,
    no_value=NO_RULES,
    overrides=[
        g.override(SKILL_COLUMN, custom__minWidth=190, custom__cellOptions={"type": "auto", "wrapText": True}),
        g.override(
            SHARE_COLUMN,
            unit="percentunit",
            decimals=0,
            min=0,
            max=1,
            custom__width=85,
            color={"mode": "thresholds"},
            thresholds=g.steps(g.BLUE, (0.7, g.AMBER), (1, g.RED)),
            custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
        ),
        g.override(NOW_COLUMN, custom__width=75),
        g.override(SURPRISE_COLUMN, custom__width=75),
        g.override(LIMIT_COLUMN, custom__width=60),
        g.override(USUAL_COLUMN, custom__width=80),
        g.override(OPERATION_COLUMN, custom__minWidth=130),
    ],
)

RULE_LINES = g.lines(
    20,
    Text("Los 5 skills más cercanos a su límite", "The 5 skills nearest to their limit"),
    Text(
        "Sorpresa dividida por el límite del skill. Sobre la línea avisa la alerta, si los datos están al día y son 8"
        " llamadas o más.",
        "Surprise divided by the skill's limit. Above the line the alert pages, if the data are current and there are 8 calls"
        " or more.",
    ),
    (14, 38, 10, 9),
    g.queries_by_color(
        q.SKILL_COLORS,
        lambda digits: f'({SURPRISE}{{{q.OPERATION}, skill_id=~"{digits}"}}'
        f" / on (operation, skill_id) {LIMIT}{{{q.OPERATION}}} {NAMED})"
        f" and on (operation, skill_id) topk(5, max_over_time({SURPRISE}{{{q.OPERATION}}}[$__range] @ end()))",
        "{{skill_name}} · {{operation}}",
        q.MIN_STEP,
    ),
    "percentunit",
    decimals=0,
    thresholds=g.steps("transparent", (1, g.RED)),
    custom={"axisSoftMax": 1.2},
    overrides=g.colors_of(q.SKILL_COLORS),
    no_value=NO_RULES,
)
