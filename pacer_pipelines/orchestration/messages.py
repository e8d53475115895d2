"""The message of a day: what is told of a verdict, and its way to Slack."""

import os
from dataclasses import replace
from datetime import date, datetime, timedelta

from pacer_pipelines.adapters.alarm_webhook import WEBHOOK_VARIABLE, AlarmWebhook
from pacer_pipelines.adapters.letters import Address, Delivery, Letter
from pacer_pipelines.adapters.slack import Slack
from pacer_pipelines.adapters.slack_message import letter
from pacer_pipelines.adapters.slack_outbox import entries
from pacer_pipelines.decisions.catalogue import in_language, say
from pacer_pipelines.decisions.report import Links, Report, plain_text, report, report_in
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import DeliveryFailed
from pacer_pipelines.orchestration import data_docs, hands, verdict_day
from pacer_pipelines.orchestration.effects import judged, said_of
from pacer_pipelines.orchestration.pictures import pictures_of
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.plan import Plan

NOT_DELIVERED, LACKS = "not delivered", "; its thread still lacks"
# a message that waited for less is not worth a word
LATE = timedelta(hours=1)


def report_of(world: WorldResource, plan: Plan, verdict: Verdict) -> Report:
    """What is told of a day: its verdict, and the earlier ones that its run revised."""
    revised = world.verdicts.revised_by(plan.slug, verdict.date)
    approved = said_of(world, verdict, "approval") is not None
    told = report(verdict, plan, revised, _day_before(world, verdict), approved=approved)
    told = replace(
        told,
        links=_links(world, plan, verdict),
        words=hands.words_of(world, plan, verdict),
        actions=hands.open_actions(world, plan, verdict),
    )
    return report_in(told, plan.language)


def _day_before(world: WorldResource, verdict: Verdict) -> Verdict | None:
    """The current verdict of the judged day before."""
    days = [day for day in world.verdicts.days(verdict.experiment) if day < verdict.date]
    content = world.verdicts.current(verdict.experiment, days[-1]) if days else None
    return Verdict.from_dict(content) if content else None


def as_text(world: WorldResource, plan: Plan, verdict: Verdict) -> str:
    """The same as a person reads it in a terminal or a log."""
    return plain_text(report_of(world, plan, verdict))


def tell_slack(world: WorldResource, day: date) -> dict[str, str]:
    """Deliver the message of each verdict of a day; gives experiment -> what became of it.

    A delivery that fails stays in the outbox; the next run of any day delivers it first, so the channel reads
    the days in order.
    """
    slack = slack_of(world)
    outcomes: dict[str, str] = {}
    # channel -> the first message that failed there: later days wait for it
    failed: dict[str, tuple[date, str]] = {}
    for each in sorted({*(_waiting_days(world) if slack.has_token else ()), day}):
        for plan, verdict in judged(world, each):
            name = plan.slug if each == day else f"{plan.slug} of {each}"
            first, of = failed.get(plan.slack_channel, (each, ""))
            made, address = _letter(world, slack, plan, verdict)
            if first < each:
                outcomes[name] = _hold(slack, made, address, of)
                continue
            try:
                done = slack.deliver(made, address)
                outcomes[name] = told_of(done)
            except DeliveryFailed as error:
                outcomes[name] = f"{NOT_DELIVERED}: {error}"
                if error.blocks:
                    failed.setdefault(plan.slack_channel, (each, address.name))
    return outcomes


def tell_again(world: WorldResource, plan: Plan, verdict: Verdict) -> str:
    """Deliver the message of one verdict again, since people have said something to it; gives what became of it."""
    slack = slack_of(world)
    try:
        return told_of(slack.deliver(*_letter(world, slack, plan, verdict)))
    except DeliveryFailed as error:
        return f"{NOT_DELIVERED}: {error}"


def told_of(done: Delivery) -> str:
    """What became of a message, in one line; a thread that is not complete yet says what it lacks."""
    lacks = f"{LACKS} {', '.join(done.missing)}" if done.missing else ""
    return f"{done.status}: {done.where}{lacks}"


def slack_of(world: WorldResource) -> Slack:
    """The door to Slack; without a token, and in a dry run, it renders files."""
    token = None if world.world.settings.dry_run else os.environ.get("SLACK_BOT_TOKEN")
    outbox, url = world.home / "outbox", os.environ.get(WEBHOOK_VARIABLE)
    alarm = AlarmWebhook(url, outbox) if url and token else None
    return Slack(token, outbox, os.environ.get("SLACK_BASE_URL"), world.now(), alarm=alarm)


def _links(world: WorldResource, plan: Plan, verdict: Verdict) -> Links:
    """The run of the day in Dagster and the experiment's page, where an address is configured, and the Data Docs."""
    settings = world.world.settings
    run = f"{settings.dagster_url}/assets/verdicts?partition={verdict.date}" if settings.dagster_url else ""
    page = f"{settings.public_url}/experiments/{plan.slug}" if settings.public_url else ""
    return Links(run, page, _docs(world, verdict))


def _docs(world: WorldResource, verdict: Verdict) -> str:
    """Where the message sends its reader: to the first check of the day that failed, if one did.

    Without an address a file is named from the home on: the machine's own folders are nobody's business in a channel.
    """
    url = world.world.settings.public_url
    page = data_docs.page_of(world.home, verdict.date)
    if not page.exists():
        return ""
    if url is None:
        return str(page.relative_to(world.home))
    kept = verdict_day.kept_checks(world.home, verdict.date)
    failed = sorted((check for check in kept if not check.passed), key=lambda check: check.severity)
    return data_docs.link_to(world.home, url, verdict.date, next(iter(failed), None))


def _letter(world: WorldResource, slack: Slack, plan: Plan, verdict: Verdict) -> tuple[Letter, Address]:
    """The letter of a verdict and where it goes; another word of people's is another message."""
    told = report_of(world, plan, verdict)
    says = hands.says(verdict.verdict_id, told.words, told.actions)
    address = Address(plan.slack_channel, plan.slug, verdict.date, says)
    try:
        since, shown = slack.waiting_since(address), slack.shows(address)
    except DeliveryFailed:
        # a damaged file: the delivery itself refuses it and says so
        since, shown = None, True
    told = replace(told, delayed=_delayed(world, since, told.locale))
    drawn = slack.has_token and not shown
    return letter(told, pictures_of(world, plan, verdict.date, told) if drawn else ()), address


def _delayed(world: WorldResource, since: datetime | None, locale: str) -> str:
    """That a message comes late, and since when it waits; nothing for one that is tried again at once."""
    if since is None or world.now() - since < LATE:
        return ""
    return in_language(say("slack.delayed", time=f"{since:%Y-%m-%d %H:%M} UTC"), locale)


def _hold(slack: Slack, made: Letter, address: Address, earlier: str) -> str:
    """What becomes of a message while an earlier day's has not arrived: a channel reads its days in order."""
    try:
        waits = slack.hold(made, address)
    except DeliveryFailed as error:
        return f"{NOT_DELIVERED}: {error}"
    return f"{NOT_DELIVERED}: waits for {earlier}" if waits else "already_posted"


def _waiting_days(world: WorldResource) -> set[date]:
    """Days whose message was begun and is not known to have arrived, or whose thread is not complete."""
    # a damaged file: the delivery of its own day refuses it and says so; an alert is no day's message: the watch's
    # next tick delivers it
    return {
        date.fromisoformat(entry.date)
        for _, entry in entries(world.home / "outbox")
        if entry is not None and entry.missing and not entry.topic
    }
