"""Segments are for looking around: small ones are hidden, and their number is paid for."""

import pytest

from pacer_pipelines.decisions.marts import SegmentSum
from pacer_pipelines.decisions.segments import HEAD, segment_cells, segments

COACHES = 6


def school(
    name: str, students: tuple[float, float], good: tuple[float, float], n: float = 100, coaches: int = COACHES,
    attribute: str = "school",
) -> list[SegmentSum]:  # fmt: skip
    """Rated requests of one school: n per coach and variant, with a little spread between coaches."""
    rows = []
    for variant, number, rate in zip(("control", "treatment"), students, good, strict=True):
        rows.append(SegmentSum(attribute, name, "1", "c0", "students", variant, number, 0))
        for coach in range(coaches):
            y = round(n * rate) + coach % 3 - 1
            rows.append(SegmentSum(attribute, name, "1", f"c{coach}", "good_rate", variant, n, y))
    return rows


ALPHA = school("alpha", (60, 20), (0.70, 0.82))
BETA = school("beta", (60, 20), (0.70, 0.70))
GAMMA = school("gamma", (60, 20), (0.70, 0.69))
SMALL = school("small", (60, 9), (0.70, 0.90))


def test_a_school_that_stands_out_is_marked_and_pays_for_the_others() -> None:
    alpha, beta, _ = segments([*ALPHA, *BETA, *GAMMA], "good_rate")
    assert (alpha.value, alpha.stands_out, beta.stands_out) == ("alpha", True, False)
    assert alpha.effect is not None
    assert alpha.effect.estimate == pytest.approx(0.12, abs=0.01)
    (alone,) = segments(ALPHA, "good_rate")
    # Holm: the smallest of three p-values counts three times
    assert alone.p_holm is not None
    assert alpha.p_holm == pytest.approx(3 * alone.p_holm, rel=1e-9)


def test_nine_students_are_hidden_and_so_is_the_one_that_would_give_them_away() -> None:
    """The whole is published; minus two shown schools it would be the small one."""
    found = {item.value: item for item in segments([*ALPHA, *BETA, *GAMMA, *SMALL], "good_rate")}
    assert found["small"].effect is None
    # all three have 20 students in B: the first by name goes with it
    assert [name for name, item in found.items() if item.effect is not None] == ["beta", "gamma"]


def test_two_hidden_schools_hide_each_other() -> None:
    other = school("tiny", (8, 8), (0.7, 0.7))
    found = {item.value: item for item in segments([*ALPHA, *BETA, *SMALL, *other], "good_rate")}
    assert [name for name, item in found.items() if item.effect is not None] == ["alpha", "beta"]


def test_two_coaches_are_too_few_to_show() -> None:
    rows = [
        *ALPHA,
        *school("two", (60, 60), (0.7, 0.8), coaches=2),
        *school("deux", (60, 60), (0.7, 0.8), coaches=2),
    ]
    assert [item.value for item in segments(rows, "good_rate") if item.effect is None] == ["deux", "two"]


def test_a_segment_whose_students_nobody_counted_is_hidden() -> None:
    rows = [row for row in [*ALPHA, *BETA] if row.metric != "students"]
    assert all(item.effect is None for item in segments(rows, "good_rate"))


def test_rows_without_a_variant_count_nobody_in_it() -> None:
    rows = [row for row in ALPHA if row.metric != "students" or row.variant == "control"]
    assert segments(rows, "good_rate")[0].effect is None


def test_attributes_are_corrected_together() -> None:
    grades = school("3", (60, 20), (0.70, 0.71), attribute="grade")
    alpha = next(item for item in segments([*ALPHA, *grades], "good_rate") if item.value == "alpha")
    (alone,) = segments(ALPHA, "good_rate")
    assert alone.p_holm is not None
    assert alpha.p_holm == pytest.approx(2 * alone.p_holm, rel=1e-9)


def test_nothing_by_segment_is_an_empty_table() -> None:
    assert segments([], "good_rate") == ()
    assert segments(ALPHA, "engagement") == ()


def test_a_line_of_the_table_says_everything_or_that_it_may_not() -> None:
    alpha, *_ = segments([*ALPHA, *BETA, *GAMMA], "good_rate")
    cells = segment_cells(alpha, "good_rate")
    assert len(cells) == len(HEAD)
    assert cells[:7] == ("school", "alpha", "70.0 %", "82.0 %", "+12.0 points", "600 / 600", "6")
    # six coaches allow no smaller p, however clear the effect looks: 3 times 2 Phi(-2.85) = 0.013
    assert cells[7] == "0.013"
    (many,) = segments(school("alpha", (60, 20), (0.70, 0.82), coaches=24), "good_rate")
    assert segment_cells(many, "good_rate")[7] == "< 0.001"
    hidden = next(
        item for item in segments([*ALPHA, *BETA, *GAMMA, *SMALL], "good_rate") if item.value == "small"
    )
    assert segment_cells(hidden, "good_rate")[2:] == ("-", "-", "too few to show", "-", "-", "-", "-")


def test_a_segment_without_variation_has_no_p() -> None:
    rows = [row._replace(y=row.n * 1.1) if row.metric != "students" else row for row in ALPHA]
    rows = [row._replace(metric="engagement") if row.metric == "good_rate" else row for row in rows]
    (item,) = segments(rows, "engagement")
    assert item.p_holm is None
    assert not item.stands_out
    assert segment_cells(item, "engagement")[-2:] == ("-", "-")
