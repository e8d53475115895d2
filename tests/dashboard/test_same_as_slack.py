"""Slack, the terminal and the page tell one report: the same words and numbers of the same stored verdict."""

import json
import re
from html import unescape
from typing import Any

import pytest
from stored_days import fortnight, plan, seen

from pacer_pipelines.adapters.slack_message import letter
from pacer_pipelines.dashboard.page import experiment_page
from pacer_pipelines.dashboard.seen import verdict_of
from pacer_pipelines.decisions.report import plain_text, report, report_in


def strings(value: Any) -> list[str]:
    """Every text within a message."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_page_slack_and_terminal_say_the_same(locale: str) -> None:
    stored = fortnight()
    spoken = plan().model_copy(update={"locale": locale})
    told = report_in(report(verdict_of(stored[-1]), spoken), locale)
    page = unescape(re.sub(r"<[^>]+>", " ", experiment_page(seen(stored, plan=spoken))))
    slack = unescape("\n".join(strings(json.loads(json.dumps(letter(told).root.message)))))
    terminal = re.sub(r"\s+", " ", plain_text(told))
    row = told.primary
    assert row is not None
    said = [
        told.share_line, told.why, told.days_line, told.checks_line, row.control, row.treatment, row.effect,
        row.interval, row.n, row.coaches, *(guarded.effect for guarded in told.rows), told.verdict_id,
    ]  # fmt: skip
    assert [text for text in said if text not in page] == []
    assert [text for text in said if text not in slack] == []
    # the terminal's table is short of room
    narrow = [text.replace(" points", " pt") for text in said]
    assert [text for text in narrow if text not in terminal.replace(" points", " pt")] == []
