"""A check with all that a reader may ask of it: whose it is, where it is written, and its number of the day."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pacer_pipelines.decisions.values import Check

State = Literal["passed", "warning", "critical", "nothing to judge"]
NOTHING: State = "nothing to judge"


@dataclass(frozen=True, slots=True)
class Explained:
    """A check and its background, as plain values that survive as JSON.

    ``value`` is the number that the expectation looks at, of the row nearest to its threshold; None where no row was
    judged. ``low`` and ``high`` are the thresholds. ``rows`` names the failing rows, aggregates only. ``suite`` is the
    expectation as the reviewed file has it, ``result`` what Great Expectations counted.
    """

    check: Check
    owner: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    percent: bool = False
    rows: tuple[str, ...] = ()
    suite: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """What to show of it; a check that had nothing to judge has not failed, and has shown nothing either."""
        if not self.check.passed:
            return self.check.severity
        return NOTHING if self.check.observed == NOTHING else "passed"

    @property
    def anchor(self) -> str:
        """Where it stands in the page of its day."""
        return f"{self.check.source}.{self.check.name}"

    def as_dict(self) -> dict[str, Any]:
        """The values as JSON takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Explained":
        """What :meth:`as_dict` wrote."""
        plain = {**content, "check": Check(**content["check"]), "rows": tuple(content["rows"])}
        return cls(**plain)
