"""A plan refuses what it must not promise, and says file, key, got and allowed."""

import json
from pathlib import Path

import pytest

from pacer_pipelines.errors import PlanInvalid
from pacer_pipelines.plan import Plan, load_plan, plan_schema

EXPERIMENTS = Path(__file__).parent.parent / "experiments"
EXAMPLE = EXPERIMENTS / "judge-model-v2.toml"


@pytest.fixture
def plan() -> Plan:
    return load_plan(EXAMPLE)


def edited(folder: Path, old: str, new: str) -> Path:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert old in text
    file = folder / EXAMPLE.name
    file.write_text(text.replace(old, new), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("old", "new", "key", "allowed"),
    [
        ('unit = "student"', 'unit = "coach"', "randomization_unit", "split by coach is refused"),
        ('unit = "student"', 'unit = "class"', "randomization_unit", "'request' or 'student'"),
        ("max_days = 42", "max_days = 3", "duration", "max_days >= min_days (7)"),
        ("relative = 0.10", "relative = 0.1, absolute = 0.1", "secondary.0.margin", "exactly one"),
        ('owner = "llm-quality@pacer.example"', "", "owner", "required"),
        ('owner = "llm', 'ownre = 1\nowner = "llm', "ownre", "plan.schema.json"),
        ("[10, 30, 50, 100]", "[30, 10, 100]", "rollout.steps", "rising percentages"),
        ("[10, 30, 50, 100]", "[10, 30]", "rollout.steps", "end with 100"),
        ('"Asia/Seoul"', '"Seoul"', "timezone", "IANA"),
        ('better = "lower"', 'better = "higher"', "guardrails.0", "better = 'lower' for failure_rate"),
        ('variant = "B"', 'variant = "A"', "plan", "different variants"),
        ('metric = "engagement"', 'metric = "card_rate"', "plan", "each metric once"),
        (
            'metric = "engagement"',
            'metric = "reviews"',
            "secondary.1.metric",
            "'card_reviewed_rate', 'retention'",
        ),
        (
            'metric = "engagement"\nbetter = "higher"',
            'metric = "retention"\nbetter = "lower"',
            "secondary.1",
            "better = 'higher' for retention",
        ),
        (
            'metric = "card_rate"\nbetter = "higher"\nmargin = { relative = 0.10 }',
            'metric = "retention"\nbetter = "higher"\nmargin = { absolute = 5 }',
            "secondary.0",
            "0.05 is 5 points",
        ),
        (
            'metric = "card_rate"\n',
            'metric = "card_reviewed_rate"\nwinsorise_at = 3\n',
            "secondary.0",
            "card_reviewed_rate without winsorise_at",
        ),
        ("smallest_effect = 0.03", "smallest_effect = 0", "primary.smallest_effect", "greater than 0"),
        ('slug = "judge-model-v2"', 'slug = "other"', "slug", "the file's own name"),
    ],
)
def test_a_wrong_plan_names_file_key_got_and_allowed(
    tmp_path: Path, old: str, new: str, key: str, allowed: str
) -> None:
    with pytest.raises(PlanInvalid) as caught:
        load_plan(edited(tmp_path, old, new))
    message = str(caught.value)
    assert message.startswith(f"judge-model-v2.toml: {key}: got ")
    assert allowed in message


def test_toml_that_is_not_toml_is_a_plan_error(tmp_path: Path) -> None:
    with pytest.raises(PlanInvalid, match="a readable TOML file"):
        load_plan(edited(tmp_path, 'slug = "', "slug = "))


def test_comments_do_not_change_the_identity_of_a_plan_but_numbers_do(tmp_path: Path, plan: Plan) -> None:
    commented = load_plan(edited(tmp_path, "[primary]", "# a remark\n[primary]"))
    assert commented.plan_hash == plan.plan_hash
    changed = load_plan(edited(tmp_path, "smallest_effect = 0.03", "smallest_effect = 0.02"))
    assert changed.plan_hash != plan.plan_hash


def test_a_plan_cannot_be_changed_after_it_was_read(plan: Plan) -> None:
    with pytest.raises(ValueError, match="frozen"):
        plan.slug = "another"  # type: ignore[misc]


def test_rollout_climbs_one_step_at_a_time_and_stays_at_the_top(plan: Plan) -> None:
    assert [plan.rollout.next_share(share) for share in (0, 10, 30, 50, 100)] == [10, 30, 50, 100, 100]


def test_the_schema_for_editors_is_the_one_of_the_code() -> None:
    committed = json.loads((EXPERIMENTS / "plan.schema.json").read_text(encoding="utf-8"))
    assert committed == plan_schema(), "run: pacer plan schema > experiments/plan.schema.json"


def test_the_language_is_no_part_of_what_was_registered() -> None:
    plan = load_plan(EXPERIMENTS / "judge-model-v2.toml")
    korean = plan.model_copy(update={"locale": "ko"})
    assert (korean.plan_hash, korean.content()) == (plan.plan_hash, plan.content())
    assert (korean.language, plan.language) == ("ko", "en")
