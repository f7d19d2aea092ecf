"""Now: the numbers of the first line, and each window's calls."""

from .. import grafana as g
from .. import promql as q
from ..frame import panel_link
from ..text import Text
from .common import LAST_WEEK, OTHER_UID, TODAY, lagging

AGE_STEPS = g.steps(g.GREEN, (q.LATE_MINUTES, g.ORANGE), (q.STALE_MINUTES, g.RED))

# The abandonment rate will stand beside the age of the data, which is twice as wide as it need be until then.
STATS = [
    g.stat(
        2,
        Text("Última ventana (5 min)", "Last window (5 min)"),
        Text(
            "Llamadas abandonadas en la última ventana completa de 5 minutos. Sin dato cuando los datos están"
            " atrasados.",
            "Calls abandoned in the last complete window of 5 minutes. No data while the data are late.",
        ),
        (0, 1, 4, 4),
        [g.instant(f"sum(wolkvox_window_abandoned_calls{{{q.CALLS}}}) or 0 * sum({q.CURRENT})")],
        "short",
        decimals=0,
    ),
    g.stat(
        3,
        Text("Última hora", "Last hour"),
        lagging(
            "Llamadas abandonadas por hora, según las ventanas leídas en la última hora.",
            "Calls abandoned an hour, from the windows read in the last hour.",
        ),
        (4, 1, 4, 4),
        [g.instant(q.or_zero(q.last_hour(), q.HALF_AN_HOUR_READ))],
        "short",
        decimals=0,
    ),
    g.stat(
        4,
        Text("Hoy", "Today"),
        Text(
            "Llamadas abandonadas desde la medianoche de la operación, del día en que termina el rango mostrado. "
            "Cuenta las ventanas ya leídas.",
            "Calls abandoned since the operation's midnight, on the day on which the range shown ends. "
            "Counts the windows read so far.",
        ),
        (8, 1, 4, 4),
        [g.instant(q.or_zero(q.total(TODAY), q.CURRENT))],
        "short",
        decimals=0,
    ),
    g.stat(
        5,
        Text("Cambio en 1 semana", "Change in 1 week"),
        Text(
            "Llamadas de hoy hasta ahora, contra el mismo día de la semana pasada hasta la misma hora. "
            "Sin dato si aquel día llevaba menos de 10 llamadas.",
            "Calls of today so far, against the same day of last week up to the same time. "
            "No data if that day had fewer than 10 calls by then.",
        ),
        (12, 1, 4, 4),
        [g.instant(f"{q.ratio(q.total(TODAY), q.total(TODAY, '', LAST_WEEK), q.SHARE_CALLS)} - 1")],
        "percentunit",
        g.steps(g.GREEN, (0.25, g.ORANGE), (0.5, g.RED)),
        decimals=0,
        no_value=Text("sin comparación", "nothing to compare"),
    ),
    g.stat(
        6,
        Text("Edad de los datos", "Age of the data"),
        Text(
            "Tiempo desde el final de la última ventana completa. Lo normal es de 1 a 7 minutos; con más de 11, lo"
            " demás de esta página está atrasado.",
            "Time since the end of the last complete window. 1 to 7 minutes is normal; beyond 11, the rest of this page"
            " is late.",
        ),
        (16, 1, 8, 4),
        [g.instant(q.AGE_MINUTES)],
        g.MINUTES,
        AGE_STEPS,
        decimals=0,
        no_value=Text("el exportador no responde", "the exporter does not answer"),
        links=[panel_link(Text("¿Qué pasa? Exporter", "What is wrong? Exporter"), OTHER_UID)],
    ),
]

BARS = g.lines(
    7,
    Text("Llamadas abandonadas, por skill", "Abandoned calls, by skill"),
    Text(
        "Cada barra es una ventana de 5 minutos, a la hora en que ocurrió; en rangos de varios días, la suma de las"
        f" ventanas que caben en ella. Con nombre, los {q.TOP_SKILLS} skills con más llamadas del rango.\n\nDurante un"
        " corte no hay barras: esas llamadas se recuperan después y cuentan en los totales, no aquí.",
        "Each bar is a window of 5 minutes, at the time when it happened; over ranges of several days, the sum of the"
        f" windows that fit into it. Named are the {q.TOP_SKILLS} skills with most calls in the range.\n\nDuring an"
        " outage there are no bars: those calls are recovered later and count in the totals, not here.",
    ),
    (0, 5, 24, 9),
    [
        g.query(q.BARS_TOP, "{{skill_name}}", q.MIN_STEP),
        g.query(q.BARS_REST, Text("Los demás", "The others"), q.MIN_STEP, ref="B"),
    ],
    "short",
    decimals=0,
    custom=g.STACKED_BARS,
    overrides=[g.colored(Text("Los demás", "The others"), g.GREY)],
    legends=g.legend(["sum"], "right", mode="table", sortBy="Total", sortDesc=True, width=260),
)
