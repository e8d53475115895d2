"""Students, coaches and what they do of a day: seeded, so a day is the same however it is split between threads."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from . import stand_in
from .stand_in import chance

KOREA = ZoneInfo("Asia/Seoul")
STUDENTS, COACHES, A_DAY = 240, 12, 600
SCHOOLS = ("alpha", "beta", "gamma", "holdout-school")
CONCEPTS = ("quadratic formula", "photosynthesis", "present perfect", "sets")
OPENS, CLOSES = 9, 22
# coaches look at what was approved far more often than at what was refused
RATED = {"APPROVE": 0.85, "REJECT": 0.45}
CHANGED, WITHDRAWN, REVIEWED = 0.08, 0.05, 0.7
# every so many requests, one client leaves before it is answered; an odd number, so that both doors meet it
LEAVES = 75


@dataclass(frozen=True, slots=True)
class Student:
    """One line of the roster."""

    student_id: str
    school: str
    grade: int
    coach: str


@dataclass(frozen=True, slots=True)
class Work:
    """One judgement that is asked for; ``at`` is Korean time."""

    at: datetime
    submission_id: str
    student: Student
    concept: str
    waits: bool = True

    def asked(self) -> dict[str, object]:
        """Give the body of the request."""
        one = self.student
        return {
            "student_id": one.student_id,
            "submission_id": self.submission_id,
            "school": one.school,
            "grade": one.grade,
            "coach": one.coach,
            "concept": self.concept,
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came back, and for whose work."""

    work: Work
    log_id: int
    decision: str
    card_id: int | None


def students() -> list[Student]:
    """Give the town's students; one school in twelve is left out of the experiment."""
    return [_student(number) for number in range(STUDENTS)]


def roster() -> str:
    """Give the roster as the CSV that PACER exports."""
    rows = [f"{one.student_id},{one.school},{one.grade},{one.coach}" for one in students()]
    return "\n".join(["student_id,school,grade,coach_id", *rows]) + "\n"


def works(day: date, number: int = A_DAY, start: int = 0) -> list[Work]:
    """Give what is asked for on a day; another start gives other work."""
    return [_work(day, count) for count in range(start, start + number)]


def ratings(judgement: Judgement) -> Iterator[tuple[datetime, str | None]]:
    """Give what the coach says of a judgement, in order: a word, for some another one, for some none at last."""
    work, seed = judgement.work, judgement.work.submission_id
    if chance("rated", seed) >= RATED[judgement.decision]:
        return
    agrees = judgement.decision == stand_in.right_decision(seed)
    words = ("GOOD", "BAD") if agrees else ("BAD", "GOOD")
    # half of them on the same day, an hour later at most, the rest at noon of the next one
    later = chance("later", seed) < 0.5
    noon = datetime.combine(work.at.date() + timedelta(days=1), time(12), KOREA)
    at = (noon if later else work.at) + timedelta(minutes=1 + 50 * chance("minutes", seed))
    yield at, words[0]
    what = chance("changed", seed)
    if what < CHANGED:
        yield at + timedelta(minutes=5), words[1]
    elif what < CHANGED + WITHDRAWN:
        yield at + timedelta(minutes=5), None


def reviews(judgement: Judgement) -> Iterator[tuple[datetime, int]]:
    """Give when the student answers the card, and how well: on the next morning, and perhaps once more a day later."""
    seed = judgement.work.submission_id
    for days in (1, 2):
        if judgement.card_id is None or chance("reviewed", days, seed) >= REVIEWED:
            return
        morning = datetime.combine(judgement.work.at.date() + timedelta(days=days), time(8), KOREA)
        minutes = 50 * chance("morning", days, seed)
        yield morning + timedelta(minutes=minutes), int(1 + 5 * chance("quality", days, seed))


def _student(number: int) -> Student:
    school = SCHOOLS[3] if number % 12 == 0 else SCHOOLS[number % 3]
    return Student(f"stu{number:04d}", school, 1 + number % 6, f"coach{number // 20:02d}")


def _work(day: date, count: int) -> Work:
    student = _student(int(STUDENTS * chance("student", day, count)))
    minutes = 60 * (CLOSES - OPENS) * chance("at", day, count)
    at = datetime.combine(day, time(OPENS), KOREA) + timedelta(minutes=minutes)
    name = f"{student.student_id}-math-{day:%Y%m%d}-{count}"
    concept = CONCEPTS[int(len(CONCEPTS) * chance("concept", day, count))]
    waits = count % LEAVES != LEAVES - 1
    return Work(at, name, student, concept, waits)
