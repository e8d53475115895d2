"""The words beside the numbers, one file per language (``words/<locale>.toml``)."""

import tomllib
from functools import cache
from importlib.resources import files


def say(locale: str, key: str, **values: str) -> str:
    """The words of a key in a language, with its values put in.

    >>> say("en", "slack.as_of", time="2026-11-15 15:00 UTC")
    'as of 2026-11-15 15:00 UTC'
    """
    table, _, name = key.partition(".")
    return catalogue(locale)[table][name].format(**values)


@cache
def catalogue(locale: str) -> dict[str, dict[str, str]]:
    """Every word of a language, by table and key."""
    found = files("pacer_pipelines.decisions").joinpath(f"words/{locale}.toml")
    content: dict[str, dict[str, str]] = tomllib.loads(found.read_text(encoding="utf-8"))
    return content
