"""A page in headless Chromium, with the errors that it met."""

import contextlib
import shutil

import pytest

CHROMIUM = shutil.which("chromium")


@contextlib.contextmanager
def opened(address, width=390, height=800, **settings):
    """The page at an address; `page.problems` are its errors. Skips where there is no browser."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install 'genlab[browser]'")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height}, **settings)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda said: said.type == "error" and page.problems.append(said.text))
        page.goto(address)
        yield page
        browser.close()
