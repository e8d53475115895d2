"""One experiment, one day: collect what is published, checked and remembered, and judge it."""

import hashlib
import json
import re
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

from pacer_pipelines import __version__
from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.evidence_rows import mart_rows
from pacer_pipelines.adapters.expectations import explain_checks
from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.adapters.published import Published
from pacer_pipelines.adapters.verdicts import Again, Recorded
from pacer_pipelines.decisions.catalogue import ENGLISH, STORED_TABLES, catalogue
from pacer_pipelines.decisions.evidence import Inputs
from pacer_pipelines.decisions.explained import Explained
from pacer_pipelines.decisions.health import students_cross_coaches
from pacer_pipelines.decisions.judge import judge
from pacer_pipelines.decisions.marts import MartRows
from pacer_pipelines.decisions.replay import as_plain
from pacer_pipelines.decisions.values import Check, Past, Verdict, canonical
from pacer_pipelines.errors import NothingPublished
from pacer_pipelines.ingest.jsonl import local_date
from pacer_pipelines.orchestration import data_docs, window
from pacer_pipelines.orchestration.flag_split import control_shares, flag_shares
from pacer_pipelines.orchestration.ingestion import saved_problems
from pacer_pipelines.orchestration.registered import frozen_hash
from pacer_pipelines.orchestration.resources import EXPECTATIONS, PROJECT, WorldResource
from pacer_pipelines.orchestration.row_accounts import rows_check
from pacer_pipelines.plan import Plan

SOURCE_NAMES = {"exposures": "exposures", "feedback_events": "feedback", "card_reviews": "card_reviews"}
# how a verdict is laid out, not what it is
ONLY_SHOWN = frozenset(
    {
        "report.py",
        "metric_rows.py",
        "reading.py",
        "segments.py",
        "journal.py",
        "replay.py",
        "revised.py",
        "plan_text.py",
        "plan_advice.py",
        "plan_traffic.py",
        "explained.py",
        "since.py",
        "coverage.py",
        "digest.py",
        "digest_text.py",
        "columns.py",
        "daily.py",
        "detectable.py",
        "live.py",
        "plan_changes.py",
    }
)
# ratings that stopped and went on again leave no hole: this failure concerns its own day only
OF_ITS_DAY = frozenset({"feedback_fresh"})
EMPTY = MartRows((), (), (), (), ())


def code_version() -> str:
    """Version of what judges: the package's, and a digest of its statistics, decisions and models."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    decisions = [path for path in package.glob("decisions/*.py") if path.name not in ONLY_SHOWN]
    judging = [*package.glob("stats/*.py"), *decisions, *PROJECT.glob("dbt_project/m*/**/*.sql")]
    for path in sorted(judging):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    # a verdict is made of sentences as well: another wording is another version
    digest.update(canonical({table: catalogue(ENGLISH)[table] for table in STORED_TABLES}).encode())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def check_day(resource: WorldResource, day: date) -> list[Check]:
    """Run the expectations of one landed day, and keep their results for every later verdict."""
    world = resource.world
    variants = {name for plan in world.plans for name in (plan.control.variant, plan.treatment.variant)}
    try:
        explained = explain_checks(
            resource.home / "landing", EXPECTATIONS, day, zone=world.timezone, variants=sorted(variants)
        )
    except Exception as error:  # whatever broke, the verdict has to come: nothing stops a rollback
        broke = replace(_not_checked(day), detail=f"the checks of {day} broke: {type(error).__name__}")
        explained = [Explained(broke)]
    checks = [one.check for one in explained]
    data_docs.keep(resource.home, day, explained)
    path = _checks_path(resource.home, day)
    replace_text(path, json.dumps([asdict(check) for check in checks], indent=1, ensure_ascii=False) + "\n")
    return checks


def checks_of(resource: WorldResource, plan: Plan, day: date) -> tuple[Check, ...]:
    """Checks that a verdict rests on: all of its own day, and what failed on any day before it.

    A failure that a person has accepted in ``pacer.toml`` stays visible and stops nothing.
    """
    accepted = {(item.date, item.check): item for item in resource.world.settings.accepted}
    found: list[Check] = []
    for number in range(plan.start_date.toordinal(), day.toordinal() + 1):
        that_day = date.fromordinal(number)
        for check in kept_checks(resource.home, that_day):
            item = accepted.get((that_day, check.name))
            if item is not None and not check.passed:
                check = replace(
                    check, severity="warning", detail=f"{check.detail}; accepted by {item.who}: {item.why}"
                )
            if that_day == day or item is not None or (check.blocks and check.name not in OF_ITS_DAY):
                found.append(check)
    return tuple(found)


def kept_checks(home: Path, day: date) -> list[Check]:
    """What the expectations said of one day; a day that was never checked is a failed check."""
    try:
        rows = json.loads(_checks_path(home, day).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return [_not_checked(day)]
    return [Check(**row) for row in rows]


def _not_checked(day: date) -> Check:
    return Check(
        "checks_ran", "expectations", "critical", False, "no result", "a result for every day",
        f"the logs of {day} were never checked", "a day that nobody checked may be missing",
    )  # fmt: skip


def _checks_path(home: Path, day: date) -> Path:
    return home / "checks" / f"{day}.json"


# an upload is named after its student, and a verdict leaves the house
_PSEUDONYM = re.compile(r"\b[A-Za-z0-9]{1,12}_[0-9a-f]{32}\b")


def source_checks(home: Path) -> tuple[Check, ...]:
    """Whether every configured source could be read in the newest run."""
    return tuple(
        Check(
            f"{source}_readable", source, "warning" if source in ("roster", "anki_reviews") else "critical",
            False, "not readable", "readable", _PSEUDONYM.sub("…", problem),
            "what cannot be read is missing from the numbers",
        )
        for source, (configured, problem) in saved_problems(home).items()
        if configured and problem
    )  # fmt: skip


def _row_checks(resource: WorldResource, plan: Plan, day: date) -> tuple[Check, ...]:
    check = rows_check(resource, plan.start_date, day)
    return () if check is None else (check,)


def judge_day(
    resource: WorldResource,
    plan: Plan,
    day: date,
    extra: tuple[Check, ...] = (),
    again: Again | None = None,
) -> tuple[Verdict, Recorded]:
    """The verdict of one experiment and day, on disk together with what it was made of.

    Args:
        resource: the world.
        plan: the plan to obey.
        day: the day to judge.
        extra: checks of the run itself, for example that it broke.
        again: why the day is judged without any effect, if it is.
    """
    inputs = inputs_of(resource, plan, day, extra)
    verdict = judge(inputs, plan, code_version())
    return verdict, resource.verdicts.record(verdict, as_plain(inputs, plan), again)


def inputs_of(resource: WorldResource, plan: Plan, day: date, extra: tuple[Check, ...] = ()) -> Inputs:
    """Everything that a verdict rests on, from what is published, checked and remembered."""
    home = resource.home
    rows = rows_of(home, plan, day)
    configured = {
        SOURCE_NAMES[name]
        for name, (given, _) in saved_problems(home).items()
        if given and name in SOURCE_NAMES
    }
    return Inputs(
        date=day,
        rows=rows,
        checks=(
            *_before(extra, checks_of(resource, plan, day)),
            *source_checks(home),
            *_row_checks(resource, plan, day),
            *plan_checks(resource, plan),
            *extra,
        ),
        history=past(resource, plan, day),
        shares=flag_shares(resource.world, plan),
        sources=frozenset(configured),
        frozen_hash=frozen_hash(home, plan, rows),
        acknowledged=acknowledged(resource, plan, day),
        partitions=window.partitions(resource.landing, home, day, plan.start_date),
        control_shares=control_shares(resource.world, plan),
    )


def past(resource: WorldResource, plan: Plan, day: date) -> tuple[Past, ...]:
    """What happened before the end of a day: verdicts of earlier days, and rollbacks between verdicts."""
    journal = Journal(resource.home)
    approved = {
        entry.details["verdict_id"]
        for entry in journal.entries(plan.slug, "approval")
        if local_date(entry.at, plan.zone) <= day
    }
    verdicts = [
        replace(told, rule="unapproved") if _waits(resource, plan, told, approved) else told
        for told in resource.verdicts.past(plan.slug, day)
    ]
    rollbacks = [
        Past(local_date(entry.at, plan.zone), "rollback", entry.who)
        for entry in journal.entries(plan.slug, "rollback")
    ]
    return tuple(
        sorted([*verdicts, *(cut for cut in rollbacks if cut.date <= day)], key=lambda told: told.date)
    )


def _waits(resource: WorldResource, plan: Plan, told: Past, approved: set[str]) -> bool:
    """Whether it is a promotion that no person has approved, so that B never got what it had won."""
    if told.verdict != "promote" or not plan.rollout.needs_approval:
        return False
    revisions = resource.verdicts.revisions(plan.slug, told.date)
    return not any(stored.content["verdict_id"] in approved for stored in revisions)


def acknowledged(resource: WorldResource, plan: Plan, day: date) -> dict[str, str]:
    """Hash of each edited plan that a person had accepted by the end of a day -> who and why."""
    entries = Journal(resource.home).entries(plan.slug, "acknowledgement")
    return {
        entry.details["plan_hash"]: f"{entry.who}: {entry.why}"
        for entry in entries
        if local_date(entry.at, plan.zone) <= day
    }


def rows_of(home: Path, plan: Plan, day: date) -> MartRows:
    """What is published of one experiment by the end of a day; student by student only where they cross coaches."""
    try:
        published = Published(home)
        rows = mart_rows(published, plan.experiment_id, day)
        if students_cross_coaches(rows, plan):
            rows = mart_rows(published, plan.experiment_id, day, students=True)
    except NothingPublished:
        return EMPTY
    return rows


def plan_checks(resource: WorldResource, plan: Plan) -> tuple[Check, ...]:
    """Whether the plan's file can still be read; if not, the plan of its first verdict is obeyed."""
    return tuple(
        Check(
            "plan_readable", "plan", "critical", False, "broken", "a valid plan", str(error),
            "a plan that nobody can read is not the plan that was registered",
        )
        for error in resource.world.broken_plans
        if error.file == plan.file
    )  # fmt: skip


def _before(extra: tuple[Check, ...], checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """A run that broke may not have got to its checks: that they are missing says nothing more."""
    return tuple(check for check in checks if not (extra and check.name == "checks_ran"))
