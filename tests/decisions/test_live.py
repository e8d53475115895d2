"""The live numbers as text: a rate of a few is not told."""

from pacer_pipelines.decisions.live import LiveCount


def test_counts_become_text_with_their_units() -> None:
    cells = LiveCount(1200, 6, 900.04, 40, 30).cells()
    assert cells == ("1,200", "0.5 %", "900.0 ms", "40", "75.0 %")


def test_a_few_tell_no_rate() -> None:
    assert LiveCount(9, 1, 900.0, 9, 9).cells() == ("9", "-", "-", "9", "-")
    assert LiveCount(10, 1, 900.0, 10, 9).cells() == ("10", "10.0 %", "900.0 ms", "10", "90.0 %")
    assert LiveCount().cells() == ("0", "-", "-", "0", "-")


def test_calls_that_all_failed_took_no_time_that_is_known() -> None:
    assert LiveCount(10, 10).cells()[2] == "–"
