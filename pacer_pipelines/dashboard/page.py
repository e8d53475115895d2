"""One experiment as one HTML page: self-contained, without script, readable on a phone and in the dark."""

from collections.abc import Sequence
from html import escape

from pacer_pipelines.dashboard.drawing import Figure
from pacer_pipelines.dashboard.figure_page import charts, place
from pacer_pipelines.dashboard.figures import figures
from pacer_pipelines.dashboard.health_page import HEALTH, health
from pacer_pipelines.dashboard.live import live_strip
from pacer_pipelines.dashboard.markup import bullets, cell, html_page, number, section, table, word_cell
from pacer_pipelines.dashboard.seen import Seen
from pacer_pipelines.decisions.catalogue import Words, in_language
from pacer_pipelines.decisions.metric_rows import MetricRow
from pacer_pipelines.decisions.report import COLUMNS, Report, identity, report, report_in
from pacer_pipelines.decisions.segments import EXPLORATORY, HEAD, Segment, segment_cells
from pacer_pipelines.decisions.values import Verdict
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
    plan, latest, t = seen.plan, seen.latest, Words(seen.plan.language)
    title = f"{plan.slug}: {t(f'word.{latest.verdict}') if latest else t('page.not_judged')}"
    back = "" if root is None else f'<p class="muted"><a href="{escape(root)}/">{t("page.all")}</a></p>'
    strip = live_strip(f"{root}/experiments/{plan.slug}/live.json", t) if live and latest else ""
    body = [f"{back}<h1>{escape(plan.slug)}</h1>"]
    body += _judged(seen, root, strip, t) if latest else [f"<p>{t('page.no_day')}</p>"]
    page = "\n".join([*body, _plan_section(seen, t)])
    return html_page(title, page, script=f"{root}/live.js" if strip else "", locale=plan.language)


def _judged(seen: Seen, root: str | None, strip: str, t: Words) -> list[str]:
    plan, days = seen.plan, seen.verdicts
    reports = [report_in(report(day, plan), plan.language) for day in days]
    latest = reports[-1]
    shown = {name: in_language(each, plan.language) for name, each in figures(seen).items()}
    return [
        _banner(latest),
        _facts(latest, _finds(shown.get("planner"), days[-1].day, t), t),
        strip,
        charts(seen, [shown[name] for name in FIRST if name in shown], root, t),
        section(
            t("page.metrics"),
            _metrics(latest.rows, t) + f'<p class="muted">{escape(t("report.footnote"))}</p>',
        ),
        section(t("slack.what_would_flip_it"), bullets(latest.flip)),
        section(t("slack.missing_facts"), bullets(latest.missing_facts)) if latest.missing_facts else "",
        section(
            t("slack.details"),
            charts(seen, [each for name, each in shown.items() if name not in (*FIRST, *HEALTH)], root, t),
        ),
        section(t("page.changes"), _changes(seen, t)),
        section(
            f"{t('slack.checks')}: {latest.checks_line}",
            health(seen, days[-1], shown, root, t),
        ),
        _segments(plan, seen.explored, t),
        section(t("page.every_day"), _history(days, reports, root, t)),
        f"<footer><code>{escape(identity(latest))}</code> · {escape(t('slack.as_of', time=latest.as_of))}"
        f"{_downloads(seen, root, t)}</footer>",
    ]


def _banner(latest: Report) -> str:
    word, _, rest = latest.headline.partition(" ")
    return (
        f'<section class="banner {latest.verdict}"><div class="word">{escape(word)}</div>'
        f'<div class="share">{escape(latest.share_line)}</div><div class="muted">{escape(rest)}</div>'
        f'<p class="why">{escape(latest.why)}</p>{bullets(latest.further)}</section>'
    )


def _facts(latest: Report, finds: str, t: Words) -> str:
    row = latest.primary
    facts = [(t("report.days"), latest.days_line, finds)]
    if row is None or not row.shown:
        facts.insert(0, (t("report.effect_entry"), latest.effect_line, ""))
    else:
        facts[:0] = [
            (
                f"{row.metric}, {t('report.column_control')} → {t('report.column_treatment')}",
                f"{row.control} → {row.treatment}",
                f"n {row.n}, {row.coaches}",
            ),
            (
                t("report.effect_entry"),
                row.effect,
                "; ".join(filter(None, (t("report.interval", interval=row.interval), row.note))),
            ),
            (t("slack.strength"), *_split(row.strength)),
        ]
        chance, _, rest = latest.reading.partition("; ")
        facts += [(t("page.reading"), chance, rest)] if latest.reading else []
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(small)}</small></dd></div>"
        for name, value, small in facts
    )
    return f'<dl class="facts">{items}</dl>'


def _finds(planner: Figure | None, day: int, t: Words) -> str:
    """What can be found by the day, from its row of the figure."""
    newest = planner.rows[-1] if planner else {}
    if newest.get("day") != day:
        return ""
    return t("page.finds", now=f"{newest['detectable']:.1f}", best=f"{newest['at_best']:.1f}")


def _split(strength: str) -> tuple[str, str]:
    first, _, rest = strength.partition(", ")
    return first, rest


def _downloads(seen: Seen, root: str | None, t: Words) -> str:
    where = place(seen, root)
    if where is None:
        return ""
    return (
        f' · <a href="{where}">{t("page.this_day")}</a> · <a href="{where}/verdict.json">{t("page.json")}</a>'
        f' · <a href="{where}/evidence.zip">{t("page.bundle")}</a>'
    )


def _changes(seen: Seen, t: Words) -> str:
    rows = [
        f'<tr><td class="day">{f"{change.at:%Y-%m-%d %H:%M} UTC" if change.at else "-"}</td>'
        f"{number(f'{change.share:g} %')}{number(change.version)}{cell(change.who)}"
        f'<td class="reason">{escape(change.why)}</td></tr>'
        for change in reversed(seen.changes)
    ]
    head = (
        t("page.when"), t("page.has", variant=seen.plan.treatment.variant), t("page.version"), t("page.by"),
        t("page.why"),
    )  # fmt: skip
    return table(head, rows, right=2) if rows else f"<p>{t('page.unchanged')}</p>"


def _metrics(rows: tuple[MetricRow, ...], t: Words) -> str:
    if not rows:
        return f"<p>{t('page.no_metric')}</p>"
    head = tuple(t(f"report.column_{name}") for name in COLUMNS)
    cells = [
        (
            "" if row.role in ("secondary", "guardrail") else "below",
            [
                cell(row.metric),
                *map(number, (row.control, row.treatment, row.effect, row.interval, row.margin)),
            ],
            cell(row.label + (f" ({row.note})" if row.note else "")),
        )
        for row in rows
    ]
    return table(
        head, [f'<tr class="{kind}">{"".join(line)}{last}</tr>' for kind, line, last in cells], right=5
    )


def _segments(plan: Plan, explored: Sequence[Segment], t: Words) -> str:
    """To explore, never to decide: folded, below everything that a verdict rests on."""
    if not explored:
        return ""
    metric = plan.primary.metric
    rows = []
    for item in explored:
        attribute, value, *numbers = in_language(segment_cells(item, metric), plan.language)
        kind = ' class="out"' if item.stands_out else ""
        rows.append(f"<tr{kind}>{cell(f'{attribute} {value}')}{''.join(map(number, numbers))}</tr>")
    shown = table(in_language(HEAD[1:], plan.language), rows, right=len(HEAD))
    return section(
        t("page.segments", metric=metric_name(metric)),
        f'<p class="muted">{escape(in_language(EXPLORATORY, plan.language))}</p>'
        f"<details><summary>{t('page.segment_count', number=len(explored))}</summary>{shown}</details>",
    )


def _history(days: Sequence[Verdict], reports: Sequence[Report], root: str | None, t: Words) -> str:
    rows = [
        f'<tr><td class="day">{_day_link(shown, root)}</td>{word_cell(shown.verdict, t)}'
        f'<td class="day">{_traffic(day)}</td><td class="reason">{escape(shown.why)}</td>'
        f"<td><code>{shown.verdict_id}</code>{_beside(shown, reports[-1], root, t)}</td></tr>"
        for day, shown in zip(reversed(days), reversed(reports), strict=True)
    ]
    again = f'<p class="muted">{t("page.again")} <code>pacer replay VERDICT_ID</code></p>'
    return table(tuple(t(f"page.{name}") for name in ("date", "verdict", "share", "why", "id")), rows) + again


def _beside(shown: Report, newest: Report, root: str | None, t: Words) -> str:
    """Where a day stands beside the newest one."""
    if root is None or shown is newest:
        return ""
    where = f"{root}/experiments/{shown.experiment}/compare/{shown.date},{newest.date}"
    return f'<br><a href="{escape(where)}">{t("page.beside")}</a>'


def _day_link(shown: Report, root: str | None) -> str:
    day = shown.date.isoformat()
    return day if root is None else f'<a href="{escape(root)}/experiments/{shown.experiment}/{day}">{day}</a>'


def _traffic(day: Verdict) -> str:
    before, after = (
        "?" if share is None else f"{share:g} %" for share in (day.share_before, day.share_after)
    )
    return before if before == after else f"{before} → {after}"


def _plan_section(seen: Seen, t: Words) -> str:
    plan = seen.plan
    a, b = plan.control, plan.treatment
    variants = t(
        "page.variants", a=a.variant, a_model=a.model, a_version=a.version, b=b.variant, b_model=b.model,
        b_version=b.version,
    )  # fmt: skip
    lines = (
        " ".join(plan.hypothesis.split()),
        variants,
        t("page.split", unit=plan.randomization_unit, first=plan.start_date, last=plan.last_date),
        t("page.steps", steps=", ".join(f"{step:g} %" for step in plan.rollout.ladder)),
        t("page.owner", owner=plan.owner),
    )
    rows = [f"<tr>{cell(each.key)}{cell(each.before)}{cell(each.now)}</tr>" for each in seen.edited]
    head = tuple(t(f"page.{name}") for name in ("key", "registered", "now"))
    edited = table(head, rows) if rows else f"<p>{t('page.as_registered')}</p>"
    return section(t("page.plan"), bullets(lines) + edited)
