"""The words beside the numbers: each is there, and each is used."""

import re
from pathlib import Path

from pacer_pipelines.decisions.catalogue import catalogue, say

PACKAGE = Path(__file__).parents[2] / "pacer_pipelines"


def test_every_word_is_used_somewhere() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    composed = ("confirm_", "picture_", "column_")
    unused = [
        key
        for key in catalogue("en")["slack"]
        if not key.startswith(composed) and not re.search(rf'["\'.]{key}["\']', code)
    ]
    assert unused == []


def test_values_stand_in_their_sentence() -> None:
    assert say("slack.delayed", time="05:02") == "Delivered late: first tried 05:02"
