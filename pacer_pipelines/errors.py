"""One class per reason a day cannot be judged. Each message says what, where, and what to do."""


class PacerError(Exception):
    """Anything that this project refuses, with a message for a person."""


class ConfigInvalid(PacerError):
    """The world's configuration (pacer.toml) cannot be used."""


class PlanInvalid(PacerError):
    """A plan breaks its own rules; each problem names the key, what was got and what is allowed."""

    def __init__(self, file: str, problems: list[tuple[str, object, str]]) -> None:
        """Keep file and problems (key, got, allowed), so that a caller can show them apart."""
        lines = [f"{file}: {key}: got {got!r}, allowed: {allowed}" for key, got, allowed in problems]
        super().__init__("\n".join(lines))
        self.file, self.problems = file, problems


class SourceMissing(PacerError):
    """A configured source is not there."""

    def __init__(self, source: str, where: str, why: str = "") -> None:
        """Name the source and the place where it was looked for."""
        super().__init__(f"{source}: nothing at {where}" + (f" ({why})" if why else ""))
        self.source, self.where, self.why = source, where, why


class SourceUnreadable(PacerError):
    """A source is there and cannot be read."""

    def __init__(self, source: str, where: str, why: str = "", may_pass: bool = True) -> None:
        """Name the source, the place and the reason, and whether it is worth another try in a moment."""
        super().__init__(f"{source}: cannot read {where}" + (f": {why}" if why else ""))
        self.source, self.where, self.why, self.may_pass = source, where, why, may_pass


class WarehouseFailed(PacerError):
    """A dbt model or test failed; the message names the first one, ``detail`` tells all of them."""

    def __init__(self, message: str, detail: str = "") -> None:
        """Keep what belongs into a log apart from what people read in a message."""
        super().__init__(message)
        self.detail = detail or message


class NothingPublished(PacerError):
    """No published snapshot exists yet."""


class FlagRefused(PacerError):
    """The flag file is not what its door accepts, or changed under our hands."""


class VerdictUnknown(PacerError):
    """No verdict has this id."""


class NotApprovable(PacerError):
    """A promotion that cannot be approved, or not any more; ``code`` says in one word why."""

    def __init__(self, message: str, code: str = "stale") -> None:
        """Keep the word beside the message for people."""
        super().__init__(message)
        self.message, self.code = message, code


class DeliveryFailed(PacerError):
    """A message could not be delivered; it stays in the outbox."""

    def __init__(self, message: str, blocks: bool = False) -> None:
        """Keep whether later messages to the same place must wait for this one, so that they arrive in order."""
        super().__init__(message)
        self.blocks = blocks
