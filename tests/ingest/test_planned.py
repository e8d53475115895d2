"""What the landing knows of planned experiments: their variants, and where their units belong."""

from pathlib import Path

from pacer_pipelines.ingest.planned import Planned, planned_experiments
from pacer_pipelines.plan import Plan, load_plan

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")


def arm(variant: str) -> Plan:
    """The example's plan as one of several treatments."""
    content = PLAN.model_dump()
    content |= {
        "slug": f"judge-model-v2-{variant.lower()}",
        "experiment_id": f"{PLAN.experiment_id}/{variant}",
    }
    content |= {"logged_as": PLAN.experiment_id, "arms": 2}
    content["treatment"] |= {"variant": variant}
    return Plan.model_validate(content)


def test_a_plan_gives_its_variants_salt_and_unit() -> None:
    known = planned_experiments([PLAN])
    assert known == {PLAN.logged_id: Planned(frozenset("AB"), PLAN.bucket_salt, PLAN.randomization_unit)}


def test_arms_are_one_experiment_with_all_their_variants() -> None:
    (known,) = planned_experiments([arm("B"), arm("C")]).values()
    assert known.variants == frozenset("ABC")
    assert known.salt == PLAN.bucket_salt


def test_a_bucket_is_the_first_32_bits_of_the_salted_hash() -> None:
    # sha256("pepper:stu0001") begins with 0x6d008e21, worked out with coreutils' sha256sum
    assert Planned(frozenset("AB"), "pepper").bucket_of("stu0001", None) == 0x6D008E21 % 10_000
