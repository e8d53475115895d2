"""One experiment as one HTML page: self-contained, without script, readable on a phone and in the dark."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files

from pacer_pipelines.dashboard.charts import draw
from pacer_pipelines.dashboard.figures import Figure, figures
from pacer_pipelines.dashboard.live import live_strip
from pacer_pipelines.dashboard.seen import Seen
from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.metric_rows import MetricRow
from pacer_pipelines.decisions.report import Report, report
from pacer_pipelines.decisions.segments import EXPLORATORY, HEAD, Segment, segment_cells
from pacer_pipelines.decisions.values import Check, Verdict
from pacer_pipelines.decisions.wording import metric_name
from pacer_pipelines.plan import Plan

# what answers "may we go on?"; the others say how we know
FIRST = ("effect", "strength")


def experiment_page(seen: Seen, root: str | None = None, *, live: bool = False) -> str:
    """The page of one experiment, the shown day's verdict first.

    Args:
        seen: the experiment as of that day.
        root: where the dashboard is mounted, ``""`` for the host's own root; None when the page stands alone, as a
            file, and links to nothing.
        live: whether it shows what the logs say since then.

    Raises:
        SourceUnreadable: a stored verdict is not what its verdict_id promises.
    """
    plan, latest = seen.plan, seen.latest
    title = f"{plan.slug}: {latest.verdict if latest else 'not judged yet'}"
    back = "" if root is None else f'<p class="muted"><a href="{escape(root)}/">all experiments</a></p>'
    strip = live_strip(f"{root}/experiments/{plan.slug}/live.json") if live and latest else ""
    body = [f"{back}<h1>{escape(plan.slug)}</h1>"]
    body += _judged(seen, root, strip) if latest else ["<p>No day has been judged yet.</p>"]
    page = "\n".join([*body, _plan_section(plan)])
    return html_page(title, page, script=f"{root}/live.js" if strip else "")


def index_page(latest: Iterable[tuple[Plan, Verdict | None]], root: str = "") -> str:
    """The list of experiments: what each is told to do, its share, how long still, and what comes next."""
    rows = [_index_row(plan, verdict, root) for plan, verdict in latest]
    head = ("experiment", "verdict", "day", "share of traffic", "days left", "why")
    table = _table(head, rows) if rows else "<p>No experiment is planned.</p>"
    return html_page("PACER experiments", f"<h1>PACER experiments</h1>{table}")


def html_page(title: str, body: str, *sheets: str, script: str = "") -> str:
    """A whole page around a body that is already escaped; with more style sheets than every page's own, or a script."""
    scripted = f'<script src="{escape(script)}" defer></script>\n' if script else ""
    styles = "".join(f"<style>{style(sheet)}</style>" for sheet in ("page.css", *sheets))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n{styles}\n{scripted}</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


@cache
def style(sheet: str = "page.css") -> str:
    """A style sheet; by default the one that every page carries."""
    return files("pacer_pipelines.dashboard").joinpath(sheet).read_text(encoding="utf-8")


@cache
def style_hash(sheet: str = "page.css") -> str:
    """A style sheet as a content security policy names it."""
    return "sha256-" + b64encode(sha256(style(sheet).encode()).digest()).decode()


def _judged(seen: Seen, root: str | None, strip: str) -> list[str]:
    plan, days = seen.plan, seen.verdicts
    reports = [report(day, plan) for day in days]
    latest = reports[-1]
    shown = figures(seen)
    return [
        _banner(latest),
        _facts(latest),
        strip,
        _charts(seen, [shown[name] for name in FIRST if name in shown], root),
        _section(
            "What the metrics say",
            _metrics(latest.rows) + f'<p class="muted">{escape(say("report.footnote"))}</p>',
        ),
        _section("What would flip it", _list(latest.flip)),
        _section("Missing facts", _list(latest.missing_facts)) if latest.missing_facts else "",
        _section(
            "How we know it", _charts(seen, [each for name, each in shown.items() if name not in FIRST], root)
        ),
        _section("Changes of the flag", _changes(seen)),
        _section(f"Checks: {latest.checks_line}", _checks(days[-1].checks)),
        _segments(plan, seen.explored),
        _section("Every day", _history(days, reports, root)),
        f"<footer>verdict <code>{latest.verdict_id}</code> · plan <code>{escape(latest.plan_hash)}</code> · "
        f"code <code>{escape(latest.code_version)}</code> · as of {escape(latest.as_of)}"
        f"{_downloads(seen, root)}</footer>",
    ]


def _banner(latest: Report) -> str:
    word, _, rest = latest.headline.partition(" ")
    return (
        f'<section class="banner {latest.verdict}"><div class="word">{escape(word)}</div>'
        f'<div class="share">{escape(latest.share_line)}</div><div class="muted">{escape(rest)}</div>'
        f'<p class="why">{escape(latest.why)}</p>{_list(latest.further)}</section>'
    )


def _facts(latest: Report) -> str:
    row = latest.primary
    facts = [("Days", latest.days_line, "")]
    if row is None or not row.shown:
        facts.insert(0, ("Effect", latest.effect_line, ""))
    else:
        facts[:0] = [
            (
                f"{row.metric}, control → treatment",
                f"{row.control} → {row.treatment}",
                f"n {row.n}, {row.coaches}",
            ),
            (
                "Effect",
                row.effect,
                "; ".join(filter(None, (f"always-valid interval {row.interval}", row.note))),
            ),
            ("Strength", *_split(row.strength)),
        ]
        chance, _, rest = latest.reading.partition("; ")
        facts += [("Bayesian reading", chance, rest)] if latest.reading else []
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(small)}</small></dd></div>"
        for name, value, small in facts
    )
    return f'<dl class="facts">{items}</dl>'


def _split(strength: str) -> tuple[str, str]:
    first, _, rest = strength.partition(", ")
    return first, rest


def _charts(seen: Seen, shown: Sequence[Figure], root: str | None) -> str:
    if not shown:
        return "<p>No day has enough data to draw.</p>"
    return f'<div class="charts">{"".join(_figure(seen, each, root) for each in shown)}</div>'


def _figure(seen: Seen, shown: Figure, root: str | None) -> str:
    """A chart; below it how to read it, and its numbers as a table and as CSV."""
    rows = [f"<tr>{''.join(map(_number, cells))}</tr>" for cells in shown.cells()]
    where = _place(seen, root)
    csv = f'<p><a href="{where}/figures/{shown.name}.csv">as CSV</a></p>' if where is not None else ""
    return (
        f'<figure id="{shown.name}" aria-label="{escape(shown.title)}">{draw(shown.spec, shown.name)}'
        f'<figcaption class="muted">{escape(shown.note)}</figcaption>'
        f"<details><summary>The numbers</summary>{_table(shown.columns, rows, right=len(shown.columns))}{csv}"
        "</details></figure>"
    )


def _place(seen: Seen, root: str | None) -> str | None:
    """The address of the shown day; None for a page that stands alone."""
    if root is None or seen.latest is None:
        return None
    return escape(f"{root}/experiments/{seen.plan.slug}/{seen.latest.date}")


def _downloads(seen: Seen, root: str | None) -> str:
    where = _place(seen, root)
    return (
        ""
        if where is None
        else f' · <a href="{where}">this day</a> · <a href="{where}/verdict.json">as JSON</a>'
    )


def _changes(seen: Seen) -> str:
    rows = [
        f'<tr><td class="day">{f"{change.at:%Y-%m-%d %H:%M} UTC" if change.at else "-"}</td>'
        f"{_number(f'{change.share:g} %')}{_number(change.version)}{_cell(change.who)}"
        f'<td class="reason">{escape(change.why)}</td></tr>'
        for change in reversed(seen.changes)
    ]
    head = ("when", f"{seen.plan.treatment.variant} has", "version", "by", "why")
    return _table(head, rows, right=2) if rows else "<p>The flag has not been changed.</p>"


def _metrics(rows: tuple[MetricRow, ...]) -> str:
    if not rows:
        return "<p>No other metric was looked at.</p>"
    head = ("metric", "control", "treatment", "effect", "interval", "margin", "finding")
    cells = [
        (
            "" if row.role in ("secondary", "guardrail") else "below",
            [
                _cell(row.metric),
                *map(_number, (row.control, row.treatment, row.effect, row.interval, row.margin)),
            ],
            _cell(row.label + (f" ({row.note})" if row.note else "")),
        )
        for row in rows
    ]
    return _table(
        head, [f'<tr class="{kind}">{"".join(line)}{last}</tr>' for kind, line, last in cells], right=5
    )


def _segments(plan: Plan, explored: Sequence[Segment]) -> str:
    """To explore, never to decide: folded, below everything that a verdict rests on."""
    if not explored:
        return ""
    metric = plan.primary.metric
    rows = []
    for item in explored:
        attribute, value, *numbers = segment_cells(item, metric)
        kind = ' class="out"' if item.stands_out else ""
        rows.append(f"<tr{kind}>{_cell(f'{attribute} {value}')}{''.join(map(_number, numbers))}</tr>")
    table = _table(HEAD[1:], rows, right=len(HEAD))
    return _section(
        f"{metric_name(metric)} by segment (exploratory)",
        f'<p class="muted">{escape(EXPLORATORY)}</p>'
        f"<details><summary>{len(explored)} segments</summary>{table}</details>",
    )


def _checks(checks: tuple[Check, ...]) -> str:
    if not checks:
        return "<p>No check ran.</p>"
    failed = [_check_row(check) for check in checks if not check.passed]
    passed = [_check_row(check) for check in checks if check.passed]
    head = ("check", "result", "observed", "expected", "why it is asked")
    shown = _table(head, failed) if failed else ""
    return shown + (
        f"<details><summary>{len(passed)} passed</summary>{_table(head, passed)}</details>" if passed else ""
    )


def _check_row(check: Check) -> str:
    tone = "promote" if check.passed else "rollback" if check.severity == "critical" else "hold"
    result = "passed" if check.passed else f"failed ({check.severity})"
    detail = f"{check.observed}. {check.detail}" if check.detail and not check.passed else check.observed
    return (
        f"<tr>{_cell(f'{check.source}: {check.name}')}"
        f'<td class="{tone}"><span class="tone">{result}</span></td>'
        f'{_cell(detail)}{_cell(check.expected)}<td class="reason">{escape(check.why)}</td></tr>'
    )


def _history(days: Sequence[Verdict], reports: Sequence[Report], root: str | None) -> str:
    rows = [
        f'<tr><td class="day">{_day_link(shown, root)}</td>{_word(shown.verdict)}'
        f'<td class="day">{_traffic(day)}</td><td class="reason">{escape(shown.why)}</td>'
        f"<td><code>{shown.verdict_id}</code></td></tr>"
        for day, shown in zip(reversed(days), reversed(reports), strict=True)
    ]
    again = '<p class="muted">Made again from the stored evidence: <code>pacer replay VERDICT_ID</code></p>'
    return _table(("date", "verdict", "treatment's share", "why", "verdict id"), rows) + again


def _day_link(shown: Report, root: str | None) -> str:
    day = shown.date.isoformat()
    return day if root is None else f'<a href="{escape(root)}/experiments/{shown.experiment}/{day}">{day}</a>'


def _traffic(day: Verdict) -> str:
    before, after = (
        "?" if share is None else f"{share:g} %" for share in (day.share_before, day.share_after)
    )
    return before if before == after else f"{before} → {after}"


def _plan_section(plan: Plan) -> str:
    lines = (
        " ".join(plan.hypothesis.split()),
        f"Control {plan.control.variant}: {plan.control.model} ({plan.control.version}); treatment "
        f"{plan.treatment.variant}: {plan.treatment.model} ({plan.treatment.version})",
        f"Split by {plan.randomization_unit}, from {plan.start_date} to {plan.last_date} at most",
        "Steps: " + ", ".join(f"{step:g} %" for step in plan.rollout.ladder),
        f"Owner: {plan.owner}",
    )
    return _section("The plan", _list(lines))


def _index_row(plan: Plan, verdict: Verdict | None, root: str) -> str:
    link = f'<td><a href="{escape(root)}/experiments/{escape(plan.slug)}">{escape(plan.slug)}</a></td>'
    if verdict is None:
        starts = f"starts {plan.start_date}"
        return f"<tr>{link}{_cell('not judged yet')}{_cell('')}{_cell('')}{_cell(starts)}{_cell('')}</tr>"
    shown = report(verdict, plan)
    day = f"{shown.date.isoformat()}, {verdict.day} of {plan.duration.max_days}"
    return (
        f'<tr>{link}{_word(shown.verdict)}<td class="day">{day}</td>{_cell(shown.share_line)}'
        f'{_cell(shown.days_line)}<td class="reason">{escape(shown.why)}</td></tr>'
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _list(items: Iterable[str]) -> str:
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""


def _table(head: tuple[str, ...], rows: list[str], right: int = 0) -> str:
    """A table that scrolls by itself; ``right`` columns after the first are numbers."""
    names = "".join(
        f'<th class="number">{escape(name)}</th>' if 0 < place <= right else f"<th>{escape(name)}</th>"
        for place, name in enumerate(head)
    )
    table = f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _number(text: str) -> str:
    return f'<td class="number">{escape(text)}</td>'


def _word(verdict: str) -> str:
    return f'<td class="{verdict}"><span class="tone">{verdict}</span></td>'
