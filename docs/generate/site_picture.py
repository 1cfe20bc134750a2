"""Writes docs/site.png, the first page of the built site.

    mkdocs build --strict -f docs/generate/mkdocs.yml
    python docs/generate/site_picture.py --site=site

Needs the extra `browser`, and Chromium. Look at the picture before it is committed.
"""

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parents[1]
SIZE = {"width": 1280, "height": 900}
COLOURS = 64  # of text on white


def main() -> None:
    """Opens the page and keeps what is in sight."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--site", type=Path, required=True, help="where mkdocs built it")
    parser.add_argument("--page", default="index.html")
    parser.add_argument("--out", type=Path, default=DOCS / "site.png")
    asked = parser.parse_args()
    with sync_playwright() as driver:
        program = shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto((asked.site / asked.page).resolve().as_uri())
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        shot.quantize(COLOURS).save(asked.out, optimize=True)
        browser.close()
    print(f"{asked.out}: {asked.out.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
