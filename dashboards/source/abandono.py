"""The supervisors' dashboard: what callers do now, who is affected, and whether it is more than usual."""

from . import promql as q
from .grafana import (
    BLUE, GREEN, GREY, MINUTES, NO_DATA, ORANGE, PURPLE, RED, RUNBOOKS, SECONDS, STACKED_BARS, YELLOW, annotation, choice, colored, column, constant,
    dashboard, dashboard_link, data_source, hidden_value, instant, legend, lines, mapping, operation, override, page_link,
    panel, panel_link, query, row, stat, steps, table,
)
from .text import Text

UID = Text("wolkvox-abandono", "wolkvox-abandono-en")
OTHER_UID = Text("wolkvox-exporter", "wolkvox-exporter-en")

LAG = Text(
    "\n\nLas llamadas se cuentan cuando se lee su ventana: todo aparece entre 5 y 6 minutos después de ocurrir.",
    "\n\nCalls are counted when their window is read: everything shows 5 to 6 minutes after it happened.",
)


def lagging(es, en):
    return Text(es + LAG.es, en + LAG.en)


# Labels of type_interaction, as the API spells them, in words.
TYPES = {
    "inbound": Text("Llamada entrante", "Inbound call"),
    "internalcall_que": Text("Llamada interna", "Internal call"),
    "out_pre": Text("Marcador predictivo", "Predictive dialler"),
    "chat-configurationbox": Text("Chat (configuración)", "Chat (configuration box)"),
    "chat-email": Text("Correo (chat)", "E-mail (chat)"),
    "chat-facebook": Text("Facebook (chat)", "Facebook (chat)"),
    "chat-instagram": Text("Instagram (chat)", "Instagram (chat)"),
    "chat-transferSkill": Text("Chat transferido", "Transferred chat"),
    "chat-web": Text("Chat web", "Web chat"),
    "chat-whatsapp": Text("WhatsApp", "WhatsApp"),
    "chat-telegram": Text("Telegram", "Telegram"),
    "chat-line": Text("LINE", "LINE"),
    "omni-email": Text("Correo", "E-mail"),
    "omni-facebook_page": Text("Página de Facebook", "Facebook page"),
    "omni-instagram": Text("Instagram", "Instagram"),
    "omni-twitter": Text("Twitter", "Twitter"),
    "unknown": Text("Sin tipo", "No type"),
}
DAYS = [
    Text("lunes", "Monday"), Text("martes", "Tuesday"), Text("miércoles", "Wednesday"), Text("jueves", "Thursday"),
    Text("viernes", "Friday"), Text("sábado", "Saturday"), Text("domingo", "Sunday"),
]

TODAY = "${today}s"
LAST_WEEK = "offset 1w"
AGE_STEPS = steps(GREEN, (q.LATE_MINUTES, ORANGE), (q.STALE_MINUTES, RED))
TIME_STEPS = steps("text", (180, ORANGE), (300, RED))

# The abandonment rate will stand beside the age of the data, which is twice as wide as it need be until then.
STATS = [
    stat(
        2, Text("Última ventana (5 min)", "Last window (5 min)"),
        Text(
            "Llamadas abandonadas en la última ventana completa de 5 minutos. Sin dato cuando los datos están atrasados.",
            "Calls abandoned in the last complete window of 5 minutes. No data while the data are late.",
        ),
        (0, 1, 4, 4),
        [instant(f"sum(wolkvox_window_abandoned_calls{{{q.CALLS}}}) or 0 * sum({q.CURRENT})")],
        "short", decimals=0,
    ),
    stat(
        3, Text("Última hora", "Last hour"),
        lagging(
            "Llamadas abandonadas por hora, según las ventanas leídas en la última hora.",
            "Calls abandoned an hour, from the windows read in the last hour.",
        ),
        (4, 1, 4, 4), [instant(q.or_zero(q.last_hour(), q.HALF_AN_HOUR_READ))], "short", decimals=0,
    ),
    stat(
        4, Text("Hoy", "Today"),
        Text(
            "Llamadas abandonadas desde la medianoche de la operación, del día en que termina el rango mostrado. "
            "Cuenta las ventanas ya leídas.",
            "Calls abandoned since the operation's midnight, on the day on which the range shown ends. "
            "Counts the windows read so far.",
        ),
        (8, 1, 4, 4), [instant(q.or_zero(q.total(TODAY), q.CURRENT))], "short", decimals=0,
    ),
    stat(
        5, Text("Cambio en 1 semana", "Change in 1 week"),
        Text(
            "Llamadas de hoy hasta ahora, contra el mismo día de la semana pasada hasta la misma hora. "
            "Sin dato si aquel día llevaba menos de 10 llamadas.",
            "Calls of today so far, against the same day of last week up to the same time. "
            "No data if that day had fewer than 10 calls by then.",
        ),
        (12, 1, 4, 4), [instant(f"{q.ratio(q.total(TODAY), q.total(TODAY, '', LAST_WEEK), q.SHARE_CALLS)} - 1")],
        "percentunit", steps(GREEN, (0.25, ORANGE), (0.5, RED)), decimals=0,
        no_value=Text("sin comparación", "nothing to compare"),
    ),
    stat(
        6, Text("Edad de los datos", "Age of the data"),
        Text(
            "Tiempo desde el final de la última ventana completa. Lo normal es de 1 a 7 minutos; con más de 11, lo demás de "
            "esta página está atrasado.",
            "Time since the end of the last complete window. 1 to 7 minutes is normal; beyond 11, the rest of this page is "
            "late.",
        ),
        (16, 1, 8, 4), [instant(q.AGE_MINUTES)], MINUTES, AGE_STEPS, decimals=0,
        no_value=Text("el exportador no responde", "the exporter does not answer"),
        links=[panel_link(Text("¿Qué pasa? Exporter", "What is wrong? Exporter"), OTHER_UID)],
    ),
]

BARS = lines(
    7, Text("Llamadas abandonadas, por skill", "Abandoned calls, by skill"),
    Text(
        "Cada barra es una ventana de 5 minutos, a la hora en que ocurrió; en rangos de varios días, la suma de las ventanas "
        f"que caben en ella. Con nombre, los {q.TOP_SKILLS} skills con más llamadas del rango.\n\nDurante un corte no hay "
        "barras: esas llamadas se recuperan después y cuentan en los totales, no aquí.",
        "Each bar is a window of 5 minutes, at the time when it happened; over ranges of several days, the sum of the windows "
        f"that fit into it. Named are the {q.TOP_SKILLS} skills with most calls in the range.\n\nDuring an outage there are no "
        "bars: those calls are recovered later and count in the totals, not here.",
    ),
    (0, 5, 24, 9),
    [
        query(q.BARS_TOP, "{{skill_name}}", q.MIN_STEP),
        query(q.BARS_REST, Text("Los demás", "The others"), q.MIN_STEP, ref="B"),
    ],
    "short", decimals=0, custom=STACKED_BARS, overrides=[colored(Text("Los demás", "The others"), GREY)],
    legends=legend(["sum"], "right", mode="table", sortBy="Total", sortDesc=True, width=260),
)

SKILL_COLUMN = Text("Skill", "Skill")
HOUR_COLUMN = Text("Última hora", "Last hour")
CHANGE_COLUMN = Text("Cambio 1 sem.", "Change 1 wk.")
SHORT_COLUMN = Text(f"Cortas ≤{q.SHORT_SECONDS} s", f"Short ≤{q.SHORT_SECONDS} s")
MEAN_COLUMN = Text("Espera media", "Mean wait")
P90_COLUMN = Text("Espera p90", "p90 wait")
OPERATION_COLUMN = Text("Operación", "Operation")
TODAY_COLUMN = Text("Hoy", "Today")

RANKING = table(
    9, Text("Skills con abandonos en la última hora", "Skills with abandoned calls in the last hour"),
    lagging(
        "Un renglón por skill que tuvo abandonos, el de más llamadas primero.\n\n"
        "**Cambio**: llamadas de más o de menos que a esta hora hace una semana. "
        f"**Cortas**: parte que colgó en {q.SHORT_SECONDS} s o menos; desde {q.SHARE_CALLS} llamadas. "
        "**Espera**: cuánto esperaron antes de colgar (ATA); 9 de cada 10 esperaron menos que el p90, que se muestra desde "
        f"{q.QUANTILE_CALLS} llamadas.",
        "A line per skill that had abandoned calls, most calls first.\n\n"
        "**Change**: calls more or fewer than at this hour one week ago. "
        f"**Short**: share that hung up within {q.SHORT_SECONDS} s; from {q.SHARE_CALLS} calls on. "
        "**Wait**: how long they had waited when they hung up (ATA); 9 in 10 waited less than the p90, which is shown from "
        f"{q.QUANTILE_CALLS} calls on.",
    ),
    (0, 15, 14, 10),
    [
        column("A", q.ranking_calls()),
        column("B", f"{q.last_hour(q.SKILL)} - {q.last_hour(q.SKILL, LAST_WEEK)}"),
        column("C", q.total(TODAY, q.SKILL)),
        column("D", q.short_share("1h", q.SKILL)),
        column("E", q.mean_time("1h", q.SKILL)),
        column("F", q.quantile_time(0.9, "1h", q.SKILL)),
    ],
    "short",
    order=["skill_name", "Value #A", "Value #B", "Value #C", "Value #D", "Value #E", "Value #F", "operation"],
    names={
        "skill_name": SKILL_COLUMN, "Value #A": HOUR_COLUMN, "Value #B": CHANGE_COLUMN, "Value #C": TODAY_COLUMN,
        "Value #D": SHORT_COLUMN, "Value #E": MEAN_COLUMN, "Value #F": P90_COLUMN, "operation": OPERATION_COLUMN,
    },
    required="Value #A", sort=HOUR_COLUMN,
    no_value=Text("Sin abandonos en la última hora", "No abandoned calls in the last hour"),
    overrides=[
        override(SKILL_COLUMN, custom__minWidth=150),
        override(
            HOUR_COLUMN, decimals=0, min=0, fieldMinMax=True, custom__width=130, color={"mode": "fixed", "fixedColor": BLUE},
            custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
        ),
        override(
            CHANGE_COLUMN, decimals=0, custom__width=125,
            thresholds=steps("text", (5.5, ORANGE), (15.5, RED)), color={"mode": "thresholds"},
            custom__cellOptions={"type": "color-text"},
        ),
        override(TODAY_COLUMN, decimals=0, custom__width=70),
        override(
            SHORT_COLUMN, unit="percentunit", decimals=0, custom__width=110,
            thresholds=steps("text", (0.5, ORANGE)), color={"mode": "thresholds"}, custom__cellOptions={"type": "color-text"},
        ),
        override(MEAN_COLUMN, unit=SECONDS, decimals=0, custom__width=115),
        override(
            P90_COLUMN, unit=SECONDS, decimals=0, custom__width=105, thresholds=TIME_STEPS,
            color={"mode": "thresholds"}, custom__cellOptions={"type": "color-text"},
        ),
        override(OPERATION_COLUMN, custom__width=100),
    ],
)

NOW_LINE = Text("ahora", "now")
WEEK_LINE = Text("hace 1 semana", "1 week ago")
MEDIAN_LINE = Text("lo usual (mediana de 4 semanas)", "usual (median of 4 weeks)")
AGAINST = lines(
    10, Text("¿Más que de costumbre? Llamadas por hora", "More than usual? Calls an hour"),
    lagging(
        "En cada instante, las llamadas de la hora anterior: ahora, hace una semana, y la mediana de esa hora en las últimas "
        "4 semanas (o en las que haya).",
        "At each moment, the calls of the hour before it: now, one week ago, and the median of that hour in the last "
        "4 weeks (or as many as there are).",
    ),
    (14, 15, 10, 10),
    [
        query(q.last_hour(), NOW_LINE, q.MIN_STEP),
        query(q.last_hour("", LAST_WEEK), WEEK_LINE, q.MIN_STEP, ref="B"),
        query(q.usual(4), MEDIAN_LINE, q.MIN_STEP, ref="C"),
    ],
    "short", decimals=0,
    overrides=[
        colored(NOW_LINE, RED, custom__lineWidth=3),
        colored(WEEK_LINE, GREY, custom__lineStyle={"fill": "dash", "dash": [6, 6]}, custom__lineWidth=1),
        colored(MEDIAN_LINE, BLUE, custom__fillOpacity=12),
    ],
)

HEATMAP = panel(
    12, "heatmap", Text("Cuánto esperaron antes de colgar", "How long they waited before hanging up"),
    lagging(
        "Llamadas en 15 minutos: cada columna es un cuarto de hora (la media de varios en rangos largos o tras un corte), cada "
        "renglón una franja de espera, del color más intenso donde más llamadas colgaron. Un renglón bajo intenso apunta a la telefonía o al IVR; uno alto, a falta de agentes.",
        "Calls in 15 minutes: each column is a quarter of an hour (the mean of several over long ranges or after an outage), "
        "each line a band of waiting, strongest in colour where most calls hung up. A strong low line points at telephony or the IVR; a strong high one at a lack of agents.",
    ),
    (0, 26, 12, 9), [query(q.HEAT, "{{le}}", q.HEAT_STEP, format="heatmap")], "short",
    options={
        "calculate": False, "cellGap": 1, "showValue": "never",
        "color": {"mode": "opacity", "fill": "orange", "scale": "exponential", "exponent": 0.7, "steps": 32, "scheme": "Oranges"},
        "filterValues": {"le": 0.4}, "rowsFrame": {"layout": "auto"},
        "yAxis": {"unit": SECONDS, "decimals": 0, "axisPlacement": "left"},
        "cellValues": {"unit": "short", "decimals": 0}, "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": True}, "exemplars": {"color": "rgba(255,0,255,0.7)"},
    },
    defaults={"decimals": 0, "noValue": NO_DATA, "custom": {"scaleDistribution": {"type": "linear"}}},
)

P50, P90, MEAN = (
    Text("la mitad, menos de (p50)", "half, less than (p50)"),
    Text("9 de cada 10, menos de (p90)", "9 in 10, less than (p90)"),
    Text("media (ATA)", "mean (ATA)"),
)
WAITS = lines(
    13, Text("Espera antes de colgar, última hora", "Wait before hanging up, last hour"),
    lagging(
        "De las llamadas abandonadas en la hora anterior a cada instante. p50 y p90 desde "
        f"{q.QUANTILE_CALLS} llamadas: con menos no dicen nada. No es la paciencia de los clientes: quienes fueron atendidos no "
        "están aquí.",
        "Of the calls abandoned in the hour before each moment. p50 and p90 from "
        f"{q.QUANTILE_CALLS} calls on: fewer tell nothing. It is not the patience of customers: those who were answered are not "
        "in it.",
    ),
    (12, 26, 12, 9),
    [
        query(q.quantile_time(0.9, "1h"), P90, q.MIN_STEP),
        query(q.mean_time("1h"), MEAN, q.MIN_STEP, ref="B"),
        query(q.quantile_time(0.5, "1h"), P50, q.MIN_STEP, ref="C"),
    ],
    SECONDS, decimals=0, thresholds=steps("transparent", (300, RED)),
    overrides=[
        colored(P90, ORANGE), colored(MEAN, GREY, custom__lineStyle={"fill": "dash", "dash": [6, 6]}), colored(P50, BLUE),
    ],
)

SHORT_LINE = Text(f"colgó en {q.SHORT_SECONDS} s o menos", f"hung up within {q.SHORT_SECONDS} s")
SHORTS = lines(
    14, Text(f"Abandono corto (≤{q.SHORT_SECONDS} s), última hora", f"Short abandons (≤{q.SHORT_SECONDS} s), last hour"),
    lagging(
        f"Parte de las llamadas abandonadas que colgó en {q.SHORT_SECONDS} segundos o menos, con {q.SHARE_CALLS} llamadas o más "
        "en la hora. Más de la mitad apunta a la telefonía o al IVR, no a falta de agentes.",
        f"Share of the abandoned calls that hung up within {q.SHORT_SECONDS} seconds, with {q.SHARE_CALLS} calls or more in the "
        "hour. More than half points at telephony or the IVR, not at a lack of agents.",
    ),
    (0, 35, 12, 8), [query(q.short_share("1h"), SHORT_LINE, q.MIN_STEP)], "percentunit", decimals=0,
    thresholds=steps("transparent", (0.5, RED)), custom={"fillOpacity": 15, "axisSoftMax": 0.6},
    overrides=[colored(SHORT_LINE, PURPLE)],
)

BY_TYPE = panel(
    15, "bargauge", Text("Por tipo de interacción, en el rango", "By type of interaction, in the range"),
    lagging(
        "Llamadas y chats abandonados en el rango mostrado, por tipo.",
        "Calls and chats abandoned in the range shown, by type.",
    ),
    (12, 35, 12, 8), [instant(f"sort_desc({q.total('$__range', 'type_interaction')} > 0.5)", "{{type_interaction}}")], "short",
    options={
        "displayMode": "basic", "orientation": "horizontal", "valueMode": "text", "showUnfilled": True, "namePlacement": "left",
        "minVizHeight": 16, "maxVizHeight": 40, "minVizWidth": 8, "sizing": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
    defaults={
        "decimals": 0, "min": 0, "color": {"mode": "fixed", "fixedColor": BLUE}, "thresholds": steps(BLUE),
        "noValue": Text("sin abandonos", "no abandoned calls"),
    },
    overrides=[override(name, displayName=text) for name, text in TYPES.items()],
)

DAY_COLUMN = Text("Día", "Day")
WEEK = panel(
    17, "table", Text("Cuándo abandonan: llamadas por hora, media de 4 semanas", "When they abandon: calls an hour, mean of 4 weeks"),
    Text(
        "Media de las llamadas abandonadas en cada hora de cada día de la semana, en las 4 semanas antes del final del rango, "
        "en la hora local de la operación. Vacío hasta que el exportador conoce esa hora por los datos.",
        "Mean of the calls abandoned in each hour of each weekday, in the 4 weeks before the end of the range, in the "
        "operation's local time. Empty until the exporter knows that time from the data.",
    ),
    (0, 44, 24, 9), [column("A", q.weekday_hour())], "short",
    options={"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"], "fields": ""}},
    defaults={
        "decimals": 0, "min": 0, "color": {"mode": "continuous-reds"}, "noValue": "–",
        "custom": {"align": "center", "cellOptions": {"type": "color-background", "mode": "basic"}, "minWidth": 50},
        "mappings": [{"type": "range", "options": {"from": 0, "to": 0.5, "result": {"index": 0, "text": "·"}}}],
    },
    overrides=[
        override(
            "day\\hour", displayName=DAY_COLUMN, custom__width=110, custom__align="left", custom__cellOptions={"type": "auto"},
            mappings=mapping(*((i, day, None) for i, day in enumerate(DAYS))),
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

VARIABLES = [
    data_source(),
    operation(),
    choice(
        "skill", Text("Skill", "Skill"),
        Text("Por su número; el texto es el nombre de ahora", "By its number; the text is its present name"),
        'query_result(group by (skill_id, skill_name) (last_over_time(wolkvox_abandoned_calls_total{operation=~"$operation"}[$__range])))',
        all_value=".+", regex='/skill_id="(?<value>[^"]*)".*skill_name="(?<text>.*)"\\}/',
    ),
    choice(
        "type", Text("Tipo", "Type"), Text("Tipo de interacción", "Type of interaction"),
        'label_values(wolkvox_abandoned_calls_total{operation=~"$operation", skill_id=~"$skill"}, type_interaction)',
        all_value=".+",
    ),
    hidden_value(
        "today",
        Text("Segundos desde la medianoche de la operación", "Seconds since the operation's midnight"),
        f"query_result({q.TODAY})", "/\\{\\} (\\d+)/",
    ),
    constant("runbooks", Text("Guías", "Runbooks"), RUNBOOKS),
]

VALUE_ALERTS = "Wolkvox(Abandon|Short|Suspicious).*"
ANNOTATIONS = [
    annotation(
        Text("Alertas de abandono", "Abandonment alerts"),
        f'ALERTS{{alertname=~"{VALUE_ALERTS}", alertstate="firing", operation=~"$operation"}}', RED, "{{alertname}}",
        "{{operation}} {{skill_name}}", tags="severity,operation",
    ),
    annotation(
        Text("Poniéndose al día tras un corte", "Catching up after an outage"),
        'wolkvox_catching_up{operation=~"$operation"} == 1', YELLOW, Text("Poniéndose al día", "Catching up"), "{{operation}}",
    ),
    annotation(
        Text("Reinicios del exportador", "Restarts of the exporter"),
        "process_start_time_seconds * on (job, instance) group_left () group by (job, instance) (wolkvox_exporter_build_info) * 1000",
        BLUE, Text("Reinicio", "Restart"), "{{instance}}", at_value=True, enable=False,
    ),
]

LINKS = [
    dashboard_link(Text("Exporter (guardia)", "Exporter (on call)"), OTHER_UID),
    page_link(Text("Guías de alertas", "Runbooks"), "${runbooks}"),
]


def build():
    return dashboard(
        UID, Text("wolkvox · Abandono", "wolkvox · Abandonment"),
        Text(
            "Llamadas abandonadas por skill: ahora, hoy y contra lo usual. Para supervisores.",
            "Abandoned calls by skill: now, today and against the usual. For supervisors.",
        ),
        "now-12h", VARIABLES, ANNOTATIONS, LINKS,
        [
            row(1, Text("Ahora", "Now"), 0), *STATS, BARS,
            row(8, Text("Quién y cuánto", "Who and how much"), 14), RANKING, AGAINST,
            row(11, Text("Cómo abandonan", "How they abandon"), 25), HEATMAP, WAITS, SHORTS, BY_TYPE,
            row(16, Text("La semana", "The week"), 43), WEEK,
        ],
    )
