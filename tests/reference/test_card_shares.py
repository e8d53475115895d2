"""A plan that asks for all three readings of engagement, on the real fortnight, against the raw files.

Three students have uploaded what Anki exported: cards of PACER with Again, cram and a late answer among the reviews.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pipeline.worlds import LAST, SLUG, World, finding

from pacer_pipelines.adapters.published import Published

from .peer import Peer, against_margin, cells_of, comparable, estimate
from .raw_fortnight import Fortnight

# two worlds of their own: make soak
pytestmark = pytest.mark.soak

ANKI = Path(__file__).parents[1] / "fixtures" / "anki"
# whose cards the judgements 103, 132 and 113 became; each student's export has the reviews of its own card
UPLOADS = {
    "stu0047": "stuA_latest.colpkg", "stu0255": "stuA_deck_legacy.apkg", "stu0477": "stuA_deck_latest.apkg",
}  # fmt: skip
ASKED = """
[[secondary]]
metric = "card_reviewed_rate"
better = "higher"
margin = { relative = 0.10 }

[[guardrails]]
metric = "retention"
better = "higher"
margin = { absolute = 0.05 }
"""
# metric -> denominator and numerator of a matured card, how it is estimated, and the margin above
METRICS: dict[str, tuple[str, str, bool, dict[str, float]]] = {
    "engagement": ("cards", "reviews", False, {"relative": 0.25}),
    "card_reviewed_rate": ("cards", "reviewed", True, {"relative": 0.10}),
    "retention": ("answers", "remembered", True, {"absolute": 0.05}),
}


@dataclass(frozen=True)
class Asked:
    """The world after its last day, and its matured cards as the raw files have them."""

    world: World
    verdict: dict[str, Any]
    cards: pd.DataFrame

    def cells(self, metric: str) -> pd.DataFrame:
        n, y, _, _ = METRICS[metric]
        return cells_of(self.cards, self.cards[n], self.cards[y])

    def peer(self, metric: str) -> Peer:
        peer = estimate(self.cells(metric), binary=METRICS[metric][2])
        assert peer is not None
        return peer


@pytest.fixture(scope="module")
def asked(new_world: Callable[..., World]) -> Asked:
    world = new_world()
    world.plan_file.write_text(world.plan_file.read_text(encoding="utf-8") + ASKED, encoding="utf-8")
    for student, file in UPLOADS.items():
        (world.folder / "anki" / student).mkdir()
        shutil.copy(ANKI / file, world.folder / "anki" / student)
    result = world.run(LAST)
    assert result.exit_code == 0, result.output
    truth = json.loads((ANKI / "truth.json").read_text(encoding="utf-8"))["students"]["stuA"]["reviews"]
    raw = Fortnight(world.folder, dict.fromkeys(UPLOADS, truth))
    rows = raw.requests(LAST)
    return Asked(world, world.verdict(LAST), rows[rows["card_matured"]].assign(cards=1))


def test_both_sources_feed_all_three(asked: Asked) -> None:
    """In Anki the card of log 113 has Again, Good, Easy and a cram within its week, and a fifth review after it."""
    of_student = asked.cards[asked.cards["unit"] == "stu0477"]
    alone = Fortnight(asked.world.folder).requests(LAST)
    without = alone[alone["card_matured"] & (alone["unit"] == "stu0477")]
    columns = ["reviews", "answers", "remembered"]
    assert (of_student[columns].sum() - without[columns].sum()).tolist() == [4, 3, 2]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("mart", ["metric_sums_daily", "student_sums_daily"])
def test_the_sums_of_each_day_are_those_of_the_raw_files(asked: Asked, metric: str, mart: str) -> None:
    n, y, _, _ = METRICS[metric]
    who = "coach" if mart == "metric_sums_daily" else "unit"
    raw = asked.cards[asked.cards[n] > 0].groupby([who, "phase", "treated", "matured"])[[n, y]].sum()
    # names are pseudonyms in the marts, so rows are compared without them
    expected = Counter(
        (phase, treated, day, *sums)
        for (_, phase, treated, day), sums in zip(raw.index, raw.to_numpy().tolist(), strict=True)
    )
    found = Published(asked.world.home).rows(mart, "metric = ?", [metric])
    assert expected == Counter(
        (row["phase"], int(row["variant"] == "treatment"), row["metric_date"], row["n"], row["y"])
        for row in found
    )


@pytest.mark.parametrize("metric", METRICS)
def test_the_verdict_says_what_the_peer_says(asked: Asked, metric: str) -> None:
    found, peer, cells = finding(asked.verdict, metric), asked.peer(metric), comparable(asked.cells(metric))
    assert found["effect"] == pytest.approx(peer.effect, rel=1e-8)
    assert found["se"] == pytest.approx(peer.se, rel=1e-8)
    assert found["n"] == {"control": peer.n_control, "treatment": peer.n_treatment}
    for variant, treated in (("control", 0), ("treatment", 1)):
        own = cells[cells["treated"] == treated]
        assert found[f"rate_{variant}"] == pytest.approx(own["y"].sum() / own["n"].sum(), rel=1e-12)
    _, _, binary, margin = METRICS[metric]
    z_star = against_margin(
        asked.cells(metric), "higher", binary=binary, **{"relative": 0.0, "absolute": 0.0, **margin}
    )
    assert found["z_star"] == pytest.approx(z_star, rel=1e-8)


def test_message_and_page_name_them(asked: Asked) -> None:
    message = next((asked.world.home / "outbox").glob(f"*{LAST}.txt")).read_text(encoding="utf-8")
    page = asked.world.home / "reports" / f"{SLUG}.html"
    for text in (message, page.read_text(encoding="utf-8")):
        assert "cards reviewed" in text
        assert "retention (answers not Again)" in text
