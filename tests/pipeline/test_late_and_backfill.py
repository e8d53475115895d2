"""After the fortnight: a late file revises old verdicts, and a backfill judges without any effect."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import date

import pytest
from click.testing import Result

from .worlds import DAYS, EXAMPLE, FIRST, LAST, SLUG, RanFortnight, World

LATE = date(2026, 11, 5)
REASON = f"exposures of {LATE} arrived late (file exposures.jsonl.gz)"


@dataclass(frozen=True)
class Revised:
    """The fortnight after one more line of 5 November was delivered and the last day was run again."""

    world: World
    result: Result
    before: list[dict[str, object]]


@pytest.fixture(scope="module")
def late(fortnight: RanFortnight, tmp_path_factory: pytest.TempPathFactory) -> Revised:
    folder = tmp_path_factory.mktemp("late") / "world"
    shutil.copytree(fortnight.world.folder, folder)
    world = World(folder)
    before = world.history()
    world.edit_lines("exposures.jsonl.gz", one_more)
    return Revised(world, world.run(LAST), before)


def one_more(lines: list[bytes]) -> list[bytes]:
    """The first call of 5 November once more, as another call of another student."""
    call = next(json.loads(line) for line in lines if f'"{LATE}T0'.encode() in line)
    new = {
        **call,
        "exposure_id": "11111111-1111-4111-8111-111111111111",
        "log_id": None,
        "unit_id": "stu0002",
    }
    return [*lines, json.dumps(new).encode()]


def test_every_day_from_the_touched_one_on_is_judged_again(late: Revised) -> None:
    assert late.result.exit_code == 0, late.result.output
    revised = {row["date"]: row["revised_because"] for row in late.world.history() if row["revised_because"]}
    assert revised == {str(day): [REASON] for day in DAYS if LATE <= day < LAST}
    assert [row["revision"] for row in late.world.history()] == [1] * 3 + [2] * 11


def test_the_old_verdict_stays_beside_the_new_one(late: Revised) -> None:
    folder = late.world.home / "verdicts" / SLUG / str(LATE)
    assert [path.name[:5] for path in sorted(folder.glob("r*.json"))] == ["r0001", "r0002"]
    old = json.loads(next(folder.glob("r0001*")).read_text(encoding="utf-8"))
    assert old["verdict_id"] == late.before[DAYS.index(LATE)]["verdict_id"]
    assert late.world.pacer("replay", "--all").exit_code == 0


def test_today_s_message_says_so_in_one_sentence_and_old_messages_stay(
    late: Revised, fortnight: RanFortnight
) -> None:
    outbox = late.world.home / "outbox"
    today = " ".join((outbox / f"{SLUG}-{LAST}.txt").read_text(encoding="utf-8").split())
    assert (
        f"10 earlier verdicts were revised (2026-11-05, 2026-11-06, 2026-11-07 and 7 more) because {REASON}"
        in today
    )
    assert "no word changed" in today
    for day in DAYS[:-1]:
        name = f"{SLUG}-{day}.txt"
        assert (outbox / name).read_bytes() == (fortnight.world.home / "outbox" / name).read_bytes()


def test_a_revised_day_says_why_wherever_it_is_shown(late: Revised) -> None:
    assert late.world.verdict(LATE)["revised_because"] == [REASON]
    assert f"revised because {REASON}" in late.world.pacer("verdict", "--date", LATE).stdout
    assert "revised (was hold) because exposures of" in late.world.pacer("history").stdout


def test_a_backfill_moves_no_flag_and_posts_nothing_and_a_run_does(late: Revised) -> None:
    """The flag is put back to before the promotion of the last day, which the flag would follow again."""
    shutil.copy(EXAMPLE / "flags" / "v2.json", late.world.flag_file)
    flag = late.world.flag_file.read_bytes()
    message = late.world.home / "outbox" / f"{SLUG}-{DAYS[-2]}.txt"
    message.unlink()
    filled = late.world.pacer("backfill", "--from", DAYS[-2], "--to", LAST)
    assert filled.exit_code == 0, filled.output
    assert late.world.flag_file.read_bytes() == flag
    assert not message.exists()
    assert "2 verdicts, 0 with another word" in filled.stdout
    assert late.world.run(LAST).exit_code == 0
    assert late.world.flag_file.read_bytes() != flag


def test_a_backfill_that_was_killed_goes_on_where_it_stopped(late: Revised) -> None:
    days = [str(day) for day in DAYS[-3:]]
    kept = {
        "days": days,
        "done": days[:2],
        "rows": {days[0]: 1},
        "words": {day: {SLUG: "rollback"} for day in days},
    }
    path = late.world.home / "state" / "backfill.json"
    path.write_text(json.dumps(kept), encoding="utf-8")
    filled = late.world.pacer("backfill", "--from", days[0], "--to", days[2])
    assert f"going on at {days[2]}" in filled.stderr
    assert "3 verdicts, 3 with another word" in filled.stdout
    assert "rollback -> promote" in filled.stdout
    assert not path.exists()


def test_a_backfill_of_days_that_are_not_over_is_refused(late: Revised) -> None:
    refused = late.world.pacer("backfill", "--from", FIRST, "--to", "2099-01-01")
    assert refused.exit_code == 2
    assert "Traceback" not in refused.output
