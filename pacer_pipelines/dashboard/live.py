"""The live strip: what the logs say since the last verdict, kept up to date by a small script, never to decide."""

from html import escape
from importlib.resources import files
from typing import Any

from pacer_pipelines.decisions.catalogue import Words, in_a_row, in_language, say
from pacer_pipelines.decisions.live import Live, LiveCount

HEAD = ("variant", "calls", "failed", "latency", "rated", "good_rate")
EVERY_MS = 2000


def live_strip(url: str, t: Words) -> str:
    """The strip as it stands before its first numbers.

    Args:
        url: where the numbers are asked for.
        t: the page's language.
    """
    waits = '<td class="number">…</td>' * (len(HEAD) - 1)
    rows = "".join(
        f'<tr data-variant="{variant}"><th scope="row">{t(f"report.column_{variant}")}</th>{waits}</tr>'
        for variant in ("control", "treatment")
    )
    head = "".join(
        f'<th scope="col"{_number(place)}>{t(f"live.{name}")}</th>' for place, name in enumerate(HEAD)
    )
    asks = f'data-url="{escape(url)}" data-every="{EVERY_MS}" data-lost="{escape(t("live.lost"))}"'
    title = t("live.title")
    return (
        f'<section id="live" class="live" {asks}><h2>{title}</h2>'
        f'<div class="wide" tabindex="0" role="region" aria-label="{title}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="muted" data-status role="status">{t("live.waiting")}</p></section>'
    )


def live_object(live: Live, locale: str) -> dict[str, Any]:
    """The numbers for the script, already as text."""
    read = say("live.read", since=f"{live.since:%Y-%m-%d %H:%M}", at=f"{live.at:%H:%M:%S}")
    more = [say("live.behind")] if live.behind else []
    status = in_a_row("; ", (read, *more, *live.problems))
    return {"variants": variants(live.control, live.treatment), "status": in_language(status, locale)}


def variants(control: LiveCount, treatment: LiveCount) -> dict[str, tuple[str, ...]]:
    """The cells of both variants."""
    return {"control": control.cells(), "treatment": treatment.cells()}


def script() -> str:
    """The script that keeps the strip up to date."""
    return files("pacer_pipelines.dashboard").joinpath("live.js").read_text(encoding="utf-8")


def _number(place: int) -> str:
    return ' class="number"' if place else ""
