"""Reading a flagd document: which share of traffic it gives the treatment, and what is wrong with it."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from pacer_pipelines.errors import FlagRefused

BUCKETS = 10_000
# the core evaluates these itself; they are not in its table of operators
LAZY_OPERATORS = {"if", "?:", "and", "or", "filter", "reduce", "map", "all", "some", "none", "$ref"}
Document = dict[str, Any]
Context = dict[str, Any]


class Threshold(NamedTuple):
    """The place of N in ``{"<": [{"var": "bucket"}, N]}``: assigning ``operands[1]`` changes the share."""

    operands: list[Any]

    @property
    def value(self) -> Any:
        """N as it stands in the document."""
        return self.operands[1]


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
    limit = find_limit(flag, flag_key, treatment_variant)
    confirm(document, flag_key, treatment_variant, limit)
    return limit * 100 / BUCKETS


def find_limit(flag: dict[str, Any], flag_key: str, treatment_variant: str) -> int:
    """First bucket (0 to 10,000) of an ordinary unit that is not served the treatment."""
    if not flag.get("targeting"):
        return BUCKETS if flag.get("defaultVariant") == treatment_variant else 0
    return int(find_threshold(flag, flag_key, treatment_variant).value)


def find_threshold(flag: dict[str, Any], flag_key: str, treatment_variant: str) -> Threshold:
    """The one threshold on ``bucket`` that leads to the treatment.

    Raises:
        FlagRefused: there is none, more than one, or it is not a whole number from 0 to 10,000.
    """
    found = list(_thresholds(flag.get("targeting"), treatment_variant))
    if len(found) != 1 or len(found[0].operands) != 2:
        raise FlagRefused(
            f"flag {flag_key!r}: got {len(found)} rules that lead to {treatment_variant!r} by a threshold, "
            'allowed: exactly one {"<": [{"var": "bucket"}, N]}'
        )
    value = found[0].value
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= BUCKETS:
        raise FlagRefused(
            f"flag {flag_key!r}: got threshold {value!r}, allowed: a whole number from 0 to {BUCKETS}"
        )
    return found[0]


def _thresholds(rule: Any, variant: str) -> Iterator[Threshold]:
    if not isinstance(rule, dict) or not isinstance(rule.get("if"), list):
        return
    parts = rule["if"]
    for condition, outcome in zip(parts[::2], parts[1::2], strict=False):
        operands = condition.get("<") if isinstance(condition, dict) else None
        if outcome == variant and isinstance(operands, list) and operands[:1] == [{"var": "bucket"}]:
            yield Threshold(operands)
        else:
            yield from _thresholds(outcome, variant)
    if len(parts) % 2:
        yield from _thresholds(parts[-1], variant)


def lint(flag: dict[str, Any], flag_key: str, treatment_variant: str) -> None:
    """Refuse what a flag file's schema accepts and a server then silently answers with the default.

    Raises:
        FlagRefused: naming the key, what was got and what is allowed.
    """
    variants = flag.get("variants")
    known = sorted(variants) if isinstance(variants, dict) else []
    problems = []
    if flag.get("state") not in ("ENABLED", "DISABLED"):
        problems.append(f"state: got {flag.get('state')!r}, allowed: ENABLED, DISABLED")
    if treatment_variant not in known:
        problems.append(f"variants: got {known}, allowed: with the treatment {treatment_variant!r}")
    if flag.get("defaultVariant") not in known:
        problems.append(f"defaultVariant: got {flag.get('defaultVariant')!r}, allowed: {known}")
    targeting = flag.get("targeting") or {}
    problems += [f"targeting: got variant {name!r}, allowed: {known}" for name in _served(targeting, known)]
    problems += _bad_operators(targeting)
    if problems:
        raise FlagRefused(f"flag {flag_key!r}: " + "; ".join(problems))


def _served(rule: Any, known: list[str]) -> list[str]:
    """Names that a rule serves and nobody knows."""
    if isinstance(rule, str):
        return [] if rule in known else [rule]
    if not isinstance(rule, dict):
        return []
    if isinstance(rule.get("if"), list):
        parts = rule["if"]
        outcomes = parts[1::2] + (parts[-1:] if len(parts) % 2 else [])
        return [name for outcome in outcomes for name in _served(outcome, known)]
    if isinstance(rule.get("fractional"), list):
        entries = [entry for entry in rule["fractional"] if isinstance(entry, list) and entry]
        return [name for entry in entries for name in _served(entry[0], known)]
    return []


def _bad_operators(rule: Any) -> list[str]:
    from openfeature.contrib.tools.flagd.core.targeting.targeting import OPERATORS

    if isinstance(rule, list):
        return [problem for part in rule for problem in _bad_operators(part)]
    if not isinstance(rule, dict):
        return []
    known = LAZY_OPERATORS | set(OPERATORS)
    problems = [
        f"targeting: got operator {name!r}, allowed: those of flagd" for name in rule if name not in known
    ]
    for name, operands in rule.items():
        if name == "fractional" and isinstance(operands, list):
            weights = [entry[1] for entry in operands if isinstance(entry, list) and len(entry) > 1]
            floats = [weight for weight in weights if isinstance(weight, float)]
            problems += [f"targeting: got weight {weight!r}, allowed: a whole number" for weight in floats]
        problems += _bad_operators(operands)
    return problems


def confirm(document: Document, flag_key: str, treatment_variant: str, limit: int) -> None:
    """Evaluate units on both sides of the limit in flagd's core, as PACER's servers will.

    An ordinary unit must get the treatment exactly below the limit. A unit of a segment that the rules name
    must either do the same, or be served one variant whatever its bucket (a segment that is left out).

    Raises:
        FlagRefused: the document does not load, or serves something else.
    """
    probes = sorted({0, max(limit - 1, 0), min(limit, BUCKETS - 1), BUCKETS - 1})
    expected = [bucket < limit for bucket in probes]
    for context in [{}, *_segments(flag_of(document, flag_key).get("targeting"))]:
        served = [_variant(document, flag_key, {**context, "bucket": bucket}) for bucket in probes]
        treated = [variant == treatment_variant for variant in served]
        # a segment may be served one fixed variant, but nobody is served B when B has no traffic
        left_out = bool(context) and len(set(served)) == 1 and (limit > 0 or not treated[0])
        if treated != expected and not left_out:
            raise FlagRefused(
                f"flag {flag_key!r}: buckets {probes} of {context or 'an ordinary unit'}: got {served}, "
                f"allowed: {treatment_variant!r} exactly below {limit}"
            )


def _segments(rule: Any) -> list[Context]:
    """One context for each constant that the rules compare an attribute with."""
    if isinstance(rule, list):
        return [context for part in rule for context in _segments(part)]
    if not isinstance(rule, dict):
        return []
    found = [context for operands in rule.values() for context in _segments(operands)]
    match rule:
        case {"==": [{"var": str(name)}, str() | int() as constant]}:
            found.append({name: constant})
        case {"in": [{"var": str(name)}, list(constants)]}:
            found.extend({name: constant} for constant in constants)
    return found


def _variant(document: Document, flag_key: str, context: Context) -> str | None:
    from openfeature.contrib.tools.flagd.core import FlagdCore
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.exception import OpenFeatureError

    core, flag = FlagdCore(), flag_of(document, flag_key)
    sample = next(iter(flag["variants"].values()))
    resolve: Any = {
        bool: core.resolve_boolean_value,
        str: core.resolve_string_value,
        int: core.resolve_integer_value,
        float: core.resolve_float_value,
    }.get(type(sample), core.resolve_object_value)
    try:
        # the core edits what it is given
        core.set_flags(json.dumps(document))
        return str(resolve(flag_key, sample, EvaluationContext("probe", context)).variant)
    except (OpenFeatureError, ValueError, TypeError) as error:
        raise FlagRefused(f"flag {flag_key!r}: flagd's core does not evaluate it: {error}") from error
