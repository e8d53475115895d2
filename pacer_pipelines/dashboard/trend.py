"""One number over the last days as a small picture: a line, its limit, and the days that failed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, EDGE = 200.0, 48.0, 5.0


@dataclass(frozen=True, slots=True)
class Point:
    """The number of one day, None where there was nothing to judge."""

    day: str
    value: float | None
    failed: bool


def trend(points: Sequence[Point], low: float | None, high: float | None, percent: bool) -> str:
    """The picture as inline SVG, with what it shows as its title; nothing when no day has a number.

    Args:
        points: oldest day first, the day of the page last.
        low: the lowest number that passes.
        high: the highest number that passes.
        percent: whether numbers are shares.
    """
    known = [point.value for point in points if point.value is not None]
    if not known:
        return ""
    limits = [limit for limit in (low, high) if limit is not None]
    bottom, top = min([*known, *limits]), max([*known, *limits])
    span = (top - bottom) or 1.0
    step = (WIDTH - 2 * EDGE) / max(len(points) - 1, 1)
    right = WIDTH - EDGE

    def y(value: float) -> float:
        return HEIGHT - EDGE - (value - bottom) / span * (HEIGHT - 2 * EDGE)

    # the day of the page is always at the right edge
    places = [right - step * (len(points) - 1 - number) for number in range(len(points))]
    told = ", ".join(f"{point.day} {number(point.value, percent)}" for point in points)
    lines = "".join(
        f'<line class="limit" x1="{EDGE:g}" x2="{right:g}" y1="{y(limit):.1f}" y2="{y(limit):.1f}"/>'
        for limit in limits
    )
    return (
        f'<svg class="trend" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img"><title>{escape(told)}</title>'
        f"{lines}{_lines(points, places, y)}{_dots(points, places, y)}</svg>"
    )


def number(value: float | None, percent: bool = False) -> str:
    """A number as a person reads it.

    >>> number(0.98765, percent=True), number(1681.0), number(0.04166), number(None)
    ('98.8 %', '1,681', '0.0417', 'nothing to judge')
    """
    if value is None:
        return "nothing to judge"
    if percent:
        return f"{100 * value:.1f} %"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def _lines(points: Sequence[Point], places: Sequence[float], y: Callable[[float], float]) -> str:
    """Lines between neighbouring days; a day without a number leaves a gap."""
    found, run = [], []
    for point, x in [*zip(points, places, strict=True), (Point("", None, False), 0.0)]:
        if point.value is not None:
            run.append(f"{x:.1f},{y(point.value):.1f}")
            continue
        if len(run) > 1:
            found.append(f'<polyline class="line" points="{" ".join(run)}"/>')
        run = []
    return "".join(found)


def _dots(points: Sequence[Point], places: Sequence[float], y: Callable[[float], float]) -> str:
    """A dot for each day that failed, and for the day of the page."""
    return "".join(
        f'<circle class="{"failed" if point.failed else "today"}" cx="{x:.1f}" cy="{y(point.value):.1f}" r="3"/>'
        for place, (point, x) in enumerate(zip(points, places, strict=True))
        if point.value is not None and (point.failed or place == len(points) - 1)
    )
