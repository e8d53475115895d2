"""The page of the calibration: the answer first, then the tables it rests on."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate
from pathlib import Path

from .cells import plan_of
from .rivals import planned_end
from .tally import OURS, Tally, bounds, standard_error

NAIVE, ALWAYS_VALID, FIXED = (
    "naive daily z",
    "always-valid, independent rows",
    "fixed horizon, independent rows",
)
RIVALS = (NAIVE, ALWAYS_VALID, FIXED)
BIASED = "null, B's BAD rated 32 % instead of 40 %"
FEW = "-5 points, by request, 10 coaches"
# docs/statistics.md, measured before the code: kind, what, how many percent, on which day (median)
DESIGNED: tuple[tuple[str, str, float, int | None], ...] = (
    ("null, by request", "promoted", 4.0, None),
    ("null, by request", "rolled_back", 1.7, None),
    ("null, by student at 50 %, covariate", "promoted", 4.1, None),
    ("null, by student at 50 %, covariate", "rolled_back", 1.8, None),
    (BIASED, "promoted", 21, None),
    ("+3 points, by request", "promoted", 83, 22),
    ("+5 points, by request", "promoted", 89, 20),
    ("+5 points, cards and reviews -10 %", "rolled_back", 93, None),
    ("-5 points, by request", "rolled_back", 92, 13),
    ("-15 points, by request", "rolled_back", 100, 4),
)
SAYS = {"promoted": "promote", "rolled_back": "roll back"}


# the words of the page, with names in braces where a number or a table belongs
WORDS = Path(__file__).with_name("page.md")
WORTHLESS = ("world", "promoted", "bar alone", "others promote", "rolled back", "others roll back")
BETTER = ("world", "promoted", "median day", "kept from it by", "rolled back", "others promote")
HARMFUL = (
    "world", "rolled back", "median day", "ended at deadline", "promoted", "alarm raised by", "others roll back",
)  # fmt: skip


def write_page(tallies: Mapping[str, Tally]) -> str:
    """The whole page as Markdown."""
    better = [tally for tally in _kinds(tallies, "+") if not _harms(tally)]
    return WORDS.read_text(encoding="utf-8").format(
        worlds=f"{min(tally.worlds for tally in tallies.values()):,}",
        **_answers(tallies),
        worthless=_table(WORTHLESS, map(_worthless, _kinds(tallies, "null"))),
        better=_table(BETTER, map(_better, better)),
        harmful=_table(HARMFUL, (_harmful(tally) for tally in tallies.values() if _harms(tally))),
        designed=_table(("world", "word", "design", "now"), (_designed(tallies, *row) for row in DESIGNED)),
    )


def _answers(tallies: Mapping[str, Tally]) -> dict[str, str]:
    honest = [tally for tally in _kinds(tallies, "null") if tally.cell.name != BIASED]
    naive = [_share(tally.promoted(NAIVE), tally) for tally in honest if not tally.cell.bad_first]
    named = {
        "harm": ("-5 points, by request", "rolled_back"),
        "gain": ("+3 points, by request", "promoted"),
        "large": ("+5 points, by request", "promoted"),
    }
    days = {key: getattr(tallies[name].rules[OURS], what) for key, (name, what) in named.items()}
    return {
        "answer": _answer(honest, _kinds(tallies, "null")),
        "naive_low": f"{min(naive):.0f}",
        "naive_high": f"{max(naive):.0f}",
        **{key: _percent(found.total(), tallies[named[key][0]]) for key, found in days.items()},
        **{f"{key}_day": _median(found) for key, found in days.items()},
        "biased": _percent(tallies[BIASED].promoted(), tallies[BIASED]),
        "biased_naive": _percent(tallies[BIASED].promoted(NAIVE), tallies[BIASED]),
        "few": _percent(tallies[FEW].rolled_back(), tallies[FEW]),
        "ramp": _with_error(tallies["null, ramp"].bar_alone, tallies["null, ramp"]),
    }


def _answer(honest: list[Tally], worthless: list[Tally]) -> str:
    """Whether both promises of 5 % are kept, and where they are not."""
    sentences = ["Promised are 5 % each."]
    for start, kinds, count in (
        ("A worthless B was promoted in", honest, Tally.promoted),
        ("It was rolled back in", worthless, Tally.rolled_back),
    ):
        broken = [tally for tally in kinds if count(tally) > bounds(0.05, tally.worlds)[1]]
        kept = max((tally for tally in kinds if tally not in broken), key=count)
        but = " and ".join(f"{_percent(count(one), one)} % ({_kind(one)})" for one in broken)
        sentences.append(
            f"{start} at most {_percent(count(kept), kept)} %{f', but in {but}' if but else ''}."
        )
    return " ".join(sentences)


def _kind(tally: Tally) -> str:
    return tally.cell.name.removeprefix("null, ")


def _kinds(tallies: Mapping[str, Tally], start: str) -> list[Tally]:
    return [tally for name, tally in tallies.items() if name.startswith(start)]


def _harms(tally: Tally) -> bool:
    return tally.cell.effect < 0 or tally.cell.card_effect < 0 or tally.cell.failures > 0.01


def _worthless(tally: Tally) -> tuple[str, ...]:
    return (
        _kind(tally),
        _with_error(tally.promoted(), tally),
        _with_error(tally.bar_alone, tally),
        _others(tally, "promoted"),
        _with_error(tally.rolled_back(), tally),
        _others(tally, "rolled_back"),
    )


def _better(tally: Tally) -> tuple[str, ...]:
    kept = ", ".join(f"{metric} {_percent(count, tally)}" for metric, count in tally.failed.most_common(3))
    return (
        tally.cell.name,
        _with_error(tally.promoted(), tally),
        _days(tally.rules[OURS].promoted),
        kept,
        _with_error(tally.rolled_back(), tally),
        _others(tally, "promoted"),
    )


def _harmful(tally: Tally) -> tuple[str, ...]:
    rest = tally.worlds - tally.rolled_back() - tally.promoted()
    raised = ", ".join(f"{metric} {_percent(count, tally)}" for metric, count in tally.alarms.most_common(2))
    return (
        tally.cell.name,
        _with_error(tally.rolled_back(), tally),
        _days(tally.rules[OURS].rolled_back),
        _percent(rest, tally),
        _percent(tally.promoted(), tally),
        raised,
        _others(tally, "rolled_back"),
    )


def _designed(
    tallies: Mapping[str, Tally], name: str, what: str, percent: float, day: int | None
) -> tuple[str, ...]:
    tally = tallies[name]
    days: Counter[int] = getattr(tally.rules[OURS], what)
    now = _with_error(sum(days.values()), tally) + (f", day {_median(days)}" if day else "")
    return (
        name.replace("null", "no effect"),
        SAYS[what],
        f"{percent:g}" + (f", day {day}" if day else ""),
        now,
    )


def _others(tally: Tally, what: str) -> str:
    counts = (sum(getattr(tally.rules[rule], what).values()) for rule in RIVALS)
    text = " / ".join(_percent(count, tally) for count in counts)
    return f"{text} (day {planned_end(plan_of(tally.cell))})"


def _share(count: int, tally: Tally) -> float:
    return 100 * count / tally.worlds


def _percent(count: int, tally: Tally) -> str:
    return f"{_share(count, tally):.1f}"


def _with_error(count: int, tally: Tally) -> str:
    return f"{_percent(count, tally)} ± {100 * standard_error(count, tally.worlds):.1f}"


def _median(days: Counter[int]) -> str:
    return str(_quantile(days, 0.5)) if days else "-"


def _days(days: Counter[int]) -> str:
    return f"{_quantile(days, 0.5)} ({_quantile(days, 0.1)}-{_quantile(days, 0.9)})" if days else "-"


def _quantile(days: Counter[int], share: float) -> int:
    ordered = sorted(days)
    seen = accumulate(days[day] for day in ordered)
    return next(day for day, count in zip(ordered, seen, strict=True) if count >= share * days.total())


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(columns), *(list(row) for row in rows)]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([text[0], "|" + " --- |" * len(lines[0]), *text[1:]])
