"""The pictures of a verdict: real PNGs of what the charts' data say."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from stored_days import plan, verdict

from pacer_pipelines.dashboard.charts import effect_chart, strength_chart
from pacer_pipelines.dashboard.drawing import picture

DAYS = [verdict(day) for day in range(1, 15)]


@pytest.mark.parametrize("chart", [effect_chart, strength_chart])
def test_a_picture_is_a_png_twice_as_large_as_on_a_page_and_the_same_each_time(
    chart: Callable[..., dict[str, Any]],
) -> None:
    png = picture(chart(DAYS, plan()))
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    assert width > 2 * 440
    assert height > 2 * 230
    assert picture(chart(DAYS, plan())) == png


def test_another_day_is_another_picture() -> None:
    assert picture(effect_chart(DAYS, plan())) != picture(effect_chart(DAYS[:-1], plan()))
