"""Every version of the flag file is kept with who and why: the door's, a person's, and one that a crash cut short."""

import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pacer_pipelines.adapters.flags import FlagState, apply_share, flag_changes, history_shares, note_edits
from pacer_pipelines.errors import FlagRefused

ROOT = Path(__file__).parents[2]
V2 = (ROOT / "examples" / "pacer_fortnight" / "flags" / "v2.json").read_text(encoding="utf-8")
NOON = datetime(2026, 11, 15, 12)


@pytest.fixture
def live(tmp_path: Path) -> Path:
    path = tmp_path / "pacer.flagd.json"
    path.write_text(V2, encoding="utf-8")
    return path


def apply(live: Path, share: float, version: str) -> FlagState:
    return apply_share(
        live, live.parent / "history", flag_key="judge-model", treatment_variant="B", expected_version=version,
        new_share=share, at=NOON, who="pacer run", why="a verdict", verdict_id="0123456789abcdef",
    )  # fmt: skip


def edit(live: Path, old: str, new: str) -> None:
    text = live.read_text(encoding="utf-8")
    assert old in text
    live.write_text(text.replace(old, new), encoding="utf-8")


def noted(live: Path) -> list[tuple[str, str, str, float | None, str, str]]:
    changes = note_edits(live, live.parent / "history", NOON)
    return [(row.from_version, row.to_version, row.flag, row.share, row.why, row.note) for row in changes]


def steps(live: Path) -> list[tuple[str, str, float | None, str]]:
    rows = flag_changes(live.parent / "history")
    return [(row.from_version, row.to_version, row.share, row.who) for row in rows]


def test_first_look_and_each_edit_by_hand_are_logged_once(live: Path) -> None:
    assert noted(live) == [("", "2", "judge-model", 30.0, "first seen", "")]
    assert noted(live) == []
    edit(live, "3000", "1000")
    edit(live, '"version": "2"', '"version": "3"')
    assert noted(live) == [("2", "3", "judge-model", 10.0, "found edited", "")]
    assert noted(live) == []
    assert steps(live) == [("", "2", 30.0, "by hand"), ("2", "3", 10.0, "by hand")]
    assert (live.parent / "history" / "v3.json").read_bytes() == live.read_bytes()


def test_an_edit_that_moves_no_share_is_logged_without_one(live: Path) -> None:
    noted(live)
    edit(live, "pacer-llm:v2.1", "pacer-llm:v2.2")
    assert noted(live) == [("2", "2", "judge-model", None, "found edited", "without a new metadata.version")]


def test_raise_on_a_version_that_was_edited_in_place_is_refused(live: Path) -> None:
    apply(live, 50.0, "2")
    edit(live, "5000", "2000")
    before = live.read_bytes()
    with pytest.raises(
        FlagRefused, match="somebody edited version 3 by hand without a new version; a human edit wins"
    ):
        apply(live, 100.0, "3")
    assert live.read_bytes() == before
    noted(live)
    with pytest.raises(FlagRefused, match="a human edit wins"):
        apply(live, 100.0, "3")


def test_raise_goes_on_once_the_edit_has_a_version_of_its_own(live: Path) -> None:
    apply(live, 50.0, "2")
    edit(live, "5000", "2000")
    noted(live)
    edit(live, '"version": "3"', '"version": "4"')
    assert apply(live, 100.0, "4").version == "5"
    assert steps(live) == [
        ("2", "3", 50.0, "pacer run"),
        ("3", "3", 20.0, "by hand"),
        ("3", "4", None, "by hand"),
        ("4", "5", 100.0, "pacer run"),
    ]


def test_raise_goes_on_once_the_edit_is_taken_back(live: Path) -> None:
    apply(live, 50.0, "2")
    kept = live.read_text(encoding="utf-8")
    edit(live, "5000", "2000")
    noted(live)
    live.write_text(kept, encoding="utf-8")
    assert apply(live, 100.0, "3").share == 100.0


def test_cut_of_a_version_that_was_edited_in_place_goes_through_and_says_so(live: Path) -> None:
    apply(live, 50.0, "2")
    edit(live, "5000", "8000")
    state = apply(live, 0.0, "3")
    assert state.share == 0.0
    assert state.note == "somebody edited version 3 by hand without a new version"
    assert flag_changes(live.parent / "history")[-1].note == state.note
    # the edit is in the history too, between the two
    assert steps(live) == [
        ("2", "3", 50.0, "pacer run"),
        ("3", "3", 80.0, "by hand"),
        ("3", "4", 0.0, "pacer run"),
    ]


def test_smaller_cut_of_an_edited_version_goes_through_too(live: Path) -> None:
    apply(live, 50.0, "2")
    edit(live, "5000", "8000")
    assert apply(live, 10.0, "3").note.startswith("somebody edited version 3")


def test_version_with_two_contents_has_no_known_share(live: Path) -> None:
    apply(live, 50.0, "2")
    edit(live, "5000", "2000")
    noted(live)
    assert history_shares([live.parent / "history"], "judge-model", "B", live) == {"2": 30.0}


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b'{"metadata": {"version": "../x"}}'])
def test_an_edit_that_cannot_be_read_is_kept_and_never_raises(live: Path, content: bytes) -> None:
    noted(live)
    live.write_bytes(content)
    (line,) = note_edits(live, live.parent / "history", NOON)
    assert (line.why, line.share) == ("found edited", None)
    assert noted(live) == []
    assert len(list((live.parent / "history").glob("unreadable-*.txt"))) == 1


def test_missing_file_and_locked_history_are_no_reason_to_fail(tmp_path: Path, live: Path) -> None:
    assert note_edits(tmp_path / "gone.json", tmp_path / "history", NOON) == ()
    (tmp_path / "file").write_text("")
    assert note_edits(live, tmp_path / "file", NOON) == ()


def test_toggle_of_another_flag_is_logged_under_its_own_name(live: Path) -> None:
    noted(live)
    document = json.loads(live.read_text())
    document["flags"]["other"] = {
        "state": "ENABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": "on",
    }
    live.write_text(json.dumps(document))
    assert noted(live) == [("2", "2", "other", None, "found edited", "without a new metadata.version")]
    history = live.parent / "history"
    assert [row.flag for row in flag_changes(history, "judge-model")] == ["judge-model"]


OLD_LINES = (
    '{"flag": "judge-model", "from": "1", "to": "2", "share": 30.0, "who": "pacer", "why": "a verdict"}\n'
    '{"at": "2026-11-09T20:00:00Z", "flag": "judge-model", "from": "2", "to": "3", "share": 50.0, '
    '"who": "pacer", "why": "a verdict", "verdict_id": "", "note": ""}\n'
    '{"at": "2026-11-09T20:00'
)


def test_lines_of_older_versions_and_a_torn_one_are_read(live: Path) -> None:
    history = live.parent / "history"
    history.mkdir()
    (history / "log.jsonl").write_text(OLD_LINES)
    first, second = flag_changes(history)
    assert (first.at, first.to_version, first.verdict_id, first.sha256) == (None, "2", "", "")
    assert (second.at, second.share) == (datetime(2026, 11, 9, 20), 50.0)
    edit(live, '"version": "2"', '"version": "3"')
    assert noted(live) == []
    apply(live, 100.0, "3")
    assert [row.to_version for row in flag_changes(history)] == ["2", "3", "4"]


CHILD = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from pacer_pipelines.adapters.flags import log as flag_log
from pacer_pipelines.adapters.flags import apply_share

live, fatal, calls = Path(sys.argv[1]), int(sys.argv[2]), 0

def fragile(function):
    def called(*arguments, **options):
        global calls
        for moment in ("before", "after"):
            if calls == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            calls += 1
            if moment == "before":
                result = function(*arguments, **options)
        return result
    return called

Path.replace, Path.unlink = fragile(Path.replace), fragile(Path.unlink)
flag_log.append = fragile(flag_log.append)
apply_share(
    live, live.parent / "history", flag_key="judge-model", treatment_variant="B", expected_version="2",
    new_share=50.0, at=datetime(2026, 11, 15, 12), who="pacer run", why="a verdict",
    verdict_id="0123456789abcdef",
)
"""


def killed_at(live: Path, moment: int) -> bool:
    """Run the door in a process that kills itself at one moment; False when it came to its end."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(live), str(moment)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.parametrize("then", ["the same again", "only a look"])
def test_kill_between_any_two_steps_loses_no_line_and_adds_no_version(tmp_path: Path, then: str) -> None:
    moments = 0
    while True:
        live = tmp_path / str(moments) / "pacer.flagd.json"
        live.parent.mkdir()
        live.write_text(V2, encoding="utf-8")
        if not killed_at(live, moments):
            break
        version = json.loads(live.read_text())["metadata"]["version"]
        if then == "only a look":
            note_edits(live, live.parent / "history", NOON)
            assert ("2", "3", 50.0, "pacer run") in steps(live) or version == "2", moments
        apply(live, 50.0, version)
        assert [row for row in steps(live) if row[-1] == "pacer run"] == [("2", "3", 50.0, "pacer run")], (
            moments
        )
        assert len({row for row in steps(live) if row[1] == "3"}) == 1, moments
        check_history(live)
        moments += 1
    # v2's copy, the announcement, the file itself, v3's copy, the line, the end: before and after each
    assert moments == 12


def check_history(live: Path) -> None:
    history = live.parent / "history"
    assert json.loads(live.read_text())["metadata"]["version"] == "3"
    assert (history / "v2.json").read_text(encoding="utf-8") == V2
    assert (history / "v3.json").read_bytes() == live.read_bytes()
    assert sorted(path.name for path in history.iterdir() if path.suffix != ".tmp") == [
        ".lock", "log.jsonl", "v2.json", "v3.json"
    ]  # fmt: skip


def test_crash_and_an_edit_right_after_it_keep_both(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pacer_pipelines.adapters.flags import log as flag_log

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(flag_log, "append", crash)
    with pytest.raises(KeyboardInterrupt):
        apply(live, 50.0, "2")
    monkeypatch.undo()
    edit(live, "5000", "2000")
    assert noted(live) == [("3", "3", "judge-model", 20.0, "found edited", "without a new metadata.version")]
    assert steps(live) == [("2", "3", 50.0, "pacer run"), ("3", "3", 20.0, "by hand")]


def test_edit_at_the_very_moment_of_writing_wins(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pacer_pipelines.adapters.flags import door

    checked = door.checked_text

    def slow(*arguments: Any) -> str:
        text = checked(*arguments)
        edit(live, "3000", "1000")
        return text

    monkeypatch.setattr(door, "checked_text", slow)
    with pytest.raises(FlagRefused, match="at this very moment; a human edit wins"):
        apply(live, 50.0, "2")
    assert json.loads(live.read_text())["flags"]["judge-model"]["targeting"]["if"][2]["<"][1] == 1000
