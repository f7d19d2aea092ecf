"""What the supervisors' panels share."""

from ..text import Text

UID = Text("wolkvox-abandono", "wolkvox-abandono-en")
OTHER_UID = Text("wolkvox-exporter", "wolkvox-exporter-en")

LAG = Text(
    "\n\nLas llamadas se cuentan cuando se lee su ventana: todo aparece entre 5 y 6 minutos después de ocurrir.",
    "\n\nCalls are counted when their window is read: everything shows 5 to 6 minutes after it happened.",
)


def lagging(es, en):
    return Text(es + LAG.es, en + LAG.en)


TODAY = "${today}s"
THIS_HOUR = "${hour}s"
