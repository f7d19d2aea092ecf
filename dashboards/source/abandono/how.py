"""How they abandon: how long they waited, how many at once, by what means."""

from .. import grafana as g
from .. import promql as q
from ..text import Text
from .common import lagging

HEATMAP = g.panel(
    12,
    "heatmap",
    Text("Cuánto esperaron antes de colgar", "How long they waited before hanging up"),
    lagging(
        "Llamadas en 15 minutos: cada columna es un cuarto de hora (la media de varios en rangos largos o tras un"
        " corte), cada renglón una banda de espera, del color más intenso donde más llamadas colgaron. Un renglón bajo"
        " intenso apunta a la telefonía o al IVR; uno alto, a falta de agentes.",
        "Calls in 15 minutes: each column is a quarter of an hour (the mean of several over long ranges or after an"
        " outage), each line a band of waiting, strongest in colour where most calls hung up. A strong low line points"
        " at telephony or the IVR; a strong high one at a lack of agents.",
    ),
    (0, 37, 12, 9),
    [g.query(q.HEAT, "{{le}}", q.HEAT_STEP, format="heatmap")],
    "none",
    options={
        "calculate": False,
        "cellGap": 1,
        "showValue": "never",
        "color": {
            "mode": "opacity",
            "fill": g.BLUE,
            "scale": "exponential",
            "exponent": 0.7,
            "steps": 32,
            "scheme": "Blues",
        },
        "filterValues": {"le": 0.4},
        "rowsFrame": {"layout": "auto"},
        "yAxis": {"unit": g.SECONDS, "decimals": 0, "axisPlacement": "left"},
        "cellValues": {"unit": "none", "decimals": 0},
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": True},
        "exemplars": {"color": g.PURPLE},
    },
    defaults={"decimals": 0, "noValue": g.NO_DATA, "custom": {"scaleDistribution": {"type": "linear"}}},
)

P50, P90, MEAN = (
    Text("la mitad, menos de (p50)", "half, less than (p50)"),
    Text("9 de cada 10, menos de (p90)", "9 in 10, less than (p90)"),
    Text("media (ATA)", "mean (ATA)"),
)

WAITS = g.lines(
    13,
    Text("Espera antes de colgar, última hora", "Wait before hanging up, last hour"),
    lagging(
        f"De las llamadas abandonadas en la hora anterior a cada instante. Desde {q.QUANTILE_CALLS} llamadas:"
        " con menos no dicen nada. No es la paciencia de los clientes: quienes fueron atendidos no están aquí.",
        f"Of the calls abandoned in the hour before each moment. From {q.QUANTILE_CALLS} calls on: fewer"
        " tell nothing. It is not the patience of customers: those who were answered are not in it.",
    ),
    (12, 37, 12, 9),
    [
        g.query(q.quantile_time(0.9, "1h"), P90, q.MIN_STEP),
        g.query(q.mean_time("1h"), MEAN, q.MIN_STEP, ref="B"),
        g.query(q.quantile_time(0.5, "1h"), P50, q.MIN_STEP, ref="C"),
    ],
    g.SECONDS,
    decimals=0,
    thresholds=g.steps("transparent", (300, g.AMBER)),
    no_value=Text(
        f"Ninguna hora con {q.QUANTILE_CALLS} llamadas contadas o más", f"No hour with {q.QUANTILE_CALLS} counted calls or more"
    ),
    overrides=[
        g.colored(P90, g.ORANGE),
        g.colored(MEAN, g.GREY, custom__lineStyle={"fill": "dash", "dash": [6, 6]}),
        g.colored(P50, g.BLUE),
    ],
)

SHORT_LINE = Text(f"colgó en {q.SHORT_SECONDS} s o menos", f"hung up within {q.SHORT_SECONDS} s")

SHORTS = g.lines(
    14,
    Text(f"Abandono corto (≤{q.SHORT_SECONDS} s), última hora", f"Short abandons (≤{q.SHORT_SECONDS} s), last hour"),
    lagging(
        f"Parte de las llamadas abandonadas que colgó en {q.SHORT_SECONDS} segundos o menos, con {q.SHARE_CALLS}"
        " llamadas o más en la hora. Más de la mitad apunta a la telefonía o al IVR, no a falta de agentes.",
        f"Share of the abandoned calls that hung up within {q.SHORT_SECONDS} seconds, with {q.SHARE_CALLS} calls or"
        " more in the hour. More than half points at telephony or the IVR, not at a lack of agents.",
    ),
    (0, 46, 12, 8),
    [g.query(q.short_share("1h"), SHORT_LINE, q.MIN_STEP)],
    "percentunit",
    decimals=0,
    thresholds=g.steps("transparent", (0.5, g.AMBER)),
    no_value=Text(
        f"Ninguna hora con {q.SHARE_CALLS} llamadas contadas o más", f"No hour with {q.SHARE_CALLS} counted calls or more"
    ),
    custom={"fillOpacity": 15, "axisSoftMax": 0.6},
    overrides=[g.colored(SHORT_LINE, g.PURPLE)],
)

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

BY_TYPE = g.panel(
    15,
    "bargauge",
    Text("Por tipo de interacción, en el rango", "By type of interaction, in the range"),
    lagging(
        "Llamadas y chats abandonados en el rango mostrado, por tipo.",
        "Calls and chats abandoned in the range shown, by type.",
    ),
    (12, 46, 12, 8),
    [g.instant(f"sort_desc({q.total('$__range', 'type_interaction')} > 0.5)", "{{type_interaction}}")],
    "none",
    options={
        "displayMode": "basic",
        "orientation": "horizontal",
        "valueMode": "text",
        "showUnfilled": True,
        "namePlacement": "left",
        "minVizHeight": 16,
        "maxVizHeight": 40,
        "minVizWidth": 8,
        "sizing": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
    defaults={
        "decimals": 0,
        "min": 0,
        "color": {"mode": "fixed", "fixedColor": g.BLUE},
        "thresholds": g.steps(g.BLUE),
        "noValue": Text("ninguna llamada contada", "no calls counted"),
    },
    overrides=[g.override(name, displayName=text) for name, text in TYPES.items()],
)
