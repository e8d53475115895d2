"""A week in one look: what became of each experiment, who rates, and whether the data got better or worse."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Literal

from pacer_pipelines.decisions.coverage import Coverage
from pacer_pipelines.decisions.values import Past, Verdict, canonical
from pacer_pipelines.plan import Plan

State = Literal["running", "rolled back", "time is up", "all traffic on B", "not judged"]
# rules in a word; one that is not here is called by its name
IN_A_WORD = {"alarm": "harm", "health": "checks failed", "win": "won", "deadline": "time is up"}
Day = date


@dataclass(frozen=True, slots=True)
class Week:
    """An ISO week, Monday to Sunday."""

    first: date

    @classmethod
    def of(cls, day: date) -> "Week":
        """The week of a day."""
        return cls(day - timedelta(days=day.weekday()))

    @classmethod
    def named(cls, name: str) -> "Week":
        """The week that is called so, as in ``2026-W46``.

        Raises:
            ValueError: no week is called so.
        """
        year, mark, number = name.partition("-W")
        if not mark:
            raise ValueError(f"week: got {name!r}, allowed: an ISO week such as 2026-W46")
        return cls(date.fromisocalendar(int(year), int(number), 1))

    @property
    def last(self) -> date:
        """Its Sunday."""
        return self.first + timedelta(days=6)

    @property
    def before(self) -> "Week":
        """The week before."""
        return Week(self.first - timedelta(days=7))

    @property
    def name(self) -> str:
        """Its ISO name."""
        year, number, _ = self.first.isocalendar()
        return f"{year}-W{number:02d}"


@dataclass(frozen=True, slots=True)
class WordCount:
    """How often a week said a word for a reason; ``moves`` are the changes of B's share, in percent."""

    verdict: str
    why: str
    days: int
    moves: tuple[tuple[float | None, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class ExperimentWeek:
    """One experiment in one week.

    ``decision`` and ``decided_on_day`` name the first promotion, rollback or end, None while there is none. The shares
    are those of the week's last verdict; ``waits`` says that a promotion waits for a person.
    """

    experiment: str
    variant: str
    state: State
    day: int
    max_days: int
    share: float | None
    next_share: float | None
    verdicts: tuple[WordCount, ...]
    decision: str | None
    decided_on_day: int | None
    days_left: int | None
    waits: bool


@dataclass(frozen=True, slots=True)
class QualityDay:
    """The checks of the logs of one day; ``complete`` is the share of judgements that have an exposure, if known."""

    date: Day
    checks: int
    critical: int
    warnings: int
    complete: float | None

    @property
    def failed(self) -> int:
        """Checks that failed."""
        return self.critical + self.warnings


@dataclass(frozen=True, slots=True)
class RowsOfWeek:
    """Rows of one source that landed for the days of a week, of them delivered before, and rows that were refused."""

    source: str
    landed: int = 0
    repeated: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Quality:
    """The week's days and rows, beside those of the week before; both name the same sources in the same order."""

    days: tuple[QualityDay, ...] = ()
    days_before: tuple[QualityDay, ...] = ()
    rows: tuple[RowsOfWeek, ...] = ()
    rows_before: tuple[RowsOfWeek, ...] = ()


@dataclass(frozen=True, slots=True)
class Digest:
    """All that a channel is told of a week; aggregates only. ``ended`` names what was over before it began."""

    channel: str
    week: Week
    experiments: tuple[ExperimentWeek, ...]
    ended: tuple[str, ...]
    coverage: Coverage
    quality: Quality
    locale: str = "en"

    @property
    def digest_id(self) -> str:
        """First 16 hex digits of the sha256 of the content."""
        content = asdict(self)
        content["week"] = self.week.name
        for days in ("days", "days_before"):
            content["quality"][days] = [{**row, "date": str(row["date"])} for row in content["quality"][days]]
        return hashlib.sha256(canonical(content).encode()).hexdigest()[:16]


def is_over(past: Sequence[Past], week: Week) -> bool:
    """Whether an experiment had ended before a week began."""
    return any(_ends(one) and one.date < week.first for one in past)


def experiment_week(
    plan: Plan, verdicts: Sequence[Verdict], past: Sequence[Past], week: Week
) -> ExperimentWeek:
    """What became of one experiment.

    Args:
        plan: its plan, which has begun by the week's last day.
        verdicts: the current verdict of each judged day of the week, oldest first.
        past: its whole history, rollbacks between verdicts among them; what is later than the week is not read.
        week: the week.
    """
    known = [one for one in past if one.date <= week.last]
    first = next((one for one in known if one.rule == "win" or _ends(one)), None)
    last = verdicts[-1] if verdicts else None
    return ExperimentWeek(
        experiment=plan.slug,
        variant=plan.treatment.variant,
        state=_state(known, last),
        day=(week.last - plan.start_date).days + 1,
        max_days=plan.duration.max_days,
        share=last.share_before if last else None,
        next_share=last.share_after if last else None,
        verdicts=_counted(verdicts),
        decision=None if first is None else "time is up" if first.rule == "deadline" else first.verdict,
        decided_on_day=None if first is None else (first.date - plan.start_date).days + 1,
        days_left=last.days_left if last else None,
        waits=bool(known) and known[-1].rule == "unapproved",
    )


def _ends(past: Past) -> bool:
    return past.verdict == "rollback" or past.rule == "deadline"


def _state(past: Sequence[Past], last: Verdict | None) -> State:
    if any(one.verdict == "rollback" for one in past):
        return "rolled back"
    if any(one.rule == "deadline" for one in past):
        return "time is up"
    if last is None:
        return "not judged"
    return "all traffic on B" if (last.share_before or 0.0) >= 100 else "running"


def _counted(verdicts: Sequence[Verdict]) -> tuple[WordCount, ...]:
    """Words with their reasons, the most frequent first."""
    counted = Counter((one.verdict, one.rule) for one in verdicts)
    found = []
    for (word, rule), days in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        own = [one for one in verdicts if (one.verdict, one.rule) == (word, rule)]
        moves = tuple(
            (one.share_before, one.share_after) for one in own if one.share_before != one.share_after
        )
        found.append(WordCount(word, IN_A_WORD.get(rule, rule), days, moves))
    return tuple(found)
