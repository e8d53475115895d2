"""Several treatments in one plan file: an arm each, with its share of the error rates, and a world of its own."""

import json
from pathlib import Path

import pytest

from pacer_pipelines.config import load_world
from pacer_pipelines.decisions.plan_check import check_plan
from pacer_pipelines.decisions.plan_traffic import within_arm
from pacer_pipelines.errors import PlanInvalid
from pacer_pipelines.plan import Plan, load_plan
from pacer_pipelines.plan_arms import load_plans
from pacer_pipelines.plan_parts import Traffic

EXAMPLE = Path(__file__).parents[1] / "experiments" / "judge-model-v2.toml"
ONE = EXAMPLE.read_text(encoding="utf-8")
B = '[treatment]\nvariant = "B"\nmodel = "pacer-llm:v2.1"\nversion = "v2.1"\n'
C = 'variant = "C"\nmodel = "pacer-llm:v3"\nversion = "v3"\n'
SEVERAL = ONE.replace(B, B.replace("[treatment]", "[[treatments]]") + f"\n[[treatments]]\n{C}")
TRAFFIC = Traffic(requests_per_day=1286, rated_share=0.65, students=429)


def written(folder: Path, content: str, name: str = "judge-model-v2") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def arms(tmp_path: Path) -> tuple[Plan, ...]:
    return load_plans(written(tmp_path, SEVERAL))


def test_a_plan_with_one_treatment_is_what_it_was() -> None:
    (plan,) = load_plans(EXAMPLE)
    assert plan == load_plan(EXAMPLE)
    assert plan.plan_hash.startswith("39b7f704a5be")
    assert (plan.logged_id, plan.file) == (plan.experiment_id, "judge-model-v2.toml")


def test_each_treatment_is_an_arm_with_its_share_of_the_error_rates(arms: tuple[Plan, ...]) -> None:
    assert [(arm.slug, arm.experiment_id, arm.treatment.variant) for arm in arms] == [
        ("judge-model-v2-b", "exp-2026-11-judge/B", "B"),
        ("judge-model-v2-c", "exp-2026-11-judge/C", "C"),
    ]
    for arm in arms:
        assert (arm.logged_id, arm.file, arm.arms) == ("exp-2026-11-judge", "judge-model-v2.toml", 2)
        assert arm.alphas.model_dump() == {"promote": 0.025, "alarm": 0.025, "srm": 0.025}
        assert arm.bucket_salt == "exp-2026-11-judge"
        assert arm.control.variant == "A"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('variant = "C"', 'variant = "b"', "treatments: got .*, allowed: variants that differ, also in lower case"),
        ('variant = "C"', 'variant = "A"', "control and treatment with different variants"),
        ('variant = "C"', 'variant = "C d"', "slug: got 'judge-model-v2-c d'"),
        ("[primary]", B + "[primary]", "treatment: got 'a table', allowed: either"),
        ("[[treatments]]\n" + B.partition("\n")[2], "", "treatments: got '1 tables', allowed: two or more"),
        ("timezone", "arms = 3\ntimezone", "arms: got 3, allowed: nothing"),
        ("timezone", 'logged_as = "x"\ntimezone', "logged_as: got 'x', allowed: nothing"),
        ("baseline = 0.78", "baseline = 7", "primary.baseline"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_treatments_is_said(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in SEVERAL
    with pytest.raises(PlanInvalid, match=says):
        load_plans(written(tmp_path, SEVERAL.replace(old, new, 1)))


def world_of(tmp_path: Path, **plans: str) -> Path:
    (tmp_path / "experiments").mkdir()
    for name, content in plans.items():
        written(tmp_path / "experiments", content, name.replace("_", "-"))
    config = tmp_path / "pacer.toml"
    config.write_text('home = "home"\nexperiments = "experiments"\nsynthetic = true\n', encoding="utf-8")
    return config


def other(salt: str = "", start: str = "2026-11-02", flag: str = "other-flag") -> str:
    changed = ONE.replace('slug = "judge-model-v2"', 'slug = "other"').replace(
        "exp-2026-11-judge", "exp-other"
    )
    changed = changed.replace('judge-model"', f'{flag}"').replace("2026-11-02", start)
    return changed.replace("timezone", f'salt = "{salt}"\ntimezone') if salt else changed


def test_two_experiments_on_two_flags_need_two_salts(tmp_path: Path) -> None:
    world = load_world(world_of(tmp_path, judge_model_v2=ONE, other=other(salt="exp-2026-11-judge")))
    assert [plan.slug for plan in world.plans] == ["judge-model-v2"]
    assert (
        "salt: got 'exp-2026-11-judge', allowed: a salt of its own: judge-model-v2 splits judge-model"
        in str(world.broken_plans[0])
    )


@pytest.mark.parametrize(
    "plan",
    [other(), other(salt="exp-2026-11-judge", start="2027-02-01"), other(salt="exp-2026-11-judge", flag="judge-model")],
    ids=["their own ids", "one after the other", "the same flag"],
)  # fmt: skip
def test_other_experiments_may_stand_beside(tmp_path: Path, plan: str) -> None:
    assert len(load_world(world_of(tmp_path, judge_model_v2=ONE, other=plan)).plans) == 2


def test_arms_of_one_experiment_share_its_salt_and_its_exposures(tmp_path: Path) -> None:
    world = load_world(world_of(tmp_path, judge_model_v2=SEVERAL))
    assert [plan.slug for plan in world.plans] == ["judge-model-v2-b", "judge-model-v2-c"]
    assert world.broken_plans == ()


def test_another_plan_cannot_claim_the_exposures_of_an_arm(tmp_path: Path) -> None:
    same = ONE.replace('slug = "judge-model-v2"', 'slug = "later"')
    (broken,) = load_world(world_of(tmp_path, judge_model_v2=SEVERAL, later=same)).broken_plans
    assert "later.toml: experiment_id: got 'exp-2026-11-judge', allowed: an id of its own" in str(broken)


def test_an_arm_cannot_have_the_name_of_another_plan(tmp_path: Path) -> None:
    named = other().replace('slug = "other"', 'slug = "judge-model-v2-c"')
    (broken,) = load_world(world_of(tmp_path, judge_model_v2=SEVERAL, judge_model_v2_c=named)).broken_plans
    assert "judge-model-v2.toml: slug: got 'judge-model-v2-c', allowed: a name of its own" in str(broken)


def test_arms_of_a_file_that_breaks_later_are_judged_as_they_were_frozen(tmp_path: Path) -> None:
    config = world_of(tmp_path, judge_model_v2=SEVERAL)
    frozen = load_world(config).plans
    folder = tmp_path / "home" / "plans"
    folder.mkdir(parents=True)
    for plan in frozen:
        content = {"plan": plan.model_dump(mode="json", exclude_none=True)}
        (folder / f"{plan.slug}.json").write_text(json.dumps(content))
    written(tmp_path / "experiments", "slug = ")
    later = load_world(config)
    assert [plan.plan_hash for plan in later.plans] == [plan.plan_hash for plan in frozen]
    assert {error.file for error in later.broken_plans} == {plan.file for plan in later.plans}


def test_an_arm_plans_with_its_own_traffic_only(arms: tuple[Plan, ...]) -> None:
    # 10 % of B, 10 % of C, 80 % of A: the arm of B sees 90 % of the requests, one ninth of them B
    own, share = within_arm(arms[0], TRAFFIC, 0.10)
    assert (own.requests_per_day, own.students) == (pytest.approx(0.9 * 1286), 386)
    assert share == pytest.approx(1 / 9)
    # at 50 % the other one is taken to have stayed at its first 10 %
    assert within_arm(arms[0], TRAFFIC, 0.50)[1] == pytest.approx(50 / 90)
    assert within_arm(arms[0], TRAFFIC, 0.99)[1] == pytest.approx(0.99)


def test_two_arms_need_more_than_one_treatment_does(arms: tuple[Plan, ...]) -> None:
    one, arm = check_plan(load_plan(EXAMPLE), TRAFFIC), check_plan(arms[0], TRAFFIC)
    assert arm.planned_effective_n > one.planned_effective_n
    assert arm.sample_day is not None
    assert one.sample_day is not None
    assert arm.sample_day > one.sample_day
