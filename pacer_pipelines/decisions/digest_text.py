"""A digest in sentences: each function gives English that remembers how it was made; a text is in the digest's own."""

import textwrap
from collections.abc import Sequence

from pacer_pipelines.decisions.catalogue import catalogue, in_a_row, in_language, say, say_count
from pacer_pipelines.decisions.columns import narrow, stretched
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

EXPERIMENTS, COVERAGE, QUALITY = (say(f"digest.{part}") for part in ("experiments", "coverage", "quality"))
EXPERIMENTS_HEAD = tuple(
    say(f"digest.head_{name}") for name in ("experiment", "state", "day", "share", "verdicts", "decision")
)
COVERAGE_HEAD = tuple(
    say(f"digest.head_{name}") for name in ("coaches_of", "coaches", "students", "requests", "rated")
)
QUALITY_HEAD = ("", say("digest.head_this_week"), say("digest.head_week_before"))
NO_RATING, NO_EXPERIMENT = say("digest.no_rating"), say("digest.no_experiment")
FOOTNOTE = say("digest.footnote", students=FEWEST_UNITS, coaches=FEWEST_COACHES)


def headline(digest: Digest) -> str:
    """The week and what it brought, in one line."""
    promoted = sum(
        word.days for each in digest.experiments for word in each.verdicts if word.verdict == "promote"
    )
    cut = sum(each.state == "rolled back" for each in digest.experiments)
    critical = sum(day.critical for day in digest.quality.days)
    return say(
        "digest.headline",
        week=digest.week.name,
        promotions=say_count("digest.promotions", promoted),
        rollbacks=say_count("digest.rollbacks", cut),
        failed=say_count("digest.critical_failed", critical),
    )


def digest_text(digest: Digest) -> str:
    """The digest for a terminal or a file: at most 96 columns, the answer first."""

    def told(text: str) -> str:
        return stretched(in_language(text, digest.locale))

    def rows_of(rows: Sequence[Sequence[str]]) -> list[str]:
        return _table([[told(cell) for cell in row] for row in rows])

    coverage, quality = coverage_rows(digest), quality_rows(digest.quality)
    experiments = [line for each in digest.experiments for line in _wrapped(told(experiment_line(each)))]
    blocks = [
        [told(headline(digest)), told(digest_days(digest))],
        [told(EXPERIMENTS), *experiments] if experiments else [told(nothing_of(EXPERIMENTS, NO_EXPERIMENT))],
        textwrap.wrap(told(ended_line(digest)), WIDTH),
        [told(COVERAGE), *rows_of(coverage)]
        if len(coverage) > 1
        else [told(nothing_of(COVERAGE, NO_RATING))],
        [told(QUALITY), *rows_of(quality), *(f"  {told(line)}" for line in failed_lines(digest.quality))],
        textwrap.wrap(told(FOOTNOTE), WIDTH),
    ]
    return narrow("\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n")


def digest_days(digest: Digest) -> str:
    """The channel, and the first and the last day."""
    return in_a_row(", ", (digest.channel, days_text(digest)))


def days_text(digest: Digest) -> str:
    """The first and the last day of the week."""
    return say("digest.days", first=digest.week.first, last=digest.week.last)


def nothing_of(title: str, why: str) -> str:
    """What stands for a part that has nothing to show."""
    return in_a_row(": ", (title, why))


def experiment_line(each: ExperimentWeek) -> str:
    """One experiment and its week."""
    state = in_a_row(", ", (state_text(each), day_text(each)))
    shown = [state, share_text(each), verdicts_text(each), decision_text(each)]
    return in_a_row(": ", (each.experiment, in_a_row("; ", filter(None, shown))))


def state_text(each: ExperimentWeek) -> str:
    """What has become of the experiment, in a word."""
    return _named("state", each.state)


def day_text(each: ExperimentWeek) -> str:
    """The day of the experiment at the end of the week."""
    return say("report.day", day=each.day, most=each.max_days)


def share_text(each: ExperimentWeek) -> str:
    """B's share of traffic at the end of the week."""
    if each.state == "not judged":
        return ""
    line = share_line(each.variant, each.share, each.next_share)
    return say("digest.once_approved", line=line) if each.waits else line


def verdicts_text(each: ExperimentWeek) -> str:
    """What the verdicts of the week were."""
    return in_a_row(", ", map(_word_text, each.verdicts))


def decision_text(each: ExperimentWeek) -> str:
    """How long it took to decide, or how long it still takes."""
    if each.decided_on_day is not None and each.decision is not None:
        return say(
            "digest.decided", day=each.decided_on_day, decision=say(f"word.{each.decision.replace(' ', '_')}")
        )
    if each.days_left is None:
        return say("digest.days_unknown")
    return say_count("digest.days_left", each.days_left)


def ended_line(digest: Digest) -> str:
    """What was over before the week began."""
    return say("digest.ended", experiments=", ".join(digest.ended)) if digest.ended else ""


def coverage_rows(digest: Digest) -> list[tuple[str, ...]]:
    """Who rates, as a table with its head; only the head when nothing is known."""
    found = digest.coverage
    every = [*found.groups, *([found.total] if found.total else [])]
    rows = [
        (
            say("digest.all_coaches") if group is found.total else group.name,
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
        *(
            say(f"digest.{name}")
            for name in ("days_checked", "critical_checks_failed", "warnings", "complete")
        ),
        *(say("digest.landed", source=row.source.replace("_", " ")) for row in quality.rows),
    )
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
    more = [
        *([say("digest.delivered_before", number=f"{rows.repeated:,}")] if rows.repeated else []),
        *([say("digest.refused", number=f"{rows.refused:,}")] if rows.refused else []),
    ]
    return in_a_row(", ", (f"{rows.landed:,}", *more))


def failed_lines(quality: Quality) -> list[str]:
    """Days of the week on which a check failed."""
    return [
        say_count("digest.failed", day.warnings, date=day.date, critical=day.critical)
        for day in quality.days
        if day.failed
    ]


def _word_text(word: WordCount) -> str:
    moves = [
        say("digest.moves", before=_percent(before), after=_percent(after)) for before, after in word.moves
    ]
    why = in_a_row(", ", (_named("why", word.why), *moves))
    return say("digest.word", number=word.days, word=say(f"word.{word.verdict}"), why=why)


def _named(kind: str, name: str) -> str:
    """The word for a state or a reason; one that the catalogue does not know is called by its name."""
    key = f"digest.{kind}_{name.replace(' ', '_').lower()}"
    return say(key) if key.removeprefix("digest.") in catalogue("en")["digest"] else name


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{share:g} %"


def _of(days: Sequence[QualityDay], failed: int) -> str:
    return say("digest.of", failed=f"{failed:,}", ran=f"{sum(day.checks for day in days):,}") if days else "-"


def _lowest(days: Sequence[QualityDay]) -> str:
    known = [day.complete for day in days if day.complete is not None]
    return rate_text("", min(known)) if known else "-"


def _wrapped(line: str) -> list[str]:
    held = line.replace(" %", f"{NO_BREAK}%").replace(" -> ", f"{NO_BREAK}->{NO_BREAK}")
    lines = textwrap.wrap(held, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return [each.replace(NO_BREAK, " ") for each in lines]


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
