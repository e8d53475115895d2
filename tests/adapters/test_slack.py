"""One message per experiment and day, exactly once, whatever the network does, within Slack's limits."""

import json
import logging
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from slack_emulator import Emulator, slack_emulator

from pacer_pipelines.adapters.letters import Address
from pacer_pipelines.adapters.slack import Delivery, Slack
from pacer_pipelines.adapters.slack_message import Alert, alert_letter, letter
from pacer_pipelines.decisions.report import Report, plain_text, report
from pacer_pipelines.decisions.values import Finding, Verdict
from pacer_pipelines.errors import DeliveryFailed
from pacer_pipelines.plan import load_plan

ROOT = Path(__file__).parents[2]
DAY = date(2026, 11, 10)
FINDINGS = (
    Finding(
        "good_rate", "primary", "inconclusive", "higher", effect=0.0234, interval=(-0.0102, 0.0561), se=0.012,
        n_control=3210, n_treatment=1105, rate_control=0.789, rate_treatment=0.812, coaches=23, z_star=1.87,
        bar=2.43, information=0.651,
    ),
    Finding(
        "failure_rate", "guardrail", "non_inferior", "lower", effect=0.0031, interval=(-0.001, 0.0072),
        n_control=8000, n_treatment=2400, rate_control=0.0033, rate_treatment=0.0064, coaches=24, passes=True,
    ),
)  # fmt: skip


def shown(reason: str = "GOOD rate: no significant win yet", **changes: Any) -> Report:
    values: dict[str, Any] = {
        "experiment": "judge-model-v2", "date": DAY, "verdict": "hold", "rule": "waiting",
        "reasons": (reason,), "flip": ("z* over 2.43",), "share_before": 30.0, "share_after": 30.0,
        "day": 9, "phase": "2",
        "days_left": 33, "findings": FINDINGS, "checks": (), "missing_facts": (),
        "as_of": datetime(2026, 11, 10, 15), "plan_hash": "ab" * 32, "code_version": "0.1.0",
        "inputs_hash": "cd" * 32,
    }  # fmt: skip
    plan = load_plan(ROOT / "experiments" / "judge-model-v2.toml")
    return report(Verdict(**{**values, **changes}), plan)


@pytest.fixture
def server() -> Iterator[Emulator]:
    with slack_emulator() as running:
        yield running


def deliver(
    server: Emulator | None, outbox: Path, said: Report, channel: str = "#pacer-experiments"
) -> Delivery:
    token, url = ("xoxb-test", server.url) if server else (None, None)
    address = Address(channel, said.experiment, said.date, said.verdict_id)
    return Slack(token, outbox, url).deliver(letter(said), address)


def state(outbox: Path) -> str:
    return str(json.loads((outbox / "judge-model-v2-2026-11-10.json").read_text())["state"])


def test_verdict_is_posted_with_its_identity(server: Emulator, tmp_path: Path) -> None:
    delivery = deliver(server, tmp_path, shown())
    (posted,) = server.roots()
    assert delivery == Delivery("posted", f"C0PACER/{posted['ts']}")
    assert posted["metadata"]["event_payload"]["verdict_id"] == shown().verdict_id
    assert posted["text"].startswith("🟡 HOLD judge-model-v2, 2026-11-10 (day 9 of 42). B serves 30 %")
    assert state(tmp_path) == "posted"


def test_message_unfurls_and_links_nothing(server: Emulator, tmp_path: Path) -> None:
    deliver(server, tmp_path, shown())
    (posted,) = server.roots()
    flags = {str(posted[name]).lower() for name in ("unfurl_links", "unfurl_media", "link_names")}
    assert flags <= {"0", "false"}


def test_same_verdict_again_calls_nobody(server: Emulator, tmp_path: Path) -> None:
    deliver(server, tmp_path, shown())
    before = (tmp_path / "judge-model-v2-2026-11-10.json").read_bytes()
    assert deliver(server, tmp_path, shown()).status == "already_posted"
    assert [method for method, _ in server.calls] == ["chat.postMessage"] * 2
    assert (tmp_path / "judge-model-v2-2026-11-10.json").read_bytes() == before


def test_revised_verdict_updates_the_same_message(server: Emulator, tmp_path: Path) -> None:
    first = deliver(server, tmp_path, shown())
    second = deliver(server, tmp_path, shown("check exposures_per_hour failed"))
    assert second == Delivery("updated", first.where)
    (posted,) = server.roots()
    assert "exposures_per_hour" in posted["text"]


def test_each_day_has_its_own_message(server: Emulator, tmp_path: Path) -> None:
    deliver(server, tmp_path, shown())
    deliver(server, tmp_path, shown(date=date(2026, 11, 11)))
    assert len(server.roots()) == 2


@pytest.mark.parametrize("fault", ["drop_after", "500_after", "drop_before", 500, 429, "internal_error"])
@pytest.mark.parametrize("channel", ["#pacer-experiments", "C0PACER"])
def test_exactly_one_message_whatever_happens_to_the_call(
    server: Emulator, tmp_path: Path, fault: str | int, channel: str
) -> None:
    deliver(server, tmp_path, shown(date=date(2026, 11, 9)), channel)
    server.faults = [("chat.postMessage", fault)]
    assert deliver(server, tmp_path, shown(), channel).status == "posted"
    assert deliver(server, tmp_path, shown(), channel).status == "already_posted"
    days = [posted["metadata"]["event_payload"]["date"] for posted in server.roots()]
    assert sorted(days) == ["2026-11-09", "2026-11-10"]


def test_slow_answer_is_looked_up_by_the_next_run(
    server: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacer_pipelines.adapters.slack_calls.TIMEOUT_SECONDS", 0.2)
    server.faults = [("chat.postMessage", "hang_after")]
    with pytest.raises(DeliveryFailed, match=r"no answer in time|connection broke"):
        deliver(server, tmp_path, shown())
    server.released.set()
    assert [method for method, _ in server.calls] == ["chat.postMessage"]
    monkeypatch.undo()
    assert deliver(server, tmp_path, shown()).status == "already_posted"
    assert len(server.roots()) == 1


def test_post_that_was_stored_is_found_by_the_next_run(server: Emulator, tmp_path: Path) -> None:
    server.faults = [("chat.postMessage", "drop_after"), ("conversations.history", 500)]
    with pytest.raises(DeliveryFailed, match=r"the outbox keeps it: judge-model-v2-2026-11-10\.json"):
        deliver(server, tmp_path, shown())
    assert state(tmp_path) == "pending"
    assert deliver(server, tmp_path, shown()).status == "already_posted"
    assert len(server.roots()) == 1
    assert state(tmp_path) == "posted"


def test_revision_finds_the_stored_post_of_an_unclear_end_and_updates_it(
    server: Emulator, tmp_path: Path
) -> None:
    server.faults = [("chat.postMessage", "drop_after"), ("conversations.history", "drop_before")]
    with pytest.raises(DeliveryFailed):
        deliver(server, tmp_path, shown())
    assert deliver(server, tmp_path, shown("late ratings arrived")).status == "updated"
    (posted,) = server.roots()
    assert "late ratings arrived" in posted["text"]


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", 500, 429])
def test_update_ends_with_the_new_words_in_one_message(
    server: Emulator, tmp_path: Path, fault: str | int
) -> None:
    deliver(server, tmp_path, shown())
    server.faults = [("chat.update", fault)]
    assert deliver(server, tmp_path, shown("late ratings arrived")).status == "updated"
    (posted,) = server.roots()
    assert "late ratings arrived" in posted["text"]


def test_deleted_message_is_posted_anew_for_a_revision(server: Emulator, tmp_path: Path) -> None:
    deliver(server, tmp_path, shown())
    server.messages.clear()
    assert deliver(server, tmp_path, shown("late ratings arrived")).status == "posted"
    assert len(server.roots()) == 1


def test_wrong_token_says_what_to_do_and_keeps_the_message(server: Emulator, tmp_path: Path) -> None:
    server.faults = [("chat.postMessage", "invalid_auth")]
    with pytest.raises(DeliveryFailed, match="SLACK_BOT_TOKEN is not valid") as failure:
        deliver(server, tmp_path, shown())
    assert "xoxb" not in str(failure.value)
    assert state(tmp_path) == "pending"
    assert deliver(server, tmp_path, shown()).status == "posted"
    assert len(server.roots()) == 1


def test_unknown_channel_is_named(server: Emulator, tmp_path: Path) -> None:
    with pytest.raises(DeliveryFailed, match="channel_not_found"):
        deliver(server, tmp_path, shown(), "#nowhere")


def test_nobody_listening_is_a_failed_delivery(tmp_path: Path) -> None:
    with slack_emulator() as gone:
        pass
    with pytest.raises(DeliveryFailed, match="the connection broke"):
        deliver(gone, tmp_path, shown())
    assert state(tmp_path) == "pending"


def test_damaged_outbox_file_sends_nothing(server: Emulator, tmp_path: Path) -> None:
    (tmp_path / "judge-model-v2-2026-11-10.json").write_text("{")
    with pytest.raises(DeliveryFailed, match="damaged"):
        deliver(server, tmp_path, shown())
    assert server.calls == []


def test_without_token_the_message_is_two_files_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    delivery = deliver(None, tmp_path, shown())
    text = tmp_path / "judge-model-v2-2026-11-10.txt"
    assert delivery == Delivery("rendered", str(text))
    assert text.read_text() == plain_text(shown())
    kept = json.loads((tmp_path / "judge-model-v2-2026-11-10.json").read_text())
    assert kept["state"] == "rendered"
    assert kept["message"]["blocks"] == letter(shown()).root.message["blocks"]
    assert "no SLACK_BOT_TOKEN" in caplog.text


def test_rendering_again_touches_no_file(tmp_path: Path) -> None:
    deliver(None, tmp_path, shown())
    before = [path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())]
    deliver(None, tmp_path, shown())
    assert [path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())] == before


def test_rendered_message_is_posted_once_there_is_a_token(server: Emulator, tmp_path: Path) -> None:
    deliver(None, tmp_path, shown())
    assert deliver(server, tmp_path, shown()).status == "posted"
    assert len(server.roots()) == 1


def test_unclear_end_is_remembered_through_a_run_without_token(server: Emulator, tmp_path: Path) -> None:
    server.faults = [("chat.postMessage", "drop_after"), ("conversations.history", 500)]
    with pytest.raises(DeliveryFailed):
        deliver(server, tmp_path, shown())
    deliver(None, tmp_path, shown())
    assert deliver(server, tmp_path, shown()).status == "already_posted"
    assert len(server.roots()) == 1


# --- alerts -----------------------------------------------------------------------------------------------------

ALERT = Alert("ROLLBACK judge-model-v2", ("failed calls: 40 of 80 in B <!channel>",), "journal ab12")


def announce(server: Emulator | None, outbox: Path, alert_id: str = "ab12-cut") -> Delivery:
    token, url = ("xoxb-test", server.url) if server else (None, None)
    slack = Slack(token, outbox, url)
    address = Address("#pacer-experiments", "judge-model-v2", DAY, alert_id, "rollback-ab12")
    return slack.deliver(alert_letter(ALERT), address)


def test_an_alert_is_a_message_of_its_own_beside_that_of_the_day(server: Emulator, tmp_path: Path) -> None:
    deliver(server, tmp_path, shown())
    assert announce(server, tmp_path).status == "posted"
    assert announce(server, tmp_path).status == "already_posted"
    assert deliver(server, tmp_path, shown()).status == "already_posted"
    assert len(server.roots()) == 2
    assert "<!channel>" not in str(server.roots()[0])


@pytest.mark.parametrize("fault", ["drop_after", "500_after"])
def test_an_alert_of_unclear_end_is_found_again_and_posted_once(
    server: Emulator, tmp_path: Path, fault: str
) -> None:
    deliver(server, tmp_path, shown())
    server.faults = [("chat.postMessage", fault), ("conversations.history", "internal_error")]
    with pytest.raises(DeliveryFailed, match="rollback-ab12"):
        announce(server, tmp_path)
    assert announce(server, tmp_path).status == "already_posted"
    assert len(server.roots()) == 2


def test_an_alert_that_is_not_known_to_have_arrived_is_not_taken_for_the_day(
    server: Emulator, tmp_path: Path
) -> None:
    """The message of the day is found by its day, and the alert has the same."""
    announce(server, tmp_path)
    server.faults = [("chat.postMessage", "drop_before"), ("chat.postMessage", "drop_before")]
    with pytest.raises(DeliveryFailed):
        deliver(server, tmp_path, shown())
    assert deliver(server, tmp_path, shown()).status == "posted"
    assert len(server.roots()) == 2


def test_an_alert_that_changes_updates_its_message(server: Emulator, tmp_path: Path) -> None:
    announce(server, tmp_path, "ab12-not-cut")
    assert announce(server, tmp_path, "ab12-cut").status == "updated"
    assert len(server.roots()) == 1


def test_an_alert_without_a_token_is_rendered_once(tmp_path: Path) -> None:
    first = announce(None, tmp_path)
    assert first.status == "rendered"
    assert Path(first.where).read_text(encoding="utf-8").startswith("ROLLBACK judge-model-v2\n\nfailed calls")
    assert announce(None, tmp_path).status == "already_rendered"
