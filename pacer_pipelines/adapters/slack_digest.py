"""A digest as a Slack message: tables and charts where the workspace takes them, elsewhere sections that say the same.

Names come from plans and rosters, so they stand only in plain_text and raw_text.
"""

from collections.abc import Sequence
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
from pacer_pipelines.decisions.digest import Digest, ExperimentWeek, Quality, QualityDay

# groups that the plain form names
ROWS = 40
FAILED, COMPLETE = "Log checks failed per day", "Exposure log complete, percent"


def digest_letter(digest: Digest) -> Letter:
    """The digest as a letter."""
    text = cut(escape(f"{words.headline(digest)}. {_told(digest)}"), TEXT_LIMIT)
    newest = [*_top(digest), *_experiments(digest), *_coverage(digest), *_quality(digest), *_end()]
    plain = [*_top(digest), *_plain(digest), *_end()]
    return Letter(
        Part(_message(text, newest), _message(text, plain)),
        words.digest_text(digest),
    )


def _message(text: str, blocks: list[Block]) -> dict[str, Any]:
    return {"text": text, "blocks": blocks[:BLOCKS_LIMIT]}


def _told(digest: Digest) -> str:
    return ". ".join(words.experiment_line(each) for each in digest.experiments) or words.NO_EXPERIMENT


def _top(digest: Digest) -> list[Block]:
    ended = words.ended_line(digest)
    return [
        header(words.headline(digest)),
        context(f"{digest.week.first} to {digest.week.last}"),
        *([context(ended)] if ended else []),
    ]


def _end() -> list[Block]:
    return [context(words.FOOTNOTE)]


def _experiments(digest: Digest) -> list[Block]:
    if not digest.experiments:
        return [section(f"{words.EXPERIMENTS}: {words.NO_EXPERIMENT}")]
    rows = [words.EXPERIMENTS_HEAD, *map(_experiment_cells, digest.experiments)]
    return [heading(words.EXPERIMENTS), table(words.EXPERIMENTS, rows)]


def _experiment_cells(each: ExperimentWeek) -> tuple[str, ...]:
    return (
        each.experiment,
        each.state,
        words.day_text(each),
        words.share_text(each),
        words.verdicts_text(each),
        words.decision_text(each),
    )


def _coverage(digest: Digest) -> list[Block]:
    rows = words.coverage_rows(digest)
    if len(rows) == 1:
        return [section(f"{words.COVERAGE}: {words.NO_RATING}")]
    return [heading(words.COVERAGE), table(words.COVERAGE, rows)]


def _quality(digest: Digest) -> list[Block]:
    days = [*digest.quality.days_before, *digest.quality.days]
    complete = [day for day in days if day.complete is not None]
    return [
        *_quality_lines(digest.quality),
        *([_chart(FAILED, "bar", days, _failures(days))] if days else []),
        *([_chart(COMPLETE, "line", complete, _completeness(complete))] if complete else []),
    ]


def _quality_lines(quality: Quality) -> list[Block]:
    _, *rows = words.quality_rows(quality)
    lines = [f"{name}: {now} ({words.QUALITY_HEAD[2]}: {before})" for name, now, before in rows]
    return titled(words.QUALITY, (*lines, *words.failed_lines(quality)))


def _failures(days: Sequence[QualityDay]) -> dict[str, list[float]]:
    return {"critical": [day.critical for day in days], "warnings": [day.warnings for day in days]}


def _completeness(days: Sequence[QualityDay]) -> dict[str, list[float]]:
    return {"complete": [round(100 * (day.complete or 0.0), 2) for day in days]}


def _plain(digest: Digest) -> list[Block]:
    _, *rows = words.coverage_rows(digest)
    head = words.COVERAGE_HEAD[1:]
    groups = [
        f"{name}: {', '.join(f'{what} {cell}' for what, cell in zip(head, cells, strict=True) if cell != '-')}"
        for name, *cells in rows[:ROWS]
    ]
    return [
        heading(words.EXPERIMENTS),
        *listed([f"• {words.experiment_line(each)}" for each in digest.experiments] or [words.NO_EXPERIMENT]),
        *titled(words.COVERAGE, tuple(groups or [words.NO_RATING])),
        *_quality_lines(digest.quality),
    ]


def _chart(title: str, kind: str, days: Sequence[QualityDay], series: dict[str, list[float]]) -> Block:
    labels = [f"{day.date:%m-%d}" for day in days]
    data = [
        {"name": name, "data": [{"label": on, "value": y} for on, y in zip(labels, values, strict=True)]}
        for name, values in series.items()
    ]
    chart = {"type": kind, "series": data, "axis_config": {"categories": labels}}
    return {"type": "data_visualization", "title": title, "chart": chart}
