"""The same student gets the same variant, ramps only add students, and trouble means control."""

import hashlib
from collections import Counter
from dataclasses import replace

import pytest

from pacer_pipelines.serving import Assigner, Request, bucket

from .conftest import FLAGS, SPLIT

STUDENTS = [f"stu{n:04d}" for n in range(3000)]


def variants(assigner: Assigner) -> dict[str, str]:
    return {s: assigner.assign(Request(s, f"{s}-1", "alpha", 3, "coach01")).served.variant for s in STUDENTS}


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
