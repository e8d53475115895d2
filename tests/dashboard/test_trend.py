"""The small picture of one number over the days."""

import re

from pacer_pipelines.dashboard.trend import Point, trend

DAYS = [
    Point("11-01", 0.98, False),
    Point("11-02", None, False),
    Point("11-03", 0.5, True),
    Point("11-04", 0.99, False),
]


def test_no_number_no_picture() -> None:
    assert trend([Point("11-01", None, False)], 0.95, None, True) == ""


def test_it_says_in_words_what_it_shows() -> None:
    drawn = trend(DAYS, 0.95, None, percent=True)
    assert "<title>11-01 98.0 %, 11-02 nothing to judge, 11-03 50.0 %, 11-04 99.0 %</title>" in drawn


def test_a_failed_day_and_the_day_of_the_page_have_a_dot() -> None:
    drawn = trend(DAYS, 0.95, None, percent=True)
    assert re.findall(r'circle class="(\w+)"', drawn) == ["failed", "today"]


def test_a_day_without_a_number_is_a_gap() -> None:
    (line,) = re.findall(r'polyline class="line" points="([^"]+)"', trend(DAYS, 0.95, None, percent=True))
    assert len(line.split()) == 2


def test_a_worse_number_lies_beyond_the_limit() -> None:
    drawn = trend([Point("11-01", 2.0, True)], None, 1.5, percent=False)
    limit = float(re.findall(r'y1="([\d.]+)"', drawn)[0])
    dot = float(re.findall(r'cy="([\d.]+)"', drawn)[0])
    assert dot < limit  # SVG counts from the top


def test_a_number_that_never_changes_is_a_level_line() -> None:
    flat = trend([Point("11-01", 0.0, False), Point("11-02", 0.0, False)], None, 0, percent=False)
    (line,) = re.findall(r'points="([^"]+)"', flat)
    assert len({point.split(",")[1] for point in line.split()}) == 1
