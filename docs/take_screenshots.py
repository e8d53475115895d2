"""Photograph the dashboard's views, for a desktop and a phone, over the world of ``make demo``: ``make screenshots``.

It needs a Chromium on the PATH, as Debian's package ``chromium`` brings one.
"""

import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import uvicorn

from pacer_pipelines.config import load_world
from pacer_pipelines.dashboard.app import dashboard
from pacer_pipelines.orchestration.data_docs import docs_folder
from pacer_pipelines.orchestration.live import LiveLog
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.shelf import WorldShelf

FOLDER = Path(__file__).parent / "dashboard"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
VIEWS = {
    "overview": "",
    "experiment": "experiments/judge-model-v2",
    "day": "experiments/judge-model-v2/2026-11-10",
    "compare": "experiments/judge-model-v2/compare/2026-11-08,2026-11-15",
}
SIZES = {"desktop": "1100,1500", "phone": "500,1500"}
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--virtual-time-budget=5000",
)  # fmt: skip


def main(config: Path) -> None:
    """Serve the world, and photograph it."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"make screenshots needs one of {', '.join(BROWSERS)} on the PATH")
    world = load_world(config)
    app = dashboard(
        WorldShelf(world),
        docs=docs_folder(world.home),
        live=LiveLog(WorldResource(config_file=str(config))).read,
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    FOLDER.mkdir(exist_ok=True)
    for view, path in VIEWS.items():
        for size, window in SIZES.items():
            _photograph(browser, f"http://127.0.0.1:{port}/{path}", window, FOLDER / f"{view}-{size}.png")
    server.should_exit = True
    thread.join()


def _photograph(browser: str, url: str, window: str, file: Path) -> None:
    with tempfile.TemporaryDirectory() as profile:
        shot = (f"--user-data-dir={profile}", f"--window-size={window}", f"--screenshot={file}")
        subprocess.run([browser, *QUIET, *shot, url], check=True, capture_output=True, timeout=60)
    print(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
