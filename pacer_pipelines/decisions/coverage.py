"""Who rates: the share of mature requests that coaches rated, by coach group, with small groups hidden.

A coach belongs to the school of most of their students (docs/adr/0038-coach-groups-of-the-digest.md).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pacer_pipelines.decisions.wording import FEWEST_COACHES, FEWEST_UNITS

UNKNOWN = "unknown"


class RatedStudent(NamedTuple):
    """One row per coach x student: mature requests, and of them those that are rated."""

    coach: str
    student: str
    requests: float
    rated: float


class CoachSchool(NamedTuple):
    """One row per coach x school: students of that school."""

    coach: str
    school: str
    students: float


@dataclass(frozen=True, slots=True)
class CoachGroup:
    """Coaches of one school, their students with a mature request, these requests, and how many are rated."""

    name: str
    coaches: int
    students: int
    requests: int
    rated: int

    @property
    def share(self) -> float:
        """Rated requests of all mature ones, 0 to 1."""
        return self.rated / self.requests

    @property
    def may_be_shown(self) -> bool:
        """Whether enough coaches and students stand behind it that nobody is recognised."""
        return self.coaches >= FEWEST_COACHES and self.students >= FEWEST_UNITS


@dataclass(frozen=True, slots=True)
class Coverage:
    """The groups that are shown, the names of those that are not, and all together; None when all are too few."""

    groups: tuple[CoachGroup, ...] = ()
    hidden: tuple[str, ...] = ()
    total: CoachGroup | None = None


def coverage(rows: Iterable[RatedStudent], schools: Iterable[CoachSchool]) -> Coverage:
    """The rated share by coach group.

    What is hidden is more than one group, and together enough to be shown: so it follows from no total.

    Args:
        rows: mature requests by coach and student; rows without any are left out.
        schools: students by coach and school, which say where a coach belongs.
    """
    home = _home_schools(schools)
    members: dict[str, list[RatedStudent]] = {}
    for row in rows:
        if row.requests > 0:
            members.setdefault(home.get(row.coach, UNKNOWN), []).append(row)
    every = [row for own in members.values() for row in own]
    if not every:
        return Coverage()
    hidden = _hidden(members)
    shown = [_group(name, members[name]) for name in sorted(members) if name not in hidden]
    total = _group("all", every)
    return Coverage(tuple(shown), tuple(sorted(hidden)), total if total.may_be_shown else None)


def _home_schools(rows: Iterable[CoachSchool]) -> dict[str, str]:
    """The school of most of a coach's students; a known one before an unknown one, then the first by name."""
    best: dict[str, CoachSchool] = {}
    for row in sorted(rows, key=lambda row: (row.school == UNKNOWN, -row.students, row.school)):
        best.setdefault(row.coach, row)
    return {coach: row.school for coach, row in best.items() if coach != UNKNOWN}


def _hidden(members: dict[str, list[RatedStudent]]) -> list[str]:
    groups = [_group(name, rows) for name, rows in members.items()]
    hidden = [group.name for group in groups if not group.may_be_shown]
    shown = sorted(
        (group for group in groups if group.may_be_shown), key=lambda one: (one.students, one.name)
    )
    while hidden and shown and not _safe(hidden, members):
        hidden.append(shown.pop(0).name)
    return hidden


def _safe(hidden: Sequence[str], members: dict[str, list[RatedStudent]]) -> bool:
    """Whether the sum of the hidden groups, which any total gives away, tells of nobody."""
    together = _group("", [row for name in hidden for row in members[name]])
    return len(hidden) > 1 and together.may_be_shown


def _group(name: str, rows: Sequence[RatedStudent]) -> CoachGroup:
    return CoachGroup(
        name=name,
        coaches=len({row.coach for row in rows} - {UNKNOWN}),
        students=len({row.student for row in rows}),
        requests=round(sum(row.requests for row in rows)),
        rated=round(sum(row.rated for row in rows)),
    )
