"""The same student gets the same variant, ramps only add students, and trouble means control."""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pacer_pipelines.serving.assignment import Assigner, Request, bucket

from .conftest import FLAGS, SPLIT

STUDENTS = [f"stu{n:04d}" for n in range(3000)]


def variants(assigner: Assigner) -> dict[str, str]:
    return {s: assigner.assign(Request(s, f"{s}-1", "alpha", 3, "coach01")).variant for s in STUDENTS}


def test_bucket_is_the_published_formula():
    # by hand: printf 'salt:stu0001' | sha256sum
    digest = hashlib.sha256(b"salt:stu0001").hexdigest()
    assert bucket("stu0001", "salt") == int(digest[:8], 16) % 10_000
    assert bucket("", "") == int(hashlib.sha256(b":").hexdigest()[:8], 16) % 10_000


def test_buckets_are_uniform_and_differ_by_salt():
    counts = Counter(bucket(str(n), "a") // 100 for n in range(100_000))
    chi2 = sum((counts[i] - 1000) ** 2 / 1000 for i in range(100))
    assert chi2 < 148.2  # 99.9 % quantile of chi-square with 99 degrees of freedom (scipy.stats.chi2.ppf)
    same = sum(bucket(s, "a") == bucket(s, "b") for s in STUDENTS)
    assert same < 5


def test_share_follows_the_flag_and_a_ramp_moves_nobody_back(assigner_of):
    before = variants(assigner_of(FLAGS / "v1.json"))
    after = variants(assigner_of(FLAGS / "v2.json"))
    shares = [list(v.values()).count("B") / len(STUDENTS) for v in (before, after)]
    # binomial standard errors of 3,000 students at 10 % and 30 % are 0.0055 and 0.0084
    assert shares == pytest.approx([0.1, 0.3], abs=0.035)
    assert all(after[s] == "B" for s in STUDENTS if before[s] == "B")


def test_assignment_is_what_the_bucket_says(assigner):
    expected = {s: "B" if bucket(s, SPLIT.salt) < 1000 else "A" for s in STUDENTS}
    assert variants(assigner) == expected


def test_a_school_left_out_always_gets_control(assigner):
    served = {assigner.assign(Request(s, "x", "holdout-school")).variant for s in STUDENTS}
    assert served == {"A"}


def test_assignment_carries_model_phase_and_experiment(assigner):
    treated = next(s for s in STUDENTS if bucket(s, SPLIT.salt) < 1000)
    got = assigner.assign(Request(treated, "x", "alpha"))
    assert (got.variant, got.version, got.model) == ("B", "v2.1", "pacer-llm:v2.1")
    assert (got.reason, got.error, got.flag_version, got.flag_set) == ("TARGETING_MATCH", None, "1", "pacer")
    assert got.experiment_id == "exp-2026-11-judge"


def test_split_by_request_follows_the_submission(assigner_of, flag_file):
    by_request = assigner_of(flag_file, replace(SPLIT, unit="request"))
    buckets = {by_request.assign(Request("stu0001", f"sub-{n}", "alpha")).bucket for n in range(20)}
    assert len(buckets) > 15


def spoilt(flag_file: Path, change) -> Path:
    flags = json.loads(flag_file.read_text())
    change(flags["flags"]["judge-model"])
    flag_file.write_text(json.dumps(flags))
    return flag_file


def test_kill_switch_serves_control_and_says_disabled(assigner_of, flag_file):
    got = assigner_of(spoilt(flag_file, lambda f: f.update(state="DISABLED"))).assign(Request("stu0001", "x"))
    assert (got.variant, got.model, got.reason) == ("A", "llama2:latest", "DISABLED")


def test_a_flag_that_is_not_there_serves_control_and_says_so(assigner_of, flag_file):
    got = assigner_of(flag_file, replace(SPLIT, flag_key="no-such-flag")).assign(Request("stu0001", "x"))
    assert (got.variant, got.reason, got.error) == ("A", "ERROR", "FLAG_NOT_FOUND")


def test_a_variant_without_a_model_serves_control_and_says_so(assigner_of, flag_file):
    assigner = assigner_of(
        spoilt(flag_file, lambda f: f["variants"].update(A={"note": "?"}, B={"note": "?"}))
    )
    got = assigner.assign(Request("stu0001", "x", "alpha"))
    assert (got.variant, got.model, got.reason) == ("A", "llama2:latest", "ERROR")
    assert got.error == "VARIANT_WITHOUT_MODEL"


@pytest.mark.parametrize("content", [None, "{", '{"flags": 1}'], ids=["missing", "cut", "wrong"])
def test_a_flag_file_that_cannot_be_read_serves_control(assigner_of, tmp_path, content):
    file = tmp_path / "flags.json"
    if content is not None:
        file.write_text(content)
    got = assigner_of(file).assign(Request("stu0001", "x", "alpha"))
    assert (got.variant, got.reason, got.flag_version) == ("A", "ERROR", "none")
    assert got.error


def test_a_client_that_breaks_serves_control():
    class Broken:
        def get_object_details(self, *_: object) -> object:
            raise RuntimeError("no connection")

    got = Assigner(Broken(), SPLIT).assign(Request("stu0001", "x"))  # type: ignore[arg-type]
    assert (got.variant, got.reason, got.error) == ("A", "ERROR", "RuntimeError")


def test_serving_imports_nothing_heavy():
    code = (
        "import sys, pacer_pipelines.serving.exposure_log, pacer_pipelines.serving.feedback_log;"
        "heavy = {'dagster', 'pandas', 'duckdb', 'numpy', 'great_expectations', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
