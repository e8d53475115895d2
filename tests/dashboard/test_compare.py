"""Days side by side, each as its own page tells it."""

import re

import pytest
from stored_days import Kept, fortnight, plan, seen, stored, verdict
from test_app import ask

from pacer_pipelines.dashboard.app import dashboard
from pacer_pipelines.dashboard.page import experiment_page
from pacer_pipelines.decisions.plan_changes import PlanChange

WHERE = "/experiments/judge-model-v2/compare"


def lines(body: str) -> dict[str, list[str]]:
    found = {}
    for row in re.findall(r"<tr>(<th scope=.row.>.*?)</tr>", body):
        name, *cells = (re.sub(r"<[^>]+>", "", part) for part in re.findall(r"<t[hd].*?</t[hd]>", row))
        found[name] = cells
    return found


def test_days_stand_side_by_side_oldest_first() -> None:
    status, _, body = ask(dashboard(Kept()), f"{WHERE}/2026-11-15,2026-11-04")
    found = lines(body)
    assert status == 200
    assert re.findall(r"<th[^>]*>(2026-11-\d\d)</th>", body) == ["2026-11-04", "2026-11-15"]
    assert found["verdict"] == ["hold", "hold"]
    assert found["share of traffic"] == ["B serves 10 % and stays there", "B serves 30 % and stays there"]
    # stored_days.py: effect = 0.02 + 0.001 * day
    assert found["Effect"] == ["+2.3 points", "+3.4 points"]
    assert found["failed judgements"] == ["+0.3 points (non-inferior)"] * 2


def test_a_metric_that_one_day_did_not_look_at_is_a_dash() -> None:
    bare = verdict(2, findings=())
    body = ask(dashboard(Kept([*stored(bare), *fortnight()[4:]])), f"{WHERE}/2026-11-03,2026-11-06")[2]
    assert lines(body)["failed judgements"] == ["-", "+0.3 points (non-inferior)"]
    assert lines(body)["Effect"][0] == "-"


@pytest.mark.parametrize(
    "days",
    [
        "2026-11-30",
        "2026-11-04,yesterday",
        "2026-11-04,",
        ",".join(f"2026-11-{day:02}" for day in range(2, 9)),
    ],
)
def test_days_that_were_not_judged_or_too_many_are_not_found(days: str) -> None:
    assert ask(dashboard(Kept()), f"{WHERE}/{days}")[0] == 404
    assert ask(dashboard(Kept()), "/experiments/another/compare/2026-11-04")[0] == 404


def test_each_day_of_the_history_leads_to_itself_beside_the_newest() -> None:
    page = experiment_page(seen(), "/mounted")
    assert 'href="/mounted/experiments/judge-model-v2/compare/2026-11-04,2026-11-15"' in page
    assert "compare/2026-11-15,2026-11-15" not in page


def test_an_edited_plan_is_told_key_by_key() -> None:
    edited = (PlanChange("duration.max_days", "42", "60"),)
    page = experiment_page(seen(edited=edited))
    assert "<td>duration.max_days</td><td>42</td><td>60</td>" in page
    assert "as it was registered" not in page
    assert "The plan is as it was registered." in experiment_page(seen(plan=plan()))
