"""A real browser: the Chromium of tests/peers, or the one that ``PACER_CHROMIUM`` names."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

PEERS = Path(__file__).parent / "peers"
sys.path.insert(0, str(PEERS))
from install import CHROMIUM, MODULES  # noqa: E402

OWN = CHROMIUM / "chromium"
AXE = MODULES / "axe-core" / "axe.min.js"
# a page of the dashboard loads nothing from elsewhere, and neither shall the browser
ALONE = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, until the block ends; fails where there is none."""
    named = os.environ.get("PACER_CHROMIUM", "")
    program = Path(named) if named else OWN
    assert program.exists(), f"no Chromium at {program}: make .venv/.peers, or set PACER_CHROMIUM"
    own = {} if named else {"LD_LIBRARY_PATH": str(CHROMIUM / "al2023" / "lib")}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program, args=ALONE, chromium_sandbox=False, env={**os.environ, **own}
        )
        try:
            yield browser
        finally:
            browser.close()
