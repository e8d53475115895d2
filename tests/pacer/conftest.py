"""One world that PACER's own server filled: four days under load, and what the pipeline said of the last two."""

import pytest

from .lived import LAST, RAISED, Lived, found


@pytest.fixture(scope="module")
def lived(environment: None, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """The four days, judged. Takes about half a minute, so nobody changes it."""
    lived = found(tmp_path_factory.mktemp("pacer"))
    lived.live()
    for day in (RAISED, LAST):
        lived.judged[day] = lived.judge(day)
    return lived
