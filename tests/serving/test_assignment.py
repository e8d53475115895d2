"""The same unit gets the same variant everywhere, splits are what they say, and ramps only add units."""

import csv
import json
import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from scipy.stats import chi2

from pacer_pipelines.errors import PlanInvalid
from pacer_pipelines.plan_arms import load_plans
from pacer_pipelines.serving import Assigner, Request, Split, bucket

from .conftest import FLAGS, SPLIT

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STUDENTS = [f"stu{n:04d}" for n in range(3000)]
MILLION = 1_000_000


def golden() -> list[tuple[str, int]]:
    """1,000 units and their buckets, made by ``printf 'judge-2026:<unit>' | sha256sum`` and a calculator."""
    with (HERE / "golden_buckets.csv").open(encoding="utf-8", newline="") as file:
        return [(row["unit"], int(row["bucket"])) for row in csv.DictReader(file)]


def variants(assigner: Assigner) -> dict[str, str]:
    return {s: assigner.assign(Request(s, f"{s}-1", "alpha", 3, "coach01")).served.variant for s in STUDENTS}


def test_buckets_are_those_of_the_golden_file():
    units = golden()
    assert len(units) == 1000
    assert {unit: bucket(unit, "judge-2026") for unit, _ in units} == dict(units)


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_python_gives_the_golden_buckets(version):
    """In a process of its own, without this project's packages: the module alone decides."""
    # pyenv's stand-ins start an interpreter only when told which one
    environment = {**os.environ, "PYENV_VERSION": version}
    module = ROOT / "pacer_pipelines" / "serving" / "bucket.py"
    code = (
        f"import runpy, csv, sys; bucket = runpy.run_path({str(module)!r})['bucket'];"
        f"rows = list(csv.DictReader(open({str(HERE / 'golden_buckets.csv')!r}, encoding='utf-8', newline='')));"
        "assert all(bucket(r['unit'], 'judge-2026') == int(r['bucket']) for r in rows);"
        "print(len(rows), '%d.%d' % sys.version_info[:2])"
    )
    try:
        command = [f"python{version}", "-I", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except FileNotFoundError:
        pytest.skip(f"no Python {version} on this machine")
    if done.returncode == 127:
        pytest.skip(f"no Python {version} behind its stand-in")
    assert (done.stdout.strip(), done.stderr) == (f"1000 {version}", "")


def test_an_id_that_is_no_unicode_has_a_bucket_too():
    # JSON may carry half a surrogate pair, UTF-8 cannot
    assert bucket("stu\ud800", "salt") == bucket("stu?", "salt")


def test_a_million_units_are_split_as_the_flag_says_in_even_cells():
    counts = Counter(bucket(f"student-{n}", "judge-2026") for n in range(MILLION))
    share = sum(counts[number] for number in range(1000)) / MILLION
    # a tenth of a point is 3.3 standard errors of a fair split of a million
    assert share == pytest.approx(0.10, abs=0.001)
    cells = [sum(counts[number] for number in range(start, start + 100)) for start in range(0, 10_000, 100)]
    assert sum((seen - 10_000) ** 2 / 10_000 for seen in cells) < chi2.ppf(0.999, 99)


def test_two_salts_split_independently():
    seen = Counter((bucket(str(n), "a") // 1000, bucket(str(n), "b") // 1000) for n in range(200_000))
    rows = Counter(bucket(str(n), "a") // 1000 for n in range(200_000))
    columns = Counter(bucket(str(n), "b") // 1000 for n in range(200_000))
    expected = {(i, j): rows[i] * columns[j] / 200_000 for i in range(10) for j in range(10)}
    statistic = sum((seen[cell] - expected[cell]) ** 2 / expected[cell] for cell in expected)
    assert statistic < chi2.ppf(0.999, 81)


def with_share(folder: Path, share: float) -> Path:
    document = json.loads((FLAGS / "v1.json").read_text())
    rule = document["flags"]["judge-model"]["targeting"]["if"][2]
    rule["<"][1] = round(share * 100)
    path = folder / f"{share}.json"
    path.write_text(json.dumps(document))
    return path


def test_a_ramp_only_adds_units_and_its_ends_are_exact(assigner_of, tmp_path):
    treated: set[str] = set()
    for share in (0, 5, 10, 25, 50, 75, 100):
        served = variants(assigner_of(with_share(tmp_path, share)))
        now = {student for student, variant in served.items() if variant == "B"}
        assert treated <= now
        # four standard errors of 3,000 students at one half are 3.7 points
        assert len(now) / len(STUDENTS) == pytest.approx(share / 100, abs=0.037 if 0 < share < 100 else 0.0)
        treated = now


def test_assignment_is_what_the_bucket_says(assigner):
    expected = {s: "B" if bucket(s, SPLIT.salt) < 1000 else "A" for s in STUDENTS}
    assert variants(assigner) == expected


def test_restarts_and_other_providers_change_nobody(assigner_of, flag_file):
    first = variants(assigner_of(flag_file))
    theirs = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(flag_file))
    assert variants(assigner_of(flag_file)) == first == variants(assigner_of(theirs))


def test_a_school_left_out_always_gets_control(assigner):
    served = {assigner.assign(Request(s, "x", "holdout-school")).served.variant for s in STUDENTS}
    assert served == {"A"}


def test_assignment_carries_model_phase_and_flag_set(assigner):
    treated = next(s for s in STUDENTS if bucket(s, SPLIT.salt) < 1000)
    got = assigner.assign(Request(treated, "x", "alpha"))
    assert (got.served.variant, got.served.version, got.served.model) == ("B", "v2.1", "pacer-llm:v2.1")
    assert (got.reason, got.error, got.flag_version, got.flag_set) == ("TARGETING_MATCH", None, "1", "pacer")


def test_split_by_request_follows_the_submission(assigner_of, flag_file):
    by_request = assigner_of(flag_file, replace(SPLIT, unit="request"))
    buckets = {by_request.assign(Request("stu0001", f"sub-{n}", "alpha")).bucket for n in range(20)}
    assert len(buckets) > 15


def test_an_allow_list_is_served_by_name_and_told_apart_from_the_split(assigner_of, flag_file):
    """``B@team`` serves what B serves; the exposure says B and the segment, so the analysis leaves it out."""
    document = json.loads(flag_file.read_text())
    flag = document["flags"]["judge-model"]
    flag["variants"]["B@team"] = flag["variants"]["B"]
    flag["targeting"] = {
        "if": [{"in": [{"var": "targetingKey"}, ["ann", "bob"]]}, "B@team", flag["targeting"]]
    }
    flag_file.write_text(json.dumps(document))
    assigner = assigner_of(flag_file)
    got = {who: assigner.assign(Request(who, "x", "alpha")) for who in ("ann", "bob", "stu0001")}
    assert {who: (one.served.variant, one.segment) for who, one in got.items()} == {
        "ann": ("B", "team"),
        "bob": ("B", "team"),
        "stu0001": ("B" if bucket("stu0001", SPLIT.salt) < 1000 else "A", None),
    }


@pytest.mark.parametrize("plan_file", sorted(ROOT.glob("experiments/*.toml")), ids=lambda path: path.stem)
def test_the_split_is_the_one_that_the_plan_registers(plan_file):
    split = Split.from_plan(plan_file)
    for plan in load_plans(plan_file):
        assert (split.flag_key, split.salt) == (plan.flag_key, plan.bucket_salt)
        assert (split.experiment_id, split.unit) == (plan.logged_id, plan.randomization_unit)
        assert split.control.model == plan.control.model
        assert split.named(plan.treatment.variant).version == plan.treatment.version


def test_a_plan_with_several_treatments_and_a_salt_gives_them_all(tmp_path):
    content = (ROOT / "experiments" / "judge-model-v2.toml").read_text()
    several = content.replace("[treatment]", "[[treatments]]").replace(
        "[primary]", '[[treatments]]\nvariant = "C"\nmodel = "c"\nversion = "v3"\n\n[primary]'
    )
    path = tmp_path / "judge-model-v2.toml"
    path.write_text(several.replace("flag_key", 'salt = "s-1"\nflag_key'))
    split = Split.from_plan(path)
    assert [one.variant for one in split.treatments] == ["B", "C"]
    assert {plan.bucket_salt for plan in load_plans(path)} == {split.salt} == {"s-1"}


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda plan: "", "flag_key: got 'nothing'"),
        (lambda plan: "x = ", "file: got"),
        (lambda plan: plan.replace('unit = "student"', 'unit = "coach"'), "allowed: request or student"),
        (lambda plan: plan.replace('version = "v2.1"\n', ""), "treatment: got"),
        (lambda plan: plan.replace("[treatment]", "[somebody]"), "treatment: got None"),
    ],
)
def test_a_plan_that_cannot_split_says_what_is_wrong(tmp_path, edit: Callable[[str], str], says: str):
    path = tmp_path / "plan.toml"
    path.write_text(edit((ROOT / "experiments" / "judge-model-v2.toml").read_text()))
    with pytest.raises(PlanInvalid, match=says):
        Split.from_plan(path)


def test_serving_imports_nothing_heavy():
    code = (
        "import sys, pacer_pipelines.serving, pacer_pipelines.serving.telemetry;"
        "heavy = {'dagster', 'dbt', 'pandas', 'duckdb', 'numpy', 'great_expectations', 'pydantic', 'grpc'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_light_package_asks_for_nothing_heavy():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [name.split("~")[0].split("=")[0] for name in project["dependencies"]] == [
        "openfeature-sdk",
        "openfeature-flagd-core",
    ]
