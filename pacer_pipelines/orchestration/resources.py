"""What the assets are handed: one world, its doors, and the clock, read once per step."""

from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.deletions import keep_marks, read_horizon, read_marks
from pacer_pipelines.adapters.landing import Landing
from pacer_pipelines.adapters.verdicts import Verdicts
from pacer_pipelines.config import KEY_VARIABLE, World, load_world
from pacer_pipelines.errors import ConfigInvalid
from pacer_pipelines.ingest.forgotten import Forgotten
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Origin, Parsed

PROJECT = Path(__file__).parents[2]
DBT_PROJECT = PROJECT / "dbt_project"
EXPECTATIONS = PROJECT / "expectations"


class WorldResource(dg.ConfigurableResource):
    """One configured world, read from its ``pacer.toml``."""

    config_file: str

    @cached_property
    def world(self) -> World:
        """Settings and plans, read when the first asset asks."""
        return load_world(Path(self.config_file))

    @property
    def home(self) -> Path:
        """Folder of everything that this world writes."""
        return self.world.home

    @property
    def landing(self) -> Landing:
        """Door to the landed Parquet files."""
        return Landing(self.home)

    @property
    def verdicts(self) -> Verdicts:
        """Door to the append-only verdict table."""
        return Verdicts(self.home)

    @cached_property
    def pseudonyms(self) -> Pseudonyms:
        """Pseudonyms under the secret key of the environment.

        Raises:
            ConfigInvalid: no key, or another one than the home was begun with.
        """
        pseudonyms = Pseudonyms(self.world.pseudonym_key())
        mark, path = pseudonyms.file("the key of this home"), self.home / "state" / "pseudonym_key"
        if not path.exists():
            replace_text(path, mark + "\n")
        elif path.read_text(encoding="utf-8").strip() != mark:
            raise ConfigInvalid(
                f"{KEY_VARIABLE}: got another key than {self.home} was begun with, allowed: the same one; under "
                "another key every student and coach would count twice"
            )
        return pseudonyms

    @property
    def forgotten(self) -> Forgotten:
        """What was deleted on purpose and never lands again. Read anew each time, as it may have grown."""
        horizon = read_horizon(self.home)
        first = date.fromisoformat(horizon) if horizon else None
        return Forgotten(self.pseudonyms, read_marks(self.home), first)

    def without_forgotten(self, parsed: Parsed) -> Parsed:
        """The rows of a file that may land; ids that are learned from the others are kept first."""
        forgotten = self.forgotten
        known = len(forgotten.marks)
        kept = forgotten.keep(parsed)
        if len(forgotten.marks) > known:
            keep_marks(self.home, forgotten.marks)
        return kept

    def origin(self, name: str) -> Origin:
        """What a parser needs to know of the file that it reads."""
        return Origin(name, self.pseudonyms, ZoneInfo(self.world.timezone))

    def today(self) -> date:
        """Today in the plans' time zone."""
        return datetime.now(ZoneInfo(self.world.timezone)).date()

    def now(self) -> datetime:
        """The clock, as naive UTC; it is read here and in :meth:`today` only."""
        return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
