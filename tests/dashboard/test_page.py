"""The page gives the answer first, draws what is known, and needs nothing from anywhere else."""

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from stored_days import fortnight, plan, seen, stored, verdict

from pacer_pipelines.dashboard import drawing
from pacer_pipelines.dashboard.charts import effect_chart, strength_chart
from pacer_pipelines.dashboard.drawing import draw
from pacer_pipelines.dashboard.figures import figures
from pacer_pipelines.dashboard.markup import style
from pacer_pipelines.dashboard.overview import index_page
from pacer_pipelines.dashboard.page import experiment_page
from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.segments import Segment
from pacer_pipelines.decisions.values import Check, Finding
from pacer_pipelines.errors import SourceUnreadable
from pacer_pipelines.stats import Effect


@pytest.fixture(scope="module")
def page() -> str:
    return experiment_page(seen())


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2]).split())


def test_answer_is_above_everything_else(page: str) -> None:
    text = text_of(page)
    assert text.startswith(
        "judge-model-v2 HOLD B serves 30 % and stays there "
        "judge-model-v2, 2026-11-15 (day 14 of 42) day 14 of at least 7"
    )


def test_page_loads_nothing_from_anywhere(page: str) -> None:
    assert "<script" not in page
    assert not re.findall(r'(?:src|href|data)="(?!\.\./|#)[^"]*"', page.replace("xmlns:xlink", ""))
    assert "@import" not in page
    assert not re.findall(r"url\((?!#)", page)
    # an inline style attribute would need 'unsafe-inline' in the content security policy
    assert ' style="' not in page


def test_every_day_is_in_the_history_newest_first(page: str) -> None:
    days = re.findall(r'<td class="day">(2026-11-\d\d)</td>', page)
    assert days == [f"2026-11-{day:02}" for day in range(15, 1, -1)]


def test_guarded_metric_stands_with_its_margin(page: str) -> None:
    assert "failed judgements 0.3 % 0.6 % +0.3 points -0.1 to +0.7 +1 point non-inferior" in text_of(page)


def test_failed_check_is_shown_with_its_reason() -> None:
    late = Check(
        "exposures_per_hour", "exposures", "critical", False, "0", "at least 1", "no exposure from 09:00",
        "an hour without exposures is a lost file",
    )  # fmt: skip
    text = text_of(experiment_page(seen(stored(verdict(9, checks=(late,))))))
    assert "Checks: 0 of 1 passed" in text
    assert (
        "exposures: exposures_per_hour failed (critical) 0. no exposure from 09:00 at least 1 an hour" in text
    )


def test_stored_verdict_that_was_edited_is_refused() -> None:
    edited = {**fortnight()[0], "verdict": "promote"}
    with pytest.raises(SourceUnreadable, match="2026-11-02"):
        experiment_page(seen([edited]))


def test_text_of_the_data_stays_text() -> None:
    nasty = "<script>alert(1)</script> & <!channel>"
    page = experiment_page(
        seen(stored(verdict(2, reasons=(nasty, nasty), flip=(nasty,), missing_facts=(nasty,))))
    )
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;!channel&gt;" in page


def test_experiment_that_was_never_judged_has_a_page_with_its_plan() -> None:
    text = text_of(experiment_page(seen([])))
    assert "No day has been judged yet." in text
    assert "Split by student, from 2026-11-02 to 2026-12-13 at most" in text


def test_snapshot_day_without_any_finding_still_has_a_page() -> None:
    bare = verdict(
        2, findings=(), checks=(), missing_facts=("failed judgements",), share_before=None, share_after=None
    )
    text = text_of(experiment_page(seen(stored(bare))))
    assert "B: share unknown, nothing changes" in text
    assert "failed judgements" in text
    assert "No day has enough data to draw." in text


def test_index_leads_to_each_experiment() -> None:
    page = index_page([(plan(), verdict(14))])
    assert 'href="/experiments/judge-model-v2"' in page
    assert "hold" in text_of(page)


def drawn_days(spec: dict[str, Any]) -> list[int]:
    return [row["day"] for row in spec["data"]["values"]]


def test_chart_shows_every_day_with_zero_and_the_smallest_effect() -> None:
    spec = effect_chart([verdict(day) for day in range(1, 15)], plan())
    levels = [layer["data"]["values"][0]["level"] for layer in spec["layer"] if "data" in layer]
    assert drawn_days(spec) == list(range(1, 15))
    # judge-model-v2.toml: smallest_effect = 0.03
    assert levels == [0, 3.0]
    last = spec["data"]["values"][-1]
    assert (last["low"], last["effect"], last["high"]) == pytest.approx((0.295, 3.4, 6.505), abs=0.001)


def test_day_with_too_few_behind_it_is_not_drawn() -> None:
    few = verdict(2)
    good_rate: Finding = replace(few.findings[0], n_treatment=9)
    days = [verdict(1), replace(few, findings=(good_rate,)), verdict(3)]
    assert drawn_days(effect_chart(days, plan())) == [1, 3]
    assert drawn_days(strength_chart(days, plan())) == [1, 3]


def test_drawings_are_valid_svg_whose_ids_do_not_collide() -> None:
    spec = effect_chart([verdict(day) for day in range(1, 4)], plan())
    first, second = draw(spec, "first"), draw(spec, "second")
    ElementTree.fromstring(first)
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert set(re.findall(r"url\(#([^)]+)\)", first)) <= ids[0]


def test_every_colour_of_a_chart_follows_the_readers_theme() -> None:
    svg = "".join(draw(figure.spec, name) for name, figure in figures(seen()).items())
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]+)"', svg))
    assert used >= {drawing.INK, drawing.MUTED, drawing.BLUE, *drawing.VARIANT_COLOURS.values()}
    for colour in used:
        assert f'[fill="{colour}"]' in style()
        assert f'[stroke="{colour}"]' in style()


def test_segments_stand_apart_and_say_what_they_are_not() -> None:
    effect = Effect(0.05, 0.01, 12, 11, 5.0, 4.0, 900.0, 400.0, 0.7, 0.75, 12, 270.0)
    explored = [
        Segment("school", "<b>alpha</b>", effect, 0.0004, 0.0002),
        Segment("school", "tiny", None, None, None),
    ]
    page = experiment_page(seen(explored=tuple(explored)))
    text = text_of(page)
    assert "GOOD rate by segment (exploratory)" in text
    assert "no verdict reads this table" in text
    assert "<b>alpha" not in page
    assert "school tiny" in text
    assert "too few to show" in text
    # what is left after the correction is marked, the rest is not
    assert page.count('<tr class="out">') == 1
    assert "by segment" not in experiment_page(seen())


def test_a_page_of_a_korean_plan_is_korean() -> None:
    spoken = plan().model_copy(update={"locale": "ko"})
    won = verdict(14, reasons=(say("rule.min_days", day=14, least=21),), flip=(say("flip.ratings"),))
    page = experiment_page(seen(stored(won), plan=spoken), "", live=True)
    assert '<html lang="ko">' in page
    assert text_of(page).startswith("모든 실험 judge-model-v2 보류(HOLD) B: 30 % 유지")
    assert "GOOD 비율: B의 효과와 상시 유효 구간" in page
    # names, fields of a figure's numbers, checks and the plan's own words stay as they are
    told = re.sub(r"<(details|code|style)\b.*?</\1>", " ", page.partition("<body>")[2], flags=re.DOTALL)
    shown = text_of(f"<body>{told.rpartition('<section>')[0]}")
    english = set(re.findall(r"\b[a-z]{4,}\b", shown))
    assert english <= {"judge", "model", "promote", "hold", "rollback", "control", "treatment", "exposures"}


def test_the_list_speaks_the_language_that_all_plans_share() -> None:
    korean = plan().model_copy(update={"locale": "ko"})
    assert "PACER 실험" in index_page([(korean, verdict(14))])
    assert "PACER experiments" in index_page([(korean, verdict(14)), (plan(), None)])


def test_who_does_not_see_a_chart_is_told_its_name_and_given_its_numbers(page: str) -> None:
    for shown in figures(seen()).values():
        assert f'role="img" aria-label="{shown.title}"' in page
    assert page.count('role="img"') == len(figures(seen()))
    # a table that is too wide can be moved by the keyboard
    assert page.count('class="wide"') == page.count('class="wide" tabindex="0"')
