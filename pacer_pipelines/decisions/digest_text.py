"""A digest in sentences. English only: all its words stand in this module."""

import textwrap
from collections.abc import Sequence

from pacer_pipelines.decisions.digest import (
    Digest,
    ExperimentWeek,
    Quality,
    QualityDay,
    RowsOfWeek,
    WordCount,
)
from pacer_pipelines.decisions.report import NO_BREAK, WIDTH, share_line
from pacer_pipelines.decisions.wording import FEWEST_COACHES, FEWEST_UNITS, TOO_FEW, rate_text

EXPERIMENTS, COVERAGE, QUALITY = "Experiments", "Coaches' feedback", "Data quality"
EXPERIMENTS_HEAD = ("experiment", "state", "day", "B's share", "verdicts", "decision")
COVERAGE_HEAD = ("coaches of", "coaches", "students", "mature requests", "rated")
QUALITY_HEAD = ("", "this week", "week before")
ALL_COACHES, NO_RATING, NO_EXPERIMENT = "all coaches", "no request is mature yet", "none is running"
FOOTNOTE = (
    "A coach belongs to the school of most of their students; requests count since each experiment began. "
    f"Groups of fewer than {FEWEST_UNITS} students or {FEWEST_COACHES} coaches are hidden, and others with them "
    "where they would follow from the total."
)


def headline(digest: Digest) -> str:
    """The week and what it brought, in one line."""
    promoted = sum(
        word.days for each in digest.experiments for word in each.verdicts if word.verdict == "promote"
    )
    cut = sum(each.state == "rolled back" for each in digest.experiments)
    critical = sum(day.critical for day in digest.quality.days)
    told = (_count(promoted, "promotion"), _count(cut, "rollback"), _count(critical, "critical check"))
    return f"Week {digest.week.name}: {told[0]}, {told[1]}, {told[2]} failed"


def digest_text(digest: Digest) -> str:
    """The digest for a terminal or a file: at most 96 columns, the answer first."""
    coverage, quality = coverage_rows(digest), quality_rows(digest.quality)
    blocks = [
        [headline(digest), f"{digest.channel}, {digest.week.first} to {digest.week.last}"],
        [
            EXPERIMENTS if digest.experiments else f"{EXPERIMENTS}: {NO_EXPERIMENT}",
            *(line for each in digest.experiments for line in _wrapped(experiment_line(each))),
        ],
        textwrap.wrap(ended_line(digest), WIDTH),
        [COVERAGE, *_table(coverage)] if len(coverage) > 1 else [f"{COVERAGE}: {NO_RATING}"],
        [QUALITY, *_table(quality), *map(_indented, failed_lines(digest.quality))],
        textwrap.wrap(FOOTNOTE, WIDTH),
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def experiment_line(each: ExperimentWeek) -> str:
    """One experiment and its week."""
    shown = [f"{each.state}, {day_text(each)}", share_text(each), verdicts_text(each), decision_text(each)]
    return f"{each.experiment}: {'; '.join(text for text in shown if text)}"


def day_text(each: ExperimentWeek) -> str:
    """The day of the experiment at the end of the week."""
    return f"day {each.day} of {each.max_days}"


def share_text(each: ExperimentWeek) -> str:
    """B's share of traffic at the end of the week."""
    if each.state == "not judged":
        return ""
    waits = ", once a person approves" if each.waits else ""
    return share_line(each.variant, each.share, each.next_share) + waits


def verdicts_text(each: ExperimentWeek) -> str:
    """What the verdicts of the week were."""
    return ", ".join(map(_word_text, each.verdicts))


def decision_text(each: ExperimentWeek) -> str:
    """How long it took to decide, or how long it still takes."""
    if each.decided_on_day is not None:
        return f"decided on day {each.decided_on_day}: {each.decision}"
    if each.days_left is None:
        return "not decided, days left unknown"
    return f"not decided, about {_count(each.days_left, 'day')} left"


def ended_line(digest: Digest) -> str:
    """What was over before the week began."""
    return f"Over before this week: {', '.join(digest.ended)}" if digest.ended else ""


def coverage_rows(digest: Digest) -> list[tuple[str, ...]]:
    """Who rates, as a table with its head; only the head when nothing is known."""
    found = digest.coverage
    every = [*found.groups, *([found.total] if found.total else [])]
    rows = [
        (
            ALL_COACHES if group is found.total else group.name,
            str(group.coaches),
            str(group.students),
            f"{group.requests:,}",
            rate_text("rating_rate", group.share),
        )
        for group in every
    ]
    place = len(found.groups)
    return [
        COVERAGE_HEAD,
        *rows[:place],
        *((name, "-", "-", "-", TOO_FEW) for name in found.hidden),
        *rows[place:],
    ]


def quality_rows(quality: Quality) -> list[tuple[str, str, str]]:
    """How the data were, beside the week before, as a table with its head."""
    names = (
        "days checked", "critical checks failed", "warnings", "exposure log complete, lowest day",
        *(f"{row.source.replace('_', ' ')} landed" for row in quality.rows),
    )  # fmt: skip
    now = _quality_column(quality.days, quality.rows)
    before = _quality_column(quality.days_before, quality.rows_before)
    return [QUALITY_HEAD, *zip(names, now, before, strict=True)]


def _quality_column(days: Sequence[QualityDay], rows: Sequence[RowsOfWeek]) -> tuple[str, ...]:
    return (
        str(len(days)),
        _of(days, sum(day.critical for day in days)),
        _of(days, sum(day.warnings for day in days)),
        _lowest(days),
        *map(_landed, rows),
    )


def _landed(rows: RowsOfWeek) -> str:
    repeated = f", {rows.repeated:,} delivered before" if rows.repeated else ""
    return f"{rows.landed:,}{repeated}" + (f", {rows.refused:,} refused" if rows.refused else "")


def failed_lines(quality: Quality) -> list[str]:
    """Days of the week on which a check failed."""
    return [
        f"{day.date}: {day.critical} critical, {_count(day.warnings, 'warning')}"
        for day in quality.days
        if day.failed
    ]


def _word_text(word: WordCount) -> str:
    moves = "".join(f", {_percent(before)} -> {_percent(after)}" for before, after in word.moves)
    return f"{word.days} {word.verdict} ({word.why}{moves})"


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{share:g} %"


def _of(days: Sequence[QualityDay], failed: int) -> str:
    return f"{failed:,} of {sum(day.checks for day in days):,}" if days else "-"


def _lowest(days: Sequence[QualityDay]) -> str:
    known = [day.complete for day in days if day.complete is not None]
    return rate_text("", min(known)) if known else "-"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _wrapped(line: str) -> list[str]:
    held = line.replace(" %", f"{NO_BREAK}%").replace(" -> ", f"{NO_BREAK}->{NO_BREAK}")
    lines = textwrap.wrap(held, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return [each.replace(NO_BREAK, " ") for each in lines]


def _indented(line: str) -> str:
    return f"  {line}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    # a name may be long; numbers never are
    widths[0] = min(widths[0], WIDTH - sum(widths[1:]) - 2 * len(widths))
    return [
        "  "
        + "  ".join(
            f"{cell[:width]:<{width}}" if place == 0 else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
