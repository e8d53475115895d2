"""What the door refuses although it loads: the servers' own rules, and a flag without the treatment."""

from typing import Any

from pacer_pipelines.errors import FlagRefused
from pacer_pipelines.serving.flag_rules import flag_problems


def lint(flag: dict[str, Any], flag_key: str, treatment_variant: str) -> None:
    """Refuse a flag that loads and then serves something else than it says.

    Args:
        flag: the flag, as it stands under ``flags``.
        flag_key: its key, for the message.
        treatment_variant: name of the treatment's variant in the flag.

    Raises:
        FlagRefused: naming the key, what was got and what is allowed.
    """
    problems = flag_problems(flag)
    variants = flag.get("variants")
    known = sorted(variants) if isinstance(variants, dict) else []
    if treatment_variant not in known:
        problems.append(f"variants: got {known}, allowed: with the treatment {treatment_variant!r}")
    if problems:
        raise FlagRefused(f"flag {flag_key!r}: " + "; ".join(problems))
