"""The exporter as a process, and what it knows of each operation."""

from .. import grafana as g
from .. import promql as q
from ..text import Text
from .common import JOB, OP, OPERATION_COLUMN

COLUMNS = {
    "operation": OPERATION_COLUMN,
    "Value #A": Text("Última lectura", "Last poll"),
    "Value #B": Text("Edad", "Age"),
    "Value #C": Text("Última llamada", "Last call"),
    "Value #D": Text("Último éxito", "Last success"),
    "Value #E": Text("Poniéndose al día", "Catching up"),
    "Value #F": Text("UTC observado", "Observed UTC offset"),
    "Value #G": Text("Zona horaria", "Time zone"),
    "Value #H": Text("Series", "Label sets"),
}

OPERATIONS = g.table(
    22,
    Text("Operaciones", "Operations"),
    Text(
        "Lo que el exportador sabe de cada operación; los tiempos son desde entonces, de series caben 2000. La hora observada sale de los datos; si contradice la"
        " configurada, las llamadas caen fuera del rango pedido.",
        "What the exporter knows of each operation; times are since then, there is room for 2000 label sets. The observed offset comes from the data; where it contradicts the"
        " configured zone, calls fall outside the range asked for.",
    ),
    (0, 48, 24, 5),
    [
        g.column("A", f"max by (operation) (wolkvox_up{{{OP}}})"),
        g.column("B", f"max by (operation) ({q.AGE}) / 60"),
        g.column("C", f"(time() - max by (operation) (wolkvox_last_poll_timestamp_seconds{{{OP}}})) / 60"),
        g.column("D", f"(time() - max by (operation) (wolkvox_last_success_timestamp_seconds{{{OP}}})) / 60"),
        g.column("E", f"max by (operation) (wolkvox_catching_up{{{OP}}})"),
        g.column("F", f"max by (operation) (wolkvox_observed_utc_offset_seconds{{{OP}}}) / 3600"),
        g.column("G", f"max by (operation) (wolkvox_timezone_mismatch{{{OP}}})"),
        g.column("H", f"count by (operation) (wolkvox_abandoned_calls_total{{{q.OPERATION}}})"),
    ],
    "none",
    order=["operation", *(f"Value #{ref}" for ref in "ABCDEFGH")],
    names=COLUMNS,
    overrides=[
        *(g.override(name, custom__minWidth=95) for name in COLUMNS.values()),
        g.override(
            Text("Última lectura", "Last poll"),
            custom__cellOptions={"type": "color-text"},
            mappings=g.mapping((1, Text("bien", "fine"), g.GREEN), (0, Text("falló", "failed"), g.RED)),
        ),
        g.override(
            Text("Edad", "Age"),
            unit=g.MINUTES,
            decimals=0,
            color={"mode": "thresholds"},
            thresholds=g.steps(g.GREEN, (q.LATE_MINUTES, g.ORANGE), (q.STALE_MINUTES, g.RED)),
            custom__cellOptions={"type": "color-text"},
        ),
        g.override(Text("Última llamada", "Last call"), unit=g.MINUTES, decimals=0),
        g.override(Text("Último éxito", "Last success"), unit=g.MINUTES, decimals=0),
        g.override(
            Text("Poniéndose al día", "Catching up"),
            custom__cellOptions={"type": "color-text"},
            mappings=g.mapping((0, Text("no", "no"), None), (1, Text("sí", "yes"), g.BLUE)),
        ),
        g.override(Text("UTC observado", "Observed UTC offset"), unit=g.HOURS, decimals=2),
        g.override(
            Text("Zona horaria", "Time zone"),
            custom__cellOptions={"type": "color-text"},
            mappings=g.mapping((0, Text("concuerda", "agrees"), g.GREEN), (1, Text("no concuerda", "mismatch"), g.RED)),
        ),
        g.override(
            Text("Series", "Label sets"),
            decimals=0,
            color={"mode": "thresholds"},
            thresholds=g.steps("text", (1600, g.ORANGE), (2000, g.RED)),
            custom__cellOptions={"type": "color-text"},
        ),
    ],
)

DAY_SECONDS = 86_400
# Below these a certificate wants renewing soon, and now.
CERTIFICATE_DAYS, CERTIFICATE_PAGE_DAYS = 14, 3

SAMPLES = Text("muestras por consulta", "samples a scrape")

RESOURCES = [
    g.lines(
        23,
        Text("Muestras de /metrics", "Samples of /metrics"),
        Text(
            "Muestras en cada consulta de Prometheus: crece con skills y tipos nuevos.",
            "Samples in each scrape: grows with new skills and types.",
        ),
        (0, 53, 5, 7),
        [g.query(f"sum(scrape_samples_scraped{{{JOB}}})", SAMPLES)],
        "none",
        decimals=0,
        legends=g.legend(show=False),
    ),
    g.lines(
        24,
        Text("Lo que tarda /metrics", "How long /metrics takes"),
        Text(
            "Duración de una consulta, vista por Prometheus. No depende de wolkvox.",
            "Duration of a scrape as Prometheus sees it. It does not depend on wolkvox.",
        ),
        (5, 53, 5, 7),
        [g.query(f"max(scrape_duration_seconds{{{JOB}}})", Text("consulta", "scrape"))],
        "s",
        legends=g.legend(show=False),
        custom={"axisSoftMax": 0.01},
    ),
    g.lines(
        25,
        Text("Memoria y registro", "Memory and ledger"),
        Text(
            "Memoria del proceso y tamaño del registro (ledger) en el disco.",
            "Memory of the process and size of the ledger on disk.",
        ),
        (10, 53, 5, 7),
        [
            g.query(f"sum(process_resident_memory_bytes{{{JOB}}})", Text("memoria", "memory")),
            g.query(f"sum(wolkvox_ledger_size_bytes{{{JOB}}})", Text("registro", "ledger"), ref="B"),
        ],
        "bytes",
        overrides=[g.colored(Text("memoria", "memory"), g.BLUE), g.colored(Text("registro", "ledger"), g.ORANGE)],
    ),
    g.lines(
        26,
        Text("Filas recordadas", "Rows remembered"),
        Text(
            "Identidades, en el registro, de filas que una lectura puede traer otra vez. Sube y baja con el tráfico; si sólo sube, algo"
            " va mal.",
            "Identities, in the ledger, of rows that a read may bring again. Goes up and down with the traffic; if it only rises,"
            " something is wrong.",
        ),
        (15, 53, 5, 7),
        [g.query(f"sum(wolkvox_ledger_keys{{{JOB}}})", Text("filas", "rows"))],
        "none",
        decimals=0,
        legends=g.legend(show=False),
    ),
    g.stat(
        29,
        Text("Configuración", "Configuration"),
        Text(
            "Si la última recarga de la configuración se aceptó. Una rechazada no cambia nada: sigue la anterior, y el log dice"
            " por qué.",
            "Whether the last reload of the configuration was taken. A refused one changes nothing: the one before goes on, and"
            " the log says why.",
        ),
        (20, 53, 4, 4),
        [g.instant(f"min(wolkvox_exporter_config_last_reload_successful{{{JOB}}})")],
        "none",
        g.steps(g.RED, (1, g.GREEN)),
        defaults={
            "mappings": g.mapping((1, Text("aceptada", "taken"), g.GREEN), (0, Text("rechazada", "refused"), g.RED))
        },
    ),
    g.stat(
        30,
        Text("Certificado", "Certificate"),
        Text(
            "Días que le quedan al certificado que el exportador sirve ahora.",
            "Days left of the certificate that the exporter serves now.",
        ),
        (20, 57, 4, 3),
        [
            g.instant(
                f"(min(wolkvox_exporter_tls_certificate_expiry_timestamp_seconds{{{JOB}}}) - time()) / {DAY_SECONDS}"
            )
        ],
        g.DAYS,
        g.steps(g.RED, (CERTIFICATE_PAGE_DAYS, g.AMBER), (CERTIFICATE_DAYS, "text")),
        decimals=0,
        no_value=Text("sin TLS, o sin datos", "no TLS, or no data"),
    ),
]
