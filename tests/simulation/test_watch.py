"""The watch in simulated days: quiet where B is sound, quick where it breaks. The long run is ``simulation.watch``."""

from dataclasses import replace

import numpy as np
import pytest

from .watch import School, caught, false_alarm


@pytest.mark.parametrize("school", [School(), School(b=0.0133), School(b=0.0133, alike=0.05)])
def test_a_sound_b_is_not_cut(school: School) -> None:
    """Of 10 experiments of 42 days, each looked at 3,528 times; the promise is 1 in 100 for the whole of one."""
    rng = np.random.default_rng(7)
    assert not any(false_alarm(school, rng) for _ in range(10))


@pytest.mark.parametrize(("share", "minutes"), [(0.1, 120), (0.3, 60), (0.5, 60)])
def test_a_dead_b_is_cut_soon(share: float, minutes: int) -> None:
    """At 10 % of 2,000 calls a day B has 14 an hour, most of them by different students."""
    rng = np.random.default_rng(7)
    found = [caught(replace(School(), share=share), 1.0, rng) for _ in range(20)]
    assert all(item is not None and item.minutes <= minutes for item in found)


def test_a_b_that_fails_a_little_more_than_allowed_is_left_to_the_daily_verdict() -> None:
    rng = np.random.default_rng(7)
    assert sum(caught(School(), 0.015, rng) is not None for _ in range(20)) == 0
