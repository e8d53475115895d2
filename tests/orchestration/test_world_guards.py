"""What a world refuses before it touches anything, and what guards B when a plan breaks."""

import json
from datetime import date
from pathlib import Path

import pytest

from pacer_pipelines.config import World, load_world
from pacer_pipelines.decisions.marts import ExposureDay, MartRows
from pacer_pipelines.errors import ConfigInvalid
from pacer_pipelines.orchestration.check_results import link
from pacer_pipelines.orchestration.failure import judge_or_hold
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.verdict_day import frozen_hash, plan_checks

PLAN = (Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml").read_text(encoding="utf-8")

SERVED = MartRows((), (), (), (ExposureDay("1", date(2026, 11, 2), "treatment", 1, 0),), ())


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "judge-model-v2.toml").write_text(PLAN, encoding="utf-8")
    path = tmp_path / "pacer.toml"
    path.write_text('home = "home"\nexperiments = "experiments"\n', encoding="utf-8")
    return path


def slugs(world: World) -> list[str]:
    return [plan.slug for plan in world.plans]


def test_another_key_than_the_home_was_begun_with_is_refused(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACER_PSEUDONYM_KEY", "the first key of this home")
    assert WorldResource(config_file=str(config)).pseudonyms.student("s1").startswith("k1_")
    monkeypatch.setenv("PACER_PSEUDONYM_KEY", "another key of this home!")
    with pytest.raises(ConfigInvalid, match="got another key"):
        _ = WorldResource(config_file=str(config)).pseudonyms


def test_without_a_key_real_data_is_refused(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PACER_PSEUDONYM_KEY", raising=False)
    with pytest.raises(ConfigInvalid, match="PACER_PSEUDONYM_KEY: got nothing"):
        _ = WorldResource(config_file=str(config)).pseudonyms


def test_two_plans_cannot_claim_the_same_exposures(config: Path) -> None:
    second = PLAN.replace('slug = "judge-model-v2"', 'slug = "judge-model-v3"')
    (config.parent / "experiments" / "judge-model-v3.toml").write_text(second, encoding="utf-8")
    world = load_world(config)
    assert slugs(world) == ["judge-model-v2"]
    assert "judge-model-v2 has this one" in str(world.broken_plans[0])


def test_a_plan_that_breaks_after_its_start_is_judged_as_it_was_frozen_and_cannot_promote(
    config: Path,
) -> None:
    resource = WorldResource(config_file=str(config))
    began = resource.world.plan("judge-model-v2")
    frozen_hash(resource.home, began, SERVED)
    (config.parent / "experiments" / "judge-model-v2.toml").write_text("slug = ", encoding="utf-8")
    later = WorldResource(config_file=str(config))
    plan = later.world.plan("judge-model-v2")
    assert plan.plan_hash == began.plan_hash
    assert [(check.name, check.blocks) for check in plan_checks(later, plan)] == [("plan_readable", True)]


def test_a_plan_that_was_broken_from_the_start_is_left_out(config: Path) -> None:
    (config.parent / "experiments" / "judge-model-v2.toml").write_text("slug = ", encoding="utf-8")
    world = load_world(config)
    assert slugs(world) == []
    assert len(world.broken_plans) == 1


def test_the_frozen_plan_is_the_whole_plan(config: Path) -> None:
    resource = WorldResource(config_file=str(config))
    frozen_hash(resource.home, resource.world.plan("judge-model-v2"), SERVED)
    kept = json.loads((resource.home / "plans" / "judge-model-v2.json").read_text(encoding="utf-8"))
    assert kept["plan"]["rollout"]["steps"] == [10, 30, 50, 100]
    assert kept["first_exposure_date"] == "2026-11-02"


def test_a_plan_is_free_until_its_first_exposure(config: Path) -> None:
    resource = WorldResource(config_file=str(config))
    plan = resource.world.plan("judge-model-v2")
    nobody = MartRows((), (), (), (), ())
    assert frozen_hash(resource.home, plan, nobody) == plan.plan_hash
    edited = plan.model_copy(update={"owner": "somebody@pacer.example"})
    assert frozen_hash(resource.home, edited, SERVED) == edited.plan_hash
    assert frozen_hash(resource.home, plan, SERVED) == edited.plan_hash


def test_records_that_cannot_be_read_stop_no_other_experiment(config: Path) -> None:
    second = PLAN.replace('slug = "judge-model-v2"', 'slug = "judge-model-v3"').replace(
        'experiment_id = "exp-2026-11-judge"', 'experiment_id = "exp-2026-12-judge"'
    )
    (config.parent / "experiments" / "judge-model-v3.toml").write_text(second, encoding="utf-8")
    world = WorldResource(config_file=str(config))
    damaged = world.home / "journal" / "judge-model-v2" / "20261102T000000-rollback-0000000000000000.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{", encoding="utf-8")
    day = date(2026, 11, 2)
    assert judge_or_hold(world, world.world.plan("judge-model-v2"), day) is None
    judged = judge_or_hold(world, world.world.plan("judge-model-v3"), day)
    assert judged is not None
    assert (judged[0].verdict, judged[0].rule) == ("hold", "health")


@pytest.mark.parametrize(
    "url", ["pacer.example.org", "javascript:alert(1)", "https://a|b", "https://pacer.example.org/"]
)
def test_only_an_address_without_a_last_slash_is_a_public_url(config: Path, url: str) -> None:
    config.write_text(config.read_text(encoding="utf-8") + f'public_url = "{url}"\n', encoding="utf-8")
    with pytest.raises(ConfigInvalid, match="public_url"):
        load_world(config)


def test_checks_in_dagster_lead_to_their_data_docs(config: Path) -> None:
    day, here = date(2026, 11, 13), WorldResource(config_file=str(config))
    assert str(link(here, day).value).endswith("home/reports/data-docs/2026-11-13.html")
    url = 'public_url = "https://pacer.example.org"\n'
    config.write_text(config.read_text(encoding="utf-8") + url, encoding="utf-8")
    there = WorldResource(config_file=str(config))
    assert link(there, day).value == "https://pacer.example.org/data-docs/2026-11-13.html"
