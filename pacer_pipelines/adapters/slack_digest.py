"""A digest as a Slack message: tables and charts where the workspace takes them, elsewhere sections that say the same.

Names come from plans and rosters, so they stand only in plain_text and raw_text.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pacer_pipelines.adapters.letters import Letter, Part
from pacer_pipelines.adapters.slack_blocks import (
    BLOCKS_LIMIT,
    TEXT_LIMIT,
    Block,
    context,
    cut,
    escape,
    header,
    heading,
    listed,
    section,
    table,
    titled,
)
from pacer_pipelines.decisions import digest_text as words
from pacer_pipelines.decisions.catalogue import Words, in_a_row, say
from pacer_pipelines.decisions.digest import Digest, ExperimentWeek, Quality, QualityDay

# groups that the plain form names
ROWS = 40


def digest_letter(digest: Digest) -> Letter:
    """The digest as a letter."""
    told = Words(digest.locale).text
    text = cut(escape(told(in_a_row(". ", (words.headline(digest), _told(digest))))), TEXT_LIMIT)
    newest = [*_top(digest), *_experiments(digest), *_coverage(digest), *_quality(digest), *_end(digest)]
    plain = [*_top(digest), *_plain(digest), *_end(digest)]
    return Letter(
        Part(_message(text, newest), _message(text, plain)),
        words.digest_text(digest),
    )


def _message(text: str, blocks: list[Block]) -> dict[str, Any]:
    return {"text": text, "blocks": blocks[:BLOCKS_LIMIT]}


def _told(digest: Digest) -> str:
    return in_a_row(". ", map(words.experiment_line, digest.experiments)) or words.NO_EXPERIMENT


def _top(digest: Digest) -> list[Block]:
    told, ended = Words(digest.locale).text, words.ended_line(digest)
    return [
        header(told(words.headline(digest))),
        context(told(words.days_text(digest))),
        *([context(told(ended))] if ended else []),
    ]


def _end(digest: Digest) -> list[Block]:
    return [context(Words(digest.locale).text(words.FOOTNOTE))]


def _experiments(digest: Digest) -> list[Block]:
    told = Words(digest.locale).text
    if not digest.experiments:
        return [section(told(words.nothing_of(words.EXPERIMENTS, words.NO_EXPERIMENT)))]
    rows = [words.EXPERIMENTS_HEAD, *map(_experiment_cells, digest.experiments)]
    return _titled_table(words.EXPERIMENTS, rows, told)


def _titled_table(title: str, rows: Sequence[Sequence[str]], told: Callable[[str], str]) -> list[Block]:
    return [heading(told(title)), table(told(title), [tuple(map(told, row)) for row in rows])]


def _experiment_cells(each: ExperimentWeek) -> tuple[str, ...]:
    return (
        each.experiment,
        words.state_text(each),
        words.day_text(each),
        words.share_text(each),
        words.verdicts_text(each),
        words.decision_text(each),
    )


def _coverage(digest: Digest) -> list[Block]:
    told, rows = Words(digest.locale).text, words.coverage_rows(digest)
    if len(rows) == 1:
        return [section(told(words.nothing_of(words.COVERAGE, words.NO_RATING)))]
    return _titled_table(words.COVERAGE, rows, told)


def _quality(digest: Digest) -> list[Block]:
    told = Words(digest.locale).text
    days = [*digest.quality.days_before, *digest.quality.days]
    complete = [day for day in days if day.complete is not None]
    failures = {"critical": [day.critical for day in days], "warnings": [day.warnings for day in days]}
    shares = {"complete": [round(100 * (day.complete or 0.0), 2) for day in complete]}
    return [
        *_quality_lines(digest.quality, told),
        *([_chart("failed", "bar", days, failures, told)] if days else []),
        *([_chart("complete", "line", complete, shares, told)] if complete else []),
    ]


def _quality_lines(quality: Quality, told: Callable[[str], str]) -> list[Block]:
    _, *rows = words.quality_rows(quality)
    before = told(words.QUALITY_HEAD[2])
    lines = [f"{told(name)}: {told(now)} ({before}: {told(then)})" for name, now, then in rows]
    return titled(told(words.QUALITY), (*lines, *map(told, words.failed_lines(quality))))


def _plain(digest: Digest) -> list[Block]:
    told = Words(digest.locale).text
    _, *rows = ([told(cell) for cell in row] for row in words.coverage_rows(digest))
    head = [told(name) for name in words.COVERAGE_HEAD[1:]]
    groups = [
        f"{name}: {', '.join(f'{what} {cell}' for what, cell in zip(head, cells, strict=True) if cell != '-')}"
        for name, *cells in rows[:ROWS]
    ]
    lines = [f"• {told(words.experiment_line(each))}" for each in digest.experiments]
    return [
        heading(told(words.EXPERIMENTS)),
        *listed(lines or [told(words.NO_EXPERIMENT)]),
        *titled(told(words.COVERAGE), tuple(groups or [told(words.NO_RATING)])),
        *_quality_lines(digest.quality, told),
    ]


def _chart(
    name: str,
    kind: str,
    days: Sequence[QualityDay],
    series: Mapping[str, Sequence[float]],
    told: Callable[[str], str],
) -> Block:
    labels = [f"{day.date:%m-%d}" for day in days]
    data = [
        {
            "name": told(say(f"digest.series_{what}")),
            "data": [{"label": on, "value": y} for on, y in zip(labels, values, strict=True)],
        }
        for what, values in series.items()
    ]
    chart = {"type": kind, "series": data, "axis_config": {"categories": labels}}
    return {"type": "data_visualization", "title": told(say(f"digest.chart_{name}")), "chart": chart}
