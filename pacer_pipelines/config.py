"""Where things lie: one ``pacer.toml`` names sources, home, plans and flag file. Secrets come from the environment.

A second world runs side by side with a second file: nothing here is global.
"""

import json
import os
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from pacer_pipelines.config_parts import Accepted, Frozen, Person, Retention, Sources, each_once
from pacer_pipelines.errors import ConfigInvalid, PlanInvalid
from pacer_pipelines.plan import Plan
from pacer_pipelines.plan_arms import load_plans

KEY_VARIABLE = "PACER_PSEUDONYM_KEY"
ADDRESS = r"^https?://[^\s<>|]+[^\s<>|/]$"
# Only for worlds that say `synthetic = true`: anybody may know it, so it protects nobody.
SYNTHETIC_KEY = b"synthetic data only: this key is public"


class Settings(Frozen):
    """The content of ``pacer.toml``; relative paths start at the file's own folder."""

    home: Path
    experiments: Path
    flag_file: Path | None = None
    flag_archive: Annotated[
        Path | None, Field(description="earlier versions of the flag file; only read")
    ] = None
    dry_run: Annotated[bool, Field(description="judge and report, but change neither flag nor Slack")] = False
    synthetic: Annotated[bool, Field(description="made-up data: a public pseudonym key will do")] = False
    public_url: Annotated[
        str | None,
        Field(
            pattern=ADDRESS,
            description="where the dashboard is reachable, for links in messages and in Dagster",
        ),
    ] = None
    dagster_url: Annotated[
        str | None,
        Field(pattern=ADDRESS, description="where Dagster's page is reachable, for links in messages"),
    ] = None
    watch_seconds: Annotated[
        int, Field(ge=10, le=3600, description="time between two looks of the watch at the raw logs")
    ] = 60
    settle_minutes: Annotated[
        int, Field(ge=1, le=1440, description="a log that nobody wrote to for so long is complete")
    ] = 60
    sources: Sources = Sources()
    retention: Retention = Retention()
    accepted: tuple[Accepted, ...] = ()
    people: Annotated[tuple[Person, ...], AfterValidator(each_once)] = ()
    remind_minutes: Annotated[
        int,
        Field(ge=10, le=1440, description="time between two reminders of a rollback that nobody has seen"),
    ] = 60


@dataclass(frozen=True, slots=True)
class World:
    """One configured world: settings with absolute paths, and its plans."""

    config_file: Path
    settings: Settings
    plans: tuple[Plan, ...]
    broken_plans: tuple[PlanInvalid, ...]

    @property
    def home(self) -> Path:
        """Folder of everything that this project writes."""
        return self.settings.home

    @property
    def timezone(self) -> str:
        """Time zone of the day boundary: the plans' own."""
        return self.plans[0].timezone if self.plans else "UTC"

    @property
    def flag_history(self) -> Path:
        """Folder in which the door to the flag keeps every version that it replaced."""
        return self.home / "flags"

    @property
    def flag_folders(self) -> tuple[Path, ...]:
        """Every folder in which earlier versions of the flag file may lie."""
        archive = (self.settings.flag_archive,) if self.settings.flag_archive else ()
        return (*archive, self.flag_history)

    def plan(self, slug: str) -> Plan:
        """The plan with this slug.

        Raises:
            ConfigInvalid: no such plan; names the ones there are.
        """
        for plan in self.plans:
            if plan.slug == slug:
                return plan
        known = ", ".join(plan.slug for plan in self.plans) or "none"
        raise ConfigInvalid(f"no plan {slug!r} in {self.settings.experiments}; there are: {known}")

    def database_urls(self) -> list[tuple[str, datetime | None]]:
        """Databases oldest copy first, the live one last; naive UTC times; secrets filled in."""
        dated = [
            (_from_environment(item.url), _naive_utc(item.taken_at))
            for item in self.settings.sources.database
        ]
        return sorted(dated, key=lambda pair: (pair[1] is None, pair[1] or datetime.min))

    def pseudonym_key(self) -> bytes:
        """Key of all pseudonyms, from the environment.

        Raises:
            ConfigInvalid: there is none, and the world does not say that its data are synthetic.
        """
        key = os.environ.get(KEY_VARIABLE, "").encode()
        if not key and self.settings.synthetic:
            return SYNTHETIC_KEY
        if len(key) < 16:
            raise ConfigInvalid(
                f"{KEY_VARIABLE}: got {'nothing' if not key else f'{len(key)} bytes'}, allowed: a secret of at least "
                f"16 bytes, kept outside the warehouse; make one with: openssl rand -hex 32"
            )
        return key


def find_config(given: Path | None = None) -> Path:
    """The configuration file to use: given, else ``PACER_CONFIG``, else ``pacer.toml`` here."""
    return Path(given or os.environ.get("PACER_CONFIG") or "pacer.toml").resolve()


def load_world(config_file: Path | None = None) -> World:
    """World read from its configuration file and its plans.

    Args:
        config_file: path of a ``pacer.toml``; see :func:`find_config` for the default.

    Raises:
        ConfigInvalid: the file cannot be used, or its plans do not share one time zone. A broken plan does not
            raise: it is listed in ``broken_plans`` and stops nobody else.
    """
    path = find_config(config_file)
    settings = _settings(path)
    plans: list[Plan] = []
    broken: list[PlanInvalid] = []
    for file in sorted(settings.experiments.glob("*.toml")):
        try:
            plans += _alone(load_plans(file), plans)
        except PlanInvalid as error:
            broken.append(error)
            plans += frozen_plan(settings.home, file.stem)
    zones = {plan.timezone: plan.slug for plan in plans}
    if len(zones) > 1:
        raise ConfigInvalid(
            f"{settings.experiments}: timezone: got {zones}, allowed: one for all plans of a world"
        )
    return World(path, settings, tuple(plans), tuple(broken))


def _alone(arms: tuple[Plan, ...], others: list[Plan]) -> tuple[Plan, ...]:
    """The arms of a plan, if no other plan claims the same exposures, name or split."""
    for plan, other in product(arms, others):
        if other.logged_id == plan.logged_id or other.experiment_id == plan.experiment_id:
            allowed = f"an id of its own; {other.slug} has this one"
            raise PlanInvalid(plan.file, [("experiment_id", plan.logged_id, allowed)])
        if other.slug == plan.slug:
            raise PlanInvalid(plan.file, [("slug", plan.slug, f"a name of its own; {other.file} has it")])
        if _splits_alike(plan, other):
            allowed = f"a salt of its own: {other.slug} splits {other.flag_key} by this one on the same days"
            raise PlanInvalid(plan.file, [("salt", plan.bucket_salt, allowed)])
    return arms


def _splits_alike(plan: Plan, other: Plan) -> bool:
    """Whether two experiments would give the same students the treatment, so that neither effect is its own."""
    together = plan.start_date <= other.last_date and other.start_date <= plan.last_date
    return together and plan.flag_key != other.flag_key and plan.bucket_salt == other.bucket_salt


def frozen_plan(home: Path, slug: str) -> list[Plan]:
    """The plan, or its arms, as at the first exposure: a file that breaks later must not leave B unguarded.

    Args:
        home: the world's home.
        slug: name of the plan's file, without its suffix.
    """
    known = [home / "plans" / f"{slug}.json", *sorted((home / "plans").glob(f"{slug}-*.json"))]
    frozen = [
        Plan.model_validate(json.loads(path.read_text(encoding="utf-8"))["plan"])
        for path in known
        if path.is_file()
    ]
    return [plan for plan in frozen if plan.file == f"{slug}.toml"]


def _settings(path: Path) -> Settings:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigInvalid(
            f"{path}: not found; name one with --config FILE or PACER_CONFIG, or start from "
            "examples/pacer_fortnight/pacer.toml"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigInvalid(f"{path}: {error}") from error
    try:
        settings = Settings.model_validate(content)
    except ValidationError as error:
        lines = [f"{path.name}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise ConfigInvalid("\n".join(lines)) from error
    return _absolute(settings, path.parent)


def _absolute(settings: Settings, folder: Path) -> Settings:
    def anchored(value: Any) -> Any:
        return (folder / value).resolve() if value is not None else None

    sources = {
        name: value if _is_url(value) else str(folder / value)
        for name in ("exposures", "feedback", "card_reviews", "anki", "roster")
        if (value := getattr(settings.sources, name)) is not None
    }
    databases = tuple(
        item.model_copy(update={"url": _anchored_url(item.url, folder)}) for item in settings.sources.database
    )
    return settings.model_copy(
        update={
            "home": anchored(settings.home),
            "experiments": anchored(settings.experiments),
            "flag_file": anchored(settings.flag_file),
            "flag_archive": anchored(settings.flag_archive),
            "sources": settings.sources.model_copy(update={**sources, "database": databases}),
        }
    )


def _is_url(value: str) -> bool:
    """Whether a source is a URL.

    Raises:
        ConfigInvalid: it holds a password, which belongs into the environment.
    """
    if ":" in value.partition("://")[2].partition("/")[0].rpartition("@")[0]:
        raise ConfigInvalid(
            "sources: a URL without a key in it is allowed; credentials come from the environment"
        )
    return "://" in value


def _anchored_url(url: str, folder: Path) -> str:
    in_file = re.match(r"sqlite(\+\w+)?:///", url)
    return in_file[0] + str(folder / url[in_file.end() :]) if in_file else url


def _from_environment(url: str) -> str:
    if not url.startswith("env:"):
        return url
    name = url.removeprefix("env:")
    if not os.environ.get(name):
        raise ConfigInvalid(f"sources.database: the environment variable {name} is not set")
    return os.environ[name]


def _naive_utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is None:
        return moment
    return moment.astimezone(UTC).replace(tzinfo=None)
