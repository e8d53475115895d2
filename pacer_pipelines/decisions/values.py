"""The plain values of a decision: checks and findings go in, a verdict comes out."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any, Literal

Severity = Literal["critical", "warning"]
Label = Literal["better", "worse", "non_inferior", "inconclusive", "no_data"]
Role = Literal["primary", "secondary", "guardrail", "sensitivity", "health"]
Word = Literal["promote", "hold", "rollback"]
Direction = Literal["higher", "lower"]


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
    with ``bar``, the promote bar at the fraction ``information`` of the planned sample; for guarded metrics it
    belongs to the test against the margin, not against zero. Numbers are None where the data say nothing.
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


@dataclass(frozen=True, slots=True)
class Past:
    """A verdict of an earlier day, as far as later days depend on it."""

    date: date
    verdict: Word
    rule: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a verdict of one experiment and day rests on."""

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

    def finding(self, metric: str) -> Finding | None:
        """The finding of one metric, or None when it was not looked at."""
        return next((finding for finding in self.findings if finding.metric == metric), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with the traffic of one experiment on one day, and why.

    ``share_before`` and ``share_after`` are percent of traffic on treatment. ``verdict_id`` is the hash of all
    other fields, so the same input gives the same id.
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

    @property
    def verdict_id(self) -> str:
        """First 16 hex digits of the sha256 of the canonical content."""
        return hashlib.sha256(canonical(_plain(self)).encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON-ready values, ``verdict_id`` first."""
        return {"verdict_id": self.verdict_id, **_plain(self)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Verdict":
        """The verdict that :meth:`as_dict` wrote.

        Raises:
            ValueError: the content is not what its verdict_id promises.
        """
        plain: dict[str, Any] = {field.name: content[field.name] for field in fields(cls)}
        for name in ("reasons", "flip", "missing_facts"):
            plain[name] = tuple(plain[name])
        plain["date"] = date.fromisoformat(content["date"])
        plain["as_of"] = datetime.fromisoformat(content["as_of"].removesuffix("Z"))
        plain["findings"] = tuple(_finding(row) for row in content["findings"])
        plain["checks"] = tuple(Check(**row) for row in content["checks"])
        verdict = cls(**plain)
        if verdict.verdict_id != content["verdict_id"]:
            raise ValueError(f"verdict {content['verdict_id']}: its content has the id {verdict.verdict_id}")
        return verdict


def _finding(row: Mapping[str, Any]) -> Finding:
    plain = {field.name: row[field.name] for field in fields(Finding)}
    return Finding(**{**plain, "interval": tuple(row["interval"]) if row["interval"] else None})


def canonical(content: Any) -> str:
    """One spelling of a JSON value: sorted keys, no spaces, floats by their shortest exact form."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _plain(verdict: Verdict) -> dict[str, Any]:
    content = asdict(verdict)
    content["date"], content["as_of"] = verdict.date.isoformat(), verdict.as_of.isoformat() + "Z"
    for finding, row in zip(verdict.findings, content["findings"], strict=True):
        row["interval"] = list(finding.interval) if finding.interval else None
        row["n"] = {"control": finding.n_control, "treatment": finding.n_treatment}
        row["G"] = finding.coaches
    return content
