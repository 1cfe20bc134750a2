"""The page of `genlab serve` in a browser: a person's path from opening it to a ZIP of samples."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers import tiny
from helpers.browser import UNNAMED, opened
from PIL import Image

from genlab import fit

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A server in a process of its own, of one small run."""
    path = tmp_path_factory.mktemp("page") / "vae"
    fit(tiny.vae(given=("label",)), path)
    program = Path(sys.executable).parent / "genlab"
    command = [str(program), "serve", str(path), "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield re.search(r"http://\S+", server.stdout.readline())[0]
        server.terminate()


@pytest.fixture
def page(address):
    with opened(address) as page:
        page.wait_for_selector("#results .one")
        yield page


def test_a_person_samples_strips_interpolates_pins_undoes_and_downloads(page, tmp_path):
    page.select_option("#given select[name=label]", "3")
    page.fill("#n", "4")
    page.click("#sample")
    page.wait_for_selector("#results .one:nth-child(4):last-child")
    assert "label 3" in page.inner_text("#results figcaption")
    page.click("#results .one >> nth=0")
    page.click("text=Pin")
    page.click("#results .one >> nth=1")
    page.click("#between")
    page.wait_for_selector("#results .one:nth-child(9):last-child")
    page.click("#strip")
    page.wait_for_selector("#results .one:nth-child(40):last-child")
    page.click("#undo")
    assert len(page.query_selector_all("#results .one")) == 9
    with page.expect_download() as download:
        page.click("#zippins")
    download.value.save_as(tmp_path / "pinned.zip")
    names = zipfile.ZipFile(tmp_path / "pinned.zip").namelist()
    assert [name.rpartition("/")[2] for name in names] == [
        "0000.png",
        "conditions.csv",
        "request.json",
    ]
    assert not page.problems


def test_a_person_finds_what_they_like_and_takes_an_answer_back(page):
    page.click("#search")
    page.wait_for_selector("text=0 answers", timeout=60_000)
    page.click("#results .one >> nth=0")
    page.wait_for_selector("text=1 answer;")
    page.click("#results .one >> nth=1")
    page.wait_for_selector("text=2 answers")
    assert page.query_selector("text=Liked best so far")
    page.click("#undo")
    assert page.query_selector("text=1 answer;")
    assert not page.problems


def test_it_fits_a_phone_and_everything_has_a_name(page):
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    unnamed = page.evaluate(UNNAMED)
    assert unnamed == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") != "BODY"
    assert not page.problems


def test_a_picture_is_made_anew_edited_and_undone(page, tmp_path):
    Image.new("L", (40, 30), 90).save(tmp_path / "mine.png")
    page.select_option("#given select[name=label]", "3")
    page.set_input_files("#file", tmp_path / "mine.png")
    page.wait_for_selector("text=made anew")
    page.select_option("#does", "Edit along a direction")
    page.fill("#direction", "random:0")
    page.click("#change")
    page.wait_for_selector("text=random:0 2", timeout=60_000)
    assert len(page.query_selector_all("#results .made")) == 7
    page.click("#undo")
    assert page.query_selector("text=made anew")
    page.fill("#direction", "sefa:99")
    page.click("#change")
    page.wait_for_selector("#status.error")
    assert [told for told in page.problems if "422" not in told] == []
