"""What became of many worlds, counted: by rule, how many were promoted or rolled back, and on which days."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
from scipy import stats

from .cells import plan_of
from .daily import Ending, judge_worlds
from .rivals import rivals
from .truth import Array, Cell
from .worlds import make_worlds

OURS = "this design"
BATCH = 100


@dataclass(slots=True)
class Days:
    """How many worlds were promoted and rolled back on each day."""

    promoted: Counter[int] = field(default_factory=Counter)
    rolled_back: Counter[int] = field(default_factory=Counter)

    def add(self, other: "Days") -> None:
        """Count other worlds too."""
        self.promoted += other.promoted
        self.rolled_back += other.rolled_back


@dataclass(slots=True)
class Tally:
    """The worlds of one cell under each rule.

    ``bar_alone`` counts worlds in which the primary metric alone was at its bar on some look; ``alarms`` the metrics
    that rolled B back, ``failed`` those that did not pass at the deadline, ``held_by`` the checks that stood in the
    way of a promotion or deadline on some day.
    """

    cell: Cell
    worlds: int = 0
    rules: dict[str, Days] = field(default_factory=dict)
    bar_alone: int = 0
    alarms: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    held_by: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Count other worlds of the same cell too."""
        self.worlds += other.worlds
        self.bar_alone += other.bar_alone
        for name, days in other.rules.items():
            self.rules.setdefault(name, Days()).add(days)
        for mine, theirs in (
            (self.alarms, other.alarms),
            (self.failed, other.failed),
            (self.held_by, other.held_by),
        ):
            mine.update(theirs)

    def promoted(self, rule: str = OURS) -> int:
        """Worlds in which B was promoted."""
        return sum(self.rules[rule].promoted.values())

    def rolled_back(self, rule: str = OURS) -> int:
        """Worlds in which B was rolled back."""
        return sum(self.rules[rule].rolled_back.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; days as text, in order."""

        def plain(days: Counter[int]) -> dict[str, int]:
            return {str(day): days[day] for day in sorted(days)}

        return {
            **asdict(self.cell),
            "worlds": self.worlds,
            "rules": {
                name: {"promoted": plain(days.promoted), "rolled_back": plain(days.rolled_back)}
                for name, days in self.rules.items()
            },
            "bar_alone": self.bar_alone,
            **{name: dict(sorted(getattr(self, name).items())) for name in ("alarms", "failed", "held_by")},
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Tally":
        """What :meth:`to_dict` made plain."""

        def counted(days: Mapping[str, int]) -> Counter[int]:
            return Counter({int(day): count for day, count in days.items()})

        known = {item.name: content[item.name] for item in fields(Cell)}
        known["ramp"] = tuple((day, share) for day, share in known["ramp"])
        return cls(
            cell=Cell(**known),
            worlds=content["worlds"],
            rules={
                name: Days(counted(days["promoted"]), counted(days["rolled_back"]))
                for name, days in content["rules"].items()
            },
            bar_alone=content["bar_alone"],
            **{name: Counter(content[name]) for name in ("alarms", "failed", "held_by")},
        )


def run_batch(cell: Cell, batch: int) -> Tally:
    """One batch of a cell: worlds made, judged, and judged by the others."""
    count = min(BATCH, cell.worlds - batch * BATCH)
    worlds, plan = make_worlds(cell, batch, count), plan_of(cell)
    tally = count_endings(cell, judge_worlds(worlds, plan))
    for name, endings in rivals(worlds, plan).items():
        tally.rules[name] = Days(_counted(endings.promoted), _counted(endings.rolled_back))
    return tally


def run_cell(cell: Cell, count: int) -> Tally:
    """The first so many worlds of a cell."""
    fewer = replace(cell, worlds=count)
    whole = Tally(fewer)
    for batch in range(batches(fewer)):
        whole.add(run_batch(fewer, batch))
    return whole


def batches(cell: Cell) -> int:
    """How many batches a cell has."""
    return -(-cell.worlds // BATCH)


def count_endings(cell: Cell, endings: list[Ending]) -> Tally:
    """Count what the production rules said."""
    ours = Days(*(Counter(one.day for one in endings if one.rule == rule) for rule in ("win", "alarm")))
    return Tally(
        cell=cell,
        worlds=len(endings),
        rules={OURS: ours},
        bar_alone=sum(one.bar_day > 0 for one in endings),
        alarms=Counter(metric for one in endings for metric in one.alarms),
        failed=Counter(metric for one in endings for metric in one.failed),
        held_by=Counter(check for one in endings for check in set(one.held_by)),
    )


def _counted(days: Array) -> Counter[int]:
    return Counter(days[days > 0].tolist())


def standard_error(count: int, worlds: int) -> float:
    """Monte-Carlo standard error of a share; with nothing or all seen, as if one more world had differed."""
    share = min(max(count, 1), worlds - 1) / worlds
    return float(np.sqrt(share * (1 - share) / worlds))


def bounds(rate: float, worlds: int, level: float = 0.999) -> tuple[int, int]:
    """Counts between which this many worlds stay with so much probability on each side, if the rate is true."""
    return int(stats.binom.ppf(1 - level, worlds, rate)), int(stats.binom.ppf(level, worlds, rate))
