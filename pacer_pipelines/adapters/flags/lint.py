"""What a flag file's schema accepts and a server then silently answers with the default."""

from typing import Any

from pacer_pipelines.adapters.flags.regions import BUCKETS, bucket_numbers
from pacer_pipelines.errors import FlagRefused

# the core evaluates these itself; they are not in its table of operators
LAZY_OPERATORS = {"if", "?:", "and", "or", "filter", "reduce", "map", "all", "some", "none", "$ref"}


def lint(flag: dict[str, Any], flag_key: str, treatment_variant: str) -> None:
    """Refuse a flag that loads and then serves something else than it says.

    Args:
        flag: the flag, as it stands under ``flags``.
        flag_key: its key, for the message.
        treatment_variant: name of the treatment's variant in the flag.

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
    problems += [
        f"got threshold {value!r}, allowed: a whole number from 0 to {BUCKETS}"
        for value in bucket_numbers(targeting)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= BUCKETS
    ]
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
