"""The digest as Slack shows it: within the documented limits, and nothing in it that Slack would interpret."""

import dataclasses
import json
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pacer_pipelines.adapters.slack_blocks import as_lines
from pacer_pipelines.adapters.slack_digest import digest_letter
from pacer_pipelines.decisions.coverage import CoachGroup, Coverage
from pacer_pipelines.decisions.digest import (
    Digest,
    ExperimentWeek,
    Quality,
    QualityDay,
    RowsOfWeek,
    Week,
    WordCount,
)

WEEK = Week.named("2026-W46")
HOSTILE = "<!channel> *a* `b` <https://example.org|c> & \u202e"
# docs.slack.dev/reference/block-kit/blocks: the limits of each block
TABLE_CHARACTERS, MESSAGE_CHARACTERS, SECTION, HEADER = 10_000, 13_000, 3000, 150
TITLE, SERIES, POINTS, LABEL, CHARTS = 50, 6, 20, 20, 2


def experiment(name: str) -> ExperimentWeek:
    words = (WordCount("hold", "waiting", 6), WordCount("promote", "won", 1, ((30.0, 50.0),)))
    return ExperimentWeek(name, "B", "running", 14, 42, 30.0, 50.0, words, "promote", 14, 28, False)


def digest(experiments: int = 1, groups: int = 2, name: str = "alpha", days: int = 7) -> Digest:
    def week(first: date) -> tuple[QualityDay, ...]:
        every = (first + timedelta(days=number) for number in range(days))
        return tuple(QualityDay(day, 72, number % 2, 1, 0.99) for number, day in enumerate(every))

    shown = tuple(CoachGroup(f"{name}{number}", 5, 90, 1200, 700) for number in range(groups))
    total = CoachGroup("all", 20, 300, 4000, 2000) if groups else None
    rows = tuple(RowsOfWeek(source, 9000, 12, 3) for source in ("exposures", "feedback_events"))
    return Digest(
        "#pacer-experiments",
        WEEK,
        tuple(experiment(f"{name}-{number}") for number in range(experiments)),
        ("older-one",),
        Coverage(shown, (f"{name} hidden",) if groups else (), total),
        Quality(week(WEEK.first), week(WEEK.before.first), rows, rows),
    )


def strings(value: Any) -> Iterator[tuple[str, str]]:
    """Each string that is shown, with the type of the object that shows it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("text", "caption", "title", "name", "label") and isinstance(inner, str):
                yield value.get("type", key), inner
            else:
                yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def parts(told: Digest) -> list[dict[str, Any]]:
    root = digest_letter(told).root
    assert root.plain is not None
    return [root.message, root.plain]


@pytest.mark.parametrize(
    "told",
    [
        digest(), digest(0, 0, days=0), digest(60, 80), digest(200, 300, "long name " * 20),
        digest(30, 30, "학교 이름 " * 30), digest(20, 20, HOSTILE * 4),
    ],
    ids=["usual", "nothing", "many", "very many", "Korean", "hostile"],
)  # fmt: skip
def test_every_digest_keeps_to_the_limits_of_slack(told: Digest) -> None:
    for message in parts(told):
        assert 0 < len(message["text"]) <= 4000
        assert len(message["blocks"]) <= 50
        assert sum(len(text) for _, text in strings(message["blocks"])) <= MESSAGE_CHARACTERS
        tables = [block for block in message["blocks"] if block["type"] == "data_table"]
        cells = [cell for table in tables for row in table["rows"] for cell in row]
        assert sum(len(cell["text"]) for cell in cells) <= TABLE_CHARACTERS
        assert all(cell["text"] for cell in cells)
        for table in tables:
            assert table["caption"]
            assert 2 <= len(table["rows"]) <= 101
            assert len({len(row) for row in table["rows"]}) == 1
        for block in message["blocks"]:
            if block["type"] in ("header", "section"):
                assert 0 < len(block["text"]["text"]) <= (HEADER if block["type"] == "header" else SECTION)


def test_the_charts_keep_to_the_limits_of_slack() -> None:
    newest, plain = parts(digest())
    charts = [block for block in newest["blocks"] if block["type"] == "data_visualization"]
    assert len(charts) == CHARTS
    for block in charts:
        assert len(block["title"]) <= TITLE
        chart = block["chart"]
        labels = chart["axis_config"]["categories"]
        assert labels == [*(f"11-0{day}" for day in range(2, 10)), *(f"11-{day}" for day in range(10, 16))]
        assert len(labels) <= POINTS
        assert max(map(len, labels)) <= LABEL
        assert 1 <= len(chart["series"]) <= SERIES
        for series in chart["series"]:
            assert [point["label"] for point in series["data"]] == labels
            assert len(series["name"]) <= LABEL
    assert "data_" not in json.dumps(plain)
    assert "data_visualization" not in json.dumps(parts(digest(days=0)))


def test_both_ways_to_say_it_say_the_same_numbers() -> None:
    for message in parts(digest()):
        said = " ".join(text for _, text in strings(message["blocks"]))
        for fact in (
            "alpha-0",
            "1 promote",
            "30 % -&gt; 50 %",
            "decided on day 14",
            "58.3 %",
            "9,000",
            "too few to show",
        ):
            assert fact in said, fact


def test_the_text_stands_alone() -> None:
    text = digest_letter(digest()).root.message["text"]
    assert text.startswith(
        "Week 2026-W46: 1 promotion, 0 rollbacks, 3 critical checks failed. alpha-0: running"
    )


def test_names_from_plans_and_rosters_are_never_interpreted() -> None:
    for message in parts(digest(2, 2, HOSTILE)):
        assert "<" not in message["text"]
        for kind, text in strings(message["blocks"]):
            assert "<" not in text
            if kind == "mrkdwn":
                assert "channel" not in text


def test_a_table_that_is_cut_says_so() -> None:
    tables = [block for block in parts(digest(60, 2))[0]["blocks"] if block["type"] == "data_table"]
    left = 61 - len(tables[0]["rows"])
    assert left > 0
    assert tables[0]["caption"] == f"Experiments ({left} more not shown)"


GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_a_week_reads_as_it_did_when_somebody_last_looked(locale: str) -> None:
    """Golden renderings; after a change that is meant: PACER_WRITE_GOLDEN=1, and look at the difference."""
    made = digest_letter(dataclasses.replace(digest(experiments=2, name="school-"), locale=locale))
    assert made.root.plain is not None
    parts = {"tables": made.root.message, "lists": made.root.plain}
    shown = "\n\n".join(
        [f"=== {name}\n{part['text']}\n---\n" + "\n".join(as_lines(part)) for name, part in parts.items()]
        + [f"=== file\n{made.text}"]
    )
    path = GOLDEN / f"slack-digest-{locale}.txt"
    if os.environ.get("PACER_WRITE_GOLDEN"):
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")
