"""The cases: what the world does, and which alert fires when, with exactly which labels and texts.

The texts stand here a second time on purpose: a change of what people read has to be made twice.
"""

import dataclasses
import pathlib
import random
import re
import sys

from world import HOLD, READ_DELAY, WINDOW, Skill, World, compress

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "replay"))
import rule  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "dashboards"))
from source import promql as boards  # noqa: E402

HOUR = 3600


@dataclasses.dataclass
class Test:
    """One test: input series, alerts as (second, alert, expected), values as (second, expression, expected)."""

    name: str
    scrape: int
    series: list
    alerts: list = dataclasses.field(default_factory=list)
    values: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class File:
    about: str
    tests: list
    rules: tuple = ("wolkvox.rules.yml",)
    evaluation: int | None = None


VALUE_ALERTS = [
    "WolkvoxAbandonmentSpike",
    "WolkvoxAbandonmentSpikeAllSkills",
    "WolkvoxAbandonmentElevated",
    "WolkvoxShortAbandonSurge",
    "WolkvoxAbandonTimeHigh",
    "WolkvoxSuspiciousSilence",
]
EXPORTER_ALERTS = [
    "WolkvoxExporterDown",
    "WolkvoxExporterAbsent",
    "WolkvoxDataStale",
    "WolkvoxTokenRejected",
    "WolkvoxApiFailing",
    "WolkvoxQuotaExceeded",
    "WolkvoxQuotaLow",
    "WolkvoxCatchingUp",
    "WolkvoxRowsRejected",
    "WolkvoxMostRowsRejected",
    "WolkvoxOnlyEmpty",
    "WolkvoxClockOff",
    "WolkvoxRowsMissing",
    "WolkvoxTimezoneMismatch",
    "WolkvoxTotalsDiffer",
    "WolkvoxDataSkipped",
    "WolkvoxSeriesOverflow",
    "WolkvoxLedgerErrors",
    "WolkvoxLedgerGone",
    "WolkvoxLogLinesDropped",
    "WolkvoxConfigNotInForce",
    "WolkvoxCertificateEnds",
]
CRITICAL = {
    "WolkvoxAbandonmentSpike",
    "WolkvoxAbandonmentSpikeAllSkills",
    "WolkvoxExporterDown",
    "WolkvoxExporterAbsent",
    "WolkvoxDataStale",
    "WolkvoxTokenRejected",
    "WolkvoxMostRowsRejected",
    "WolkvoxLedgerGone",
}
# Told for each report of an operation; the others go by the report of abandoned calls, which is always there.
PER_REPORT = {
    "WolkvoxDataStale",
    "WolkvoxApiFailing",
    "WolkvoxCatchingUp",
    "WolkvoxRowsRejected",
    "WolkvoxMostRowsRejected",
    "WolkvoxOnlyEmpty",
    "WolkvoxClockOff",
    "WolkvoxRowsMissing",
    "WolkvoxTimezoneMismatch",
    "WolkvoxTotalsDiffer",
    "WolkvoxDataSkipped",
    "WolkvoxSeriesOverflow",
}

# Alert: summary, summary_es, description, description_es. Words in braces are filled from the expectation.
TEXTS = {
    "WolkvoxAbandonmentSpike": (
        "Far more abandoned calls than usual in one skill",
        "Muchas más llamadas abandonadas de lo habitual en un skill",
        "{skill_name} ({operation}): {value} abandoned calls in the last 15 minutes of data{times_en}. For {since} min"
        " now.{share_en}{wait_en}",
        "{skill_name} ({operation}): {value} llamadas abandonadas en los últimos 15 minutos de datos{times_es}. Desde hace"
        " {since} min.{share_es}{wait_es}",
    ),
    "WolkvoxAbandonmentSpikeAllSkills": (
        "Far more abandoned calls than usual across the skills of an operation",
        "Muchas más llamadas abandonadas de lo habitual en varios skills de la operación",
        "{operation}: {value} abandoned calls in the last 15 minutes of data, in several skills{times_en}. For {since} min now."
        " Risen most:{risen}",
        "{operation}: {value} llamadas abandonadas en los últimos 15 minutos de datos, en varios skills{times_es}. Desde hace"
        " {since} min. Los que más subieron:{risen}",
    ),
    "WolkvoxAbandonmentElevated": (
        "More abandoned calls than usual for a while in one skill",
        "Más llamadas abandonadas de lo habitual desde hace un rato en un skill",
        "{skill_name} ({operation}): {value} abandoned calls per hour; usual: {usual}.",
        "{skill_name} ({operation}): {value} llamadas abandonadas por hora; lo usual: {usual}.",
    ),
    "WolkvoxShortAbandonSurge": (
        "Most abandoned calls hang up within 10 seconds",
        "La mayoría de las llamadas abandonadas cuelga antes de 10 segundos",
        "{skill_name} ({operation}): {value} of the abandoned calls of the last hour were short (10 s or less). That points at"
        " telephony or the IVR rather than at staffing.",
        "{skill_name} ({operation}): el {value} de las llamadas abandonadas de la última hora fue abandono corto (10 s o"
        " menos). Apunta a la telefonía o al IVR más que a la falta de agentes.",
    ),
    "WolkvoxAbandonTimeHigh": (
        "Callers wait very long before they abandon",
        "Los clientes esperan mucho antes de abandonar",
        "{skill_name} ({operation}): one in ten of those who abandoned in the last hour had waited longer than {value}.",
        "{skill_name} ({operation}): uno de cada diez de los que abandonaron en la última hora había esperado más de {value}.",
    ),
    "WolkvoxSuspiciousSilence": (
        "No abandoned call for two hours where there usually are many",
        "Ninguna llamada abandonada en dos horas en las que suele haber muchas",
        "{skill_name} ({operation}): none in the last two hours; usual: {value}. Either nobody calls any more, or the report is"
        " silent.",
        "{skill_name} ({operation}): ninguna en las últimas dos horas; lo habitual: {value}. O ya nadie llama, o el reporte no"
        " dice nada.",
    ),
    "WolkvoxExporterDown": (
        "The exporter does not answer Prometheus",
        "El exporter no responde a Prometheus",
        "{instance} (job {job}) has not answered a scrape for 5 minutes. Calls are not lost: the exporter makes good what it"
        " missed when it is back.",
        "{instance} (job {job}) no responde desde hace 5 minutos. No se pierden llamadas: al volver, el exporter recupera lo que"
        " faltó.",
    ),
    "WolkvoxExporterAbsent": (
        "Prometheus has no exporter to scrape",
        "Prometheus no tiene ningún exporter que consultar",
        "No target of a job whose name begins with wolkvox is known to Prometheus.",
        "Prometheus no conoce ningún destino de un job cuyo nombre empiece por wolkvox.",
    ),
    "WolkvoxDataStale": (
        "The data are too old to be relied on",
        "Los datos son demasiado viejos para confiar en ellos",
        "{operation}: the newest complete data are {value} old. {without_en} until they are current again.",
        "{operation}: los datos completos más recientes tienen {value} de antigüedad. {without_es} hasta que vuelvan a estar al"
        " día.",
    ),
    "WolkvoxTokenRejected": (
        "wolkvox rejects the token",
        "wolkvox rechaza el token",
        "{operation}: the token is refused or missing. This does not pass by itself: a person must put a valid token in place.",
        "{operation}: el token es rechazado o falta. No se arregla solo: alguien debe poner un token válido.",
    ),
    "WolkvoxApiFailing": (
        "Most calls to the wolkvox API fail",
        "La mayoría de las consultas a la API de wolkvox falla",
        "{operation}: {value} of the calls of the last 15 minutes failed. Failures in the last hour:{outcomes} see the status"
        " page for the last one.",
        "{operation}: el {value} de las consultas de los últimos 15 minutos falló. Fallos de la última hora:{outcomes} el último"
        " está en la página de estado.",
    ),
    "WolkvoxQuotaExceeded": (
        "The token's daily quota at wolkvox is used up",
        "Se agotó el cupo diario del token en wolkvox",
        "{operation}: wolkvox refuses calls until its quota is renewed, most likely at local midnight. The exporter then makes"
        " good what it missed.",
        "{operation}: wolkvox rechaza las consultas hasta que se renueve el cupo, probablemente a medianoche. Después el exporter"
        " recupera lo que faltó.",
    ),
    "WolkvoxQuotaLow": (
        "The token's daily quota at wolkvox is nearly used up",
        "Casi se agotó el cupo diario del token en wolkvox",
        "{operation}: {value} calls are left until the quota is renewed, most likely at local midnight. Without any, no calls are"
        " read.",
        "{operation}: quedan {value} consultas hasta que se renueve el cupo, probablemente a medianoche. Sin ellas no se leen"
        " llamadas.",
    ),
    "WolkvoxCatchingUp": (
        "The exporter makes good an outage",
        "El exporter está recuperando datos de una interrupción",
        "{operation}: calls of the outage are being counted now, or were within the last 20 minutes.{muted_en}",
        "{operation}: las llamadas de la interrupción se cuentan ahora o se contaron en los últimos 20 minutos.{muted_es}",
    ),
    "WolkvoxRowsRejected": (
        "Rows of the report could not be counted",
        "Hay filas del reporte que no se pudieron contar",
        "{operation}: {value} rows rejected in the last hour. Reasons, since the exporter's first start:{outcomes} see the log.",
        "{operation}: {value} filas rechazadas en la última hora. Motivos, desde el primer arranque del exporter:{outcomes} más"
        " detalles en el log.",
    ),
    "WolkvoxMostRowsRejected": (
        "Most rows of the report can not be counted",
        "La mayoría de las filas del reporte no se puede contar",
        "{operation}: {value} of the new rows of the last hour were rejected. Numbers of calls are far too low, and alerts"
        " about calls may stay silent.",
        "{operation}: se rechazó el {value} de las filas nuevas de la última hora. Los números de llamadas son demasiado"
        " bajos, y las alertas de llamadas pueden callar.",
    ),
    "WolkvoxOnlyEmpty": (
        "The report has never brought a row",
        "El reporte nunca ha traído una fila",
        "{operation}: every answer so far was empty. Either there were no calls, or this server does not have the report.",
        "{operation}: todas las respuestas han sido vacías. O no hubo llamadas, o este servidor no tiene el reporte.",
    ),
    "WolkvoxClockOff": (
        "The clocks of wolkvox and of the exporter differ",
        "Los relojes de wolkvox y del exporter difieren",
        "{operation}: by {value}. Data may come late by as much; no call is lost or counted twice.",
        "{operation}: en {value}. Los datos pueden llegar con ese atraso; no se pierde ni se repite ninguna llamada.",
    ),
    "WolkvoxRowsMissing": (
        "wolkvox announced rows that it never delivered",
        "wolkvox anunció filas que nunca entregó",
        "{operation}: {value} rows announced and not delivered in the last hour. Calls may be missing from the count.",
        "{operation}: {value} filas anunciadas y no entregadas en la última hora. Pueden faltar llamadas en la cuenta.",
    ),
    "WolkvoxTimezoneMismatch": (
        "The configured time zone does not fit the report",
        "La zona horaria configurada no coincide con la del reporte",
        "{operation}: the report's dates contradict the configured zone. Calls may be counted late or not at all.",
        "{operation}: las fechas del reporte contradicen la zona configurada. Puede que las llamadas se cuenten tarde o no se"
        " cuenten.",
    ),
    "WolkvoxTotalsDiffer": (
        "wolkvox's own totals of a day are not what was counted",
        "Los totales de un día según wolkvox no son lo que se contó",
        "{operation}: {value} calls apart, over all skills. The status page says of which day, and in which skills.",
        "{operation}: {value} llamadas de diferencia, sumando los skills. La página de estado dice de qué día y en qué skills.",
    ),
    "WolkvoxDataSkipped": (
        "A stretch of time was given up and is not counted",
        "Un tramo de tiempo quedó sin contar",
        "{operation}: {value} were older than max_catch_up, or hidden by a wrong time zone, and will not be counted.",
        "{operation}: {value} superaban max_catch_up, o los ocultó una zona horaria errónea, y no se contarán.",
    ),
    "WolkvoxSeriesOverflow": (
        "Calls are counted without their skill",
        "Hay llamadas que se cuentan sin su skill",
        "{operation}: max_series is reached; {value} calls of the last hour went to __other__.",
        "{operation}: se alcanzó max_series; {value} llamadas de la última hora fueron a __other__.",
    ),
    "WolkvoxLedgerErrors": (
        "The ledger can not be written",
        "No se puede escribir el registro (ledger)",
        "{instance}: {value} failed commits in the last 15 minutes. Nothing is lost while the outage is shorter than max_catch_up:"
        " what was not committed is read again.",
        "{instance}: {value} escrituras fallidas en los últimos 15 minutos. No se pierde nada mientras dure menos que"
        " max_catch_up: lo que no se guardó se vuelve a leer.",
    ),
    "WolkvoxLedgerGone": (
        "The ledger is gone from the disk",
        "El registro (ledger) ya no está en el disco",
        "{instance}: the ledger's file is missing and could not be written back. While the process runs it knows every total; if"
        " it ends now, they are lost. Do not restart it before the folder is there and writable.",
        "{instance}: el archivo del registro falta y no se pudo volver a escribir. El proceso en marcha conoce todos los totales; si"
        " termina ahora, se pierden. No lo reinicie hasta que la carpeta exista y se pueda escribir.",
    ),
    "WolkvoxLogLinesDropped": (
        "The log is incomplete, for it is not read or can't be written",
        "El log está incompleto porque no se lee o no se puede escribir",
        "{instance}: {value} lines lost in the last 15 minutes. The exporter goes on undisturbed; how it is stands on the"
        " status page and in the metrics.",
        "{instance}: {value} líneas perdidas en los últimos 15 minutos. El exporter sigue sin problemas; cómo está se ve en"
        " la página de estado y en las métricas.",
    ),
    "WolkvoxConfigNotInForce": (
        "A changed configuration of the exporter is not in force",
        "Un cambio en la configuración del exporter no está vigente",
        "{instance}: the configuration, or the file of TLS and passwords, was read again and could not be used. What was in force"
        " before still is; the status page has the reason.",
        "{instance}: la configuración, o el archivo de TLS y contraseñas, se leyó de nuevo y no se pudo usar. Sigue vigente lo"
        " anterior; la página de estado dice por qué.",
    ),
    "WolkvoxCertificateEnds": (
        "The exporter's certificate ends soon",
        "El certificado del exporter vence pronto",
        "{instance}: the certificate that is served ends in {value} days. After that no scrape over TLS succeeds.",
        "{instance}: el certificado en uso vence en {value} días. Después, Prometheus no podrá leer por TLS.",
    ),
}


# VALUE_ALERTS: those for supervisors.
WITH_DASHBOARD = set(VALUE_ALERTS)


def dashboard(labels):
    url = f"https://grafana.example.org/d/wolkvox-abandono?var-operation={labels['operation']}"
    return url + (f"&var-skill={labels['skill_id']}" if "skill_id" in labels else "")


def expected(name, alert):
    """Labels and texts of an alert; `alert` holds its own labels and the words for the texts."""
    words = dict(alert)
    if name in PER_REPORT:
        words.setdefault("report", "abandoned")
    labels = {key: words[key] for key in ("instance", "job", "operation", "report", "skill_id", "skill_name") if key in words}
    severity = "critical" if name in CRITICAL else "info" if name == "WolkvoxCatchingUp" else "warning"
    labels |= {"severity": severity, "audience": "supervisors" if name in VALUE_ALERTS else "oncall"}
    times, share, wait = words.get("times"), words.get("share"), words.get("wait")
    words["times_en"] = f", {times} times the usual" if times else ""
    words["times_es"] = f", {times} veces lo usual" if times else ""
    words["share_en"] = f" {share} of the calls are lost." if share else ""
    words["share_es"] = f" Se pierde el {share} de las llamadas." if share else ""
    points = (": that points at too few agents", ": apunta a falta de agentes")
    if short := words.get("short"):
        points = (
            f", and {short} hung up within 10 s: that points at telephony or the IVR",
            f", y {short} colgó antes de 10 s: apunta a la telefonía o al IVR",
        )
    words["wait_en"] = f" They waited for {wait} s on average{points[0]}." if wait else ""
    words["wait_es"] = f" Esperaron {wait} s en promedio{points[1]}." if wait else ""
    whole = labels.get("report", "abandoned") == "abandoned"
    words["without_en"] = "Alerts about calls are silent" if whole else "What share of the calls is lost is unknown"
    words["without_es"] = "Las alertas de llamadas callan" if whole else "No se sabe qué parte de las llamadas se pierde"
    words["muted_en"] = " Alerts about calls are silent meanwhile." if whole else ""
    words["muted_es"] = " Las alertas de llamadas callan mientras tanto." if whole else ""
    if "report" in labels:
        english, spanish = (f"{words['operation']} ({word} {words['report']})" for word in ("report", "reporte"))
    else:
        english = spanish = words.get("operation")
    keys = (("summary", english), ("summary_es", spanish), ("description", english), ("description_es", spanish))
    return labels, {
        key: form.format_map(words | {"operation": operation}) for (key, operation), form in zip(keys, TEXTS[name])
    }


def of_two_reports(test, troubled=False):
    """The same with a second report that is switched on for the middle third.

    `troubled`: the second report is a day late, catches up, its token is refused: nobody's concern but its own.
    """
    names = {re.search(r'operation="(\w+)"', name)[1] for name, _ in test.series if 'operation="' in name}
    length = max(sum(run(part) for part in values.split()) for _, values in test.series) * test.scrape
    begin, end = length // 3 // test.scrape, length * 2 // 3 // test.scrape

    def second(name, operation, values, more=""):
        labels = f'{ON_TARGET},operation="{operation}",report="answered"{more}'
        return (f"wolkvox_{name}{{{labels}}}", f"_x{begin} {values} stale")

    series = list(test.series)
    last = end - begin - 1
    for operation in sorted(names):
        late = 86_400 if troubled else 0
        until = f"{begin * test.scrape // WINDOW * WINDOW - late}+{test.scrape}x{last}"
        series += [
            second("complete_until_timestamp_seconds", operation, until),
            second("catching_up", operation, f"{int(troubled)}x{last}"),
            second("up", operation, f"{int(not troubled)}x{last}"),
            second("last_poll_outcome", operation, f"{int(troubled)}x{last}", ',outcome="unauthorized"'),
            second("polls_total", operation, f"0+1x{last}", ',outcome="ok"'),
            second("rows_total", operation, f"0+1x{last}", ',disposition="counted"'),
        ]
    return dataclasses.replace(test, name=f"{test.name} (two reports)", series=series)


def run(part):
    """Samples in one part of promtool's notation: `3x4` and `0+1x4` are five, `_x4` is four."""
    if "x" not in part:
        return 1
    return int(part.split("x")[1]) + (not part.startswith("_"))


def none(at, *names):
    return [(at, name, []) for name in names]


def constant(value, length, scrape):
    return f"{value}x{length // scrape}"


def steps(changes, length, scrape):
    """A series that has `value` from each `second` on: [(second, value)]; None is no sample."""
    samples = []
    for at in range(0, length + 1, scrape):
        value = [value for second, value in changes if second <= at][-1]
        samples.append("_" if value is None else str(value))
    return compress(samples)


def slopes(changes, length, scrape):
    """A counter that grows by `step` at each scrape from each `second` on: [(second, step)]."""
    value = 0
    parts = []
    for (begin, step), (end, _) in zip(changes, [*changes[1:], (length, 0)]):
        count = (end - begin) // scrape
        parts.append(f"{value}+{step}x{count - 1}")
        value += step * count
    return " ".join(parts)


def weeks_ago(operation, skill_id, per_hour, length, scrape):
    """Four weeks' history of a skill, or of the operation (skill_id None), as the recording rules would have left it.

    Their mean is `per_hour`.
    """
    name = "wolkvox:skill_calls:3h_weeks_ago" if skill_id else "wolkvox:operation_calls:3h_weeks_ago"
    skill = f',skill_id="{skill_id}"' if skill_id else ""
    return [
        (f'{name}{{operation="{operation}"{skill},week="{week}"}}', constant(value, length, scrape))
        for week, value in zip("1234", (per_hour, 1.5 * per_hour, 0.5 * per_hour, per_hour))
    ]


def usual_parts(operation, skill_id, abandoned, answered, length, scrape):
    """What is usual of the calls of three hours, by what became of them."""
    name = f'wolkvox:skill_service:usual_3h{{operation="{operation}",skill_id="{skill_id}",part="'
    return [
        (f'{name}{part}"}}', constant(3 * calls, length, scrape))
        for part, calls in (("abandoned", abandoned), ("answered", answered))
    ]


def by_window(*stretches):
    """Calls per window: [(first window, calls)]."""
    return lambda window: [calls for first, calls in stretches if first <= window][-1]


def in_windows(*windows):
    """One call in each of these windows."""
    return lambda window: int(window in windows)


def firing(name):
    return f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'


def spike():
    length = 2 * HOUR + 600
    # Below the limit for an hour, above it from window 12 to 17.
    rates = {
        "4173": ("Ventas", 10, 11),
        "4174": ("Nuevo", 6, 7),
        "4175": ("Agitado", 12, 13),
        "4176": ("Pequeño", 2, 3),
        "4177": ("Muy agitado", 27, 28),
        "4178": ("Absoluto", 9, 10),
        "4179": ("Absoluto y agitado", 11, 12),
    }
    world = World(
        "ventas",
        [Skill(skill_id, name, by_window((0, below), (12, above), (18, below))) for skill_id, (name, below, above) in rates.items()],
        length,
    )
    series = world.series()
    # With 9 expected, a surprise of 5 is between 30 and 33 calls, one of 6 between 36 and 39, one of 12 between 81 and 84.
    # 4173: nothing is learnt, 5. 4174: nothing is known, 19.5. 4175: learnt, 6. 4176: 0.1 expected; what is learnt is
    # below 3.5, and 6 calls are above that, but below the floor of 7.5. 4177: what is learnt is above 12.
    # 4178: surprised by nothing, but above three times 9.5, the absolute limit; 4179: above what is rare for it, 35.
    learnt = {"4175": 6, "4176": 0.1, "4177": 99, "4178": 99, "4179": 99}
    rare = {"4173": 100, "4175": 100, "4177": 100, "4179": 35}
    for skill_id in rates:
        if skill_id != "4174":
            series += weeks_ago("ventas", skill_id, 0.4 if skill_id == "4176" else 36, length, 30)
    for name, values in (("skill_surprise", learnt), ("skill_calls", rare)):
        for skill_id, value in values.items():
            series.append((f'wolkvox:{name}:rare_15m{{operation="ventas",skill_id="{skill_id}"}}', constant(value, length, 30)))
    name = "WolkvoxAbandonmentSpike"
    times = {"4173": "3.5", "4175": "4.1", "4176": "15.0", "4177": "8.8", "4178": "3.2", "4179": "3.8"}
    # Some are above their limit with the first of the higher windows, others with the second or third.
    since = {"4173": 33, "4174": 28, "4175": 33, "4176": 28, "4177": 33, "4178": 28, "4179": 28}
    fires = [
        dict(operation="ventas", skill_id=skill_id, skill_name=skill, value=3 * above, times=times.get(skill_id), since=since[skill_id])
        for skill_id, (skill, _, above) in rates.items()
    ]
    # Window 12 is read at 3961; the last window above the limit leaves the range after 6361, and 10 minutes are kept.
    return [
        Test(
            "fires above each kind of limit, not just below, and resolves after 10 minutes",
            30,
            series,
            none(1350, name) + none(3930, name) + [(5030, name, fires)] + none(7700, name),
            [(6290, firing(name), [("{}", len(rates))])],
        )
    ]


def on_the_board(expression, operation="ventas", skill="4173"):
    return f'({expression.replace("$operation", operation).replace("$skill", skill)})'


def share():
    length = 2 * HOUR
    # 6 of 18 lost are a third; 6 of 9 are two thirds, and at least 39.8 % at 90 % confidence. Few calls: by their number nobody
    # is paged.
    answered = by_window((0, 4), (12, 1))
    world = World(
        "ventas",
        [
            Skill("4173", "Ventas", by_window((0, 2)), answered=answered),
            # Loses 27 % usually: two thirds are enough, but at least 41 % it would have to be.
            Skill("4174", "Difícil", by_window((0, 2)), answered=answered),
            # Nobody was ever answered: no share.
            Skill("4175", "Sin reporte", by_window((0, 2)), answered=by_window((0, 0))),
            # 3 of 4.
            Skill("4176", "Pocas", by_window((0, 1)), answered=in_windows(*range(0, 40, 3))),
        ],
        length,
        waits=(60, 80),
    )
    late = World(
        "otra", [Skill("4173", "Ventas", by_window((0, 2)), answered=answered)], length, answered_lag=1200, instance="other:10119"
    )
    series = world.series() + late.series()
    for skill_id, answered in (("4173", 216), ("4174", 64), ("4175", 216), ("4176", 216)):
        series += weeks_ago("ventas", skill_id, 24, length, 30)
        series += usual_parts("ventas", skill_id, 24, answered, length, 30)
    name = "WolkvoxAbandonmentSpike"
    fires = dict(operation="ventas", skill_id="4173", skill_name="Ventas", value=6, times="0.9", share="66.67%", since=28, wait=80, short="60%")
    ventas = '{operation="ventas",skill_id="4173"}'
    return [
        Test(
            "the share: fires above 40 % and 2.4 times the usual, not below, not on too little, not where it is not known",
            30,
            series,
            none(3930, name) + [(5030, name, [fires])],
            [
                (3930, f"round(wolkvox:skill_share:low_15m{ventas}, 0.0001)", [(ventas, 0.1833)]),
                (5030, f"round(wolkvox:skill_share:low_15m{ventas}, 0.0001)", [(ventas, 0.3982)]),
                (5030, f"round(wolkvox:skill_share:usual{ventas}, 0.0001)", [(ventas, 0.1)]),
                # As the boards ask for them: 24 lost and 36 answered in the hour, three in four of these in time.
                (5030, on_the_board(boards.share()), [("{}", 24 / 60)]),
                (5030, on_the_board(boards.service()), [("{}", 27 / 60)]),
                # Nothing where nobody was answered, or the other report is late.
                (5030, on_the_board(boards.share(), skill="4175"), []),
                (5030, on_the_board(boards.share(), operation="otra"), []),
                (5030, on_the_board(boards.service(), operation="otra"), []),
                (5030, 'count(wolkvox:skill_share:15m{operation="otra"} or wolkvox:skill_share:15m{skill_id="4175"})', []),
            ],
        )
    ]


def calm():
    """Many more calls page where the share says that they are lost, or where it isn't known; not where they are answered."""
    length, at = 2 * HOUR, 5030
    rise = by_window((0, 2), (12, 10))
    even = by_window((0, 4), (12, 10))
    world = World(
        "ventas",
        [
            # 31 % are lost; half, where 30 % are usual; half, where a tenth is; nobody was ever answered.
            Skill("4173", "Bien atendida", rise, answered=by_window((0, 4), (12, 22))),
            Skill("4174", "Difícil", rise, answered=even),
            Skill("4175", "Desbordada", rise, answered=even),
            Skill("4176", "Sin reporte", rise, answered=by_window((0, 0))),
        ],
        length,
        waits=(60, 80),
    )
    # The other report is an hour late: its share isn't known.
    late = World("otra", [Skill("4173", "Ventas", rise, answered=by_window((0, 20)))], length, answered_lag=3600, instance="other:10119")
    off = World("sola", [Skill("4173", "Ventas", rise)], length, instance="third:10119")
    series = world.series() + late.series() + off.series()
    for operation, skill_id, answered in (
        ("ventas", "4173", 216), ("ventas", "4174", 56), ("ventas", "4175", 216), ("ventas", "4176", 216), ("otra", "4173", 216),
    ):  # fmt: skip
        series += weeks_ago(operation, skill_id, 24, length, 30)
        series += usual_parts(operation, skill_id, 24, answered, length, 30)
    series += weeks_ago("sola", "4173", 24, length, 30)
    # All skills of an operation rise: half of 27 calls is lost, too few to page by their number; a sixth of many is.
    for operation, each, answered in (("perdida", 3, 3), ("atendida", 6, 30)):
        skills = [
            Skill(skill_id, skill_id, by_window((0, 2), (12, each)), answered=by_window((0, 4), (12, answered)))
            for skill_id in ("1", "2", "3")
        ]
        series += World(operation, skills, length, instance=f"{operation}:10119").series()
        for skill_id in ("1", "2", "3"):
            series += weeks_ago(operation, skill_id, 24, length, 30)
            series += usual_parts(operation, skill_id, 24, 216, length, 30)
    paged = [("otra", "4173"), ("sola", "4173"), ("ventas", "4175"), ("ventas", "4176")]
    return [
        Test(
            "a surprise of which no larger part is lost is no page",
            30,
            series,
            [],
            [
                (at, "count(wolkvox:skill_calls:15m > wolkvox:skill_calls:spike_limit)", [("{}", 6)]),
                (at, "count by (operation) (wolkvox:operation_calls:15m > wolkvox:operation_calls:spike_limit)", [
                    ('{operation="atendida"}', 1), ('{operation="ventas"}', 1)
                ]),
                (
                    at,
                    'count by (operation) (wolkvox:operation_unusual:15m{operation!="ventas"})',
                    [('{operation="perdida"}', 1)],
                ),
                (
                    at,
                    'count by (operation, skill_id) (wolkvox:skill_unusual:15m{operation!="perdida"})',
                    [(f'{{operation="{operation}",skill_id="{skill_id}"}}', 1) for operation, skill_id in paged],
                ),
            ],
        )
    ]


def young():
    """A server in its first hours, which knows no usual: what a skill always loses is no page, what rises is one."""
    length = 5 * HOUR
    often = [
        # Two in five are lost, as ever; four in five all of a sudden.
        Skill("4173", "Difícil", by_window((0, 5)), answered=by_window((0, 7))),
        Skill("4174", "Desbordada", by_window((0, 2), (50, 8)), answered=by_window((0, 8), (50, 2))),
    ]
    alone = [
        # 24 in 15 minutes, as ever; four times as many as before.
        Skill("4175", "Grande", by_window((0, 8))),
        Skill("4176", "Sube", by_window((0, 4), (54, 16))),
    ]
    series = World("nueva", often, length, 60).series() + World("sola", alone, length, 60, instance="second:10119").series()
    pages = "count by (operation, skill_id) (wolkvox:skill_unusual:15m)"
    by_share, by_calls = (('{operation="nueva",skill_id="4174"}', 1), ('{operation="sola",skill_id="4176"}', 1))
    return [
        Test(
            "without history: what a skill always loses is no page",
            60,
            series,
            [],
            [
                # Until three hours are known nothing stands in for the usual number.
                (2 * HOUR - 130, pages, [('{operation="sola",skill_id="4175"}', 1)]),
                (4 * HOUR - 130, pages, []),
                (length - 130, pages, [by_share, by_calls]),
                (
                    length - 130,
                    'round(wolkvox:skill_calls:absolute_limit{skill_id="4173"}, 0.1)',
                    [('{operation="nueva",skill_id="4173"}', 46.5)],
                ),
            ],
        )
    ]


SERVICE = ("share", "adjusted_share", "service_level", "answer_time_mean_seconds")


def service(scrape):
    """The recorded share, service level and speed of answer against the truth of the windows: the truth, or no number."""
    length, midnight, born = 5 * HOUR, 2 * HOUR, 37
    rng = random.Random(scrape)

    def uneven(most, first=0):
        counts = [rng.randrange(most) if window >= first else 0 for window in range(length // WINDOW)]
        return lambda window: counts[window]

    # In the fourth hour a skill is born while one report alone is away; later both are.
    skills = [
        Skill("4173", "Ventas", uneven(6), answered=uneven(20)),
        Skill("4174", "Soporte", uneven(3), answered=uneven(9)),
        Skill("4175", "Sin agentes", uneven(2), answered=by_window((0, 0))),
        Skill("4176", "Nueva", uneven(4, born), answered=uneven(5, born), born=born),
    ]
    outage, alone = (14_500, 15_700), (10_300, 11_600)
    world = World(
        "ventas",
        skills,
        length,
        scrape,
        outages=[outage],
        answered_outages=[alone],
        downs=[(8_200, 8_260)],
        waits=(50, 80),
        utc_offset=-midnight,
    )
    values, checked = [], 0
    # A good while after a read, and shortly before the next one.
    for at in (at + late for at in range(4200, length - 300, 1200) for late in (260, 330)):
        until = world.complete(at)
        current = until == world.answered_complete(at) and at - until < 900
        for span, begin in (("15m", until - 900), ("1h", until - HOUR), ("today", midnight)):
            # There was a moment at which both had been read up to the beginning.
            known = current and midnight <= until if span == "today" else current
            known = known and any(world.complete(then) == begin == world.answered_complete(then) for then in range(begin, begin + 900, 10))
            for level, of, labels in (("operation", skills, ""), ("skill", skills[:1], ',skill_id="4173"')):
                every = f'count({{__name__=~"wolkvox:{level}_({"|".join(SERVICE)}):{span}",operation="ventas"{labels}}})'
                if not known or begin == until:
                    values.append((at, every, []))
                    continue
                checked += 1
                wrong = (
                    f'abs(wolkvox:{level}_{kind}:{span}{{operation="ventas"{labels}}} - {value:.9f}) > 0.000001'
                    for kind, value in zip(SERVICE, served(of, begin, until))
                )
                values.append((at, " or ".join(wrong), []))
                # A skill that has just come keeps the operation's number back, and nothing else does.
                if not born < until // WINDOW < born + 9:
                    values.append((at, every, [("{}", 4)]))
    assert checked > 50, checked
    # What nobody was ever answered in has no share; a skill that is new has none for the span.
    values += [
        (at, f'count({{__name__=~"wolkvox:skill_(adjusted_)?share:.*",skill_id="{skill_id}"}})', [])
        for at, skill_id in ((9_500, "4175"), (17_000, "4175"), (12_300, "4176"))
    ]
    return Test(f"share and service level, scraped every {scrape} s: the truth, or no number", scrape, world.series(), [], values)


def service_of_minutes():
    """The same with windows shorter than a series' hold: of no span that begins or ends while a skill is new there is a number."""
    window, length, scrape, midnight = 60, 3 * HOUR, 15, 2 * HOUR
    rng = random.Random(60)

    def uneven(most, first=0):
        counts = [rng.randrange(most) if index >= first else 0 for index in range(length // window)]
        return lambda index: counts[index]

    def born(number, at):
        return Skill(str(number), f"Nueva {number}", uneven(9, at), answered=uneven(9, at), born=at)

    # The second one is new when the day begins, and the hold of the last one is interrupted by three restarts.
    skills = [Skill("4173", "Ventas", uneven(6), answered=uneven(20)), born(1, 75), born(2, 119), born(3, 90)]
    restarts = [(5_590, 5_602), (5_680, 5_692), (5_770, 5_782)]
    world = World(
        "ventas", skills, length, scrape, downs=restarts, waits=(50, 80), utc_offset=-midnight, window=window, tells_starts=True
    )
    values = []
    # What was recorded last is from an evaluation, every 61 s, and that from a scrape; now and then a window passes between two.
    recorded = {evaluated: world.complete(evaluated // scrape * scrape) for evaluated in range(0, length, 61)}
    for evaluated, until in list(recorded.items())[70:-5:2]:
        at = evaluated + 5
        for span, begin in (("15m", until - 900), ("1h", until - HOUR), ("today", midnight)):
            if begin >= until:
                continue
            for level, of, labels in (("operation", skills, ""), ("skill", skills[:1], ',skill_id="4173"')):
                wrong = (
                    f'abs(wolkvox:{level}_{kind}:{span}{{operation="ventas"{labels}}} - {value:.9f}) > 0.000001'
                    for kind, value in zip(SERVICE, served(of, begin, until, window))
                )
                values.append((at, " or ".join(wrong), []))
                every = f'count({{__name__=~"wolkvox:{level}_({"|".join(SERVICE)}):{span}",operation="ventas"{labels}}})'
                news = [skill.born * window for skill in skills if skill.born and level == "operation"]
                news.append(restarts[0][0] - 190)
                if begin in recorded.values() and not any(0 <= edge - new < 600 for new in news for edge in (begin, until)):
                    values.append((at, every, [("{}", 4)]))
    # Who is known at midnight has a day, though the whole operation has none.
    values.append((length - 400, 'count(wolkvox:operation_share:today) or count(wolkvox:skill_share:today)', [("{}", 3)]))
    return Test("windows of a minute, and new series when spans begin: the truth, or no number", scrape, world.series(), [], values)


def served(skills, begin, end, window=WINDOW):
    """What SERVICE names, of the windows between: half the abandoned calls are short, three in four answered ones in time."""
    windows = range(begin // window, end // window)
    lost = sum(skill.calls(window) for skill in skills for window in windows)
    answered = sum(skill.answered(window) for skill in skills for window in windows)
    offered = lost + answered
    return lost / offered, 0.5 * lost / (0.5 * lost + answered), 0.75 * answered / offered, 30.0


def all_skills():
    length = 2 * HOUR
    names = "ABCDEF"
    skills = [Skill(f"41{number}", f"Skill {names[number]}", by_window((0, 4), (12, 7 if number < 3 else 5), (18, 4))) for number in range(6)]
    wide = World("centro", skills, length)
    alone = World(
        "otra",
        [Skill("1", "Uno", by_window((0, 1), (12, 60))), Skill("2", "Dos", by_window((0, 1)))],
        length,
        instance="other:10119",
    )
    series = wide.series() + alone.series()
    # Each skill stays below its own surprise of 5 and below 19.5; together 108 against 72 are a surprise of 3.8.
    for skill in skills:
        series += weeks_ago("centro", skill.skill_id, 48, length, 30)
    series += weeks_ago("centro", None, 288, length, 30)
    series.append(('wolkvox:operation_surprise:rare_15m{operation="centro"}', constant(3.7, length, 30)))
    for skill_id in "12":
        series += weeks_ago("otra", skill_id, 12, length, 30)
    series += weeks_ago("otra", None, 24, length, 30)
    name = "WolkvoxAbandonmentSpikeAllSkills"
    return [
        Test(
            "fires when several skills rise, not when one does; the other way round for the page of a skill",
            30,
            series,
            none(3900, name)
            + [(5030, name, [dict(operation="centro", value=108, times="1.5", since=28, risen=" Skill A; Skill B; Skill C;")])]
            + none(7100, name)
            + none(3900, "WolkvoxAbandonmentSpike")
            + [
                (
                    5030,
                    "WolkvoxAbandonmentSpike",
                    [dict(operation="otra", skill_id="1", skill_name="Uno", value=180, times="51.4", since=33)],
                )
            ],
            [(5030, 'wolkvox:operation_rise:largest_share{operation="otra"}', [('wolkvox:operation_rise:largest_share{operation="otra"}', 1)])],
        )
    ]


def elevated():
    length = 5 * HOUR
    # At 2 calls an hour each call adds ln 3, each window takes away twice 2.5 / 12, and more as the day's level rises. With a
    # call in each window the sum passes 7 within an hour and a quarter; with one in every second window it never does. 4175
    # often goes as far by itself.
    world = World(
        "ventas",
        [
            Skill("4173", "Ventas", in_windows(*range(0, 24, 6), *range(24, 40))),
            Skill("4174", "Soporte", in_windows(*range(0, 24, 6), *range(24, 48, 2))),
            Skill("4175", "Agitado", in_windows(*range(0, 24, 6), *range(24, 40))),
        ],
        length,
        scrape=60,
    )
    series = world.series()
    for skill_id in ("4173", "4174", "4175"):
        series += weeks_ago("ventas", skill_id, 2, length, 60)
    series.append(('wolkvox:skill_drift:rare{operation="ventas",skill_id="4175"}', constant(20, length, 60)))
    name = "WolkvoxAbandonmentElevated"
    return [
        Test(
            "fires when the evidence has added up, not just below, not where that is common, and resolves",
            60,
            series,
            none(10_500, name)
            + [(11_500, name, [dict(operation="ventas", skill_id="4173", skill_name="Ventas", value=12, usual="2.0")])]
            + none(17_000, name)
            + none(11_500, "WolkvoxAbandonmentSpike"),
        )
    ]


def short():
    length = 4 * HOUR
    world = World("ventas", [Skill("4173", "Ventas", by_window((0, 0))), Skill("4174", "Pocas", by_window((0, 0)))], length, 60)
    series = world.series()

    def histogram(skill_id, name, bucket, count):
        labels = f'operation="ventas",skill_id="{skill_id}",skill_name="{name}",type_interaction="inbound"'
        series.append((f'wolkvox_abandon_time_seconds_bucket{{{labels},le="10.0"}}', slopes(bucket, length, 60)))
        series.append((f'wolkvox_abandon_time_seconds_bucket{{{labels},le="+Inf"}}', slopes(count, length, 60)))
        series.append((f"wolkvox_abandon_time_seconds_count{{{labels}}}", slopes(count, length, 60)))

    # 49 %, then 51 %, then 49 % again. The other has only 9 calls in the hour, all short.
    histogram("4173", "Ventas", [(0, 49), (6000, 51), (10_800, 49)], [(0, 100)])
    histogram("4174", "Pocas", [(0, 0.15)], [(0, 0.15)])
    name = "WolkvoxShortAbandonSurge"
    return [
        Test(
            "fires above half, not just below, not on few calls, and resolves",
            60,
            series,
            none(5950, name)
            + [(10_000, name, [dict(operation="ventas", skill_id="4173", skill_name="Ventas", value="51%")])]
            + none(14_300, name),
        )
    ]


def time_high():
    length = 4 * HOUR
    world = World("ventas", [Skill("4173", "Ventas", by_window((0, 0))), Skill("4174", "Pocas", by_window((0, 0)))], length, 60)
    series = world.series()

    def histogram(skill_id, name, buckets):
        labels = f'operation="ventas",skill_id="{skill_id}",skill_name="{name}",type_interaction="inbound"'
        for bound, changes in buckets.items():
            series.append((f'wolkvox_abandon_time_seconds_bucket{{{labels},le="{bound}"}}', slopes(changes, length, 60)))
        series.append((f"wolkvox_abandon_time_seconds_count{{{labels}}}", slopes(buckets["+Inf"], length, 60)))

    # p90 is 294.5 s, then 327.3 s, then 294.5 s again. The other has 19 calls an hour, all beyond 300 s.
    histogram(
        "4173",
        "Ventas",
        {
            "240.0": [(0, 80)],
            "300.0": [(0, 91), (6000, 89), (10_800, 91)],
            "600.0": [(0, 100)],
            "+Inf": [(0, 100)],
        },
    )
    few = [(0, 0.3166)]
    histogram("4174", "Pocas", {"240.0": [(0, 0)], "300.0": [(0, 0)], "600.0": few, "+Inf": few})
    name = "WolkvoxAbandonTimeHigh"
    return [
        Test(
            "fires above five minutes, not just below, not on few calls, and resolves",
            60,
            series,
            none(5950, name)
            + [(10_000, name, [dict(operation="ventas", skill_id="4173", skill_name="Ventas", value="5m 27s")])]
            + none(14_300, name),
        )
    ]


def silence():
    length = 4 * HOUR
    # 4173 usually has 12 calls in two hours, 4174 10. 4173 gets a call in window 34.
    world = World(
        "ventas", [Skill("4173", "Ventas", in_windows(34)), Skill("4174", "Soporte", by_window((0, 0)))], length, 60
    )
    series = world.series() + weeks_ago("ventas", "4173", 6, length, 60) + weeks_ago("ventas", "4174", 5, length, 60)
    name = "WolkvoxSuspiciousSilence"
    return [
        Test(
            "fires above ten usual calls, not at ten, and resolves with the next call",
            60,
            series,
            none(5000, name)
            + [(9000, name, [dict(operation="ventas", skill_id="4173", skill_name="Ventas", value=12)])]
            + none(10_900, name),
        )
    ]


TARGET = dict(instance="exporter:10119", job="wolkvox")
ON_TARGET = 'instance="exporter:10119",job="wolkvox"'
ON_REPORT = f'{ON_TARGET},report="abandoned"'


def down():
    length = 1800
    up = [(f"up{{{ON_TARGET}}}", steps([(0, 1), (600, 0), (1200, 1)], length, 30))]
    name = "WolkvoxExporterDown"
    return [
        Test(
            "fires after 5 minutes, not just before, and resolves",
            30,
            up,
            none(890, name) + [(1000, name, [TARGET])] + none(1300, name) + none(1000, "WolkvoxExporterAbsent"),
        )
    ]


def absent():
    length = 2400
    up = [(f"up{{{ON_TARGET}}}", steps([(0, None), (1200, 1)], length, 30)), ('up{instance="x",job="node"}', constant(1, length, 30))]
    name = "WolkvoxExporterAbsent"
    return [
        Test(
            "fires after 10 minutes without a target, not just before, and resolves",
            30,
            up,
            none(600, name) + [(800, name, [{}])] + none(1300, name) + none(800, "WolkvoxExporterDown"),
        )
    ]


def stale():
    length = HOUR
    # The last read before the outage is complete until 1500.
    world = World("ventas", [Skill("4173", "Ventas", by_window((0, 1)))], length, outages=[(1700, 3000)])
    name = "WolkvoxDataStale"
    return [
        Test(
            "fires when data are older than 20 minutes, not just before, and resolves",
            30,
            world.series(),
            none(2710, name) + [(2870, name, [dict(operation="ventas", value="22m 47s")])] + none(3200, name),
        )
    ]


def one_report_alone():
    length = 2 * HOUR
    world = World("ventas", [Skill("4173", "Ventas", by_window((0, 3), (12, 12)))], length, 60)
    series = world.series() + weeks_ago("ventas", "4173", 36, length, 60)
    test = of_two_reports(Test("the second report is late: said of it alone, and alerts about calls go on", 60, series), True)
    answered = dict(operation="ventas", report="answered")
    test.alerts = [
        (4730, "WolkvoxAbandonmentSpike", [dict(operation="ventas", skill_id="4173", skill_name="Ventas", value=36, times="3.8", since=23)]),
        (4730, "WolkvoxCatchingUp", [answered]),
        # Whichever report's call was refused: the token is the operation's.
        (4730, "WolkvoxTokenRejected", [dict(operation="ventas")]),
        *none(6900, "WolkvoxDataStale", "WolkvoxCatchingUp"),
    ]
    test.values = [
        (4730, 'count by (report) (ALERTS{alertname="WolkvoxDataStale",alertstate="firing"})', [('{report="answered"}', 1)])
    ]
    return test


def no_label():
    length = HOUR
    world = World("ventas", [Skill("4173", "Ventas", by_window((0, 12)))], length, 60)
    series = [(name.replace(',report="abandoned"', ""), values) for name, values in world.series()]
    return Test(
        "self-metrics without the label are no report's: nothing is made of the calls beside them",
        60,
        series,
        none(3530, "WolkvoxAbandonmentSpike"),
        [(3530, f"count(wolkvox:{record})", []) for record in ("coverage:15m", "data_trusted", "skill_calls:15m")],
    )


def polls(changes, length, scrape, operation="ventas"):
    """Counters of polls: outcome -> steps."""
    return [
        (f'wolkvox_polls_total{{{ON_REPORT},operation="{operation}",outcome="{outcome}"}}', steps(stairs, length, scrape))
        for outcome, stairs in changes.items()
    ]


def up_gauge(changes, length, scrape, operation="ventas"):
    return [(f'wolkvox_up{{{ON_REPORT},operation="{operation}"}}', steps(changes, length, scrape))]


def stairs(first, every, count, start=0):
    """`count` steps of one, the first at `first`."""
    return [(0, start)] + [(first + number * every, start + number + 1) for number in range(count)]


def last_outcome(changes, length, scrape, operation="ventas"):
    """wolkvox_last_poll_outcome: [(second, outcome)]."""
    return [
        (
            f'wolkvox_last_poll_outcome{{{ON_REPORT},operation="{operation}",outcome="{outcome}"}}',
            steps([(second, int(last == outcome)) for second, last in changes], length, scrape),
        )
        for outcome in sorted({"ok", *(outcome for _, outcome in changes)})
    ]


def token():
    length = 3 * HOUR
    # Refused at 1861, then with doubling pauses; a new token at 9000.
    refused = [(0, 0), (1861, 1), (2161, 2), (2761, 3), (3961, 4), (6361, 5)]
    series = polls({"ok": stairs(61, 300, 6), "unauthorized": refused}, length, 30)
    series += up_gauge([(0, 1), (1861, 0), (9000, 1)], length, 30)
    series += last_outcome([(0, "ok"), (1861, "unauthorized"), (9000, "ok")], length, 30)
    # Another operation whose token was refused, and whose API has failed since for another reason, a good while later.
    series += polls({"unauthorized": [(0, 3)], "timeout": stairs(61, 300, 30)}, length, 30, "otra")
    series += up_gauge([(0, 0)], length, 30, "otra")
    series += last_outcome([(0, "unauthorized"), (61, "timeout")], length, 30, "otra")
    name = "WolkvoxTokenRejected"
    return [
        Test(
            "fires with the first refusal, stays through the pauses, and resolves with the new token",
            30,
            series,
            none(1850, name)
            + [(at, name, [dict(operation="ventas")]) for at in (1990, 3900, 6300, 8900)]
            + none(9100, name),
        ),
        # Three forms of one mistake: a refusal of the last hour, mended since, is not the cause of what fails now.
        *(mended(outcome) for outcome in ("connect", "timeout", "maintenance")),
        refused_since(2400),
    ]


def mended(outcome):
    """Refused once at minute 5 and mended; since minute 40 every call fails for another reason."""
    length = 100 * 60
    series = polls(
        {
            "unauthorized": [(0, 0), (300, 1)],
            "ok": stairs(600, 300, 6),
            outcome: [(0, 0)] + [(2400 + 300 * number, 3 * number + 3) for number in range(5)],
        },
        length,
        60,
    )
    series += last_outcome([(0, "ok"), (300, "unauthorized"), (600, "ok"), (2400, outcome)], length, 60)
    series += up_gauge([(0, 1), (300, 0), (600, 1), (2400, 0)], length, 60)
    return Test(
        f"refused once at minute 5 and mended; since minute 40 {outcome}",
        60,
        series,
        none(3030, "WolkvoxTokenRejected", "WolkvoxQuotaExceeded") + none(5830, "WolkvoxTokenRejected"),
    )


def refused_since(second):
    """The counterpart: no connection at first, and refused since."""
    length = 100 * 60
    series = polls({"connect": [(0, 0), (300, 3)], "unauthorized": [(0, 0), (second, 1), (second + 300, 2)]}, length, 60)
    series += last_outcome([(0, "ok"), (300, "connect"), (600, "ok"), (second, "unauthorized")], length, 60)
    series += up_gauge([(0, 1), (300, 0), (600, 1), (second, 0)], length, 60)
    return Test(
        "no connection once at minute 5; the token is refused since minute 40",
        60,
        series,
        none(2390, "WolkvoxTokenRejected")
        + [(at, "WolkvoxTokenRejected", [dict(operation="ventas")]) for at in (3030, 5830)],
    )


def api_failing():
    length = 3 * HOUR
    # ventas: of three calls in five minutes two fail from 1861 to 7261. otra: every second call fails. ultima: the API
    # refuses every call, with pauses that grow beyond the range.
    series = polls(
        {
            "ok": stairs(61, 300, 35),
            "timeout": stairs(1861, 300, 18),
            "connect": stairs(1861, 300, 18),
            "busy": [(0, 0)],
        },
        length,
        30,
    )
    series += up_gauge([(0, 1)], length, 30)
    series += polls({"ok": stairs(61, 300, 35), "server_error": stairs(61, 300, 35)}, length, 30, "otra")
    series += up_gauge([(0, 1)], length, 30, "otra")
    series += polls({"ok": [(0, 4)], "bad_request": [(0, 0), (61, 1), (361, 2), (961, 3), (2161, 4), (4561, 5), (8161, 6)]}, length, 30, "ultima")
    series += up_gauge([(0, 0)], length, 30, "ultima")
    name = "WolkvoxApiFailing"
    both = f'count by (operation) (ALERTS{{alertname="{name}",alertstate="firing"}})'
    return [
        Test(
            "fires when most calls fail for a while, not when half do, with long pauses too, and resolves",
            30,
            series,
            none(800, name),
            [
                (6030, both, [('{operation="ventas"}', 1), ('{operation="ultima"}', 1)]),
                (7130, both, [('{operation="ventas"}', 1), ('{operation="ultima"}', 1)]),
                (10_000, both, [('{operation="ultima"}', 1)]),
            ],
        ),
        Test(
            "says which outcomes",
            30,
            polls({"ok": [(0, 9)], "connect": [(0, 0)]}, length, 30)
            + [(f'wolkvox_polls_total{{{ON_REPORT},operation="ventas",outcome="timeout"}}', slopes([(0, 1)], length, 30))]
            + up_gauge([(0, 0)], length, 30),
            [(7200, name, [dict(operation="ventas", value="100%", outcomes=" timeout 120;")])],
        ),
    ]


def quota():
    length = 4 * HOUR
    # Used up at 1861, tried again an hour later, renewed at 9061.
    series = polls({"ok": stairs(61, 300, 6), "quota_exceeded": [(0, 0), (1861, 1), (5461, 2)]}, length, 30)
    series += up_gauge([(0, 1), (1861, 0), (9061, 1)], length, 30)
    series += last_outcome([(0, "ok"), (1861, "quota_exceeded"), (9061, "ok")], length, 30)
    # Used up in the last hour, and refused for another reason since.
    series += polls({"quota_exceeded": [(0, 0), (1861, 1)]}, length, 30, "otra")
    series += up_gauge([(0, 1), (1861, 0)], length, 30, "otra")
    series += last_outcome([(0, "ok"), (1861, "quota_exceeded"), (1920, "unauthorized")], length, 30, "otra")
    name = "WolkvoxQuotaExceeded"
    return [
        Test(
            "fires with the first refusal, stays until the quota is renewed",
            30,
            series,
            none(1850, name) + [(at, name, [dict(operation="ventas")]) for at in (1990, 5400, 9000)] + none(9200, name),
        )
    ]


def quota_low():
    """Asked once an hour."""
    length = 6 * HOUR
    hourly = [(0, None)] + [(hour * HOUR, left) for hour, left in enumerate((700, 300, 99, 40, 1000), start=1)]

    def gauge(name, changes, operation):
        return (f'wolkvox_token_{name}{{{ON_TARGET},operation="{operation}"}}', steps(changes, length, 60))

    series = [
        gauge("uses_remaining", hourly, "ventas"),
        gauge("limit", [(0, None), (HOUR, 1000)], "ventas"),
        # A tenth is enough; and without a limit nobody knows what is little.
        gauge("uses_remaining", [(0, 100)], "otra"),
        gauge("limit", [(0, 1000)], "otra"),
        gauge("uses_remaining", [(0, 1)], "ultima"),
    ]
    name = "WolkvoxQuotaLow"
    return [
        Test(
            "fires below a tenth of the limit, resolves when the quota is renewed",
            60,
            series,
            none(3 * HOUR - 100, name)
            + [(3 * HOUR + 200, name, [dict(operation="ventas", value="99")])]
            + [(5 * HOUR - 100, name, [dict(operation="ventas", value="40")])]
            + none(5 * HOUR + 200, name),
        )
    ]


def catching_up():
    length = 2 * HOUR
    world = World("ventas", [Skill("4173", "Ventas", by_window((0, 1)))], length, outages=[(1700, 3000)])
    name = "WolkvoxCatchingUp"
    return [
        Test(
            "fires from the outage's end to 20 minutes after the catch-up",
            30,
            world.series(),
            none(3000, name) + [(at, name, [dict(operation="ventas")]) for at in (3150, 4300)] + none(4500, name),
        )
    ]


def counters():
    """Alerts that fire when a counter moves: one step, an hour's firing, nothing before and after."""
    length = 3 * HOUR
    tests = []
    for name, series, words in [
        (
            "WolkvoxRowsRejected",
            {
                f'wolkvox_rows_total{{{ON_REPORT},disposition="rejected",operation="ventas"}}': 60,
                f'wolkvox_rows_total{{{ON_REPORT},disposition="counted",operation="ventas"}}': 0,
                f'wolkvox_rows_rejected_total{{{ON_REPORT},operation="ventas",reason="date"}}': 45,
                f'wolkvox_rows_rejected_total{{{ON_REPORT},operation="ventas",reason="shape"}}': 15,
                f'wolkvox_rows_rejected_total{{{ON_REPORT},operation="ventas",reason="range"}}': 0,
            },
            dict(operation="ventas", value=60, outcomes=" date 45; shape 15;"),
        ),
        (
            "WolkvoxMostRowsRejected",
            {
                f'wolkvox_rows_total{{{ON_REPORT},disposition="rejected",operation="ventas"}}': 60,
                f'wolkvox_rows_total{{{ON_REPORT},disposition="counted",operation="ventas"}}': 40,
                # What is read again doesn't make the share smaller.
                f'wolkvox_rows_total{{{ON_REPORT},disposition="duplicate",operation="ventas"}}': 900,
                # Half is not most, and four rows are too few to speak of a share.
                f'wolkvox_rows_total{{{ON_REPORT},disposition="rejected",operation="mitad"}}': 60,
                f'wolkvox_rows_total{{{ON_REPORT},disposition="counted",operation="mitad"}}': 60,
                f'wolkvox_rows_total{{{ON_REPORT},disposition="rejected",operation="pocas"}}': 4,
                f'wolkvox_rows_total{{{ON_REPORT},disposition="counted",operation="pocas"}}': 0,
            },
            dict(operation="ventas", value="60%"),
        ),
        (
            "WolkvoxRowsMissing",
            {f'wolkvox_rows_missing_total{{{ON_REPORT},operation="ventas"}}': 60},
            dict(operation="ventas", value=60),
        ),
        (
            "WolkvoxSeriesOverflow",
            {f'wolkvox_series_overflow_total{{{ON_REPORT},operation="ventas"}}': 60},
            dict(operation="ventas", value=60),
        ),
        ("WolkvoxLedgerErrors", {f"wolkvox_ledger_commit_errors_total{{{ON_TARGET}}}": 3}, dict(TARGET, value=3)),
        ("WolkvoxLogLinesDropped", {f"wolkvox_log_lines_dropped_total{{{ON_TARGET}}}": 30}, dict(TARGET, value=30)),
    ]:
        tests.append(
            (
                name,
                Test(
                    "fires when it is counted, not while nothing is, and resolves when nothing more is",
                    30,
                    [(labels, steps([(0, 0), (HOUR, value)], length, 30)) for labels, value in series.items()],
                    none(HOUR - 10, name) + [(HOUR + 300, name, [words])] + none(2 * HOUR + 100, name),
                ),
            )
        )
    return tests


def timezone():
    length = HOUR
    series = [(f'wolkvox_timezone_mismatch{{{ON_REPORT},operation="ventas"}}', steps([(0, 0), (600, 1), (2400, 0)], length, 30))]
    name = "WolkvoxTimezoneMismatch"
    return [
        Test(
            "fires after 10 minutes, not just before, and resolves",
            30,
            series,
            none(1190, name) + [(1400, name, [dict(operation="ventas")])] + none(2500, name),
        )
    ]


def totals_differ():
    """A day's comparison stands until the next one."""
    length = 4 * HOUR

    def compared(operation, calls, *differences):
        labels = f'{ON_REPORT},operation="{operation}"'
        yield f"wolkvox_reconciliation_vendor_calls{{{labels}}}", steps([(0, None), (600, calls)], length, 60)
        for skill, (first, second) in enumerate(differences):
            skill = f'skill_id="{skill}",skill_name="Skill {skill}"'
            changes = [(0, None), (600, first), (7200, second)]
            yield f"wolkvox_reconciliation_difference_calls{{{labels},{skill}}}", steps(changes, length, 60)

    series = [
        *compared("ventas", 200, (3, 0), (-1, 1)),
        *compared("pocas", 10, (2, 0), (1, 0)),
        *compared("grande", 40000, (200, 0), (-200, 0)),
        *compared("nada", 0, (-4, 0)),
        *compared("igual", 12000, (0, 0)),
    ]
    name = "WolkvoxTotalsDiffer"
    return [
        Test(
            "fires where skills together are more than 3 calls and 1 % apart, and resolves with the next day",
            60,
            series,
            none(500, name)
            + [(700, name, [dict(operation="nada", value="4"), dict(operation="ventas", value="4")])]
            + none(7300, name),
        )
    ]


def clock():
    length = 2 * HOUR
    series = [
        (f'wolkvox_api_clock_difference_seconds{{{ON_REPORT},operation="{operation}"}}', steps(changes, length, 60))
        for operation, changes in (
            ("adelante", [(0, 1.5), (600, 61), (4000, 1)]),
            ("atras", [(0, None), (600, -3600), (4000, -1)]),
            ("apenas", [(0, 60)]),
            ("breve", [(0, 0), (600, 300), (1100, 0)]),
        )
    ]
    name = "WolkvoxClockOff"
    return [
        Test(
            "fires after 10 minutes whichever clock is ahead, not at a minute, not for a moment, and resolves",
            60,
            series,
            none(1190, name)
            + [(1500, name, [dict(operation="adelante", value="1m 1s"), dict(operation="atras", value="1h 0m 0s")])]
            + none(4100, name),
        )
    ]


def only_empty():
    length = 30 * HOUR
    name = "WolkvoxOnlyEmpty"

    grows = f"0+1x{length // 300}"
    nothing = constant(0, length, 300)

    def report(operation, label, rows, empty, seen_again=nothing):
        labels = f'{ON_TARGET},operation="{operation}",report="{label}"'
        return [
            (f'wolkvox_rows_total{{{labels},disposition="counted"}}', rows),
            (f'wolkvox_rows_total{{{labels},disposition="duplicate"}}', seen_again),
            (f'wolkvox_polls_total{{{labels},outcome="empty"}}', empty),
        ]

    passing = steps([(0, None), (20 * HOUR, 0), (28 * HOUR, None)], length, 300)
    late = steps([(0, None), (20 * HOUR, 0), (20 * HOUR + 300, 1)], length, 300)
    return [
        Test(
            "fires after a day, after three hours where the other report has calls, and resolves with the first row or where the "
            "report is switched off (two reports)",
            300,
            # Nothing since the beginning; a row after 26 hours; no answer at all, empty or not; many calls.
            report("nada", "abandoned", nothing, grows)
            + report("tarde", "abandoned", steps([(0, 0), (26 * HOUR, 1)], length, 300), grows)
            + report("muda", "abandoned", nothing, nothing)
            # Calls in one report, none in the other, which was switched on after 20 hours, and off after 28; and with too few
            # calls.
            + report("dos", "abandoned", grows, grows)
            + report("dos", "answered", passing, late, passing)
            + report("pocas", "abandoned", steps([(0, 0), (22 * HOUR, 19)], length, 300), grows)
            + report("pocas", "answered", steps([(0, None), (20 * HOUR, 0)], length, 300), late),
            none(22 * HOUR, name)
            + [
                (23 * HOUR + 1500, name, [dict(operation="dos", report="answered")]),
                (
                    25 * HOUR,
                    name,
                    [
                        dict(operation="dos", report="answered"),
                        dict(operation="nada"),
                        dict(operation="tarde"),
                    ],
                ),
                (27 * HOUR, name, [dict(operation="dos", report="answered"), dict(operation="nada")]),
                (29 * HOUR, name, [dict(operation="nada")]),
            ],
        )
    ]


def ledger_gone():
    length = HOUR
    name = "WolkvoxLedgerGone"
    return [
        Test(
            "fires when no file is there for 5 minutes, not when it was away for a moment, and resolves",
            30,
            [
                (f"wolkvox_ledger_size_bytes{{{ON_TARGET}}}", steps([(0, 4096), (600, 0), (1800, 8192)], length, 30)),
                ('wolkvox_ledger_size_bytes{instance="otro:10119",job="wolkvox"}', steps([(0, 9), (600, 0), (840, 9)], length, 30)),
            ],
            none(890, name) + [(1100, name, [TARGET])] + none(1900, name),
        )
    ]


def config_not_in_force():
    name = "WolkvoxConfigNotInForce"
    metric = "wolkvox_exporter_config_last_reload_successful"
    return [
        Test(
            "fires when it lasts for 5 minutes, not when it is mended at once, and resolves",
            30,
            [
                (f"{metric}{{{ON_TARGET}}}", steps([(0, 1), (600, 0), (1800, 1)], HOUR, 30)),
                (f'{metric}{{instance="otro:10119",job="wolkvox"}}', steps([(0, 1), (600, 0), (840, 1)], HOUR, 30)),
            ],
            none(890, name) + [(1100, name, [TARGET])] + none(1900, name),
        )
    ]


def certificate_ends():
    name = "WolkvoxCertificateEnds"
    metric = "wolkvox_exporter_tls_certificate_expiry_timestamp_seconds"
    fortnight = 14 * 24 * HOUR
    return [
        Test(
            "fires two weeks before the end, not earlier, and resolves when another one is served",
            60,
            [
                (f"{metric}{{{ON_TARGET}}}", steps([(0, fortnight + 2 * HOUR), (5 * HOUR, 3 * fortnight)], 6 * HOUR, 60)),
                (f'{metric}{{instance="otro:10119",job="wolkvox"}}', steps([(0, fortnight + 7 * HOUR)], 6 * HOUR, 60)),
            ],
            none(2 * HOUR + 3500, name)
            + [(3 * HOUR + 1800, name, [dict(TARGET, value="13.9")])]
            + none(5 * HOUR + 300, name),
        )
    ]


def skipped():
    length = 40 * HOUR
    # ventas: 90 minutes are given up while it runs, at 7 h. otra: the exporter is off for 26 h, two of which are given up
    # before its first scrape.
    name = "WolkvoxDataSkipped"
    series = [
        (f'wolkvox_skipped_seconds_total{{{ON_REPORT},operation="ventas"}}', steps([(0, 0), (7 * HOUR, 5400)], length, 300)),
        (
            f'wolkvox_skipped_seconds_total{{{ON_REPORT},operation="otra"}}',
            steps([(0, 300), (2 * HOUR, None), (28 * HOUR, 7500)], length, 300),
        ),
    ]
    return [
        Test(
            "fires for six hours, also where the time was given up before the first scrape after a gap",
            300,
            series,
            none(7 * HOUR - 50, name)
            + [(7 * HOUR + 1500, name, [dict(operation="ventas", value="1h 30m 0s")])]
            + none(13 * HOUR + 1500, name)
            + [(28 * HOUR + 1500, name, [dict(operation="otra", value="2h 0m 0s")])]
            + none(34 * HOUR + 1500, name),
        )
    ]


def situations(scrape):
    """What must not alert, and what must all the same."""
    return [
        idle_night(scrape),
        birth(scrape),
        restart(scrape),
        scrape_gap(scrape),
        outage(scrape),
        no_history(scrape),
        many_operations(scrape),
        renamed(scrape),
    ]


def idle_night(scrape):
    length = 3 * HOUR
    world = World("ventas", [Skill("4173", "Ventas", by_window((0, 0)))], length, scrape)
    series = world.series() + weeks_ago("ventas", "4173", 0, length, scrape)
    series += polls({"ok": [(0, 0)], "empty": stairs(61, 300, 36)}, length, scrape)
    return Test(
        "idle night: nothing fires",
        scrape,
        series,
        [alert for at in (1830, 5430, 10_770) for alert in none(at, *VALUE_ALERTS, *EXPORTER_ALERTS)],
    )


def birth(scrape):
    length = 2 * HOUR
    # Its first window brings 6 calls, as every window after it: 18 in 15 minutes, below the 19.5 without history.
    world = World("ventas", [Skill("4180", "Nueva", by_window((0, 0), (6, 6)), born=6)], length, scrape)
    first = 6 * WINDOW + WINDOW + READ_DELAY
    return Test(
        "birth of a series: its first calls count once and make no spike",
        scrape,
        world.series(),
        [alert for at in range(first, length, 300) for alert in none(at + 30, "WolkvoxAbandonmentSpike", "WolkvoxAbandonmentElevated")],
        [
            (first + HOLD - 10, 'sum(wolkvox_abandoned_calls_total{skill_id="4180"})', [("{}", 0)]),
            (first + HOLD + 70, 'sum(wolkvox_abandoned_calls_total{skill_id="4180"})', [("{}", 6)]),
            (5430, "round(wolkvox:skill_calls:15m, 0.001)", [('{operation="ventas",skill_id="4180"}', 18)]),
        ],
    )


def restart(scrape):
    length = 2 * HOUR
    # Down for three minutes across a read; the counters go on from the ledger.
    world = World("ventas", [Skill("4173", "Ventas", by_window((0, 3)))], length, scrape, downs=[(3600, 3780)])
    series = world.series() + weeks_ago("ventas", "4173", 36, length, scrape)
    return Test(
        "restart: nothing fires and the rate stays",
        scrape,
        series,
        [alert for at in range(3630, length, 300) for alert in none(at, *VALUE_ALERTS, *EXPORTER_ALERTS)],
        [(at, "round(wolkvox:skill_calls:15m, 0.001)", [('{operation="ventas",skill_id="4173"}', 9)]) for at in (4030, 4330, 6030)],
    )


def scrape_gap(scrape):
    length = 2 * HOUR
    # Prometheus is away for ten minutes; the exporter goes on.
    world = World("ventas", [Skill("4173", "Ventas", by_window((0, 3)))], length, scrape, gaps=[(3600, 4200)])
    series = world.series() + weeks_ago("ventas", "4173", 36, length, scrape)
    return Test(
        "gap of scrapes: no value alert, and the rate stays",
        scrape,
        series,
        [alert for at in range(3630, length, 300) for alert in none(at, *VALUE_ALERTS)],
        [(at, "round(wolkvox:skill_calls:15m, 0.001)", [('{operation="ventas",skill_id="4173"}', 9)]) for at in (4330, 4930, 6030)],
    )


def outage(scrape):
    length = 4 * HOUR
    # An hour and a half of outage. 30 calls a window during it would be a spike if they were taken as of the catch-up;
    # a skill is born in it, and its 60 calls come in one step at the end of its hold, when the others' are long counted.
    world = World(
        "ventas",
        [
            Skill("4173", "Ventas", by_window((0, 3), (12, 30), (30, 3))),
            Skill("4181", "Nueva", in_windows_of(20, 60), born=20),
        ],
        length,
        scrape,
        outages=[(3700, 9200)],
    )
    series = world.series() + weeks_ago("ventas", "4173", 36, length, scrape)
    after = range(9330, length, 180)
    return Test(
        "outage with catch-up: stale data, then a catch-up, never a spike",
        scrape,
        series,
        [alert for at in range(3930, length, 180) for alert in none(at, "WolkvoxAbandonmentSpike", "WolkvoxAbandonmentSpikeAllSkills")]
        + [(9460, "WolkvoxCatchingUp", [dict(operation="ventas")])]
        + none(after[-1], "WolkvoxDataStale", "WolkvoxCatchingUp"),
        [
            (8030, firing("WolkvoxDataStale"), [("{}", 1)]),
            # The jump stays in 15-minute ranges while the mute lasts, and the mute outlasts it.
            (9500, "count(wolkvox:data_trusted)", []),
            (10_830, "count(wolkvox:data_trusted)", [("{}", 1)]),
            (10_830, "max(wolkvox:skill_calls:15m) < bool 15", [("{}", 1)]),
        ],
    )


def in_windows_of(window, calls):
    return lambda number: calls if number == window else 0


def no_history(scrape):
    length = 2 * HOUR
    # 6 calls a window are 18; 7 are 21, above the limit without history. Nothing else needs history to be silent.
    world = World(
        "ventas",
        [Skill("4173", "Ventas", by_window((0, 6))), Skill("4174", "Otro", by_window((0, 7)))],
        length,
        scrape,
    )
    return Test(
        "no history: only far too many calls fire",
        scrape,
        world.series(),
        none(6030, *VALUE_ALERTS[1:], *EXPORTER_ALERTS),
        [(6030, f'{firing("WolkvoxAbandonmentSpike")} by (skill_id)', [('{skill_id="4174"}', 1)])],
    )


def many_operations(scrape):
    length = 2 * HOUR
    # Three operations with the same skill id in one exporter; one is in an outage, one has a spike.
    worlds = [
        World("norte", [Skill("4173", "Ventas", by_window((0, 3), (12, 14)))], length, scrape),
        World("sur", [Skill("4173", "Ventas", by_window((0, 3)))], length, scrape),
        World("este", [Skill("4173", "Ventas", by_window((0, 12)))], length, scrape, outages=[(3000, length)]),
    ]
    series = []
    for world in worlds:
        series += [item for item in world.series() if not item[0].startswith("up{")]
        series += weeks_ago(world.operation, "4173", 36, length, scrape)
    series.append((f"up{{{ON_TARGET}}}", constant(1, length, scrape)))
    return Test(
        "three operations: each for itself",
        scrape,
        series,
        [
            (
                5030,
                "WolkvoxAbandonmentSpike",
                [dict(operation="norte", skill_id="4173", skill_name="Ventas", value=42, times="4.4", since=28)],
            ),
            *none(5030, "WolkvoxAbandonmentSpikeAllSkills"),
        ],
        [(5030, f'count by (operation) (ALERTS{{alertname="WolkvoxDataStale",alertstate="firing"}})', [('{operation="este"}', 1)])],
    )


def renamed(scrape):
    length = 2 * HOUR
    # The series moves to the new name with its value, in the step of a read.
    at = 12 * WINDOW + READ_DELAY
    world = World(
        "ventas", [Skill("4173", "Ventas", by_window((0, 8)), renamed=(at, "Ventas y más"))], length, scrape
    )
    series = world.series() + weeks_ago("ventas", "4173", 20, length, scrape)
    name = "WolkvoxAbandonmentSpike"
    alert = dict(operation="ventas", skill_id="4173", value=24, times="4.4")
    return Test(
        "renamed skill: the alert goes on under the new name, with the old history",
        scrape,
        series,
        [
            (3500, name, [alert | dict(skill_name="Ventas", since=58)]),
            (6030, name, [alert | dict(skill_name="Ventas y más", since=100)]),
        ],
    )


def history():
    """Four weeks of raw counters: the usual that the other tests take as given."""
    week = 7 * 24 * HOUR
    length = 4 * week + 4 * HOUR
    scrape = 300
    # 24, 48, 96 and 72 calls an hour in the weeks, and 144 since: the hours a week ago are the fourth week's. Only the
    # stretches that are looked at are there.
    looked_at = [(number * week - 3 * HOUR, number * week + 6 * HOUR) for number in range(5)]

    def sparse(rate_at):
        samples, value = [], 0
        for at in range(0, length + 1, scrape):
            samples.append(f"{value:g}" if any(begin <= at < end for begin, end in looked_at) else "_")
            value += rate_at(at)
        return compress(samples)

    rates = [2, 4, 8, 6, 12]
    labels = f'{ON_TARGET},operation="ventas",skill_id="4173",skill_name="Ventas",type_interaction="inbound"'
    other = labels.replace("4173", "4174").replace("Ventas", "Nueva")
    nine_days = length - 9 * 24 * HOUR
    series = [
        (f"wolkvox_abandoned_calls_total{{{labels}}}", sparse(lambda at: rates[at // week])),
        # A second skill that exists for nine days only: one week of history isn't enough.
        (
            f"wolkvox_abandoned_calls_total{{{other}}}",
            compress(["_" if at < 3 * week - 3 * HOUR or not any(b <= at < e for b, e in looked_at) else str((at - nine_days) // scrape) for at in range(0, length + 1, scrape)]),
        ),
        (f'wolkvox_complete_until_timestamp_seconds{{{ON_REPORT},operation="ventas"}}', sparse(lambda at: scrape)),
        (f'wolkvox_catching_up{{{ON_REPORT},operation="ventas"}}', f"0x{length // scrape}"),
    ]
    at = 4 * week + 3 * HOUR
    ventas = '{operation="ventas",skill_id="4173"}'
    nueva = '{operation="ventas",skill_id="4174"}'
    weeks = [
        (f'{{operation="ventas",skill_id="4173",week="{number}"}}', value) for number, value in zip("1234", (72, 96, 48, 24))
    ]
    return [
        Test(
            "the usual is the mean of the same three hours in four weeks, and unknown with one week",
            scrape,
            series,
            [],
            [
                (at, f"round(wolkvox:skill_calls:3h_weeks_ago{ventas}, 0.001)", weeks),
                (at, f"round(wolkvox:skill_calls:3h_weeks_ago{nueva}, 0.001)", [('{operation="ventas",skill_id="4174",week="1"}', 12)]),
                (at, "round(wolkvox:skill_calls:usual_1h, 0.001)", [(ventas, 60)]),
                # A week ago there were both skills: 72 + 12; before that the one, with 96, 48 and 24.
                (at, "round(wolkvox:operation_calls:usual_1h, 0.001)", [('{operation="ventas"}', 63)]),
                (at, "round(wolkvox:skill_calls:spike_limit, 0.001)", [(ventas, 46.5), (nueva, 19.5)]),
            ],
        )
    ]


def usual_share():
    """What is usual of a share, from days of the three hours that it is made of."""
    step, day = 1800, 24 * HOUR
    kept = rule.thresholds()["share_memory"]
    length = 6 * day
    skill = '{operation="ventas",skill_id="4173"}'
    # Lost and answered of three hours on each day; nothing is known of the third.
    days = [(10, 90), (20, 80), (None, None), (30, 70), (40, 60), (40, 60)]
    series = [("wolkvox:threshold:share_memory", constant(kept, length, step))]
    for number, part in enumerate(("abandoned", "answered")):
        changes = [(at * day, of[number]) for at, of in enumerate(days)]
        series.append((f"wolkvox:skill_service:3h{skill[:-1]},part=\"{part}\"}}", steps(changes, length, step)))
    first = 10
    second = kept * first + 20
    # The third day leaves it as it was.
    fourth = kept * second + 30
    total = kept * (kept * 100 + 100) + 100
    return [
        Test(
            "the usual share weighs all days, the later ones more, and bears a day without any",
            step,
            series,
            [],
            [
                (12 * HOUR, f"wolkvox:skill_share:usual{skill}", []),
                *(
                    (number * day + 12 * HOUR, f"round(wolkvox:skill_share:usual{skill}, 0.0001)", [(skill, round(value, 4))])
                    for number, value in ((1, 0.1), (2, second / (kept * 100 + 100)), (3, second / (kept * 100 + 100)), (4, fourth / total))
                ),
            ],
        )
    ]


def rare():
    """What is learnt, from four weeks of the records that it is learnt from."""
    step = 900
    four_weeks = 4 * 7 * 24 * HOUR
    length = four_weeks + HOUR
    # 3 for four weeks, but 40 for two hours of them (0.3 %) and 20 for another four (0.6 %).
    values = steps([(0, 3), (five_days(1), 40), (five_days(1) + 2 * HOUR, 3), (five_days(2), 20), (five_days(2) + 4 * HOUR, 3)], length, step)
    short = f"_x{(length - five_days(2)) // step} 3x{five_days(2) // step}"
    series = [
        ("wolkvox:threshold:surprise_rare_share", constant(0.005, length, step)),
        ("wolkvox:threshold:absolute_rare_share", constant(0.002, length, step)),
        ("wolkvox:threshold:drift_rare_share", constant(0.01, length, step)),
        ("wolkvox:threshold:history_weeks", constant(2, length, step)),
    ]
    skill, operation = '{operation="ventas",skill_id="4173"}', '{operation="ventas"}'
    learnt = {
        "skill_surprise:rare_15m": ("skill_surprise:15m", skill, 20),
        "operation_surprise:rare_15m": ("operation_surprise:15m", operation, 20),
        "skill_calls:rare_15m": ("skill_calls:15m", skill, 40),
        "operation_calls:rare_15m": ("operation_calls:15m", operation, 40),
        "skill_drift:rare": ("skill_drift:sum", skill, 3),
    }
    known = [(f"wolkvox:{source}{labels}", values) for source, labels, _ in learnt.values()]
    young = [(f"wolkvox:{source}{labels}", short) for source, labels, _ in learnt.values()]
    return [
        Test(
            "what is learnt is what was exceeded in so small a share of four weeks",
            step,
            series + known,
            [],
            [(four_weeks, f"round(wolkvox:{name})", [(labels, value)]) for name, (_, labels, value) in learnt.items()],
        ),
        Test("it is unknown with ten days", step, series + young, [], [(four_weeks, f"wolkvox:{name}", []) for name in learnt]),
    ]


def emulation():
    """What Prometheus records against what alerts/replay/rule.py makes of the same calls: an uneven afternoon with an incident."""
    length = 7 * HOUR
    rng = random.Random(4)
    counts = [rng.choice((0, 0, 1, 1, 2, 4)) + (6 if 50 <= window < 58 else 0) for window in range(length // WINDOW)]
    served = [rng.choice((2, 5, 9)) for _ in counts]
    world = World("ventas", [Skill("4173", "Ventas", lambda window: counts[window], answered=lambda window: served[window])], length, 60)
    series = world.series() + weeks_ago("ventas", "4173", 12, length, 60)
    series += usual_parts("ventas", "4173", 12, 60, length, 60)
    known = rule.Skill(counts, served)
    # The same four weeks as above, which the emulation has no windows of.
    known.usual_1h = [12.0] * len(counts)
    per_hour = [count / 3 for count in rule.sums(counts, 3 * rule.HOUR)]
    known.level = rule.level(per_hour, known.usual_1h, known.t)
    known.expected_15m = [3 * level for level in known.level]
    values = []
    skill = '{operation="ventas",skill_id="4173"}'
    for window in (40, 52, 54, 57, 62, 75):
        # Three minutes after its read; the records are then of a window that has stood for a while.
        at = (window + 1) * WINDOW + READ_DELAY + 180
        surprise = rule.surprise(known.calls_15m[window], known.expected_15m[window])
        low = rule.share_low(known.calls_15m[window], sum(served[window - 2 : window + 1]))
        # What is extrapolated at the range's ends makes a difference of some per cent for uneven calls.
        for record, value, within in (
            ("skill_calls:15m", known.calls_15m[window], 0.05 * known.calls_15m[window] + 0.1),
            ("skill_calls:3h", per_hour[window], 0.03 * per_hour[window] + 0.1),
            ("skill_calls:day_level", known.level[window], 0.05 * known.level[window]),
            ("skill_surprise:15m", surprise, 0.35),
            ("skill_share:low_15m", low, 0.03),
        ):
            values.append((at, f"abs(wolkvox:{record}{skill} - {value:.6f}) < bool {within:.4f}", [(skill, 1)]))
    return [Test("the rules record what the replay takes them to record", 60, series, [], values)]


def five_days(times):
    return times * 5 * 24 * HOUR


def files():
    calls = {
        "abandonment_spike": File("WolkvoxAbandonmentSpike.", spike()),
        "abandonment_spike_all_skills": File("WolkvoxAbandonmentSpikeAllSkills.", all_skills()),
        "abandonment_elevated": File("WolkvoxAbandonmentElevated.", elevated()),
        "short_abandon_surge": File("WolkvoxShortAbandonSurge.", short()),
        "abandon_time_high": File("WolkvoxAbandonTimeHigh.", time_high()),
        "suspicious_silence": File("WolkvoxSuspiciousSilence.", silence()),
    }
    exporter = {
        "exporter_down": File("WolkvoxExporterDown.", down()),
        "exporter_absent": File("WolkvoxExporterAbsent.", absent()),
        "data_stale": File("WolkvoxDataStale.", stale()),
        "token_rejected": File("WolkvoxTokenRejected.", token()),
        "api_failing": File("WolkvoxApiFailing.", api_failing()),
        "quota_exceeded": File("WolkvoxQuotaExceeded.", quota()),
        "quota_low": File("WolkvoxQuotaLow.", quota_low()),
        "catching_up": File("WolkvoxCatchingUp.", catching_up()),
        "timezone_mismatch": File("WolkvoxTimezoneMismatch.", timezone()),
        "totals_differ": File("WolkvoxTotalsDiffer.", totals_differ()),
        "clock_off": File("WolkvoxClockOff.", clock()),
        "ledger_gone": File("WolkvoxLedgerGone.", ledger_gone()),
        "config_not_in_force": File("WolkvoxConfigNotInForce.", config_not_in_force()),
        "certificate_ends": File("WolkvoxCertificateEnds.", certificate_ends()),
        "data_skipped": File("WolkvoxDataSkipped.", skipped(), evaluation=1193),
    }
    for name, test in counters():
        snake = "".join("_" + letter.lower() if letter.isupper() else letter for letter in name.removeprefix("Wolkvox"))
        exporter[snake.lstrip("_")] = File(f"{name}.", [test])
    # Each alert with a second report switched on and off in the middle.
    for file in calls.values():
        file.tests = [of_two_reports(test, troubled=True) for test in file.tests]
    for file in exporter.values():
        file.tests = [of_two_reports(test) for test in file.tests]
    others = {
        "emulation": File("The numbers of the replay.", emulation()),
        "share": File("The page by the share of the offered calls.", share() + calm() + young()),
        "service": File("Recorded shares against the truth.", [service(15), service(30), service(60), service_of_minutes()]),
        "reports": File("One report in trouble, the other not; no report at all.", [one_report_alone(), no_label()]),
        "only_empty": File("WolkvoxOnlyEmpty.", only_empty(), evaluation=293),
        # On the grid: what is read from exactly a week ago must have been recorded then.
        "history": File("Medians of the same hour in four weeks, from raw counters.", history(), evaluation=1800),
        "usual_share": File("The usual share.", usual_share(), evaluation=1800),
        "history_rare": File("Rare levels.", rare(), ("wolkvox-history.rules.yml",), evaluation=6 * HOUR),
        "situations_15s": File("Situations, scraped every 15 s; one report.", situations(15)),
        "situations_30s": File(
            "Situations, scraped every 30 s; two reports.", [of_two_reports(test) for test in situations(30)]
        ),
        "situations_60s": File(
            "Situations, scraped every 60 s; two reports.", [of_two_reports(test) for test in situations(60)]
        ),
    }
    return calls | exporter | others
