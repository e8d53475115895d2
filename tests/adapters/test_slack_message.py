"""What Slack shows of a day: the answer first, within Slack's limits, and nothing that Slack would act upon."""

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slack_reports import KINDS, LINKS, hold, promote, quiet, rollback, told, worst
from slack_validator import problems, strings

from pacer_pipelines.adapters.letters import Letter, Part
from pacer_pipelines.adapters.slack_blocks import as_lines, escape, table
from pacer_pipelines.adapters.slack_message import Alert, alert_letter, letter
from pacer_pipelines.decisions.report import Links

GOLDEN = Path(__file__).parent / "golden"
LOCALES = ("en", "ko")
# what people could write into a plan, a reason or an error, and what Slack must not make of it
EVIL = (
    "<!channel>", "<!here>", "<@U0123ABCD>", "<#C0123ABCD>", "<https://evil.example.org|click>", "@channel",
    "`code` *bold* _it_ ~no~", "```\n<!everyone>\n```", "&lt;!channel&gt;",
    "\u202egnp.exe\u202c", "a\u200bb\u2066c\x07",
)  # fmt: skip


def parts(made: Letter) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in (("root", made.root), *((f"reply {n}", part) for n, part in enumerate(made.replies))):
        yield name, part.message
        if part.plain:
            yield f"{name}, plain", part.plain


def every_letter() -> Iterator[tuple[str, Letter]]:
    for locale in LOCALES:
        for name, make in KINDS.items():
            yield f"{name}-{locale}", letter(make(locale))
        for character in ("가", "&", "<", "W"):
            yield f"worst-{character}-{locale}", letter(worst(locale, character))
    yield "worst-quiet", letter(dataclasses.replace(worst(), quiet=True))
    yield "alert", alert_letter(Alert("ROLLBACK", ("a line",) * 200, "footer", "ab12"), mention=True)
    yield (
        "worst-alert",
        alert_letter(Alert("가" * 500, ("&" * 3000,) * 9, "<" * 900, "ab12"), mention=True),
    )


@pytest.mark.parametrize("made", [pytest.param(made, id=name) for name, made in every_letter()])
def test_every_message_keeps_within_slacks_limits(made: Letter) -> None:
    assert {name: problems(message) for name, message in parts(made) if problems(message)} == {}


@pytest.mark.parametrize("made", [pytest.param(made, id=name) for name, made in every_letter()])
def test_plain_blocks_are_what_slack_sdk_itself_accepts(made: Letter) -> None:
    from slack_sdk.models.blocks import Block

    for part in (made.root, *made.replies):
        for block in (part.plain or part.message)["blocks"]:
            parsed = Block.parse(block)
            assert parsed is not None
            parsed.validate_json()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("locale", LOCALES)
def test_a_day_reads_as_it_did_when_somebody_last_looked(name: str, locale: str) -> None:
    """Golden renderings; after a change that is meant: PACER_WRITE_GOLDEN=1, and look at the difference."""
    made = letter(KINDS[name](locale))
    shown = _as_read(made)
    path = GOLDEN / f"slack-{name}-{locale}.txt"
    if os.environ.get("PACER_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


def _as_read(made: Letter) -> str:
    told_parts = [
        f"=== {name}\n{message['text']}\n---\n" + "\n".join(as_lines(message))
        for name, message in parts(made)
    ]
    return "\n\n".join(told_parts) + "\n"


@pytest.mark.parametrize("evil", EVIL)
def test_what_people_write_is_shown_and_never_acted_upon(evil: str) -> None:
    check = dataclasses.replace(hold().failed_checks[0], name=evil, detail=evil)
    row = dataclasses.replace(hold().rows[0], metric=evil, label=evil, effect=evil)
    said = dataclasses.replace(
        hold(), headline=evil, share_line=evil, why=evil, further=(evil,), failed_checks=(check,), rows=(row,),
        missing_facts=(evil,), flip=(evil,), revised=(evil,), since=(evil,), words=(evil,), delayed=evil,
        days_line=evil, reading=evil, effect_line=evil, primary=dataclasses.replace(row, note=evil),
        links=Links(run=evil, dashboard=f"https://pacer.example.org/{evil}"),
    )  # fmt: skip
    alert = alert_letter(Alert(evil, (evil,), evil, "ab12"))
    for _, message in [
        *parts(letter(said)),
        *parts(letter(dataclasses.replace(said, quiet=True))),
        *parts(alert),
    ]:
        # only plain_text, raw_text and rich_text: nowhere does Slack look for markup
        assert "mrkdwn" not in json.dumps(message)
        assert '"broadcast"' not in json.dumps(message)
        for text in (message["text"], *strings(message["blocks"])):
            assert "<" not in text
            assert ">" not in text
            assert not set(text) & set("\u202e\u202c\u2066\u200b\x07")
    assert escape(evil) in "".join(strings(letter(said).root.message["blocks"]))


def test_the_answer_is_the_first_thing_in_slack() -> None:
    lines = as_lines(letter(promote()).root.message)
    assert lines[:2] == ["🟢 PROMOTE judge-model-v2, 2026-11-15 (day 14 of 42)", "B: 30 % -> 50 %"]
    assert lines[2].startswith("GOOD rate +4.0 points")


def test_the_text_stands_alone_for_screen_readers() -> None:
    text = letter(promote()).root.message["text"]
    for part in (
        "PROMOTE judge-model-v2",
        "B: 30 % -&gt; 50 %",
        "GOOD rate +4.0 points",
        "always-valid interval",
        "7 days left",
    ):
        assert part in text


def test_one_sentence_says_why_and_the_thread_has_the_others() -> None:
    made = letter(told())
    first, second = "GOOD rate: no significant win yet", "day 9 of at least 14"
    root, thread = "\n".join(as_lines(made.root.message)), "\n".join(as_lines(made.replies[0].message))
    assert first in root
    assert second not in root
    assert second in thread


def test_a_quiet_day_is_one_short_message() -> None:
    made = letter(quiet())
    assert (made.replies, made.pictures) == ((), ())
    assert len(as_lines(made.root.message)) <= 7
    assert "B serves 30 % and stays there" in "\n".join(as_lines(made.root.message))


def test_only_a_rollback_calls_the_channel_and_only_once() -> None:
    made = letter(rollback())
    called = [name for name, message in parts(made) if '"broadcast"' in json.dumps(message)]
    assert called == ["root", "root, plain"]
    assert made.root.message["text"].startswith("<!channel> 🔴 ROLLBACK")
    assert made.root.message["blocks"][0]["elements"][0]["elements"][0] == {
        "type": "broadcast",
        "range": "channel",
    }
    for other in (promote(), hold(), quiet()):
        assert "channel" not in json.dumps(letter(other).root.message)


def test_guarded_metrics_are_a_table_where_the_workspace_takes_one_and_a_list_elsewhere() -> None:
    part = letter(promote()).root
    (made,) = [block for block in part.message["blocks"] if block["type"] == "data_table"]
    assert [cell["text"] for cell in made["rows"][1]][:3] == ["Anki card rate", "56.8 %", "56.7 %"]
    assert part.plain is not None
    assert not any(block["type"] == "data_table" for block in part.plain["blocks"])
    assert any("Anki card rate: non-inferior. 56.8 % → 56.7 %" in line for line in as_lines(part.plain))


def test_a_table_that_is_too_large_loses_its_last_rows_and_never_its_head() -> None:
    made = table("much", [("a", "b"), *[("x" * 200, "y" * 200)] * 150])
    assert made["rows"][0] == [{"type": "raw_text", "text": "a"}, {"type": "raw_text", "text": "b"}]
    assert 2 <= len(made["rows"]) < 40


def test_buttons_carry_the_verdict_and_what_moves_traffic_asks_once_more() -> None:
    (row,) = [block for block in letter(promote()).root.message["blocks"] if block["type"] == "actions"]
    assert row["block_id"] == "pacer_actions"
    assert [(one["action_id"], one["value"], "confirm" in one) for one in row["elements"]] == [
        ("pacer_approve", promote().verdict_id, True),
        ("pacer_hold", promote().verdict_id, False),
        ("pacer_roll_back", promote().verdict_id, True),
    ]
    assert not any(block["type"] == "actions" for block in letter(hold()).root.message["blocks"])


def test_links_lead_to_run_dashboard_and_data_docs() -> None:
    said = json.dumps(letter(hold()).root.message)
    for where in (LINKS.run, LINKS.dashboard, LINKS.data_docs):
        assert f'"url": "{where}"' in said


def test_without_an_address_the_message_names_the_file() -> None:
    filed = dataclasses.replace(hold(), links=Links(data_docs="reports/data-docs/2026-11-15.html"))
    lines = as_lines(letter(filed).root.message)
    assert "Data Docs: reports/data-docs/2026-11-15.html" in lines
    without = dataclasses.replace(hold(), links=Links())
    assert not any("Data Docs" in line for line in as_lines(letter(without).root.message))


def test_the_validator_finds_what_slack_refuses() -> None:
    """The ruler itself: each of these is one mistake."""
    long = {"type": "plain_text", "text": "x" * 3001}
    for block in (
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
        {"type": "section", "text": long},
        {"type": "section", "fields": [{"type": "plain_text", "text": "x"}] * 11},
        {"type": "section", "text": {"type": "plain_text", "text": ""}},
        {"type": "context", "elements": [{"type": "plain_text", "text": "x"}] * 11},
        {"type": "data_table", "caption": "c", "rows": [[{"type": "raw_text", "text": "x"}]]},
        {"type": "actions", "elements": []},
        {"type": "card"},
    ):
        assert problems({"text": "x", "blocks": [block]})
    assert problems({"text": "", "blocks": []})
    assert problems({"text": "x", "blocks": [{"type": "divider"}] * 51})
    assert problems({"text": "x", "blocks": [{"type": "divider"}]}) == []


def test_a_part_without_a_table_has_one_form_only() -> None:
    assert letter(quiet()).root == Part(letter(quiet()).root.message, None)
