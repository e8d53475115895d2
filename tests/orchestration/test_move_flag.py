"""The flag follows the verdict: raised on the newest day's word only, cut on any day's."""

import json
import shutil
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import dagster as dg
import pytest

from pacer_pipelines.adapters.flags import apply_share, note_edits, read_flag
from pacer_pipelines.config import load_world
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import FlagRefused
from pacer_pipelines.orchestration.definitions import DAILY, build_definitions
from pacer_pipelines.orchestration.effects import move_flag
from pacer_pipelines.orchestration.resources import WorldResource

ROOT = Path(__file__).parents[2]
WIN = Verdict(
    experiment="judge-model-v2", date=date(2026, 11, 15), verdict="promote", rule="win", reasons=("a win",), flip=(),
    share_before=30.0, share_after=50.0, day=14, phase="2", days_left=5, findings=(), checks=(), missing_facts=(),
    as_of=datetime(2026, 11, 15, 15), plan_hash="p", code_version="c", inputs_hash="i",
)  # fmt: skip
HARM = replace(WIN, verdict="rollback", rule="alarm", share_after=0.0)
CLOSED = replace(WIN, verdict="hold", rule="closed", share_after=0.0)


@pytest.fixture
def world(tmp_path: Path) -> WorldResource:
    """A world whose live flag gives B 30 % (version 2, as in the example)."""
    shutil.copy(ROOT / "examples" / "pacer_fortnight" / "flags" / "v2.json", tmp_path / "flag.json")
    config = tmp_path / "pacer.toml"
    config.write_text(
        f'home = "home"\nexperiments = "{ROOT / "experiments"}"\nflag_file = "flag.json"\nsynthetic = true\n',
        encoding="utf-8",
    )
    return WorldResource(config_file=str(config))


def follow(world: WorldResource, verdict: Verdict) -> str:
    return move_flag(world, world.world.plan("judge-model-v2"), verdict)


def share(world: WorldResource) -> float:
    assert world.world.settings.flag_file is not None
    return read_flag(world.world.settings.flag_file, "judge-model", "B").share


def judged(world: WorldResource, verdict: Verdict) -> Verdict:
    world.verdicts.record(verdict, {})
    return verdict


def test_a_win_of_the_newest_day_raises_b_once(world: WorldResource) -> None:
    win = judged(world, WIN)
    assert follow(world, win) == "B now has 50 % (flag version 3)"
    assert follow(world, win) == "the flag already gives B 50 % (version 3)"


def test_a_win_is_not_followed_once_a_later_day_was_judged(world: WorldResource) -> None:
    win = judged(world, WIN)
    judged(world, replace(WIN, date=date(2026, 11, 16), verdict="hold", rule="waiting", share_after=30.0))
    assert follow(world, win).startswith("2026-11-16 is known already")
    assert share(world) == 30


def test_a_win_is_not_followed_once_exposures_of_a_later_whole_day_have_landed(
    world: WorldResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WorldResource, "today", lambda _: date(2026, 11, 17))
    win = judged(world, WIN)
    (world.home / "landing" / "exposures" / "day=2026-11-16").mkdir(parents=True)
    assert follow(world, win).startswith("2026-11-16 is known already")
    assert share(world) == 30


def test_a_win_is_followed_in_the_morning_when_the_log_has_lines_of_today(
    world: WorldResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WorldResource, "today", lambda _: date(2026, 11, 16))
    win = judged(world, WIN)
    (world.home / "landing" / "exposures" / "day=2026-11-16").mkdir(parents=True)
    assert follow(world, win) == "B now has 50 % (flag version 3)"


def test_a_win_on_a_flag_that_somebody_changed_is_refused(world: WorldResource) -> None:
    with pytest.raises(FlagRefused, match="a human edit wins"):
        follow(world, judged(world, replace(WIN, phase="1")))
    assert share(world) == 30


def door(world: WorldResource, flag_key: str, variant: str, version: str, share: float) -> None:
    assert world.world.settings.flag_file is not None
    apply_share(
        world.world.settings.flag_file, world.world.flag_history, flag_key=flag_key, treatment_variant=variant,
        expected_version=version, new_share=share, at=datetime(2026, 11, 15, 20), who="pacer_pipelines", why="a win",
    )  # fmt: skip


def add_treatment_and_flag(world: WorldResource) -> None:
    """A second treatment C of the same flag, and a second flag, in version 2."""
    path = world.world.settings.flag_file
    assert path is not None
    document = json.loads(path.read_text(encoding="utf-8"))
    flag = document["flags"]["judge-model"]
    document["flags"]["other-flag"] = json.loads(json.dumps(flag))
    flag["targeting"]["if"][4:4] = [{">=": [{"var": "bucket"}, 9000]}, "C"]
    flag["variants"]["C"] = flag["variants"]["B"]
    path.write_text(json.dumps(document), encoding="utf-8")


def test_a_win_goes_on_when_only_another_treatment_and_another_flag_won_before_it(
    world: WorldResource,
) -> None:
    add_treatment_and_flag(world)
    door(world, "judge-model", "C", "2", 20)
    door(world, "other-flag", "B", "3", 50)
    assert follow(world, judged(world, WIN)) == "B now has 50 % (flag version 5)"


def test_a_win_is_refused_when_its_own_share_was_moved_meanwhile(world: WorldResource) -> None:
    add_treatment_and_flag(world)
    door(world, "judge-model", "B", "2", 40)
    door(world, "judge-model", "C", "3", 20)
    with pytest.raises(FlagRefused, match="version 4 is live"):
        follow(world, judged(world, WIN))


def test_a_win_is_refused_after_an_edit_by_hand_of_another_flag(world: WorldResource) -> None:
    path = world.world.settings.flag_file
    assert path is not None
    add_treatment_and_flag(world)
    note_edits(path, world.world.flag_history, datetime(2026, 11, 15, 20))
    path.write_text(
        path.read_text(encoding="utf-8").replace('"version": "2"', '"version": "3"'), encoding="utf-8"
    )
    note_edits(path, world.world.flag_history, datetime(2026, 11, 15, 20))
    with pytest.raises(FlagRefused, match="a human edit wins"):
        follow(world, judged(world, WIN))


def test_harm_cuts_b_also_when_later_days_were_judged(world: WorldResource) -> None:
    harm = judged(world, HARM)
    judged(world, replace(WIN, date=date(2026, 11, 16), verdict="hold", rule="waiting", share_after=30.0))
    follow(world, harm)
    assert share(world) == 0


def test_a_cut_that_could_not_be_made_is_made_on_the_next_day(world: WorldResource) -> None:
    flag_file = world.world.settings.flag_file
    assert flag_file is not None
    kept = flag_file.read_text(encoding="utf-8")
    flag_file.write_text("{", encoding="utf-8")
    with pytest.raises(FlagRefused):
        follow(world, judged(world, HARM))
    flag_file.write_text(kept, encoding="utf-8")
    follow(world, judged(world, replace(CLOSED, date=date(2026, 11, 16))))
    assert share(world) == 0


def test_a_hold_moves_nothing(world: WorldResource) -> None:
    hold = judged(world, replace(WIN, verdict="hold", rule="waiting", share_after=30.0))
    assert follow(world, hold) == "the verdict leaves the split as it is"
    assert share(world) == 30


@pytest.mark.parametrize(
    ("tags", "version"), [({"dagster/backfill": "b"}, "2"), ({"pacer/effects": "none"}, "2"), ({}, "3")]
)
def test_a_run_of_a_backfill_moves_no_flag_and_posts_nothing(
    world: WorldResource, tags: dict[str, str], version: str
) -> None:
    """Dagster tags the runs of a backfill that was started from its page."""
    world.verdicts.record(WIN, {})
    job = build_definitions(load_world(Path(world.config_file))).resolve_job_def(DAILY)
    done = job.execute_in_process(
        partition_key=str(WIN.date),
        tags=tags,
        asset_selection=[dg.AssetKey("traffic_flag"), dg.AssetKey("slack_message")],
    )
    assert done.success
    assert live(world) == version
    assert (world.home / "outbox").exists() == (version == "3")


def live(world: WorldResource) -> str:
    flag_file = world.world.settings.flag_file
    assert flag_file is not None
    return read_flag(flag_file, "judge-model", "B").version
