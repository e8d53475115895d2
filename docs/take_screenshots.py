"""Photograph the dashboard's views, for a desktop and a phone, over the world of ``make demo``: ``make screenshots``.

It runs with ``PYTHONPATH=tests``, since it uses the browser of the tests.
"""

import sys
from pathlib import Path

from browser import chromium
from web import served

from pacer_pipelines.config import load_world
from pacer_pipelines.dashboard.app import dashboard
from pacer_pipelines.orchestration.data_docs import docs_folder
from pacer_pipelines.orchestration.live import LiveLog
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.shelf import WorldShelf

FOLDER = Path(__file__).parent / "dashboard"
VIEWS = {
    "overview": "",
    "experiment": "experiments/judge-model-v2",
    "day": "experiments/judge-model-v2/2026-11-10",
    "compare": "experiments/judge-model-v2/compare/2026-11-08,2026-11-15",
    "data-docs": "data-docs/2026-11-15.html",
}
SIZES = {"desktop": {"width": 1100, "height": 1500}, "phone": {"width": 400, "height": 1200}}


def main(config: Path) -> None:
    """Serve the world, and photograph it: the first screen of each view, and in the dark the whole page."""
    live = LiveLog(WorldResource(config_file=str(config))).read
    world = load_world(config)
    app = dashboard(WorldShelf(world), docs=docs_folder(world.home), live=live)
    FOLDER.mkdir(exist_ok=True)
    with served(app) as address, chromium() as browser:
        for view, path in VIEWS.items():
            for size, viewport in SIZES.items():
                page = browser.new_page(viewport=viewport)
                page.goto(f"{address}/{path}", wait_until="networkidle")
                page.screenshot(path=FOLDER / f"{view}-{size}.png")
                page.emulate_media(color_scheme="dark")
                page.screenshot(path=FOLDER / f"{view}-{size}-dark.png", full_page=True)
                print(FOLDER / f"{view}-{size}.png")
                page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
