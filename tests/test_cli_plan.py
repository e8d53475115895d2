"""``pacer plan``: what it prints, where the traffic comes from, and its exit codes."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from pacer_pipelines.adapters.published import publish
from pacer_pipelines.cli import main

EXAMPLE = Path(__file__).parents[1] / "experiments" / "judge-model-v2.toml"
KNOWN = ("--requests-per-day", 1200, "--rated-share", 0.7, "--students", 430, "--student-correlation", 0.001)
TRAFFIC = "\n[traffic]\nrequests_per_day = 1200\nrated_share = 0.7\nstudents = 430\n"


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without a pacer.toml, and nobody's configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PACER_CONFIG", raising=False)


def pacer(*words: object) -> Result:
    return CliRunner().invoke(main, ["plan", *map(str, words)])


def plan_file(folder: Path, old: str = "", new: str = "", more: str = "") -> Path:
    """The example's plan, edited."""
    file = folder / EXAMPLE.name
    text = EXAMPLE.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new) + more, encoding="utf-8")
    return file


def world_file(folder: Path, experiment_id: str = "exp-2026-11-judge") -> Path:
    """A world of the example's plan whose published marts saw 900 requests on each of two days."""
    (folder / "experiments").mkdir()
    shutil.copy(EXAMPLE, folder / "experiments")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as db:
        db.execute("create schema marts")
        db.execute(
            "create table marts.exposures_daily as "
            "select ? as experiment_id, 900 as analysed, unnest([?, ?]) as metric_date",
            [experiment_id, date(2026, 11, 2), date(2026, 11, 3)],
        )
        db.execute(
            "create table marts.metric_sums_daily "
            "(experiment_id text, metric text, metric_date date, n double, y double)"
        )
    publish(folder / "warehouse.duckdb", folder / "home", ("exposures_daily", "metric_sums_daily"))
    file = folder / "pacer.toml"
    file.write_text('home = "home"\nexperiments = "experiments"\n', encoding="utf-8")
    return file


def as_json(result: Result) -> list[dict[str, Any]]:
    return list(json.loads(result.stdout))


def test_a_plan_that_can_end_says_its_numbers() -> None:
    result = pacer("check", EXAMPLE, *KNOWN)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("CAN END IN TIME judge-model-v2")
    assert "2,491 rated decisions of B at 10 %" in result.stdout
    assert "given: requests per day, rated share, students, student correlation" in " ".join(
        result.stdout.split()
    )


def test_a_plan_that_cannot_end_fails_and_says_what_would_help() -> None:
    result = pacer("check", EXAMPLE, *KNOWN, "--requests-per-day", 500)
    assert result.exit_code == 1
    assert "full on day 79, 37 days after the last look on day 42" in result.stdout
    assert "begin with B at 25 %" in result.stdout


def test_several_plans_are_one_array_and_one_of_them_fails_all(tmp_path: Path) -> None:
    late = plan_file(tmp_path, "max_days = 42", "max_days = 14")
    result = pacer("check", EXAMPLE, late, *KNOWN, "--json")
    assert result.exit_code == 1
    assert [row["can_end_in_time"] for row in as_json(result)] == [True, False]


def test_the_plans_own_traffic_counts_and_an_option_outranks_it(tmp_path: Path) -> None:
    file = plan_file(tmp_path, more=TRAFFIC)
    (row,) = as_json(pacer("check", file, "--students", 500, "--json"))
    assert row["traffic"] == {
        "requests_per_day": 1200, "rated_share": 0.7, "students": 500, "student_correlation": 0.05,
    }  # fmt: skip
    assert row["traffic_source"].startswith("given: students; the plan: requests per day")


@pytest.mark.parametrize("how", ["--config", "PACER_CONFIG", "./pacer.toml"])
def test_a_worlds_days_outrank_the_plans_expectation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    home = tmp_path / "world"
    home.mkdir()
    config, file = world_file(home), plan_file(tmp_path, more=TRAFFIC)
    words: tuple[object, ...] = ()
    if how == "--config":
        words = ("--config", config)
    elif how == "PACER_CONFIG":
        monkeypatch.setenv(how, str(config))
    else:
        monkeypatch.chdir(home)
    (row,) = as_json(pacer("check", file, *words, "--json"))
    assert row["traffic"]["requests_per_day"] == 900
    assert row["traffic"]["rated_share"] == 0.7
    assert "judge-model-v2 from 2026-11-02 to 2026-11-03: requests per day" in row["traffic_source"]


def test_before_the_start_another_experiment_on_the_same_flag_shows_the_traffic(tmp_path: Path) -> None:
    home = tmp_path / "world"
    home.mkdir()
    new = plan_file(tmp_path, 'experiment_id = "exp-2026-11-judge"', 'experiment_id = "exp-2026-12"')
    words = ("--config", world_file(home), "--rated-share", 0.7, "--students", 430, "--json")
    (row,) = as_json(pacer("check", new, *words))
    assert "judge-model-v2 from 2026-11-02 to 2026-11-03: requests per day" in row["traffic_source"]


@pytest.mark.parametrize("published", [True, False])
def test_a_world_that_saw_nothing_leaves_the_plans_traffic(tmp_path: Path, published: bool) -> None:
    home = tmp_path / "world"
    home.mkdir()
    config = world_file(home, "another")
    if not published:
        shutil.rmtree(home / "home")
    (row,) = as_json(pacer("check", plan_file(tmp_path, more=TRAFFIC), "--config", config, "--json"))
    assert row["traffic_source"].startswith("the plan: requests per day")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            (),
            "traffic is not known: give --requests-per-day, --rated-share, --students, or a [traffic] table",
        ),
        (("--students", 430), "give --requests-per-day, --rated-share, or"),
        ((*KNOWN, "--rated-share", 1.2), "--rated-share: got 1.2, allowed: less than 1"),
        ((*KNOWN, "--students", 1), "--students: got 1, allowed: greater than or equal to 2"),
        ((*KNOWN, "--requests-per-day", "inf"), "traffic: rated_per_day: got inf"),
        ((*KNOWN, "--requests-per-day", "nan"), "--requests-per-day: got nan"),
        ((*KNOWN, "--config", "nowhere.toml"), "nowhere.toml: not found"),
    ],
)
def test_what_it_cannot_use_is_refused_with_what_to_give(words: tuple[object, ...], message: str) -> None:
    result = pacer("check", EXAMPLE, *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_named_configuration_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACER_CONFIG", "nowhere.toml")
    assert pacer("check", EXAMPLE, *KNOWN).exit_code == 2


def test_an_invalid_plan_is_refused_before_any_is_checked(tmp_path: Path) -> None:
    broken = plan_file(tmp_path, "max_days = 42", "max_days = 3")
    for command in (("check", EXAMPLE, broken, *KNOWN), ("validate", broken)):
        result = pacer(*command)
        assert result.exit_code == 2
        assert "judge-model-v2.toml: duration: got" in result.stderr
        assert result.stdout == ""


def test_validate_prints_the_hash_and_schema_the_schema() -> None:
    assert "valid, plan 39b7f704a5bed38c" in pacer("validate", EXAMPLE).stdout
    assert json.loads(pacer("schema").stdout)["title"] == "Plan"


def test_each_arm_of_a_plan_is_validated_and_checked(tmp_path: Path) -> None:
    more = '\n[[treatments]]\nvariant = "C"\nmodel = "pacer-llm:v3"\nversion = "v3"\n'
    file = plan_file(tmp_path, "[treatment]", "[[treatments]]", more)
    validated = pacer("validate", file).output.splitlines()
    assert [line.split()[3] for line in validated] == ["judge-model-v2-b", "judge-model-v2-c"]
    checked = pacer("check", file, "--requests-per-day", 2600, *KNOWN[2:])
    assert checked.exit_code == 0, checked.output
    assert checked.output.count("CAN END IN TIME") == 2
