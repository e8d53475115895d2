"""What the landing needs to know of the experiments that have a plan."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pacer_pipelines.plan import Plan
from pacer_pipelines.serving.bucket import bucket


@dataclass(frozen=True, slots=True)
class Planned:
    """One experiment of the exposure log that has a plan: its variants, and how its units come into buckets.

    ``salt`` and ``unit`` are what PACER's servers use; arms of one experiment share them.
    """

    variants: frozenset[str]
    salt: str
    unit: Literal["student", "request"] = "student"

    def bucket_of(self, student_id: str, submission_id: str | None) -> int | None:
        """The bucket that a request belongs into, 0 to 9999; None when the line does not say which unit it is.

        Args:
            student_id: the raw id, not its pseudonym.
            submission_id: the same of the request.
        """
        unit = student_id if self.unit == "student" else submission_id
        return None if unit is None else bucket(unit, self.salt)


PlannedExperiments = Mapping[str, Planned]


def planned_experiments(plans: Iterable[Plan]) -> dict[str, Planned]:
    """Every experiment that the plans name, by the experiment_id of the exposure log: arms of one share it."""
    found: dict[str, Planned] = {}
    for plan in plans:
        variants = frozenset({plan.control.variant, plan.treatment.variant})
        known = found.setdefault(plan.logged_id, Planned(variants, plan.bucket_salt, plan.randomization_unit))
        found[plan.logged_id] = replace(known, variants=known.variants | variants)
    return found
