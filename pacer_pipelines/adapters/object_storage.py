"""The door to object storage (S3, Google Cloud, Azure, whatever fsspec knows): list a source, fetch an object.

Endpoint and credentials come from the environment alone (docs/logs.md). No message repeats what a server or a library
said, because that may hold a key: it is told by its kind.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from pacer_pipelines.errors import PacerError, SourceMissing, SourceUnreadable

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://")
# protocol -> the extra that installs what reads it
EXTRAS = {
    "s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure",
}  # fmt: skip
# where object stores keep a word that changes with the content, in fsspec's words for an object
_TAGS = ("ETag", "etag", "md5Hash", "content_md5")
REFUSED = "access refused: see the credentials in the environment"
CHANGED = "it changed while it was read"
FILE = "file://"


@dataclass(frozen=True)
class StoredObject:
    """One object: its name in the store, its size, and a tag that changes with its content ("" if none is known)."""

    name: str
    size: int
    tag: str
    store: Any = field(repr=False, compare=False)


def is_remote(where: str) -> bool:
    """Whether a source is a URL of object storage, and not a path or a file:// URL."""
    return _URL.match(where) is not None and not where.startswith(FILE)


def list_objects(source: str, where: str) -> dict[str, StoredObject]:
    """Give the objects of a URL: one object, all below a prefix, or a glob.

    Args:
        source: Name of the source, for messages.
        where: The URL.

    Returns:
        Path below the prefix (of a glob: below what has no wildcard) -> object.

    Raises:
        SourceMissing: If there is no such bucket, or nothing in it.
        SourceUnreadable: If the store cannot be reached, refuses access, or its library is not installed.
    """
    with _named(source, where):
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]
        from fsspec.utils import glob_translate  # type: ignore[import-untyped]

        # a store of its own each time: what a run remembered of a listing would hide new objects from the next
        store, path = url_to_fs(where, skip_instance_cache=True, use_listings_cache=False)
        base = _base(path.rstrip("/"))
        found: Mapping[str, Mapping[str, Any]] = store.find(base, detail=True)
        if base != path.rstrip("/"):
            matches = re.compile(glob_translate(path)).match
            found = {name: info for name, info in found.items() if matches(name)}
        elif path in found:
            # one object, named as such
            base = path.rpartition("/")[0]
        found = {name: info for name, info in found.items() if not name.endswith("/")}
    if not found:
        raise SourceMissing(source, where)
    return {
        PurePosixPath(name).relative_to(base).as_posix(): StoredObject(
            name, int(info["size"]), _tag(info), store
        )
        for name, info in found.items()
    }


def fetch(source: str, name: str, stored: StoredObject, target: Path) -> None:
    """Copy an object to a file, as it was listed.

    Args:
        source: Name of the source, for messages.
        name: The object's name for people.
        stored: The object.
        target: The file.

    Raises:
        SourceUnreadable: If it is not that object any more, or cannot be fetched; both may pass.
    """
    with _named(source, name):
        try:
            stored.store.get_file(stored.name, str(target))
            now = stored.store.info(stored.name)
        except FileNotFoundError:
            raise SourceUnreadable(source, name, "it went away while it was read") from None
        if target.stat().st_size != stored.size or _tag(now) != stored.tag:
            raise SourceUnreadable(source, name, CHANGED)


def changed_at(source: str, name: str, stored: StoredObject) -> datetime:
    """Give when an object was last written, naive UTC.

    Raises:
        SourceUnreadable: If the store does not say.
    """
    with _named(source, name):
        moment: datetime = stored.store.modified(stored.name)
        return moment.astimezone(UTC).replace(tzinfo=None)


def _base(path: str) -> str:
    """Give what stands before the first part with a wildcard."""
    parts = path.split("/")
    wild = [place for place, part in enumerate(parts) if re.search(r"[*?\[]", part)]
    return "/".join(parts[: wild[0]]) if wild else path


def _tag(info: Mapping[str, Any]) -> str:
    said = next((str(info[name]) for name in _TAGS if info.get(name)), "")
    return said and f"{said.strip(chr(34))} {info['size']}"


@contextmanager
def _named(source: str, where: str) -> Iterator[None]:
    """Turn whatever the libraries of three clouds raise into an error for a person."""
    try:
        yield
    except PacerError:
        raise
    except ImportError:
        extra = EXTRAS.get(where.partition("://")[0], "")
        how = (
            f'pip install "pacer-pipelines[{extra}]"'
            if extra
            else "no library for this protocol is installed"
        )
        raise SourceUnreadable(source, where, how, may_pass=False) from None
    except FileNotFoundError:
        raise SourceMissing(source, where) from None
    except PermissionError:
        raise SourceUnreadable(source, where, REFUSED, may_pass=False) from None
    except Exception as error:
        kind = type(error).__name__
        lasting = "Credential" in kind or isinstance(error, ValueError)
        why = REFUSED if "Credential" in kind else f"the store cannot be used ({kind})"
        raise SourceUnreadable(source, where, why, may_pass=not lasting) from None
