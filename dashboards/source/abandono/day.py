"""The day: each window's calls, against the usual, and what share was lost."""

from .. import grafana as g
from .. import promql as q
from ..text import Text
from .common import lagging

OTHERS = Text("Los demás", "The others")
MISSING = Text("datos sin leer", "data not read")

BARS = g.lines(
    11,
    Text("Por skill (en gris, los demás)", "By skill (grey: the others)"),
    Text(
        "Llamadas abandonadas. Cada barra es una ventana de 5 minutos, a la hora en que ocurrió; en rangos de más de dos días, una hora. Con"
        f" nombre, los {q.TOP_SKILLS} skills con más llamadas del rango; cada uno tiene un color fijo, por su número.\n\nEn"
        " gris de fondo, el tiempo que no se pudo leer a su hora: esas llamadas se recuperan después y cuentan en los"
        " totales, no aquí.",
        "Abandoned calls. Each bar is a window of 5 minutes, at the time when it happened; over ranges of more than two days, an hour. Named"
        f" are the {q.TOP_SKILLS} skills with most calls in the range; each has a fixed colour, by its number.\n\nGrey in"
        " the background is time that could not be read when it was due: those calls are recovered later and count in the"
        " totals, not here.",
    ),
    (0, 19, 24, 9),
    [
        *g.queries_by_color(q.SKILL_COLORS, q.bars_top, "{{skill_name}} · {{operation}}", "${bar}s"),
        g.query(q.BARS_REST, OTHERS, "${bar}s", ref="Y"),
        g.query(q.NOT_READ, MISSING, "300s", ref="Z"),
    ],
    "none",
    decimals=0,
    custom=g.STACKED_BARS,
    overrides=[
        *g.colors_of(q.SKILL_COLORS),
        # Many small skills together would stand above the one that matters.
        g.colored(OTHERS, g.GREY, custom__hideFrom={"legend": True, "tooltip": False, "viz": False}),
        g.colored(
            MISSING,
            g.GREY,
            custom__drawStyle="line",
            custom__lineInterpolation="stepAfter",
            custom__stacking={"mode": "none"},
            custom__fillOpacity=20,
            custom__axisPlacement="hidden",
            custom__axisSoftMax=1,
            max=1,
            # Its sum would say nothing.
            custom__hideFrom={"legend": True, "tooltip": False, "viz": False},
        ),
    ],
    legends=g.legend(["sum"], "right", mode="table", sortBy="Total", sortDesc=True, width=300),
)

NOW_LINE, WEEK_LINE = Text("llamadas", "calls"), Text("hace 1 semana", "1 week ago")
USUAL_LINE = Text("lo usual", "usual")

AGAINST = g.lines(
    18,
    Text("¿Más que de costumbre? Llamadas por hora", "More than usual? Calls an hour"),
    lagging(
        "En cada instante, las llamadas de la hora anterior: ahora, hace una semana, y la media de esas horas en las"
        " últimas 4 semanas, o en las que haya si son al menos dos.",
        "At each moment, the calls of the hour before it: now, one week ago, and the mean of those hours in the last 4"
        " weeks, or in as many as there are, if two at least.",
    ),
    (0, 28, 12, 8),
    [
        g.query(q.last_hour(), NOW_LINE, "60s"),
        g.query(q.last_hour("", "offset 1w"), WEEK_LINE, q.MIN_STEP, ref="B"),
        g.query(f"sum({q.USUAL_1H} offset 30m)", USUAL_LINE, q.MIN_STEP, ref="C"),
    ],
    "none",
    decimals=0,
    overrides=[
        g.colored(NOW_LINE, g.BLUE, custom__lineWidth=3),
        g.colored(WEEK_LINE, g.GREY, custom__lineStyle={"fill": "dash", "dash": [6, 6]}, custom__lineWidth=1),
        g.colored(USUAL_LINE, g.SKY, custom__fillOpacity=15),
    ],
)

LOST_LINE = Text("se pierde", "lost")
SERVED_LINE = Text(f"se atiende en {q.SERVICE_SECONDS} s", f"answered in {q.SERVICE_SECONDS} s")

SHARE = g.lines(
    19,
    Text("Qué parte se pierde, última hora", "What share is lost, last hour"),
    lagging(
        "De las llamadas ofrecidas en la hora anterior a cada instante: la parte que se perdió y la que se atendió a"
        f" tiempo, desde {q.SHARE_CALLS} llamadas. Sólo con el reporte answered, y mientras los dos reportes están completos"
        " hasta el mismo momento.",
        "Of the calls offered in the hour before each moment: the share that was lost and the one answered in time, from"
        f" {q.SHARE_CALLS} calls on. Only with the report answered, and while both reports are complete up to the same moment.",
    ),
    (12, 28, 12, 8),
    [
        g.query(q.share(), LOST_LINE, q.MIN_STEP),
        g.query(q.service(), SERVED_LINE, q.MIN_STEP, ref="B"),
    ],
    "percentunit",
    decimals=0,
    no_value=Text(
        f"Sin el reporte de atendidas (answered), o con menos de {q.SHARE_CALLS} llamadas en la hora, no se sabe qué parte se pierde",
        f"Without the report of answered calls (answered), or with less than {q.SHARE_CALLS} calls in the hour, it is not known what share is lost",
    ),
    overrides=[g.colored(LOST_LINE, g.ORANGE, custom__lineWidth=3), g.colored(SERVED_LINE, g.BLUE)],
)
