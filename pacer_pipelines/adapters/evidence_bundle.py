"""A verdict and all that it was made of as one file to keep, to send, and to judge again anywhere."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pacer_pipelines.decisions.replay import without_students
from pacer_pipelines.decisions.values import canonical
from pacer_pipelines.errors import SourceUnreadable

VERDICT, MADE_OF = "verdict.json", "made_of.json"
CUT_AT = "cut_at"
CUT = "Sums of students who were deleted have been cut out of it ({}), so it cannot come out again as it was."
README = """What was decided of {experiment} on {date}: {verdict}.

{VERDICT}      the verdict as it was stored, with its reasons, findings and checks
{MADE_OF}      everything that it was made of: the plan, sums by variant, coach and student, checks, history, shares
figures/*.csv     the numbers behind each figure of the page

Whoever has pacer_pipelines can judge it again, without the world that it comes from:

    pacer replay-bundle FILE.zip

{again}
Students have numbers in it and no pseudonyms, so inputs_hash, which was taken over their pseudonyms, is the one field
that cannot be recomputed. Coaches have their pseudonyms. It holds sums of single students and coaches: keep it as you
keep such data. Who asks for deletion (pacer forget) is deleted from the world, not from bundles that have left it.
"""


def pack(verdict: Mapping[str, Any], made_of: Mapping[str, Any], figures: Mapping[str, str]) -> bytes:
    """The bundle as a ZIP archive; the same content is the same bytes.

    Args:
        verdict: as it was stored.
        made_of: what it was made of (see decisions/replay.py).
        figures: CSV by name of figure.
    """
    told = {name: str(verdict[name]) for name in ("experiment", "date", "verdict")}
    told["again"] = (
        CUT.format(made_of[CUT_AT])
        if CUT_AT in made_of
        else f"It has to come out byte for byte where the code is {verdict['code_version']}."
    )
    files = {
        "README.txt": README.format(VERDICT=VERDICT, MADE_OF=MADE_OF, **told),
        VERDICT: canonical(verdict) + "\n",
        MADE_OF: canonical(without_students(made_of)) + "\n",
        **{f"figures/{name}.csv": text for name, text in sorted(figures.items())},
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            # the oldest time that a ZIP can tell: it has none of its own
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def unpack(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The verdict of a bundle, and what it was made of.

    Raises:
        SourceUnreadable: it is no such file, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            verdict, made_of = (json.loads(archive.read(name)) for name in (VERDICT, MADE_OF))
    except (OSError, ValueError, KeyError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise SourceUnreadable("evidence", str(path), str(error)) from error
    if not (isinstance(verdict, dict) and isinstance(made_of, dict)):
        raise SourceUnreadable("evidence", str(path), f"{VERDICT} and {MADE_OF} have to be objects")
    return verdict, made_of
