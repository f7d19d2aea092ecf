"""The spike rule's own numbers."""

from .. import grafana as g
from .. import promql as q
from ..text import Text
from .common import OPERATION_COLUMN, SKILL_COLUMN

# What the alert compares, as its rules have recorded it.
PER_15M, USUAL, LIMIT = "wolkvox:skill_calls:15m", "wolkvox:skill_calls:usual_1h", "wolkvox:skill_calls:spike_limit"
NAMED = f"* on (operation, skill_id) group_left (skill_name) wolkvox:skill_name:info{{{q.OPERATION}}}"
SHARE_COLUMN, NOW_COLUMN = Text("Del límite", "Of the limit"), Text("Llamadas en 15 min", "Calls in 15 min")
USUAL_COLUMN, LIMIT_COLUMN = Text("Lo usual a esta hora", "Usual at this hour"), Text("Límite", "Limit")

NO_RULES = Text(
    "Sin datos: cargue alerts/wolkvox.rules.yml en Prometheus", "No data: load alerts/wolkvox.rules.yml into Prometheus"
)

RULE = g.table(
    19,
    Text("La regla de picos: sus números por skill", "The spike rule: its numbers by skill"),
    Text(
        "WolkvoxAbandonmentSpike avisa cuando las llamadas en 15 minutos pasan el límite del skill, con datos al día."
        " Lo usual es la mediana de esta hora en 4 semanas; falta mientras no hay historia.",
        "WolkvoxAbandonmentSpike pages when the calls in 15 minutes exceed the skill's limit, with current data. Usual"
        " is the median of this hour over 4 weeks; it is missing while there is no history.",
    ),
    (0, 31, 12, 9),
    [
        g.column("A", f"{PER_15M}{{{q.OPERATION}}} {NAMED}"),
        g.column("B", f"max by (operation, skill_id) ({USUAL}{{{q.OPERATION}}}) / 4"),
        g.column("C", f"max by (operation, skill_id) ({LIMIT}{{{q.OPERATION}}})"),
        g.column("D", f"{PER_15M}{{{q.OPERATION}}} / on (operation, skill_id) {LIMIT}{{{q.OPERATION}}}"),
    ],
    "short",
    defaults={"decimals": 1},
    order=["skill_name", "Value #D", "Value #A", "Value #C", "Value #B", "operation"],
    names={
        "skill_name": SKILL_COLUMN,
        "Value #D": SHARE_COLUMN,
        "Value #A": NOW_COLUMN,
        "Value #C": LIMIT_COLUMN,
        "Value #B": USUAL_COLUMN,
        "operation": OPERATION_COLUMN,
    },
    required="Value #A",
    sort=SHARE_COLUMN,
    no_value=NO_RULES,
    overrides=[
        g.override(SKILL_COLUMN, custom__minWidth=120),
        g.override(
            SHARE_COLUMN,
            unit="percentunit",
            decimals=0,
            min=0,
            max=1,
            custom__width=140,
            color={"mode": "thresholds"},
            thresholds=g.steps(g.GREEN, (0.7, g.ORANGE), (1, g.RED)),
            custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
        ),
        g.override(NOW_COLUMN, custom__width=145),
        g.override(LIMIT_COLUMN, custom__width=75),
        g.override(USUAL_COLUMN, custom__width=160),
        g.override(OPERATION_COLUMN, custom__width=95),
    ],
)

LIMIT_LINE = Text("límite: aquí avisa", "limit: pages here")

RULE_LINES = g.lines(
    20,
    Text("Cuánto del límite alcanzan los 5 skills más cercanos", "How much of the limit the 5 nearest skills reach"),
    Text(
        "Llamadas en 15 minutos divididas por el límite del skill. Sobre la línea, WolkvoxAbandonmentSpike avisa si los"
        " datos están al día.",
        "Calls in 15 minutes divided by the skill's limit. Above the line, WolkvoxAbandonmentSpike pages if the data"
        " are current.",
    ),
    (12, 31, 12, 9),
    [
        g.query(
            f"({PER_15M}{{{q.OPERATION}}} / on (operation, skill_id) {LIMIT}{{{q.OPERATION}}} {NAMED})"
            f" and on (operation, skill_id) topk(5, max_over_time({PER_15M}{{{q.OPERATION}}}[$__range] @ end()))",
            "{{skill_name}}",
            q.MIN_STEP,
        ),
    ],
    "percentunit",
    decimals=0,
    thresholds=g.steps("transparent", (1, g.RED)),
    custom={"axisSoftMax": 1.2},
    no_value=NO_RULES,
)
