"""What the on-call panels share."""

from .. import promql as q
from ..text import Text

# Self-metrics of the chosen report.
OP = f'{q.OPERATION}, report="$report"'

JOB = 'job=~"$job"'
OPERATION_COLUMN, SKILL_COLUMN = Text("Operación", "Operation"), Text("Skill", "Skill")
