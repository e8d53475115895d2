"""What a flag file's schema accepts and a server then silently answers with the default.

Both sides ask here: the door that writes the file (``adapters/flags``) and the servers that read it, so that what
one of them refuses is refused by the other too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pacer_pipelines.serving.bucket import BUCKETS

BUCKET = {"var": "bucket"}
# what a rule may look at; one that asks for anything else is a typing mistake
OFFERED = ("bucket", "school", "grade", "coach", "targetingKey")
# ``B@allow-list``: a rule serves B to a segment, which was therefore not randomised
SEGMENT_MARK = "@"
# the core evaluates these itself; they are not in its table of operators
LAZY_OPERATORS = {"if", "?:", "and", "or", "filter", "reduce", "map", "all", "some", "none", "$ref"}


def flag_problems(flag: Any) -> list[str]:
    """Give what is wrong with a flag that would load all the same; nothing if it serves what it says.

    Args:
        flag: The flag, as it stands under ``flags``.

    Returns:
        Sentences: key, what was got, what is allowed.
    """
    if not isinstance(flag, dict):
        return [f"got {type(flag).__name__}, allowed: an object"]
    variants = flag.get("variants")
    known = sorted(variants) if isinstance(variants, dict) else []
    targeting = flag.get("targeting") or {}
    problems = []
    if flag.get("state") not in ("ENABLED", "DISABLED"):
        problems.append(f"state: got {flag.get('state')!r}, allowed: ENABLED, DISABLED")
    if flag.get("defaultVariant") not in known:
        problems.append(f"defaultVariant: got {flag.get('defaultVariant')!r}, allowed: {known}")
    problems += [f"targeting: got variant {name!r}, allowed: {known}" for name in _served(targeting, known)]
    problems += _bad_operators(targeting)
    problems += [
        f"got threshold {value!r}, allowed: a whole number from 0 to {BUCKETS}"
        for value in bucket_numbers(targeting)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= BUCKETS
    ]
    named = variants if isinstance(variants, dict) else {}
    if any(isinstance(value, dict) and "model" in value for value in named.values()):
        # an experiment's flag; PACER's other flags may ask for what they like
        asked = _unknown_attributes(targeting)
        problems += [f"targeting: got attribute {name!r}, allowed: {', '.join(OFFERED)}" for name in asked]
    return problems + _bad_segments(named)


def serves_segment(flag: Mapping[str, Any], variant: str) -> bool:
    """Give whether the rules of a flag serve a variant to a segment, whatever the share of traffic."""
    variants = flag.get("variants")
    others = [name for name in variants if not is_of(name, variant)] if isinstance(variants, dict) else []
    named = _served(flag.get("targeting") or {}, [*others, variant])
    return any(is_of(name, variant) for name in named)


def is_of(name: str, variant: str) -> bool:
    """Give whether a flag's name is the variant, or the variant for a segment (``B@allow-list``)."""
    return name.partition(SEGMENT_MARK)[0] == variant


def _unknown_attributes(rule: Any) -> list[str]:
    """Attributes that a rule asks for and that the serving client never offers."""
    if isinstance(rule, list):
        return [name for part in rule for name in _unknown_attributes(part)]
    if not isinstance(rule, dict):
        return []
    found = [name for operands in rule.values() for name in _unknown_attributes(operands)]
    if "var" in rule:
        asked = rule["var"][0] if isinstance(rule["var"], list) and rule["var"] else rule["var"]
        if isinstance(asked, str) and asked and asked not in OFFERED and not asked.startswith("$flagd."):
            found.append(asked)
    return found


def bucket_numbers(rule: Any) -> Iterator[Any]:
    """Each number that a rule compares the bucket with, whatever it is."""
    if isinstance(rule, dict):
        for operands in rule.values():
            if isinstance(operands, list) and BUCKET in operands:
                yield from (operand for operand in operands if operand != BUCKET)
            else:
                yield from bucket_numbers(operands)
    elif isinstance(rule, list):
        for part in rule:
            yield from bucket_numbers(part)


def _bad_segments(variants: Mapping[str, Any]) -> list[str]:
    """``B@allow-list`` must be what B is: who is in a segment is served the same thing."""
    problems = []
    for name in variants:
        base, mark, segment = str(name).partition(SEGMENT_MARK)
        if mark and not segment:
            problems.append(f"variants: got {name!r}, allowed: a name of the segment after {SEGMENT_MARK!r}")
        elif mark and variants.get(base) != variants[name]:
            problems.append(f"variants: got {name!r} unlike {base!r}, allowed: the same value")
    return problems


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
