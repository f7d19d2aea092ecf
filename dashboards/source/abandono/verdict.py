"""The first screen: which skills lose more than usual now, and how old the data are that say so.

The numbers are those that the rules record for the page (alerts/wolkvox.rules.yml): what is red here has paged.
"""

from .. import grafana as g
from .. import promql as q
from ..frame import panel_link
from ..text import Text
from .common import OTHER_UID, THIS_HOUR, TODAY, lagging

AGE_STEPS = g.steps("text", (q.LATE_MINUTES, g.AMBER), (q.STALE_MINUTES, g.RED))

NOBODY, LATE, NO_RULES, YOUNG = 0, -1, -2, -3

VERDICT = g.stat(
    2,
    Text("Pierden más de lo usual ahora (en 15 min)", "Lose more than usual now (in 15 min)"),
    lagging(
        "Los skills que ahora pierden muchas más llamadas de lo usual a esta hora y en un día como hoy, hasta cuatro; son"
        " los mismos por los que avisa la alerta. La tabla dice desde cuándo, cuántas veces lo usual y cuánto esperaron."
        " Sin datos al día no hay veredicto.",
        "The skills that lose far more calls now than is usual at this hour and on a day like today, up to four; they are"
        " the ones that the alert pages for. The table says since when, how many times the usual and how long they waited."
        " Without current data there is no verdict.",
    ),
    (0, 0, 18, 5),
    [
        g.instant(f"topk(4, {q.named(q.UNUSUAL)})", "{{skill_name}} · {{operation}}"),
        g.instant(f"{NOBODY} * count({q.TRUSTED}) unless on () {q.UNUSUAL} and on () {q.USUAL_1H}", " ", ref="B"),
        g.instant(
            f"0 * group by (operation) ({q.COMPLETE}) - 1 unless on (operation) {q.TRUSTED} and on () {q.RULES}",
            "{{operation}}",
            ref="C",
        ),
        g.instant(f"0 * count({q.COMPLETE}) - 2 unless on () {q.RULES}", " ", ref="D"),
        g.instant(
            f"0 * count({q.TRUSTED}) - 3 unless on () {q.UNUSUAL} unless on () {q.USUAL_1H}", " ", ref="E"
        ),
    ],
    "none",
    g.steps(g.RED),
    decimals=0,
    no_value=Text("Sin datos: no hay exportador, o no responde", "No data: no exporter, or it does not answer"),
    text_mode="value_and_name",
    color_mode="background_solid",
    defaults={
        "mappings": g.mapping(
            (NOBODY, Text("Ningún skill pierde más de lo usual", "No skill loses more than usual"), g.CALM),
            (LATE, Text("Datos atrasados", "Data late"), g.DARK_AMBER),
            (NO_RULES, Text("Sin reglas no hay veredicto", "No verdict without the rules"), g.CALM),
            (YOUNG, Text("Aún sin dos semanas para comparar", "Not two weeks to compare with yet"), g.CALM),
        )
    },
)

AGE = g.stat(
    3,
    Text("Edad de los datos", "Age of the data"),
    Text(
        "Tiempo desde el final de la última ventana completa, de la operación más atrasada. Lo normal es de 1 a 7"
        f" minutos; con más de {q.LATE_MINUTES}, lo demás de esta página está atrasado, y desde {q.STALE_MINUTES} avisa la"
        " alerta.",
        "Time since the end of the last complete window, of the operation furthest behind. 1 to 7 minutes is normal; beyond"
        f" {q.LATE_MINUTES} the rest of this page is late, and from {q.STALE_MINUTES} on the alert pages.",
    ),
    (18, 0, 6, 5),
    [g.instant(q.AGE_MINUTES)],
    g.MINUTES,
    AGE_STEPS,
    decimals=0,
    no_value=Text("no responde", "no answer"),
    links=[panel_link(Text("¿Qué pasa? Exporter", "What is wrong? Exporter"), OTHER_UID)],
)

FEW, NONE_ANSWERED, NOT_WHOLE = -1, -2, -3

USUAL_NAME = Text("lo usual", "usual")
NOW_NAME = Text("llamadas", "calls")
LOST_NAME, SERVED_NAME = Text("se pierde", "lost"), Text(f"en {q.SERVICE_SECONDS} s", f"in {q.SERVICE_SECONDS} s")
UNKNOWN_USUAL = Text("aún sin lo usual", "usual not known yet")


def pair(id, title, description, place, targets, unit, **more):
    return g.stat(id, title, description, place, targets, unit, decimals=0, text_mode="value_and_name", **more)


STATS = [
    pair(
        4,
        Text("Última hora", "Last hour"),
        lagging(
            "Llamadas abandonadas por hora, según las ventanas leídas en la última hora; al lado, la media de esas mismas"
            " horas en las últimas 4 semanas, desde que se conocen dos.",
            "Calls abandoned an hour, from the windows read in the last hour; beside it the mean of the same hours in the"
            " last 4 weeks, once two are known.",
        ),
        (0, 5, 5, 4),
        [
            g.instant(q.or_zero(q.last_hour(), q.HALF_AN_HOUR_READ), NOW_NAME),
            g.instant(f"sum({q.USUAL_1H} offset 30m)", USUAL_NAME, ref="B"),
        ],
        "none",
    ),
    g.stat(
        5,
        Text("Veces lo usual", "Times usual"),
        lagging(
            "Llamadas de la última hora divididas por lo usual. No dice qué skill: eso lo dice el veredicto.",
            "Calls of the last hour divided by the usual. It doesn't say which skill: the verdict does.",
        ),
        (5, 5, 4, 4),
        [g.instant(f"sum(wolkvox:skill_calls:1h{{{q.SKILLS}}}) / (sum({q.USUAL_1H} offset 30m) > 0.5)")],
        "none",
        g.steps("text", (2, g.AMBER)),
        decimals=1,
        no_value=UNKNOWN_USUAL,
    ),
    pair(
        6,
        Text("Hoy", "Today"),
        Text(
            "Llamadas abandonadas desde la medianoche de la operación, del día en que termina el rango mostrado, según"
            " las ventanas ya leídas; al lado, lo usual hasta esta hora.",
            "Calls abandoned since the operation's midnight, on the day on which the range shown ends, from the windows"
            " read so far; beside it what is usual up to this hour.",
        ),
        (9, 5, 5, 4),
        [
            g.instant(q.or_zero(q.total(TODAY), q.CURRENT), NOW_NAME),
            g.instant(q.usual_today(TODAY), USUAL_NAME, ref="B"),
        ],
        "none",
    ),
    pair(
        7,
        Text("Peor hora de hoy", "Worst hour today"),
        Text(
            "De las horas de hoy, en la hora local de la operación, la que tuvo más llamadas abandonadas, y cuántas; la que está"
            " en curso cuenta con las que lleva.",
            "Of today's hours, in the operation's local time, the one with most abandoned calls, and how many; the one that goes"
            " on counts with those so far.",
        ),
        (14, 5, 4, 4),
        [g.instant(f"topk(1, {q.by_hour_today(TODAY, THIS_HOUR)})", Text("{{hour}} h", "{{hour}}:00"))],
        "none",
        no_value=Text("aún ninguna", "none yet"),
    ),
    pair(
        8,
        Text(f"Atención (meta {q.TARGETS})", f"Service (target {q.TARGETS})"),
        lagging(
            "Parte de las llamadas ofrecidas que se perdió, y parte que se atendió en"
            f" {q.SERVICE_SECONDS} segundos o menos, en la última hora, desde {q.SHARE_CALLS} llamadas. Sólo con el reporte answered, y mientras los dos"
            " reportes están completos hasta el mismo momento.",
            "Share of the offered calls that was lost, and share that was answered within"
            f" {q.SERVICE_SECONDS} seconds, in the last hour, from {q.SHARE_CALLS} calls on. Only with the report answered, and while both reports are"
            " complete up to the same moment.",
        ),
        (18, 5, 6, 4),
        [
            g.instant(q.share(), LOST_NAME),
            g.instant(q.service(), SERVED_NAME, ref="B"),
            # Why there is no share.
            g.instant(f"0 * ({q.OFFERED} < {q.SHARE_CALLS - 0.5:g}) + {FEW}", " ", ref="C"),
            g.instant(
                f"0 * ({q.OFFERED} > {q.SHARE_CALLS - 0.5:g}) + {NONE_ANSWERED} and on () {q.parts('answered', '1h')} < 0.5",
                " ",
                ref="D",
            ),
            g.instant(f"0 * count({q.ANSWERED_READ}) + {NOT_WHOLE} unless on () {q.OFFERED}", " ", ref="E"),
        ],
        "percentunit",
        no_value=Text("sin reporte de atendidas", "no report of answered calls"),
        defaults={
            "mappings": g.mapping(
                (FEW, Text(f"menos de {q.SHARE_CALLS} llamadas", f"less than {q.SHARE_CALLS} calls"), None),
                (NONE_ANSWERED, Text("ninguna atendida: ¿reporte?", "none answered: report?"), g.AMBER),
                (NOT_WHOLE, Text("hora aún incompleta", "hour not whole yet"), None),
            )
        },
        overrides=[
            g.override(LOST_NAME, thresholds=g.steps("text", (q.TARGET_LOST, g.AMBER))),
            g.override(SERVED_NAME, thresholds=g.steps(g.AMBER, (q.TARGET_SERVED, "text"))),
        ],
    ),
]

SKILL_COLUMN, OPERATION_COLUMN = Text("Skill", "Skill"), Text("Operación", "Operation")
SURPRISE_COLUMN, CALLS_COLUMN = Text("Sorpresa", "Surprise"), Text("En 15 min", "In 15 min")
USUAL_COLUMN, TIMES_COLUMN = Text("Lo usual", "Usual"), Text("Veces", "Times")
SINCE_COLUMN, WAIT_COLUMN = Text("Desde hace", "For"), Text("Espera", "Wait")
SHORT_COLUMN, SHARE_COLUMN = Text(f"≤{q.SHORT_SECONDS} s", f"≤{q.SHORT_SECONDS} s"), Text("Se pierde", "Lost")

RANKING = g.table(
    9,
    Text("Skills, del más fuera de lo usual al menos", "Skills, from the most unusual to the least"),
    lagging(
        "**Sorpresa**: cuánto se aparta de lo que se espera a esta hora y en un día como hoy, en desviaciones del azar; la"
        " alerta avisa por encima del límite propio del skill. **Desde hace**, en rojo: los del veredicto. **Espera**:"
        f" media de quienes colgaron en la última media hora; **≤{q.SHORT_SECONDS} s**: parte que colgó en ese tiempo."
        " Muchas cortas apuntan a la telefonía o al IVR, esperas largas a falta de agentes. **Se pierde**: parte de las"
        " ofrecidas en la última hora, con el reporte answered.",
        "**Surprise**: how far it is from what is expected at this hour and on a day like today, in deviations of chance;"
        " the alert pages above the skill's own limit. **For**, in red: those of the verdict. **Wait**: mean of those who"
        f" hung up in the last half hour; **≤{q.SHORT_SECONDS} s**: share that hung up within that time. Many short ones"
        " point at telephony or the IVR, long waits at too few agents. **Lost**: share of the offered calls of the last"
        " hour, with the report answered.",
    ),
    (0, 9, 24, 9),
    [
        g.column("A", q.named(f"wolkvox:skill_calls:15m{{{q.SKILLS}}}")),
        g.column("B", f"{q.USUAL_1H} / 4"),
        g.column("C", f"wolkvox:skill_calls:15m{{{q.SKILLS}}} / ({q.USUAL_1H} / 4 + 0.5)"),
        g.column("D", f"(time() - wolkvox:skill_unusual:since_timestamp_seconds{{{q.SKILLS}}}) / 60"),
        g.column("E", q.unnamed(f"wolkvox:skill_abandon_time_mean_seconds:30m{{{q.SKILLS}}}")),
        g.column("F", q.unnamed(f"wolkvox:skill_surprise:15m{{{q.SKILLS}}}")),
        g.column("G", q.unnamed(f"wolkvox:skill_share:1h{{{q.SKILLS}}}")),
        g.column("H", q.unnamed(f"wolkvox:skill_short_share:30m{{{q.SKILLS}}}")),
        # What it is sorted by: those of the verdict first, then by surprise; without history by calls.
        g.column("I", q.unnamed(q.RANK)),
    ],
    "none",
    # What a telephone shows of it without being pushed comes first: which, since when, how bad.
    order=[
        "skill_name",
        "Value #D",
        "Value #C",
        "Value #A",
        "Value #B",
        "Value #E",
        "Value #H",
        "Value #G",
        "Value #F",
        "operation",
    ],
    names={
        "skill_name": SKILL_COLUMN,
        "operation": OPERATION_COLUMN,
        "Value #F": SURPRISE_COLUMN,
        "Value #A": CALLS_COLUMN,
        "Value #B": USUAL_COLUMN,
        "Value #C": TIMES_COLUMN,
        "Value #D": SINCE_COLUMN,
        "Value #E": WAIT_COLUMN,
        "Value #H": SHORT_COLUMN,
        "Value #G": SHARE_COLUMN,
    },
    required="Value #A",
    presort="Value #I",
    no_value=Text(
        "Sin números: falta el exportador o faltan las reglas, o aún no hay llamadas",
        "No numbers: no exporter or no rules, or no calls yet",
    ),
    defaults={"decimals": 0},
    overrides=[
        g.override(SKILL_COLUMN, custom__minWidth=140, custom__cellOptions={"type": "auto", "wrapText": True}),
        g.override(OPERATION_COLUMN, custom__minWidth=110),
        g.override(
            SURPRISE_COLUMN,
            decimals=1,
            custom__width=100,
            thresholds=g.steps("text", (3, g.AMBER)),
            color={"mode": "thresholds"},
            custom__cellOptions={"type": "color-text"},
        ),
        g.override(CALLS_COLUMN, custom__width=105),
        g.override(USUAL_COLUMN, decimals=1, custom__width=95),
        g.override(TIMES_COLUMN, decimals=1, unit="suffix: x", custom__width=85),
        g.override(
            SINCE_COLUMN,
            unit=g.MINUTES,
            custom__width=115,
            # Without a value a cell has the lowest step's colour.
            thresholds=g.steps("transparent", (0.1, g.RED)),
            color={"mode": "thresholds"},
            custom__cellOptions={"type": "color-background", "mode": "basic"},
        ),
        g.override(WAIT_COLUMN, unit=g.SECONDS, custom__width=90),
        g.override(SHORT_COLUMN, unit="percentunit", custom__width=85),
        g.override(SHARE_COLUMN, unit="percentunit", custom__width=100),
    ],
)
