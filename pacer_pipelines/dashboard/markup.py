"""What every page is made of: the document around it, sections, lists and tables; all text is escaped here."""

from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files

from pacer_pipelines.decisions.catalogue import ENGLISH, Words


def html_page(title: str, body: str, *sheets: str, script: str = "", locale: str = ENGLISH) -> str:
    """A whole page around a body that is already escaped; with more style sheets than every page's own, or a script."""
    scripted = f'<script src="{escape(script)}" defer></script>\n' if script else ""
    styles = "".join(f"<style>{style(sheet)}</style>" for sheet in ("page.css", *sheets))
    return (
        f'<!doctype html>\n<html lang="{locale}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n{styles}\n{scripted}</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


@cache
def style(sheet: str = "page.css") -> str:
    """A style sheet; by default the one that every page carries."""
    return files("pacer_pipelines.dashboard").joinpath(sheet).read_text(encoding="utf-8")


def style_hash(text: str) -> str:
    """The text of a style sheet as a content security policy names it."""
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def section(title: str, content: str) -> str:
    """A part of a page under its title."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def bullets(items: Iterable[str]) -> str:
    """A list; nothing when it is empty."""
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""


def table(head: tuple[str, ...], rows: list[str], right: int = 0) -> str:
    """A table that scrolls by itself; ``right`` columns after the first are numbers."""
    right_hand = ' class="number"'
    names = "".join(
        f'<th scope="col"{right_hand if 0 < place <= right else ""}>{escape(name)}</th>'
        for place, name in enumerate(head)
    )
    made = f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    # by the keyboard, too
    return f'<div class="wide" tabindex="0">{made}</div>'


def cell(text: str) -> str:
    """A cell of text."""
    return f"<td>{escape(text)}</td>"


def number(text: str) -> str:
    """A cell of a number."""
    return f'<td class="number">{escape(text)}</td>'


def word_cell(verdict: str, t: Words) -> str:
    """A cell with a verdict's word in its colour."""
    return f'<td class="{verdict}"><span class="tone">{t(f"word.{verdict}")}</span></td>'
