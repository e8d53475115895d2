"""AnkiConnect's answers, saved as JSON: real samples, and what may go wrong with them."""

import json

import pytest
from anki_samples import DELETED, answered, content, links, parsed, reason, true_links, true_reviews

REVIEWS = ["stuA_ankiconnect_cardReviews.json", "stuA_ankiconnect_getReviewsOfCards.json"]
CARDS = "stuA_ankiconnect_cardsInfo.json"
ROW = [1793613602862, 1793613602843, -1, 3, -600, 0, 0, 8000, 0]


def body(name: str):
    return json.loads(content(name))


def saved(answer, encoding: str = "utf-8") -> bytes:
    return json.dumps(answer).encode(encoding)


@pytest.mark.parametrize("name", REVIEWS)
def test_its_reviews_are_the_true_ones_of_the_cards_that_exist(name):
    export = parsed(content(name))
    assert (export.reviews.rejects, export.links.rows_in) == ([], 0)
    assert answered(export) == true_reviews(without=DELETED)
    assert len(export.reviews.rows) == 42  # and one set due date


def test_cards_are_no_reviews_but_give_the_links():
    export = parsed(content(CARDS))
    assert (export.reviews.rows_in, links(export)) == (0, true_links())


def test_notes_give_the_links_of_their_cards_by_field_or_tag():
    notes = [
        {
            "noteId": 1,
            "cards": [11, 12],
            "tags": [],
            "fields": {"pacercard": {"value": "pacer:5", "order": 0}},
        },
        {"noteId": 2, "cards": [21], "tags": ["x", "pacer::log::6"], "fields": {}},
        {"noteId": 3, "cards": [31], "tags": ["x"], "fields": {"Front": {"value": "pacer:7", "order": 0}}},
    ]
    assert links(parsed(saved({"result": notes, "error": None}))) == {11: 5, 12: 5, 21: 6}


def test_one_file_may_hold_several_answers():
    export = parsed(saved({"result": [body(REVIEWS[0]), body(CARDS)], "error": None}))
    assert (answered(export), links(export)) == (true_reviews(without=DELETED), true_links())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_an_editor_saved_is_read_or_refused_with_its_reason(encoding):
    export = parsed(saved(body(REVIEWS[0]), encoding))
    if encoding == "utf-8-sig":
        assert answered(export) == true_reviews(without=DELETED)
    else:
        assert reason(export) == "not an Anki export"


def test_the_bare_result_of_an_older_interface_is_read():
    assert len(parsed(saved([ROW])).reviews.rows) == 1


def test_a_bad_row_is_refused_with_its_position_and_the_others_land():
    rows = [ROW, ROW[:8], "x", [*ROW[:3], 7, *ROW[4:]], ROW, [*ROW[:3], 1, *ROW[4:]], [None] * 9, {}]
    reviews = parsed(saved({"result": rows, "error": None})).reviews
    assert len(reviews.rows) == 1
    assert sorted((r.line, r.reason) for r in reviews.rejects) == [
        (2, "not an AnkiConnect row"),
        (2, "out of range"),
        (3, "duplicate review"),
        (3, "not an AnkiConnect row"),
        (4, "conflicting review"),
        (5, "missing field"),
        (8, "not an AnkiConnect row"),
    ]


def test_a_duplicate_within_one_file_lands_once():
    twice = body(REVIEWS[0])["result"] * 2
    reviews = parsed(saved({"result": twice, "error": None})).reviews
    assert len(reviews.rows) == 42
    assert {r.reason for r in reviews.rejects} == {"duplicate review"}


REFUSED = {
    "an error": (
        saved({"result": None, "error": "deck was not found: 김민수"}),
        "AnkiConnect answered an error",
    ),
    "cut short": (content(REVIEWS[0])[:900], "malformed json"),
    "no reviews": (saved({"result": [], "error": None}), "export without reviews"),
    "too deep": (b"[" * 100_000, "nested too deeply"),
    "not utf-8": (b'{"result": ["\xff\xfe"]}', "not utf-8"),
    "huge number": (b"[" + b"9" * 10_000 + b"]", "malformed json"),
    "not a result": (saved({"result": 7, "error": None}), "not an AnkiConnect row"),
}


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_an_answer_that_cannot_be_used_is_one_reject_without_its_content(data, why):
    (reject,) = parsed(data).reviews.rejects
    assert reject.reason == why
    assert "Include scheduling" not in reject.detail
    assert "김민수" not in reject.detail


def test_an_answer_beyond_the_cap_is_refused_before_it_is_read():
    assert reason(parsed(b"[" + b" " * (16 << 20) + b"]")) == "Anki export too large"
