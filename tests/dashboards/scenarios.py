"""The situations in which the dashboards are tested and looked at. All times are local to the operation (Bogotá)."""

from traffic import Alert, Incident, Outage, Rename, Scenario, Skill, local

CENTRE = (
    Skill("ventas", "4173", "Ventas", 0.40),
    Skill("ventas", "4180", "Soporte técnico", 0.30),
    Skill("ventas", "4188", "Cartera", 0.18),
    Skill("ventas", "4201", "Retención", 0.08),
    Skill("ventas", "4205", "PQRS", 0.05),
    Skill("ventas", "4310", "WhatsApp ventas", 0.12, "chat-whatsapp"),
    Skill("cobranza", "77", "Cobranza temprana", 0.15, "out_pre"),
    Skill("cobranza", "78", "Acuerdos de pago", 0.10, born=local("2026-03-18 09:20")),
)

DAY = Scenario(
    name="day",
    skills=CENTRE,
    end=local("2026-03-18 15:27"),
    weeks=5,
    hours=40,
    answered=True,
    incidents=(Incident(("4173", "4180"), local("2026-03-18 14:50"), local("2026-03-18 15:30"), 9),),
    restarts=(local("2026-03-18 08:12"),),
    alerts=(
        Alert(
            "WolkvoxAbandonmentSpike",
            "critical",
            local("2026-03-18 15:04"),
            local("2026-03-18 16:10"),
            (("operation", "ventas"), ("skill_id", "4173"), ("skill_name", "Ventas")),
        ),
        Alert(
            "WolkvoxRowsRejected",
            "warning",
            local("2026-03-18 14:20"),
            local("2026-03-18 16:10"),
            (("operation", "ventas"),),
        ),
    ),
)

NIGHT = Scenario(name="night", skills=CENTRE, end=local("2026-03-18 04:33"), hours=12, scrape=60)

OUTAGE = Scenario(
    name="outage",
    skills=CENTRE,
    end=local("2026-03-18 15:33"),
    hours=14,
    scrape=15,
    outages=(
        Outage(local("2026-03-18 10:12"), local("2026-03-18 11:02"), "timeout"),
        Outage(local("2026-03-18 13:40"), local("2026-03-18 14:20"), "unauthorized"),
        Outage(local("2026-03-18 15:05"), local("2026-03-18 15:40"), "connect"),
    ),
    alerts=(
        Alert(
            "WolkvoxDataStale",
            "critical",
            local("2026-03-18 15:21"),
            local("2026-03-18 15:40"),
            (("operation", "ventas"),),
        ),
    ),
)

ONE_SKILL = Scenario(name="one_skill", skills=CENTRE[:1], end=local("2026-03-18 12:22"), hours=13)

LONG = "Atención preferencial a clientes empresariales de la región Caribe y Antioquia, segundo nivel"
SIXTY = Scenario(
    name="sixty",
    skills=tuple(
        Skill(
            "ventas", str(4000 + i), f'{LONG} «{i}» "VIP"' if i % 20 == 3 else f"Skill {i:02} sede norte", 1.2 / (1 + i)
        )
        for i in range(60)
    ),
    end=local("2026-03-18 12:22"),
    hours=7,
    scrape=60,
)

RENAME = Scenario(
    name="rename",
    skills=CENTRE,
    end=local("2026-03-18 12:42"),
    hours=13,
    renames=(Rename("4173", local("2026-03-18 10:30"), "Ventas y renovaciones"),),
)

# Forty skills of very different size; one of the small ones is struck.
PLACES = ("Bogotá", "Medellín", "Cali", "Barranquilla", "Bucaramanga")
WORK = ("Ventas hogar", "Citas médicas", "Soporte técnico", "Cartera", "PQRS", "Retención", "Recargas", "Siniestros")
FORTY = Scenario(
    name="forty",
    skills=tuple(
        Skill("centro", str(5100 + i), f"{WORK[i % 8]} {PLACES[i // 8]}", 3 / (1.5 + i)) for i in range(40)
    ),
    end=local("2026-03-18 11:28"),
    weeks=3,
    hours=13,
    scrape=60,
    seed=5,
    answered=True,
    incidents=(Incident(("5109",), local("2026-03-18 10:58"), local("2026-03-18 11:30"), 8),),
    alerts=(
        Alert(
            "WolkvoxAbandonmentSpike",
            "critical",
            local("2026-03-18 11:14"),
            local("2026-03-18 12:10"),
            (("operation", "centro"), ("skill_id", "5109"), ("skill_name", "Citas médicas Medellín")),
        ),
    ),
)

# Three operations that name their skills alike; one of them has two of its own struck.
THREE = Scenario(
    name="three",
    skills=tuple(
        Skill(operation, id, name, share * size)
        for operation, size in (("banco", 0.9), ("seguros-andina", 0.7), ("tienda-virtual", 0.5))
        for id, name, share in (
            ("4173", "Ventas", 0.4),
            ("4180", "Soporte técnico", 0.3),
            ("4188", "Cartera", 0.2),
            ("4205", "PQRS", 0.1),
        )
        if (operation, id) != ("tienda-virtual", "4205")
    ),
    end=local("2026-03-18 16:42"),
    weeks=3,
    hours=18,
    incidents=(Incident(("seguros-andina/4173",), local("2026-03-18 16:05"), local("2026-03-18 16:50"), 10),),
    alerts=(
        Alert(
            "WolkvoxAbandonmentSpike",
            "critical",
            local("2026-03-18 16:21"),
            local("2026-03-18 17:30"),
            (("operation", "seguros-andina"), ("skill_id", "4173"), ("skill_name", "Ventas")),
        ),
    ),
)

# An installation's first hour: no history behind it, the rules loaded with it.
FIRST_HOUR = Scenario(
    name="first_hour", skills=CENTRE[:5], end=local("2026-03-18 10:42"), start=local("2026-03-18 10:00"), hours=2
)

# The exporter without the rules; and neither of them.
NO_RULES = Scenario(name="no_rules", skills=CENTRE[:3], end=local("2026-03-18 12:22"), hours=6, rules=False)
NOTHING = Scenario(name="nothing", skills=(), end=local("2026-03-18 12:22"), hours=2, rules=False)

ALL = {
    scenario.name: scenario
    for scenario in (DAY, NIGHT, OUTAGE, ONE_SKILL, SIXTY, RENAME, FORTY, THREE, FIRST_HOUR, NO_RULES, NOTHING)
}
