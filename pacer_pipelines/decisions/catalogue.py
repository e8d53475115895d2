"""What people read, one file per language (``words/<locale>.toml``), and sentences that can be said in each.

The English text of a sentence is what is stored and hashed; beside it the sentence remembers how it was made, so a
stored verdict can be told in any language (docs/adr/0034-sentences-that-remember.md).
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar, cast

ENGLISH = "en"
# the key of several sentences in a row; its values are the separator and the sentences
ROW = "row"
# whose sentences stand in a stored verdict; the others are only shown
STORED_TABLES = ("metric", "unit", "wording", "note", "rule", "flip", "fact", "health")
_Thing = TypeVar("_Thing")


class Said(str):
    """An English sentence that remembers its key in the catalogue and the values in it."""

    key: str
    values: Mapping[str, str]

    def __new__(cls, text: str, key: str, values: Mapping[str, str]) -> "Said":
        """Give the sentence its memory."""
        said = super().__new__(cls, text)
        said.key, said.values = key, values
        return said

    def __deepcopy__(self, memo: object) -> "Said":
        """A sentence never changes."""
        return self

    def __getnewargs__(self) -> tuple[str, str, dict[str, str]]:  # type: ignore[override]
        """What a pickle needs to make it again."""
        return str(self), self.key, dict(self.values)


def say(key: str, **values: object) -> Said:
    """The sentence of a key with its values put in, in English until somebody asks for another language.

    >>> say("slack.as_of", time="2026-11-15 15:00 UTC")
    'as of 2026-11-15 15:00 UTC'
    """
    held = {name: value if isinstance(value, str) else str(value) for name, value in values.items()}
    return Said(_filled(ENGLISH, key, held), key, held)


@dataclass(frozen=True, slots=True)
class Words:
    """The catalogue in one language, for a page that says much."""

    locale: str

    def __call__(self, key: str, **values: object) -> str:
        """The sentence of a key."""
        return in_language(say(key, **values), self.locale)

    def text(self, sentence: str) -> str:
        """A sentence that remembers how it was made."""
        return in_language(sentence, self.locale)


def say_count(key: str, number: int, **values: object) -> Said:
    """A sentence with a number in it: ``<key>_one`` for 1, else ``<key>_many``; English tells these apart."""
    return say(f"{key}_{'one' if number == 1 else 'many'}", number=number, **values)


def in_a_row(separator: str, sentences: Iterable[str]) -> Said:
    """Several sentences as one.

    >>> in_a_row("; ", ["one", "two"])
    'one; two'
    """
    several = list(sentences)
    held = {"separator": separator, **{str(place): each for place, each in enumerate(several)}}
    return Said(separator.join(several), ROW, held)


def in_language(thing: _Thing, locale: str) -> _Thing:
    """The same in another language: a sentence, or every sentence within a tuple or a dataclass.

    Names, numbers and free text stay as they are, and so does a sentence of which nothing is remembered or whose key
    the catalogue no longer has.
    """
    return thing if locale == ENGLISH else each_text(thing, lambda text: _translated(text, locale))


def each_text(thing: _Thing, change: Callable[[str], str]) -> _Thing:
    """A text, or a tuple, list, dict or dataclass with a change made to every text within it."""
    return cast(_Thing, _changed(thing, change))


def _changed(thing: Any, change: Callable[[str], str]) -> Any:
    if isinstance(thing, str):
        return change(thing)
    if type(thing) is tuple:
        return tuple(_changed(each, change) for each in thing)
    if type(thing) is list:
        return [_changed(each, change) for each in thing]
    if type(thing) is dict:
        return {name: _changed(each, change) for name, each in thing.items()}
    if is_dataclass(thing) and not isinstance(thing, type):
        held = {item.name: _changed(getattr(thing, item.name), change) for item in fields(thing) if item.init}
        return replace(thing, **held)
    return thing


def _translated(text: str, locale: str) -> str:
    if not isinstance(text, Said):
        return text
    values = {name: _translated(value, locale) for name, value in text.values.items()}
    if text.key == ROW:
        # a stored memory has its names in the order of the alphabet
        separator = values.pop("separator")
        return separator.join(values[place] for place in sorted(values, key=int))
    try:
        return _filled(locale, text.key, values)
    except KeyError:
        return str(text)


def remembered(content: Any, path: str = "") -> dict[str, Any]:
    """How each sentence within plain content was made, by its path: ``{"reasons.0": {"key": …, "values": …}}``."""
    if isinstance(content, Said):
        return {path: _memory(content)}
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(content, Mapping):
        parts = content.items()
    elif isinstance(content, tuple | list):
        parts = enumerate(content)
    found: dict[str, Any] = {}
    for name, part in parts:
        found.update(remembered(part, f"{path}.{name}" if path else str(name)))
    return found


def _memory(said: Said) -> dict[str, Any]:
    values = {
        name: {"text": str(value), **_memory(value)} if isinstance(value, Said) else value
        for name, value in said.values.items()
    }
    return {"key": said.key, "values": values}


def reminded(text: str, memory: Mapping[str, Any] | None) -> str:
    """A stored sentence with what was remembered of it; one without a memory stays a text."""
    if memory is None:
        return text
    values = {
        name: value if isinstance(value, str) else reminded(value["text"], value)
        for name, value in memory["values"].items()
    }
    return Said(text, memory["key"], values)


def _filled(locale: str, key: str, values: Mapping[str, str]) -> str:
    table, _, name = key.partition(".")
    return catalogue(locale)[table][name].format(**values)


@cache
def catalogue(locale: str) -> dict[str, dict[str, str]]:
    """Every word of a language, by table and key."""
    found = files("pacer_pipelines.decisions").joinpath(f"words/{locale}.toml")
    content: dict[str, dict[str, str]] = tomllib.loads(found.read_text(encoding="utf-8"))
    return content
