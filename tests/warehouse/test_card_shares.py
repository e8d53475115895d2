"""Three readings of the same cards: reviews per card, share of cards reviewed, share of answers not Again; by hand."""

from datetime import date
from typing import Any

import pytest

from pacer_pipelines.adapters.evidence_rows import mart_rows, segment_rows
from pacer_pipelines.adapters.published import Published, publish
from pacer_pipelines.adapters.warehouse import Warehouse

from .conftest import card, exposure
from .landing import EXPERIMENT, Landing, at

BOTH = {**EXPERIMENT, "counts_card_reviewed_rate": True, "counts_retention": True}
# a second plan of the same exposures, which asks for retention alone
ALONE = {**EXPERIMENT, "experiment_id": "other", "slug": "other", "counts_retention": True}
LAST = date(2026, 11, 15)


def anki(student: str, log_id: int, when: str, ease: int, **other: Any) -> dict[str, Any]:
    """An answer in a student's own Anki, at a local time."""
    row = {
        "student_key": student,
        "anki_card_id": log_id,
        "reviewed_at": at(when),
        "ease": ease,
    }
    row |= {"review_id": int(at(when).timestamp() * 1000), "review_type": 1, "factor": 2500}
    return {**row, **other}


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory, built: Warehouse) -> Published:
    """Five cards of the 2nd: answered in PACER, in Anki, in both, seen by a copy alone, and never."""
    home = tmp_path_factory.mktemp("cards")
    landing = Landing(home / "landing")
    landing.put("experiments", [BOTH, ALONE])
    for experiment in ("exp", "other"):
        exposures = [
            exposure(
                f"{experiment}{number}",
                "11-02 09:00",
                variant,
                number,
                f"s{number}",
                experiment_id=experiment,
            )
            for number, variant in enumerate("ABABB", start=1)
        ]
        landing.put("exposures", exposures, file=f"{experiment}.jsonl")
    landing.put("anki_cards", [card(log_id, log_id, "11-02 12:00", "11-03 23:00") for log_id in range(1, 6)])
    # two later copies: a review inside the card's week, and one after it
    late = [("11-12 09:00", "11-05 08:00"), ("11-14 09:00", "11-11 08:00")]
    seen = [card(4, 4, "11-02 12:00", copy, last_reviewed_at=at(reviewed)) for copy, reviewed in late]
    landing.put("anki_cards", seen, file="later.db")
    reviews = [(1, "11-03 08:00", 2), (1, "11-04 08:00", 3), (1, "11-09 12:00", 5), (3, "11-04 08:00", None)]
    landing.put(
        "card_reviews",
        [{"card_id": one, "reviewed_at": at(when), "quality": quality} for one, when, quality in reviews],
    )
    answers = [
        anki("s2", 2, "11-03 08:00", 1),
        anki("s2", 2, "11-03 08:10", 4),
        anki("s2", 2, "11-03 08:20", 3, review_type=3, factor=0),
        anki("s3", 3, "11-04 08:00", 2),
        # the card of another student, and a manual row
        anki("s2", 3, "11-05 08:00", 1),
        anki("s3", 3, "11-06 08:00", 0, review_type=4, factor=0),
    ]
    landing.put("anki_reviews", answers)
    # in this world an Anki card has the number of its judgement
    cards_of = sorted({(answer["student_key"], answer["anki_card_id"]) for answer in answers})
    links = [
        {"student_key": student, "anki_card_id": number, "log_id": number, "how": "guid"}
        for student, number in cards_of
    ]
    landing.put("anki_card_links", links)
    warehouse = Warehouse(home, built.project_dir)
    warehouse.build(date(2026, 11, 2), LAST)
    publish(warehouse.file, home)
    return Published(home)


# (variant, day) -> (n, y); cards 1 and 3 are control's, 2, 4 and 5 treatment's; all mature on the 9th
EXPECTED = {
    # card 1 twice in PACER, card 3 once there and once in Anki; card 2 three times, card 4 as a copy shows later
    "engagement": {("control", 9): (2, 4), ("treatment", 9): (3, 3), ("treatment", 12): (0, 1)},
    "card_reviewed_rate": {("control", 9): (2, 2), ("treatment", 9): (3, 1), ("treatment", 12): (0, 1)},
    # card 1: 2 is Again, 3 is not; card 3: Hard in Anki, the event without a quality is no answer; card 2: Again, Easy
    "retention": {("control", 9): (3, 2), ("treatment", 9): (2, 1)},
}


@pytest.mark.parametrize("metric", EXPECTED)
def test_the_same_reviews_make_three_metrics(cards: Published, metric: str) -> None:
    rows = cards.rows("metric_sums_daily", "metric = ? and experiment_id = 'exp'", [metric])
    found = {(row["variant"], row["metric_date"].day): (row["n"], row["y"]) for row in rows}
    assert found == EXPECTED[metric]


def test_cards_and_those_reviewed_are_there_whatever_the_plan_asks_for(cards: Published) -> None:
    for experiment in ("exp", "other"):
        rows = cards.rows("cards_daily", "experiment_id = ?", [experiment])
        found = {(row["variant"], row["metric_date"].day): (row["cards"], row["reviewed"]) for row in rows}
        assert found == EXPECTED["card_reviewed_rate"]


def test_a_card_that_only_a_copy_saw_counts_on_the_day_of_the_copy(cards: Published) -> None:
    shares = []
    for day in (9, 11, 12, 15):
        rows = mart_rows(cards, "exp", date(2026, 11, day)).metrics
        shares += [(r.n, r.y) for r in rows if (r.metric, r.variant) == ("card_reviewed_rate", "treatment")]
    assert shares == [(3, 1), (3, 1), (3, 2), (3, 2)]


def test_each_plan_has_the_metrics_that_it_names(cards: Published) -> None:
    named = {"exp": {"card_reviewed_rate", "retention"}, "other": {"retention"}}
    for experiment, metrics in named.items():
        for rows in (mart_rows(cards, experiment, LAST).metrics, segment_rows(cards, experiment, LAST)):
            asked = {row.metric for row in rows} & {"card_reviewed_rate", "retention"}
            assert asked == metrics
