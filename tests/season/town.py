"""Students, their coaches, and what they ask of a day: the same in every world, whoever is served what.

All chances of a request are drawn before anybody is assigned, so two worlds differ only by what is planted.
"""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

KOREA = ZoneInfo("Asia/Seoul")
STUDENTS, COACHES = 240, 24
SCHOOLS = ("alpha", "beta", "gamma")
SUBJECTS = ("math", "sci", "hist", "eng")
CONCEPTS = (
    "quadratic formula",
    "photosynthesis",
    "present perfect",
    "industrial revolution",
    "sets",
    "motion",
)
REQUESTS, WEEKEND = 1300, 0.7
# local hours in which students work, and how much: most of it after school
HOURS = {9: 2, 10: 3, 11: 3, 12: 2, 13: 3, 14: 4, 15: 6, 16: 9, 17: 10, 18: 10, 19: 11, 20: 11, 21: 9, 22: 5}


@dataclass(frozen=True, slots=True)
class Student:
    """One line of the roster."""

    student_id: str
    school: str
    grade: int
    coach: str


@dataclass(frozen=True, slots=True)
class Chances:
    """Uniform draws in [0, 1), one for each thing that can come out one way or another."""

    fails: float
    approved: float
    good: float
    rated: float
    rating_lag: float
    rating_time: float
    card: float
    reviews: tuple[float, float, float]
    review_times: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Asked:
    """One judgement that a student asks for; ``at`` is Korean time."""

    at: datetime
    exposure_id: str
    submission_id: str
    student: Student
    concept: str
    latency_ms: float
    chances: Chances


class Town:
    """A seeded town: its roster, and the requests of any day."""

    def __init__(self, seed: int, requests: int = REQUESTS) -> None:
        """Draw the students and how strict their coaches are.

        Args:
            seed: the same seed gives the same town and the same requests.
            requests: judge calls of a weekday.
        """
        self._seed, self._requests = seed, requests
        draw = random.Random(f"{seed}/town")
        self.students = tuple(_student(number, draw) for number in range(STUDENTS))
        self.strictness = {coach: draw.uniform(-0.08, 0.08) for coach in map(_coach, range(COACHES))}

    def roster(self) -> str:
        """Give the roster as the CSV that PACER exports."""
        rows = [f"{one.student_id},{one.school},{one.grade},{one.coach}" for one in self.students]
        return "\n".join(["student_id,school,grade,coach_id", *rows]) + "\n"

    def requests(self, day: date) -> list[Asked]:
        """Give what is asked for on a day, in the order of time."""
        draw = random.Random(f"{self._seed}/{day}")
        pace = self._requests * (WEEKEND if day.weekday() >= 5 else 1.0)
        number = round(pace * draw.uniform(0.93, 1.07))
        return sorted(self._asked(day, number, draw), key=lambda asked: asked.at)

    def _asked(self, day: date, number: int, draw: random.Random) -> Iterator[Asked]:
        hours, weights = list(HOURS), list(HOURS.values())
        for count in range(number):
            student = draw.choice(self.students)
            hour = draw.choices(hours, weights)[0]
            moment = datetime.combine(day, time(hour), KOREA) + timedelta(
                milliseconds=draw.randrange(3_600_000)
            )
            yield Asked(
                at=moment,
                exposure_id=str(uuid.UUID(int=draw.getrandbits(128), version=4)),
                submission_id=f"{student.student_id}-{draw.choice(SUBJECTS)}-{day:%Y%m%d}-{count}",
                student=student,
                concept=draw.choice(CONCEPTS),
                latency_ms=round(draw.uniform(400, 2400), 2),
                chances=_chances(draw),
            )


def _student(number: int, draw: random.Random) -> Student:
    return Student(f"stu{number:04d}", draw.choice(SCHOOLS), draw.randint(1, 6), _coach(number % COACHES))


def _coach(number: int) -> str:
    return f"coach{number:02d}"


def _chances(draw: random.Random) -> Chances:
    one = draw.random
    return Chances(
        one(), one(), one(), one(), one(), one(), one(), (one(), one(), one()), (one(), one(), one())
    )
