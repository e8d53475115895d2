"""The digest of a week: collected for each channel once the week's last day was judged, and delivered."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from pacer_pipelines.adapters.digest_rows import rated_by_coach_group, rows_of_week
from pacer_pipelines.adapters.letters import Address
from pacer_pipelines.adapters.slack_digest import digest_letter
from pacer_pipelines.adapters.slack_outbox import entries
from pacer_pipelines.decisions.digest import (
    Digest,
    Quality,
    QualityDay,
    Week,
    experiment_week,
    is_over,
)
from pacer_pipelines.decisions.values import Check, Verdict
from pacer_pipelines.errors import DeliveryFailed
from pacer_pipelines.orchestration import effects, messages, verdict_day
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.plan import Plan

# where the outbox keeps digests: no experiment is called so with this topic
WEEKLY, TOPIC = "weekly", "digest-"
COMPLETENESS = "exposures_against_judgements_day"
# as expectations/exposures.json words what that check observed
COUNTED = re.compile(r"(?P<served>[\d,]+) of (?P<stored>[\d,]+) judgements")


def tell_week(world: WorldResource, day: date) -> dict[str, str]:
    """Deliver the digest of each channel when a day ends its week, after those that wait; gives digest -> outcome."""
    slack = messages.slack_of(world)
    weeks = _waiting(world) if slack.has_token else set()
    if day == Week.of(day).last:
        weeks.add(Week.of(day))
    outcomes: dict[str, str] = {}
    for week in sorted(weeks, key=lambda one: one.first):
        for digest in digests(world, week):
            name = f"digest of {digest.week.name} to {digest.channel}"
            try:
                done = slack.deliver(digest_letter(digest), _address(digest))
                outcomes[name] = messages.told_of(done)
            except DeliveryFailed as error:
                outcomes[name] = f"{messages.NOT_DELIVERED}: {error}"
    return outcomes


def digests(world: WorldResource, week: Week) -> list[Digest]:
    """The digest of each channel that has a plan which began by the week's end."""
    plans = effects.running(world, week.last)
    quality = _quality(world, week)
    return [
        _digest(world, week, [plan for plan in plans if plan.slack_channel == channel], quality)
        for channel in sorted({plan.slack_channel for plan in plans})
    ]


def _digest(world: WorldResource, week: Week, plans: list[Plan], quality: Quality) -> Digest:
    past = {plan.slug: verdict_day.past(world, plan, week.last + timedelta(days=1)) for plan in plans}
    going = [plan for plan in plans if not is_over(past[plan.slug], week)]
    # the arms of an experiment share one control
    control = {plan.logged_id: plan.experiment_id for plan in reversed(plans)}
    ids = [plan.experiment_id for plan in plans]
    return Digest(
        channel=plans[0].slack_channel,
        week=week,
        experiments=tuple(
            experiment_week(plan, list(_verdicts(world, plan, week)), past[plan.slug], week) for plan in going
        ),
        ended=tuple(plan.slug for plan in plans if plan not in going),
        coverage=rated_by_coach_group(world.home, ids, sorted(control.values()), week.last),
        quality=quality,
        # a channel reads one language: that of its newest plan
        locale=max(plans, key=lambda plan: plan.start_date).language,
    )


def _verdicts(world: WorldResource, plan: Plan, week: Week) -> Iterator[Verdict]:
    for day in _days(week):
        content = world.verdicts.current(plan.slug, day)
        if content is not None:
            yield Verdict.from_dict(content)


def _quality(world: WorldResource, week: Week) -> Quality:
    return Quality(
        tuple(_quality_days(world, week)),
        tuple(_quality_days(world, week.before)),
        rows_of_week(world.home, week),
        rows_of_week(world.home, week.before),
    )


def _quality_days(world: WorldResource, week: Week) -> Iterator[QualityDay]:
    """The days of a week since the oldest plan began; one that nobody checked counts as one critical failure."""
    for day in _days(week):
        if day >= effects.first_day(world):
            checks = verdict_day.kept_checks(world.home, day)
            failed = [check for check in checks if not check.passed]
            critical = sum(check.blocks for check in failed)
            yield QualityDay(day, len(checks), critical, len(failed) - critical, _complete(checks))


def _complete(checks: list[Check]) -> float | None:
    """The share of a day's judgements that have an exposure, as the check of it counted them."""
    observed = next((check.observed for check in checks if check.name == COMPLETENESS), "")
    found = COUNTED.fullmatch(observed)
    stored = int(found["stored"].replace(",", "")) if found else 0
    return int(found["served"].replace(",", "")) / stored if found and stored else None


def _days(week: Week) -> list[date]:
    return [week.first + timedelta(days=number) for number in range(7)]


def _address(digest: Digest) -> Address:
    topic = f"{TOPIC}{digest.week.name}-{digest.channel.removeprefix('#')}"
    return Address(digest.channel, WEEKLY, digest.week.last, digest.digest_id, topic)


def _waiting(world: WorldResource) -> set[Week]:
    """Weeks whose digest was begun and is not known to have arrived."""
    # a damaged file: the delivery of its own week refuses it and says so
    return {
        Week.of(date.fromisoformat(entry.date))
        for _, entry in entries(world.home / "outbox")
        if entry is not None and entry.experiment == WEEKLY and entry.state == "pending"
    }
