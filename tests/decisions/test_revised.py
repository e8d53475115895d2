"""What today's message says of earlier days that late data made to be judged again."""

from datetime import date

from pacer_pipelines.decisions.revised import Revised, revised_text

WHY = ("exposures of 2026-11-05 arrived late (file a.jsonl)",)


def revised(day: int, was: str = "hold", word: str = "hold") -> Revised:
    return Revised(date(2026, 11, day), was, word, WHY)  # type: ignore[arg-type]


def test_nothing_revised_says_nothing() -> None:
    assert revised_text([]) == ()


def test_one_day_is_named_with_what_arrived() -> None:
    assert revised_text([revised(5)]) == (
        "1 earlier verdict was revised (2026-11-05) because exposures of 2026-11-05 arrived late (file a.jsonl): "
        "no word changed",
    )


def test_many_days_are_counted() -> None:
    (sentence,) = revised_text([revised(day) for day in range(5, 11)])
    assert "6 earlier verdicts were revised (2026-11-05, 2026-11-06, 2026-11-07 and 3 more)" in sentence


def test_a_word_that_changed_is_named() -> None:
    (sentence,) = revised_text([revised(5), revised(6, "hold", "promote")])
    assert sentence.endswith(": 2026-11-06 was hold and is promote now")


def test_a_promotion_that_late_data_take_back_is_said_loudly() -> None:
    sentence, loud = revised_text([revised(8, "promote", "hold")])
    assert sentence.endswith("2026-11-08 was promote and is hold now")
    assert loud.startswith("THE PROMOTION OF 2026-11-08 DOES NOT HOLD ANY MORE")
