"""Reading a flagd document: which share of traffic it gives a treatment, proven in flagd's own core."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pacer_pipelines.adapters.flags.core import Core, Document
from pacer_pipelines.adapters.flags.lint import lint
from pacer_pipelines.adapters.flags.regions import (
    Region,
    edges,
    region_of,
    regions,
    served_by_bucket,
    size_served,
)
from pacer_pipelines.errors import FlagRefused
from pacer_pipelines.serving.bucket import BUCKETS


class KnownUnit(NamedTuple):
    """A unit that was really there: its bucket, and what the rules may look at (school, grade)."""

    bucket: int
    attributes: Mapping[str, Any]


def flag_of(document: Document, flag_key: str) -> dict[str, Any]:
    """The flag in the document.

    Raises:
        FlagRefused: there is none.
    """
    flags = document.get("flags")
    flag = flags.get(flag_key) if isinstance(flags, dict) else None
    if not isinstance(flag, dict):
        raise FlagRefused(f"flag {flag_key!r}: got nothing, allowed: an entry under 'flags' of the flag file")
    return flag


def treatment_share(document: Document, flag_key: str, treatment_variant: str) -> float:
    """Percent of ordinary traffic that the document gives the treatment.

    The number is read from the rule that leads to the treatment and confirmed by evaluating units on both
    sides of it in flagd's own core. A disabled flag serves the code's default, so its share is 0.

    Args:
        document: content of a flag file.
        flag_key: the experiment's flag.
        treatment_variant: name of the treatment's variant in the flag.

    Raises:
        FlagRefused: the rules cannot be read as one share.
    """
    flag = flag_of(document, flag_key)
    lint(flag, flag_key, treatment_variant)
    if flag["state"] == "DISABLED":
        return 0.0
    confirm(document, flag_key, treatment_variant)
    return size_served(_ordered(flag, flag_key, treatment_variant), treatment_variant) * 100 / BUCKETS


def confirm(
    document: Document, flag_key: str, treatment_variant: str, known: Iterable[KnownUnit] = ()
) -> None:
    """Evaluate units at every end of every region in flagd's core, as PACER's servers will.

    An ordinary unit must get the treatment exactly inside its region. A unit of a segment that the rules name,
    or of one that was seen, must either do the same, or be served one variant whatever its bucket (a segment
    that is left out).

    Args:
        document: content of a flag file.
        flag_key: the experiment's flag.
        treatment_variant: name of the treatment's variant in the flag.
        known: units that were really there.

    Raises:
        FlagRefused: the document does not load, or serves something else.
    """
    flag = flag_of(document, flag_key)
    ordered = _ordered(flag, flag_key, treatment_variant)
    core, probes = Core(document), edges(ordered)
    empty = size_served(ordered, treatment_variant) == 0
    for context, seen in _contexts(flag, known):
        asked = [*probes, *sorted(seen)]
        served = [core.variant(flag_key, {**context, "bucket": bucket}) for bucket in asked]
        treated = [variant == treatment_variant for variant in served]
        # a segment may be served one fixed variant, but nobody is served B when B has no traffic
        left_out = bool(context) and len(set(served)) == 1 and not (empty and treated[0])
        wrong = [
            bucket
            for bucket, got in zip(asked, treated, strict=True)
            if got != (served_by_bucket(ordered, bucket) == treatment_variant)
        ]
        if wrong and not left_out:
            raise FlagRefused(
                f"flag {flag_key!r}: buckets {wrong[:4]} of {dict(context) or 'an ordinary unit'}: got "
                f"{[served[asked.index(bucket)] for bucket in wrong[:4]]}, allowed: {treatment_variant!r} exactly "
                f"{_where(ordered, treatment_variant)}"
            )


def segments(rule: Any) -> list[dict[str, Any]]:
    """One context for each constant that the rules compare an attribute with."""
    if isinstance(rule, list):
        return [context for part in rule for context in segments(part)]
    if not isinstance(rule, dict):
        return []
    found = [context for operands in rule.values() for context in segments(operands)]
    match rule:
        case {"==": [{"var": str(name)}, str() | int() as constant]}:
            found.append({name: constant})
        case {"in": [{"var": str(name)}, list(constants)]}:
            found.extend({name: constant} for constant in constants)
    return found


def _ordered(flag: dict[str, Any], flag_key: str, treatment_variant: str) -> list[Region]:
    """The regions of the flag, exactly one of them of the treatment; no rules at all are one region or none."""
    if not flag.get("targeting"):
        whole = BUCKETS if flag.get("defaultVariant") == treatment_variant else 0
        return [Region(treatment_variant, 0, whole, [], True)]
    region_of(flag, flag_key, treatment_variant)
    return regions(flag["targeting"])


def _contexts(
    flag: dict[str, Any], known: Iterable[KnownUnit]
) -> list[tuple[Mapping[str, Any], Sequence[int]]]:
    """Ordinary units, the segments that the rules name, and each kind of unit that was seen, with its buckets."""
    seen: dict[tuple[tuple[str, Any], ...], set[int]] = defaultdict(set)
    for unit in known:
        seen[tuple(sorted(unit.attributes.items()))].add(unit.bucket)
    named: list[tuple[Mapping[str, Any], Sequence[int]]] = [
        (context, ()) for context in [{}, *segments(flag.get("targeting"))]
    ]
    return [*named, *((dict(context), sorted(buckets)) for context, buckets in seen.items())]


def _where(ordered: Sequence[Region], variant: str) -> str:
    (own,) = [region for region in ordered if region.variant == variant]
    return f"below {own.high}" if own.low == 0 else f"from {own.low} to below {own.high}"
