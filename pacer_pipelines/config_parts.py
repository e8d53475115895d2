"""The tables of ``pacer.toml``: what is read, what a person has accepted, and who may press a button."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pacer_pipelines.decisions.report import Action


class Frozen(BaseModel):
    """A table that refuses keys it does not know, and never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Database(Frozen):
    """PACER's database, or a dated copy of it.

    ``url`` is an SQLAlchemy URL, or ``env:NAME`` to keep a password out of the file. ``taken_at`` dates an
    archived copy; without it the database is live and is read when the run happens.
    """

    url: str
    taken_at: datetime | None = None


def _databases(value: object) -> object:
    return [{"url": value}] if isinstance(value, str) else value


def _one_live(databases: tuple[Database, ...]) -> tuple[Database, ...]:
    moments = [database.taken_at for database in databases]
    if len(set(moments)) < len(moments):
        raise ValueError("two databases without taken_at, or with the same: one would be taken for the other")
    return databases


class Sources(Frozen):
    """The places that are read: a file, a folder that grows, a glob, or a URL of object storage; .gz and .zst too."""

    exposures: str | None = None
    feedback: str | None = None
    card_reviews: str | None = None
    anki: str | None = None
    roster: str | None = None
    database: Annotated[tuple[Database, ...], BeforeValidator(_databases), AfterValidator(_one_live)] = ()


class Retention(Frozen):
    """How long landed rows are kept; without an entry for ever."""

    landing_days: Annotated[int | None, Field(ge=30)] = None


class Accepted(Frozen):
    """A failed check of one day that a person has looked at and takes responsibility for.

    A log that is lost for good would otherwise hold its experiment for ever.
    """

    date: date
    check: str
    who: str
    why: Annotated[str, Field(min_length=10)]


class Person(Frozen):
    """Somebody who may press buttons in Slack: who that is there, what this project calls them, and what they may do.

    ``name`` is what journal, log and messages show; whatever Slack calls the person is shown nowhere.
    """

    slack: Annotated[
        str,
        Field(pattern=r"^[UW][A-Z0-9]{4,20}$", description="member id in Slack, from the person's profile"),
    ]
    name: Annotated[str, Field(pattern=r"^[\w.@+-][\w .@+-]{0,39}$")]
    may: Annotated[tuple[Action, ...], Field(min_length=1)]


def each_once(people: tuple[Person, ...]) -> tuple[Person, ...]:
    """The people, if nobody is named twice.

    Raises:
        ValueError: two entries share a member id or a name, so that nobody could say who pressed.
    """
    for key in ("slack", "name"):
        values = [getattr(person, key) for person in people]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ValueError(f"each {key} once; {twice[0]} is there twice")
    return people
