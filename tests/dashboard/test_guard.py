"""Away from loopback nobody reads without a token or a proxy that knows them."""

import asyncio

import httpx
import pytest
from stored_days import Kept

from pacer_pipelines.dashboard.app import dashboard
from pacer_pipelines.dashboard.guard import Guard

TOKEN = "a-long-secret"


class Browser:
    """It keeps its cookies, and follows no redirection by itself."""

    def __init__(self, guard: Guard) -> None:
        self._transport = httpx.ASGITransport(dashboard(Kept(), ["testserver"], guard=guard))
        self._cookies = httpx.Cookies()

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport, base_url="http://testserver", cookies=self._cookies
            ) as client:
                answer = await client.get(path, headers=headers)
                self._cookies = client.cookies
                return answer

        return asyncio.run(ask())


def test_without_a_guard_everybody_on_the_machine_reads() -> None:
    assert Browser(Guard()).get("/").status_code == 200


@pytest.mark.parametrize("path", ["/", "/experiments/judge-model-v2", "/live.js", "/data-docs/", "/nowhere"])
@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer wrong"}, {"Cookie": "pacer_dashboard="}])
def test_nothing_is_told_without_the_token(path: str, given: dict[str, str]) -> None:
    answer = Browser(Guard(TOKEN)).get(path, headers=given)
    assert (answer.status_code, "judge-model-v2" in answer.text) == (401, False)


def test_a_program_brings_the_token_in_a_header() -> None:
    assert Browser(Guard(TOKEN)).get("/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_a_person_opens_the_address_with_the_token_once() -> None:
    browser = Browser(Guard(TOKEN))
    first = browser.get(f"/experiments/judge-model-v2?token={TOKEN}&of=mine")
    assert (first.status_code, first.headers["location"]) == (303, "/experiments/judge-model-v2?of=mine")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    # not strict: a link in Slack would not bring the cookie along
    assert "SameSite=lax" in cookie
    assert browser.get("/experiments/judge-model-v2").status_code == 200
    # the link that was kept does not keep the token in the address either
    assert browser.get(f"/?token={TOKEN}").headers["location"] == "/"


def test_a_token_in_the_address_leads_to_no_other_host() -> None:
    answer = Browser(Guard(TOKEN)).get(f"http://testserver//elsewhere.example/x?token={TOKEN}")
    assert answer.headers["location"] == "/elsewhere.example/x"


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x"])
def test_a_wrong_token_in_the_address_opens_nothing(token: str) -> None:
    answer = Browser(Guard(TOKEN)).get(f"/?token={token}")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)


def test_whom_the_proxy_let_in_reads() -> None:
    behind = Browser(Guard(header="X-Forwarded-User"))
    assert behind.get("/").status_code == 401
    assert behind.get("/", headers={"X-Forwarded-User": ""}).status_code == 401
    assert behind.get("/?token=").status_code == 401
    assert behind.get("/", headers={"X-Forwarded-User": "ina"}).status_code == 200
