"""The page of `genlab serve` in a browser: a person's path from opening it to a ZIP of samples."""

import base64
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import tiny
from helpers.browser import opened
from PIL import Image

from genlab import fit

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small run, `vae`, and `young`, which trains and has no checkpoint yet."""
    path = tmp_path_factory.mktemp("page")
    fit(tiny.vae(given=("label",)), path / "vae")
    shutil.copytree(path / "vae", path / "young", ignore=shutil.ignore_patterns("checkpoints"))
    (path / "young" / "status.json").write_text(json.dumps({"status": "running", "step": 2}))
    return path


@pytest.fixture(scope="module")
def address(folder):
    """A server of them in a process of its own."""
    program = Path(sys.executable).parent / "genlab"
    command = [str(program), "serve", str(folder / "vae"), str(folder / "young"), "--port=0"]
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


def verdict(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def test_verdicts_are_kept_and_a_refused_one_is_said(page, folder):
    page.click("#results .one >> nth=0")
    verdict(page, "Like")
    page.wait_for_selector("text=Kept: up")
    page.click("#results .one >> nth=1")
    verdict(page, "Dislike")
    page.wait_for_selector("text=Kept: down")
    verdict(page, "Better than the last")
    page.wait_for_selector("text=Kept: first")
    rows = (folder / "vae" / "feedback.jsonl").read_text().splitlines()
    assert [json.loads(row)["verdict"] for row in rows] == ["up", "down", "first"]
    assert not page.problems
    page.route("**/feedback", lambda route: route.fulfill(status=422, json={"error": "too old"}))
    verdict(page, "As good as the last")
    page.wait_for_selector("#status.error")
    assert page.inner_text("#status") == "too old"


def test_a_stroke_of_two_places_paints_what_is_between(page, tmp_path):
    """The run repairs nothing: what is sent is what was painted."""
    way = {"of": "image", "to": "image", "pictures": [], "masks": ["mask"]}

    def repairs(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "ways": [way]})

    page.route("**/v1/runs/vae.seed0", repairs)
    page.reload()
    page.select_option("#does", "Repair (image to image)")
    Image.new("L", (40, 30), 90).save(tmp_path / "mine.png")
    page.set_input_files("#file", tmp_path / "mine.png")
    page.wait_for_selector("#brush[width='40']")
    page.locator("#brush").scroll_into_view_if_needed()
    box = page.locator("#brush").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.up()
    with page.expect_request("**/translate") as sent:
        page.click("#change")
    mask = base64.b64decode(sent.value.post_data_json["pictures"]["mask"])
    painted = np.asarray(Image.open(io.BytesIO(mask)).convert("L"))
    assert painted.shape == (30, 40)
    assert painted[15, 8:33].min() == 255 and painted[5].max() == 0


def test_scores_are_those_of_the_weights_that_answer(page, folder):
    """Of a checkpoint that is not scored each evaluator's newest, with its round."""

    def table(*scored):
        rows = [
            {"step": step, "name": name, "scores": {"fd": float(step)}, "baselines": {},
             "intervals": {}, "protocol": {"split": "test"}} for name, step in scored
        ]  # fmt: skip
        (folder / "vae" / "evals.jsonl").write_text("".join(json.dumps(x) + "\n" for x in rows))
        page.reload()
        page.wait_for_selector("#about .card")
        return [row.split("\t")[:2] for row in page.inner_text("#about table").splitlines()[1:]]

    try:
        assert table(("near", 4), ("far", 4), ("near", 8)) == [
            ["near (test) fd", "4.000"], ["far (test) fd", "4.000"],
        ]  # fmt: skip
        assert table(("near", 1), ("far", 2), ("near", 3)) == [
            ["near (test, round 3) fd", "3.000"], ["far (test, round 2) fd", "2.000"],
        ]  # fmt: skip
    finally:
        (folder / "vae" / "evals.jsonl").unlink()


def test_a_run_without_a_checkpoint_is_shown_and_its_end_arrives(page, folder):
    page.check("#runs input[value='young.seed0']")
    page.wait_for_selector("#about .card >> nth=1")
    assert "round 2" in page.inner_text("#runs")
    assert page.inner_text("#about").count("Weights of round 4 (last).") == 1
    young = folder / "young"
    shutil.copytree(folder / "vae" / "checkpoints", young / "checkpoints")
    last = json.loads((young / "metrics.jsonl").read_text().splitlines()[-1])
    with (young / "metrics.jsonl").open("a") as log:
        log.write(json.dumps({**last, "step": 6}) + "\n")
    (young / "status.json").write_text(json.dumps({"status": "finished", "step": 6}))
    page.wait_for_selector("text=Losses to round 6", timeout=20_000)
    assert "round 2" not in page.inner_text("#runs")
    page.click("#sample")
    page.wait_for_selector("#results figure >> nth=1")
    assert [told for told in page.problems if "422" not in told] == []
