"""Writes the pictures of the page of `genlab serve` and of the report that docs/ shows: light, dark
and on a phone.

    genlab sweep --config=experiments/products/control/control.py --workdir=runs/control
    python docs/generate/screenshots.py --sweep=runs/control --repair=runs/repair

`--repair` is trained first where it is not there: holes in pictures of products, 32x32, minutes.
Needs the extras `page` and `browser`, and Chromium. Look at the pictures before they are committed.
"""

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optax
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from genlab import Experiment, Loop, fit, load, report, spec
from genlab.data import products
from genlab.methods import Comparison, Regression
from genlab.nets import Translator, unet

DOCS = Path(__file__).resolve().parents[1]
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOOKS: dict[str, dict[str, Any]] = {
    "": {"viewport": DESK, "color_scheme": "light"},
    "_dark": {"viewport": DESK, "color_scheme": "dark"},
    "_phone": {"viewport": PHONE, "color_scheme": "light", "device_scale_factor": 2},
}
SHOWN = ("reacgan.seed0", "projection.seed0")
PICTURE = 0  # of the test set
BRUSH = "3"  # hundredths of a side
STROKES = (((0.3, 0.42), (0.62, 0.36)), ((0.38, 0.66), (0.68, 0.6)))  # painted, shares of a side


def main() -> None:
    """Trains what is missing, writes docs/serve*.png and docs/report*.png."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--sweep", type=Path, required=True, help="of products/control")
    parser.add_argument("--repair", type=Path, required=True, help="trained where it is missing")
    parser.add_argument("--out", type=Path, default=DOCS)
    arguments = parser.parse_args()
    fit(repair(), arguments.repair)
    with sync_playwright() as driver:
        program = shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with served(arguments.sweep, arguments.repair) as address:
            of_page(browser, address, arguments)
        of_report(browser, arguments)


def repair(steps: int = 8_000):
    """Free-form holes in products filled: a U-Net, the absolute error."""
    network = spec(Translator, spec(unet.UNet, 3, 16, 4, dropout=0.0), bounded=False)
    given = ("holes", "masked")
    return spec(
        Experiment,
        title="Products repaired",
        method=spec(Regression, network, spec(Comparison, {"l1": 1.0}), given=given),
        data=spec(products, 32, ("image", *given), validation=64, test=64),
        optim={"gen": spec(optax.adam, 1e-3)},
        batch_size=16,
        loop=spec(Loop, steps=steps, rounds_per_call=50, log_every=50, sample_every=steps),
    )


@contextmanager
def served(*runs: Path) -> Iterator[str]:
    """The address of a server of these runs, a process of its own."""
    command = [sys.executable, "-m", "genlab", "serve", *map(str, runs), "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield re.search(r"http://\S+", server.stdout.readline())[0]
        finally:
            server.terminate()


@contextmanager
def opened(browser: Browser, address: str, **look: Any) -> Iterator[Page]:
    """A page in a window of its own."""
    context = browser.new_context(reduced_motion="reduce", **look)
    page = context.new_page()
    page.set_default_timeout(180_000)
    page.goto(address)
    yield page
    context.close()


def of_page(browser: Browser, address: str, arguments: argparse.Namespace) -> None:
    """Samples of two runs in every look, then a picture that is repaired."""
    for name, look in LOOKS.items():
        with opened(browser, address, **look) as page:
            sampled(page)
            kept(page, arguments.out / f"serve{name}.png")
    with opened(browser, address, **LOOKS[""]) as page:
        repaired(page, arguments.repair)
        kept(page, arguments.out / "serve_repair.png")


def sampled(page: Page) -> None:
    """Dresses of two runs, one of them chosen, one pinned."""
    only(page, *SHOWN)
    page.select_option("#given select[name=category]", "dress")
    page.click("#sample")
    settled(page, ".one", 16 * len(SHOWN))
    page.click("#results .one >> nth=5")
    page.click("text=Pin")
    page.click("#results .one >> nth=2")
    page.evaluate("document.querySelector('#runs').scrollTop = 0")
    top = "#results" if page.viewport_size == PHONE else "header"
    page.evaluate(f"document.querySelector('{top}').scrollIntoView()")


def repaired(page: Page, run: Path) -> None:
    """A picture of the test set, painted over and filled."""
    only(page, f"{run.name}.seed0")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "product.png"
        picture = load(run).source.read("test", 8)["image"][PICTURE]
        Image.fromarray(picture).resize((256, 256), Image.Resampling.BICUBIC).save(file)
        page.set_input_files("#file", file)
        page.wait_for_selector("#brush")
        page.wait_for_selector("#brush[width='256']")
        page.locator("#brush").scroll_into_view_if_needed()
        page.fill("#width", BRUSH)
        box = page.locator("#brush").bounding_box()
        for stroke in STROKES:
            points = [
                (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke
            ]
            page.mouse.move(*points[0])
            page.mouse.down()
            for point in points[1:]:
                page.mouse.move(*point, steps=12)
            page.mouse.up()
        page.click("#change")
        settled(page, ".made", 2)
    page.evaluate("scrollTo(0, 0)")


def only(page: Page, *runs: str) -> None:
    """Chooses these runs and no others."""
    page.wait_for_selector("#results .one")
    for box in page.locator("#runs input").all():
        box.set_checked(box.get_attribute("value") in runs)
        page.wait_for_selector("#results:not(.busy)")


def settled(page: Page, what: str, count: int) -> None:
    """Waits for so many results."""
    page.wait_for_selector("#results:not(.busy)")
    page.wait_for_selector(f"#results {what} >> nth={count - 1}")


def of_report(browser: Browser, arguments: argparse.Namespace) -> None:
    """The top of the report in every look, and its learning curves."""
    made = report.write(arguments.sweep)
    for name, look in LOOKS.items():
        with opened(browser, made.html.resolve().as_uri(), **look) as page:
            kept(page, arguments.out / f"report{name}.png")
            if not name:
                page.locator("#curves").scroll_into_view_if_needed()
                page.evaluate("document.querySelector('#curves').scrollIntoView()")
                page.locator(".panel svg").first.hover()
                kept(page, arguments.out / "report_curves.png")


def kept(page: Page, path: Path) -> None:
    """What is in sight, as a PNG. Not of fewer colours: those of a slider and a card are lost."""
    page.evaluate("document.activeElement.blur()")
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
