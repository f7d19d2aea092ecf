"""What the on-call panels share."""

from .. import promql as q
from ..text import Text

OP = q.OPERATION

JOB = 'job=~"$job"'
OPERATION_COLUMN, SKILL_COLUMN = Text("Operación", "Operation"), Text("Skill", "Skill")
