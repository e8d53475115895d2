"""A FastAPI dependency that gives an endpoint ``serve``: the assigner, with a tester's wish already heard."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from fastapi import Request

from pacer_pipelines.serving.assigner import Assigner
from pacer_pipelines.serving.exposure import Exposure

HEADER = "X-Pacer-Variant"


class Serve(Protocol):
    """As ``Assigner.serve``, without ``force``."""

    def __call__(
        self,
        student_id: str,
        submission_id: str,
        *,
        school: str | None = None,
        grade: int | None = None,
        coach: str | None = None,
    ) -> Exposure:
        """Serve one judgement."""
        ...


def nobody(_: Request) -> bool:
    """Say that no request is a tester's."""
    return False


class Serving:
    """``Depends(Serving(assigner))``; the exposure begins and ends inside the endpoint, not with the response.

    A request that ``is_tester`` vouches for may name a variant in the header ``X-Pacer-Variant``. From anybody else the
    header is ignored: a student who could choose the variant would spoil the experiment.
    """

    def __init__(self, assigner: Assigner, is_tester: Callable[[Request], bool] = nobody) -> None:
        """Take the assigner, and who may choose."""
        self._assigner, self._is_tester = assigner, is_tester

    async def __call__(self, request: Request) -> Serve:
        """Give ``serve`` for one HTTP request; async, because FastAPI would let a sync one wait for a free thread."""
        wish = request.headers.get(HEADER)
        if wish and self._is_tester(request):
            return partial(self._assigner.serve, force=wish)
        return self._assigner.serve
