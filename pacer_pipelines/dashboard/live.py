"""The live strip: what the logs say since the last verdict, kept up to date by a small script, never to decide."""

from html import escape
from importlib.resources import files
from typing import Any

from pacer_pipelines.decisions.live import Live, LiveCount

HEAD = ("variant", "calls", "failed", "latency", "rated", "GOOD rate")
EVERY_MS = 2000
LOST = "The live numbers are not reachable just now; the verdict below stands."


def live_strip(url: str) -> str:
    """The strip as it stands before its first numbers.

    Args:
        url: where the numbers are asked for.
    """
    rows = "".join(
        f'<tr data-variant="{variant}"><th scope="row">{variant}</th>{"<td class=number>…</td>" * (len(HEAD) - 1)}</tr>'
        for variant in ("control", "treatment")
    )
    head = "".join(f'<th scope="col"{_number(place)}>{name}</th>' for place, name in enumerate(HEAD))
    return (
        f'<section id="live" class="live" data-url="{escape(url)}" data-every="{EVERY_MS}" data-lost="{escape(LOST)}">'
        '<h2>Live, not for decisions</h2><div class="wide" tabindex="0" role="region" aria-label="Live numbers">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        '<p class="muted" data-status role="status">Waiting for the first numbers; they need JavaScript.</p></section>'
    )


def live_object(live: Live) -> dict[str, Any]:
    """The numbers for the script, already as text."""
    parts = [f"since {live.since:%Y-%m-%d %H:%M} UTC, read at {live.at:%H:%M:%S} UTC"]
    parts += ["more lines are being read"] if live.behind else []
    return {"variants": variants(live.control, live.treatment), "status": "; ".join([*parts, *live.problems])}


def variants(control: LiveCount, treatment: LiveCount) -> dict[str, tuple[str, ...]]:
    """The cells of both variants."""
    return {"control": control.cells(), "treatment": treatment.cells()}


def script() -> str:
    """The script that keeps the strip up to date."""
    return files("pacer_pipelines.dashboard").joinpath("live.js").read_text(encoding="utf-8")


def _number(place: int) -> str:
    return ' class="number"' if place else ""
