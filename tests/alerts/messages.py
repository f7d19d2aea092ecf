#!/usr/bin/env python3
"""What a person reads at 3 am: the example's e-mail, made from an alert by amtool as Alertmanager makes it.

The skill and the operation come first in the subject; the text says since when and links to the dashboard with both filled in,
and to the runbook. Needs `amtool` on PATH.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "alerts" / "alertmanager.example.yml"
DASHBOARD = "https://grafana.example.org/d/wolkvox-abandono?var-operation=ventas"
RUNBOOK = "https://example.org/wolkvox-exporter/alerts/runbooks.md#wolkvoxabandonmentspike"


def alert(status="firing", **labels):
    return {
        "status": status,
        "labels": {"operation": "ventas", **labels},
        "annotations": {
            "summary_es": "Muchas más llamadas abandonadas de lo habitual en un skill",
            "description_es": "Ventas (ventas): 33 llamadas, 3.5 veces lo usual. Desde hace 33 min.",
            "dashboard_url": f"{DASHBOARD}&var-skill=4173",
            "runbook_url": RUNBOOK,
        },
        "startsAt": "2026-03-18T08:04:00Z",
    }


def render(text, alerts):
    data = {"status": alerts[0]["status"], "alerts": alerts, "commonLabels": {"operation": "ventas"}}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(data, file)
        file.flush()
        command = ["amtool", "template", "render", "--template.text", text, "--template.data", file.name]
        with tempfile.NamedTemporaryFile("w", suffix=".tmpl") as empty:
            made = subprocess.run([*command, "--template.glob", empty.name], capture_output=True, text=True)
    if made.returncode:
        sys.exit(made.stdout + made.stderr)
    return made.stdout.strip()


def main():
    config = CONFIG.read_text()
    subjects = re.findall(r"^          Subject: '(.*)'$", config, re.MULTILINE)
    texts = [re.sub(r"^          ", "", text, flags=re.MULTILINE) for text in re.findall(r"^        text: \|\n((?:          .*\n|\n)+)", config, re.MULTILINE)]
    assert len(subjects) == len(texts) == 2, "two receivers of e-mail"
    for subject, text in zip(subjects, texts):
        one = render(subject, [alert(skill_name="Ventas")])
        assert one.startswith("Ventas (ventas): Muchas más"), one
        two = render(subject, [alert(skill_name="Ventas"), alert(skill_name="Soporte")])
        assert two.startswith("Ventas, Soporte (ventas): "), two
        assert render(subject, [alert()]).startswith("toda la operación (ventas): ")
        assert render(subject, [alert("resolved", skill_name="Ventas")]).startswith("Resuelta: Ventas (ventas)")
        shown = render(text, [alert(skill_name="Ventas")])
        for part in ("3.5 veces lo usual", "Desde hace 33 min", "Desde: 2026-03-18", f"{DASHBOARD}&var-skill=4173", RUNBOOK):
            assert part in shown, (part, shown)
    print(f"{len(subjects)} forms of e-mail, as they arrive")


if __name__ == "__main__":
    main()
