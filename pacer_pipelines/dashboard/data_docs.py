"""Data Docs: one self-contained page per day that explains every check of what landed, and an index of the days."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape

from pacer_pipelines.dashboard.markup import html_page
from pacer_pipelines.dashboard.trend import Point, number, trend
from pacer_pipelines.decisions.explained import NOTHING, Explained, State

SHEET = "data_docs.css"
DAYS_SHOWN = 14
_SIGNS = {"passed": "✓", "warning": "!", "critical": "✗", NOTHING: "–"}
_WORST_FIRST: tuple[State, ...] = ("critical", "warning", "passed", NOTHING)


def day_page(day: date, checks: Sequence[Explained], earlier: Mapping[date, Sequence[Explained]]) -> str:
    """The page of one day: what failed first, then every check by source.

    Args:
        day: the day.
        checks: its checks.
        earlier: checks of the days before it, for the trends.
    """
    known = sorted(each for each in earlier if each < day)
    nav = ['<a href="index.html">all days</a>']
    nav += [f'<a href="{known[-1]}.html">the day before</a>'] if known else []
    history = {each: {one.anchor: one for one in earlier[each]} for each in known[1 - DAYS_SHOWN :]}
    sources = sorted({one.check.source for one in checks})
    body = [
        '<a class="skip" href="#checks">skip to the checks</a>',
        f'<nav class="muted" aria-label="days">{" · ".join(nav)}</nav>',
        f"<h1>Data Docs of {day}</h1>",
        _banner(checks),
        _failed(checks),
        _contents(checks, sources),
        '<div id="checks">',
        *(
            _source(source, [one for one in checks if one.check.source == source], day, history)
            for source in sources
        ),
        "</div>",
        f"<footer>{len(checks)} checks of what landed of {day}, by Great Expectations, from the suites in "
        "<code>expectations/</code>. Numbers are of the whole day; no row, no name and no pseudonym is shown. "
        f"A trend ends on the day of the page and shows up to {DAYS_SHOWN} days; a dashed line is the limit.</footer>",
    ]
    return html_page(f"Data Docs {day}: {_sentence(checks)}", "\n".join(body), SHEET)


def docs_index(days: Mapping[date, Sequence[Explained]]) -> str:
    """The list of all days, the newest first."""
    rows = "".join(
        f'<tr class="{_worst(days[day])}"><td class="day"><a href="{day}.html">{day}</a></td>'
        f'<td><span class="tone">{escape(_sentence(days[day]))}</span></td>'
        f"<td>{_links(days[day], f'{day}.html')}</td></tr>"
        for day in sorted(days, reverse=True)
    )
    table = (
        '<div class="wide"><table><thead><tr><th>day</th><th>checks</th><th>failed</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        if rows
        else "<p>No day has been checked yet.</p>"
    )
    lead = (
        "Is what landed complete, fresh and like the days before? One page per day says it, check by check."
    )
    return html_page("Data Docs", f'<h1>Data Docs</h1><p class="muted">{lead}</p>{table}', SHEET)


def _worst(checks: Sequence[Explained]) -> str:
    states = {one.state for one in checks}
    return next((state for state in ("critical", "warning") if state in states), "passed")


def _sentence(checks: Sequence[Explained]) -> str:
    """The answer of a day in one sentence."""
    counts = Counter(one.state for one in checks)
    failed = counts["critical"] + counts["warning"]
    if not failed:
        return f"all {len(checks)} checks passed"
    holds = (
        f", {counts['critical']} of them critical: the day holds" if counts["critical"] else ", none critical"
    )
    return f"{failed} of {len(checks)} checks failed{holds}"


def _banner(checks: Sequence[Explained]) -> str:
    counts = Counter(one.state for one in checks)
    told = " · ".join(f"{counts[state]} {state}" for state in _WORST_FIRST if counts[state])
    sentence = _sentence(checks)
    return (
        f'<section class="banner {_worst(checks)}"><div class="word">{escape(sentence[0].upper() + sentence[1:])}</div>'
        f'<div class="muted">{escape(told)}</div></section>'
    )


def _failed(checks: Sequence[Explained]) -> str:
    """What failed, with the way to it; critical ones first."""
    failed = sorted(
        (one for one in checks if not one.check.passed), key=lambda one: _WORST_FIRST.index(one.state)
    )
    items = "".join(
        f'<li class="{one.state}"><a href="#{escape(one.anchor)}">{escape(one.check.name)}</a> '
        f'<span class="tone">{one.state}</span><div>{escape(one.check.detail)}</div></li>'
        for one in failed
    )
    return f'<section><h2>What failed</h2><ul class="failed">{items}</ul></section>' if items else ""


def _contents(checks: Sequence[Explained], sources: Sequence[str]) -> str:
    """A way to each source, coloured by its worst check."""
    links = []
    for source in sources:
        own = [one for one in checks if one.check.source == source]
        links.append(
            f'<a class="chip {_worst(own)}" href="#{escape(source)}"><span class="tone">{_SIGNS[_worst(own)]}</span> '
            f'{escape(source)} <span class="muted">{len(own)}</span></a>'
        )
    return f'<nav class="chips" aria-label="sources">{"".join(links)}</nav>'


def _links(checks: Sequence[Explained], page: str) -> str:
    failed = [one for one in checks if not one.check.passed]
    return ", ".join(f'<a href="{page}#{escape(one.anchor)}">{escape(one.check.name)}</a>' for one in failed)


def _source(
    source: str, checks: Sequence[Explained], day: date, history: Mapping[date, Mapping[str, Explained]]
) -> str:
    ordered = sorted(checks, key=lambda one: (_WORST_FIRST.index(one.state), one.check.name))
    owner = next((one.owner for one in ordered if one.owner), "")
    told = f'<p class="muted">owner: {escape(owner)}</p>' if owner else ""
    cards = "".join(_card(one, _points(one, day, history)) for one in ordered)
    return f'<section id="{escape(source)}"><h2>{escape(source)}</h2>{told}{cards}</section>'


def _points(one: Explained, day: date, history: Mapping[date, Mapping[str, Explained]]) -> list[Point]:
    before = [(each, found[one.anchor]) for each, found in history.items() if one.anchor in found]
    return [Point(f"{each:%m-%d}", that.value, not that.check.passed) for each, that in [*before, (day, one)]]


def _card(one: Explained, points: Sequence[Point]) -> str:
    check = one.check
    drawn = trend(points, one.low, one.high, one.percent)
    caption = f"<figcaption>{escape(_caption(one, points))}</figcaption>"
    figure = f"<figure>{drawn}{caption}</figure>" if drawn else ""
    rows = "".join(f"<li>{escape(row)}</li>" for row in one.rows)
    failing = f'<ul class="rows">{rows}</ul>' if rows else _detail(check.detail)
    return (
        f'<article class="check {one.state.replace(" ", "-")}" id="{escape(one.anchor)}"><div>'
        f'<h3><span class="sign" aria-hidden="true">{_SIGNS[one.state]}</span> '
        f'<a href="#{escape(one.anchor)}">{escape(check.name)}</a> <span class="tone">{one.state}</span></h3>'
        f"{failing}<dl><dt>observed</dt><dd>{escape(check.observed)}</dd>"
        f"<dt>expected</dt><dd>{escape(check.expected)}</dd></dl>"
        f'<p class="muted">{escape(check.why)}</p>{_written(one)}</div>{figure}</article>'
    )


def _detail(detail: str) -> str:
    return f'<ul class="rows"><li>{escape(detail)}</li></ul>' if detail else ""


def _caption(one: Explained, points: Sequence[Point]) -> str:
    limits = [
        f"{word} {number(limit, one.percent)}"
        for word, limit in (("at least", one.low), ("at most", one.high))
        if limit is not None
    ]
    return f"{number(one.value, one.percent)} ({', '.join(limits)}); {len(points)} days"


def _written(one: Explained) -> str:
    """The expectation as its reviewed file has it, and what Great Expectations counted."""
    if not one.suite:
        return ""
    content = {"expectation": one.suite, "result": one.result}
    told = json.dumps(content, indent=2, ensure_ascii=False)
    frame = one.suite["meta"]["frame"]
    return (
        f"<details><summary>expectations/{escape(one.check.source)}.json, frames/{escape(frame)}.sql</summary>"
        f'<pre tabindex="0">{escape(told)}</pre></details>'
    )
