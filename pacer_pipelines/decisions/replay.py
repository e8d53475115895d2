"""What a verdict was made of, as plain values that survive on disk, and the same verdict from them again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, get_type_hints

from pacer_pipelines.decisions.evidence import Inputs
from pacer_pipelines.decisions.judge import judge
from pacer_pipelines.decisions.marts import (
    DecisionSum,
    ExposureDay,
    MartRows,
    MetricSum,
    RatedDay,
    ServedIdentity,
    StudentSum,
    UnitDay,
)
from pacer_pipelines.decisions.values import Check, Past, Verdict, canonical
from pacer_pipelines.plan import Plan

TABLES: dict[str, Any] = {
    "metrics": MetricSum, "decisions": DecisionSum, "units": UnitDay, "exposures": ExposureDay, "rated": RatedDay,
    "students": StudentSum, "identities": ServedIdentity,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which a replayed verdict is not the recorded one."""

    field: str
    recorded: Any
    replayed: Any


def as_plain(inputs: Inputs, plan: Plan) -> dict[str, Any]:
    """Everything that went into a verdict, as JSON-ready values."""
    return {
        "plan": plan.content(),
        "date": inputs.date.isoformat(),
        "rows": {name: [list(map(_spelt, row)) for row in getattr(inputs.rows, name)] for name in TABLES},
        "checks": [asdict(check) for check in inputs.checks],
        "history": [[past.date.isoformat(), past.verdict, past.rule] for past in inputs.history],
        # of its own versions only: a share that the flag got later is none of its business
        "shares": _own(inputs.shares, inputs),
        "sources": sorted(inputs.sources),
        "frozen_hash": inputs.frozen_hash,
        "acknowledged": dict(inputs.acknowledged),
        "partitions": dict(inputs.partitions),
        **_control_shares(inputs),
    }


def _control_shares(inputs: Inputs) -> dict[str, Any]:
    """Only with several treatments: what they leave for control, in its own versions."""
    known = inputs.control_shares
    return {"control_shares": _own(known, inputs)} if known else {}


def _own(shares: Mapping[str, float], inputs: Inputs) -> dict[str, float]:
    return {version: shares[version] for version in inputs.rows.flag_versions() if version in shares}


def from_plain(content: Mapping[str, Any]) -> tuple[Inputs, Plan]:
    """What :func:`as_plain` wrote, or an older version of it, which knew fewer tables and columns."""
    inputs = Inputs(
        date=date.fromisoformat(content["date"]),
        rows=MartRows(**{name: _rows(kind, content["rows"].get(name, [])) for name, kind in TABLES.items()}),
        checks=tuple(Check(**row) for row in content["checks"]),
        history=tuple(Past(date.fromisoformat(day), word, rule) for day, word, rule in content["history"]),
        shares=content["shares"],
        sources=frozenset(content["sources"]),
        frozen_hash=content["frozen_hash"],
        acknowledged=content["acknowledged"],
        partitions=content["partitions"],
        control_shares=content.get("control_shares", {}),
    )
    return inputs, Plan.model_validate(content["plan"])


def judge_again(content: Mapping[str, Any], code_version: str, inputs_hash: str = "") -> Verdict:
    """The verdict that today's code gives on what a recorded one was made of.

    Args:
        content: what :func:`as_plain` wrote.
        code_version: what the verdict shall say of the code that made it.
        inputs_hash: what it shall say of its inputs; by default what they are. A recorded one where students are
            numbered, which changes the hash and nothing else.
    """
    inputs, plan = from_plain(content)
    again = judge(inputs, plan, code_version)
    return replace(again, inputs_hash=inputs_hash) if inputs_hash else again


def without_students(content: Mapping[str, Any]) -> dict[str, Any]:
    """What :func:`as_plain` wrote, with numbers instead of the pseudonyms of students, in the same order.

    One student stays one student. The numbers are ranks: they name nobody, but hardly move from one day to the next.
    """
    at = StudentSum._fields.index("student")
    rows = content["rows"].get("students", [])
    numbers = {key: f"{number:08d}" for number, key in enumerate(sorted({row[at] for row in rows}), start=1)}
    students = [[*row[:at], numbers[row[at]], *row[at + 1 :]] for row in rows]
    return {**content, "rows": {**content["rows"], "students": students}}


def differences(recorded: Mapping[str, Any], replayed: Verdict) -> tuple[Difference, ...]:
    """The fields in which the two are not the same; none when they are the same bytes.

    Args:
        recorded: the verdict as it was written.
        replayed: the verdict as it comes out now.
    """
    # as it would be read back: a tuple is a list there
    now = json.loads(canonical(replayed.as_dict()))
    return tuple(
        Difference(name, recorded.get(name), now.get(name))
        for name in sorted(recorded.keys() | now.keys())
        if name != "verdict_id" and recorded.get(name) != now.get(name)
    )


def _spelt(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _rows(kind: Any, rows: list[list[Any]]) -> tuple[Any, ...]:
    """Rows of one table; one that was kept by an older version lacks the newest columns, which have a default."""
    dated = [hint is date for hint in get_type_hints(kind).values()]
    return tuple(
        kind(*(date.fromisoformat(value) if dated[at] else value for at, value in enumerate(row)))
        for row in rows
    )
