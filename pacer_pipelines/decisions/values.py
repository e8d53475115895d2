"""The plain values of a decision: checks and findings go in, a verdict comes out."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from typing import Any, Literal

from pacer_pipelines.decisions.catalogue import remembered, reminded

Severity = Literal["critical", "warning"]
Label = Literal["better", "worse", "non_inferior", "inconclusive", "no_data"]
Role = Literal["primary", "secondary", "guardrail", "sensitivity", "health"]
Word = Literal["promote", "hold", "rollback"]
Direction = Literal["higher", "lower"]
# a class with a field called date cannot name its type
Day = date
PAIRS = ("interval", "relative_interval")


@dataclass(frozen=True, slots=True)
class Check:
    """One health check of one day: what was asked, what was seen, and why it is asked."""

    name: str
    source: str
    severity: Severity
    passed: bool
    observed: str
    expected: str
    detail: str
    why: str

    @property
    def blocks(self) -> bool:
        """Whether this check stops a promotion."""
        return not self.passed and self.severity == "critical"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one metric says: effect is treatment minus control, never anything else.

    ``interval`` is the always-valid interval of the alarm bar: it may be read every day. ``z_star`` is compared
    with ``bar``, the promote bar at the fraction ``information`` of the planned sample, and ``p_value`` is what it
    says there; for guarded metrics both belong to the test against the margin, not against zero. ``relative`` is
    the effect as a share of control's rate. Numbers are None where the data say nothing.
    """

    metric: str
    role: Role
    label: Label
    better: Direction
    effect: float | None = None
    interval: tuple[float, float] | None = None
    se: float | None = None
    n_control: int = 0
    n_treatment: int = 0
    rate_control: float | None = None
    rate_treatment: float | None = None
    coaches: int = 0
    z_star: float | None = None
    bar: float | None = None
    information: float | None = None
    margin: float | None = None
    alarm: bool = False
    passes: bool = False
    note: str = ""
    effective_n: float | None = None
    p_value: float | None = None
    relative: float | None = None
    relative_interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """What happened earlier, as far as later days depend on it: a verdict, or a rollback between two verdicts.

    ``rule`` is the verdict's rule, ``unapproved`` for a promotion that nobody approved, or who rolled back.
    """

    date: date
    verdict: Word
    rule: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a verdict of one experiment and day rests on.

    ``phase`` is the version of the flag file that the newest exposures were served by. ``phase_day`` counts the days of
    the present step: this share of traffic, and what is served now. ``identity_changed`` is the day on which the step
    began because what is served had changed; None when the share began it.
    """

    experiment: str
    date: date
    day: int
    phase: str
    phase_day: int
    share: float | None
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    history: tuple[Past, ...]
    days_left: int | None
    missing_facts: tuple[str, ...]
    served_after_end: int = 0
    identity_changed: Day | None = None

    def finding(self, metric: str) -> Finding | None:
        """The finding of one metric, or None when it was not looked at."""
        return next((finding for finding in self.findings if finding.metric == metric), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with the traffic of one experiment on one day, and why.

    ``share_before`` and ``share_after`` are percent of traffic on treatment. ``phase`` is the version of the flag that
    the day's newest exposures were served by. ``partitions`` has one hash per landed table, over all of it that the
    day could know. ``verdict_id`` is the hash of all other fields, so the same input gives the same id.
    """

    experiment: str
    date: date
    verdict: Word
    rule: str
    reasons: tuple[str, ...]
    flip: tuple[str, ...]
    share_before: float | None
    share_after: float | None
    day: int
    phase: str
    days_left: int | None
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    missing_facts: tuple[str, ...]
    as_of: datetime
    plan_hash: str
    code_version: str
    inputs_hash: str
    partitions: Mapping[str, str] = field(default_factory=dict)
    stored_id: str = field(default="", compare=False, repr=False)

    @property
    def verdict_id(self) -> str:
        """First 16 hex digits of the sha256 of the canonical content, as it was when it was stored."""
        return self.stored_id or _id_of(_plain(self))

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON-ready values, ``verdict_id`` first."""
        return {"verdict_id": self.verdict_id, **_plain(self)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Verdict":
        """The verdict that :meth:`as_dict` wrote.

        Raises:
            ValueError: the content is not what its verdict_id promises.
        """
        # of the content as it was stored: an older version may have had fewer fields
        found = _id_of({key: value for key, value in content.items() if key != "verdict_id"})
        if found != content["verdict_id"]:
            raise ValueError(f"verdict {content['verdict_id']}: its content has the id {found}")
        said = _said_again(content)
        plain: dict[str, Any] = {item.name: said[item.name] for item in fields(cls) if item.name in said}
        for name in ("reasons", "flip", "missing_facts"):
            plain[name] = tuple(plain[name])
        plain["date"] = date.fromisoformat(content["date"])
        plain["as_of"] = datetime.fromisoformat(content["as_of"].removesuffix("Z"))
        plain["findings"] = tuple(_finding(row) for row in said["findings"])
        plain["checks"] = tuple(Check(**row) for row in said["checks"])
        return cls(**plain, stored_id=found)


def _said_again(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with its sentences as they were said, if it remembers that."""
    if "said" not in content:
        return dict(content)
    said: dict[str, Any] = json.loads(canonical(content))
    for path, memory in said.pop("said").items():
        *way, last = (int(part) if part.isdecimal() else part for part in path.split("."))
        holder: Any = said
        for part in way:
            holder = holder[part]
        holder[last] = reminded(holder[last], memory)
    return said


def _finding(row: Mapping[str, Any]) -> Finding:
    plain = {item.name: row[item.name] for item in fields(Finding) if item.name in row}
    for name in PAIRS:
        plain[name] = tuple(row[name]) if row.get(name) else None
    return Finding(**plain)


def _id_of(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(content).encode()).hexdigest()[:16]


def canonical(content: Any) -> str:
    """One spelling of a JSON value: sorted keys, no spaces, floats by their shortest exact form."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _plain(verdict: Verdict) -> dict[str, Any]:
    content = asdict(verdict)
    del content["stored_id"]
    content["date"], content["as_of"] = verdict.date.isoformat(), verdict.as_of.isoformat() + "Z"
    for finding, row in zip(verdict.findings, content["findings"], strict=True):
        for name in PAIRS:
            row[name] = list(row[name]) if row[name] else None
        row["n"] = {"control": finding.n_control, "treatment": finding.n_treatment}
        row["G"] = finding.coaches
    if said := remembered(content):
        content["said"] = said
    return content
