"""The page of `genlab serve` for everybody: by keyboard, in any light, without anything moving."""

import base64
import contextlib
import io
import json

import numpy as np
import pytest
from helpers import accessible, given_pictures
from helpers.accessible import focused, tab_to
from helpers.browser import opened
from helpers.served import serving
from PIL import Image

from genlab.web import runs
from genlab.web.app import application
from genlab.web.guard import Guard
from genlab.web.runs import Served

pytestmark = pytest.mark.browser
WAY = {"of": "image", "to": "image", "pictures": [], "masks": ["mask"]}
BOXES = """[...document.querySelectorAll("body *:not(.says *, #status)")].map((one) => {
  const box = one.getBoundingClientRect(), size = [box.width, box.height];
  const place = [box.x, box.y + scrollY, ...size].map(Math.round);  // scrolled by parts of a pixel
  return box.width && [one.tagName, one.id, one.className, ...place].join(" ");
})"""
SHIFTS = """window.shifts = []; new PerformanceObserver((list) => list.getEntries().forEach(
  (one) => one.sources.forEach(({ node }) => shifts.push([node?.nodeName, node?.id, one.value]))
)).observe({ type: "layout-shift", buffered: true });"""


@pytest.fixture(scope="module")
def address(folder):
    """A server of one small run."""
    with serving(Guard(application(runs.found([folder])))) as found:
        yield found


@pytest.fixture(scope="module")
def repairing(tmp_path_factory):
    """A server of a run that fills holes in pictures of 4 x 4."""
    folder = tmp_path_factory.mktemp("fill")
    (folder / "status.json").write_text(json.dumps({"status": "finished", "step": 3}))
    run = given_pictures.run(given_pictures.Filler(), folder)
    served = {"fill": Served("fill", "fill", folder, run, seen=10)}
    with serving(Guard(application(served))) as found:
        yield found


@pytest.fixture
def page(address):
    with opened(address) as page:
        page.wait_for_selector("#results .one")
        yield page


@contextlib.contextmanager
def painting(address):
    """The page of a run that makes nothing without pictures."""
    with opened("about:blank") as page:
        answer = {"status": 422, "json": {"error": "it draws no samples"}}
        page.route("**/samples", lambda route: route.fulfill(**answer))
        page.goto(address)
        page.wait_for_selector("text=it draws no samples")
        yield page


def decoded(source):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


def pictures(page):
    made = page.locator("#results .made img")
    return [decoded(one.get_attribute("src")) for one in made.all()]


def test_a_hole_is_painted_and_filled_by_keyboard(repairing, tmp_path):
    Image.new("RGB", (40, 40), (200, 200, 200)).save(tmp_path / "mine.png")
    with painting(repairing) as page:
        page.on("filechooser", lambda chooser: chooser.set_files(tmp_path / "mine.png"))
        tab_to(page, "Drop a picture")
        page.keyboard.press("Space")
        page.wait_for_selector("#brush[width='40']")
        tab_to(page, "Brush")
        page.keyboard.press("End")  # a fifth of the picture
        page.keyboard.press("Shift+Tab")
        assert focused(page).startswith("What is missing") and page.is_visible("#tip")
        for key in ("ArrowLeft", "ArrowRight", "Space", "ArrowRight", "Space", "Shift+ArrowDown"):
            page.keyboard.press(key)
        assert page.inner_text("#status") == "The brush is lifted"
        tab_to(page, "Change the picture")
        assert page.is_hidden("#tip")
        page.keyboard.press("Enter")
        page.wait_for_selector("#results .made >> nth=1")
        before, after = pictures(page)
        assert page.query_selector("text=your picture, painted over")
        red = (before[..., :3] == (221, 51, 51)).all(-1)
        assert red[14:26, 16:32].all()
        assert not red[:10].any() and not red[30:].any() and not red[:, :10].any()
        hole = np.zeros((4, 4), bool)
        hole[1:3, 1:3] = True  # grey where it was painted, as it was elsewhere
        np.testing.assert_array_equal(after[hole], 127)
        np.testing.assert_array_equal(after[~hole], 200)
        assert focused(page) == "Change the picture"
        tab_to(page, "download: masked to image")
        page.keyboard.press("Shift+Tab")


def test_a_mask_may_be_a_picture_of_the_same_shape(repairing, tmp_path):
    Image.new("RGB", (40, 40), (200, 200, 200)).save(tmp_path / "mine.png")
    mask = np.zeros((80, 80), np.uint8)
    mask[:40] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(mask[:50]).save(tmp_path / "other.png")
    with painting(repairing) as page:
        page.set_input_files("#file", tmp_path / "mine.png")
        page.wait_for_selector("#brush[width='40']")
        page.set_input_files("#masked", tmp_path / "other.png")
        page.wait_for_selector("text=the mask has")
        assert page.inner_text("#status").startswith("the mask has 80 x 50 pixels: give one of")
        page.set_input_files("#masked", tmp_path / "mask.png")
        page.wait_for_selector("text=What the mask has white")
        page.click("#change")
        page.wait_for_selector("#results .made >> nth=1")
        after = pictures(page)[1]
        np.testing.assert_array_equal(after[:2], 127)
        np.testing.assert_array_equal(after[2:], 200)
        page.click("#unpaint")
        page.click("#change")
        page.wait_for_selector("#undo:enabled")
        page.wait_for_selector("#results:not(.busy)")
        np.testing.assert_array_equal(pictures(page)[1], 200)


def test_a_search_is_answered_by_keyboard(page):
    tab_to(page, "Show two")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=0 answers", timeout=60_000)
    tab_to(page, "The right one is better")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=1 answer;")
    assert focused(page) == "The right one is better"
    page.keyboard.press("Enter")
    page.wait_for_selector("text=2 answers")
    assert focused(page) == "The right one is better"
    page.evaluate("document.getElementById('undo').focus()")
    for _ in range(3):
        page.keyboard.press("Enter")
    assert focused(page) == "Redo"  # nothing is left to undo
    assert not page.problems


def test_a_sample_is_chosen_judged_and_pinned_by_keyboard(page):
    tab_to(page, "Download as ZIP")
    page.keyboard.press("Tab")
    one = focused(page)
    page.keyboard.press("Space")
    assert page.get_attribute("#results .one >> nth=0", "aria-pressed") == "true"
    page.keyboard.press("Space")
    assert page.get_attribute("#results .one >> nth=0", "aria-pressed") == "false"
    assert page.is_disabled("text=Pin") and focused(page) == one
    page.keyboard.press("Space")
    tab_to(page, "Pin")
    page.keyboard.press("Enter")
    tab_to(page, "Like")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Kept: up")
    assert focused(page) == "Like"
    tab_to(page, "Unpin")
    page.keyboard.press("Enter")
    assert page.is_hidden("#pinned") and focused(page) == "Sample"


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_moves_when_samples_are_chosen_or_something_is_said(address, width):
    with opened(address, width) as page:
        page.wait_for_selector("#results .one")
        page.wait_for_selector("#about .card")
        page.evaluate(SHIFTS)
        before = page.evaluate(BOXES)
        for i in (0, 3, 3, 0, 5):
            page.click(f"#results .one >> nth={i}")
            assert set(page.evaluate(BOXES)) - set(before) == set()
        page.route(
            "**/feedback", lambda route: route.fulfill(status=422, json={"error": "a " * 200})
        )
        page.click("text=Dislike")
        page.wait_for_selector("#status.error")
        assert set(page.evaluate(BOXES)) - set(before) == set()
        assert page.evaluate("shifts") == []  # nor since it was opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_can_be_read_named_hit_and_followed(address, tmp_path, scheme, width):
    Image.new("L", (40, 30), 90).save(tmp_path / "mine.png")

    def repairs(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "ways": [WAY]})

    with opened(address, width, color_scheme=scheme, reduced_motion="reduce") as page:
        page.route("**/v1/runs/vae.seed0", repairs)
        page.reload()
        page.wait_for_selector("#results .one")
        for i in (0, 1):
            page.click(f"#results .one >> nth={i}")
        page.click("text=Pin")
        assert accessible.problems(page) == []
        page.select_option("#given select[name=label]", "3")
        page.set_input_files("#file", tmp_path / "mine.png")
        page.wait_for_selector("text=made anew")
        for kind in ("Edit along a direction", "Repair (image to image)"):
            page.select_option("#does", kind)
            page.click("#change")  # without a direction it is refused
            page.wait_for_selector("#status.error, #results:not(.busy)")
            assert accessible.problems(page) == []
        assert accessible.unseen(page) == []
        page.goto(f"{address}/docs")
        page.wait_for_selector(".card")
        assert accessible.problems(page) == []


def test_the_checks_see_what_they_are_for():
    faults = """<h1>a</h1>
      <h3 style="color: rgb(153, 153, 153)">b</h3><button></button><img src="data:,">
      <main><select aria-label="c" style="height: 15px; outline: none"></select></main>
      <button>d</button><button>e</button><button>f</button>"""
    with opened(f"data:text/html,<body style='background: white'>{faults}") as page:
        found = " ".join(accessible.problems(page))
        for fault in ('text of h3.null "b": 2.85', 'select.null "": 15', "h1 is followed by h3",
                      "no language", "button without a name", "image without a name",
                      'h1.null "a" is in no landmark'):  # fmt: skip
            assert fault in found, found
        assert accessible.unseen(page) == ['select.null ""']
