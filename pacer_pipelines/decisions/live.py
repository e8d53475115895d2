"""What the logs say since the last verdict: to look at, never to decide."""

from dataclasses import dataclass
from datetime import datetime

from pacer_pipelines.decisions.wording import FEWEST_UNITS, rate_text


@dataclass(frozen=True, slots=True)
class LiveCount:
    """One variant since a moment: calls, failed ones, mean latency of the others in ms, ratings and GOOD among them."""

    calls: int = 0
    failures: int = 0
    latency_ms: float | None = None
    rated: int = 0
    good: int = 0

    def cells(self) -> tuple[str, ...]:
        """Calls, failure rate, latency, ratings and GOOD rate as text; a rate of a few is not told."""
        enough, rated_enough = self.calls >= FEWEST_UNITS, self.rated >= FEWEST_UNITS
        return (
            f"{self.calls:,}",
            rate_text("failure_rate", self.failures / self.calls) if enough else "-",
            rate_text("latency", self.latency_ms) if enough else "-",
            f"{self.rated:,}",
            rate_text("good_rate", self.good / self.rated) if rated_enough else "-",
        )


@dataclass(frozen=True, slots=True)
class Live:
    """Both variants of an experiment since the end of its last judged day.

    ``since`` and ``at`` are naive UTC; ``behind`` says that more lines wait, ``problems`` what could not be read.
    """

    since: datetime
    at: datetime
    control: LiveCount = LiveCount()
    treatment: LiveCount = LiveCount()
    behind: bool = False
    problems: tuple[str, ...] = ()
