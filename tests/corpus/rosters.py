"""Bad rosters. The newest file replaces the one before, so each lies in a landing of its own key."""

from __future__ import annotations

from collections.abc import Iterator

from .cases import Case, bytes_case

HEADER = b"student_id,school,grade,coach_id\n"


def roster_cases() -> list[Case]:
    return [
        bytes_case("roster", name, content, lands=lands, refused=refused, suffix=".csv")
        for name, content, lands, refused in _rosters()
    ]


def _rosters() -> Iterator[tuple[str, bytes, int, tuple[str, ...]]]:
    row = "{},beta,2,coach05\n".format
    good = row("a-1").encode() + row("a-2").encode()
    yield "empty", b"", 0, ()
    yield "header only", HEADER, 0, ()
    yield "no header", good, 0, ("no header", "no header")
    yield "header of another table", b"name,phone\nx,y\n", 0, ("no header", "no header")
    yield "byte order mark", b"\xef\xbb\xbf" + HEADER + good, 2, ()
    yield "windows line ends", (HEADER + good).replace(b"\n", b"\r\n"), 2, ()
    yield "a cell too few", HEADER + good + b"a-3,beta\n", 2, ("wrong number of columns",)
    yield "a cell too many", HEADER + good + b"a-3,beta,2,c,extra\n", 2, ("wrong number of columns",)
    yield "an open quote", HEADER + good + b'a-3,"beta,2,c\n', 2, ("malformed csv",)
    yield "semicolons", HEADER + good + b"a-3;beta;2;c\n", 2, ("wrong number of columns",)
    yield "no student", HEADER + good + b",beta,2,c\n", 2, ("missing field",)
    yield "latin-1", HEADER + good + "Zo\u00eb,beta,2,c\n".encode("latin-1"), 2, ("not utf-8",)
    yield "cp949", HEADER + good + "김철수,beta,2,c\n".encode("cp949"), 2, ("not utf-8",)
    yield "NUL", HEADER + good + b"a\x00b,beta,2,c\n", 2, ("bad text",)
    yield "the same student twice", HEADER + good + row("a-1").encode(), 2, ("duplicate student_id",)
    yield (
        "one student in two schools",
        HEADER + good + b"a-1,alpha,2,coach05\n",
        2,
        ("conflicting student_id",),
    )
    yield "spreadsheet formula", HEADER + good + b"=1+1,beta,2,c\n", 3, ()
    yield "emoji and right to left", HEADER + good + "🦊תלמיד,beta,2,c\n".encode(), 3, ()
    yield "a cell of a megabyte", HEADER + good + b"x" * (1 << 20) + b",beta,2,c\n", 2, ("malformed csv",)
    yield "ten thousand cells", HEADER + good + b"," * 10_000 + b"\n", 2, ("wrong number of columns",)
    yield "a packed spreadsheet", b"PK\x03\x04" + bytes(range(128, 256)) * 3, 0, ("not utf-8",)
