"""The report in a browser: columns sort, curves are read out and enlarged, anybody can read it."""

import io

import numpy as np
import pytest
from helpers import accessible
from helpers.browser import opened
from PIL import Image

from genlab.report import write

pytestmark = pytest.mark.browser
ORDER = "[...document.querySelectorAll('table.scores tbody tr')].map(r => r.cells[1].innerText[0])"


@pytest.fixture
def page(sweep):
    with opened(write(sweep).html.resolve().as_uri()) as page:
        yield page


def test_columns_sort_by_number_and_back(page):
    assert page.evaluate(ORDER) == ["4", "7"]
    head = page.locator("table.scores th button").nth(1)
    head.click()
    head.click()
    assert page.evaluate(ORDER) == ["7", "4"]
    assert page.get_attribute("table.scores th:nth-child(2)", "aria-sort") == "descending"
    head.click()
    assert page.evaluate(ORDER) == ["4", "7"] and not page.problems


def test_curves_are_read_out_enlarged_and_seen_whole_again(page):
    panel = page.locator("figure.panel").first
    panel.scroll_into_view_if_needed()
    box = panel.locator("> svg").bounding_box()
    at = [(box["x"] + share * box["width"], box["y"] + box["height"] / 2) for share in (0.3, 0.6)]
    page.mouse.move(*at[1])
    assert "rounds" in panel.locator("output").inner_text()
    assert "hinge" in panel.locator("output").inner_text()
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1])
    page.mouse.up()
    assert "enlarged" in panel.get_attribute("class")
    panel.locator("> svg").dblclick()
    assert "enlarged" not in panel.get_attribute("class")
    page.check("input[name=axis][value='3']")
    page.keyboard.press("Tab")
    panel.locator("> svg").focus()
    page.keyboard.press("ArrowRight")
    assert "seconds" in panel.locator("output").inner_text()
    assert not page.problems


def apart(a, b):
    """Whether two boxes have nothing in common."""
    return (
        a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
        or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
    )  # fmt: skip


@pytest.mark.parametrize("width", [390, 1280])
def test_what_is_read_out_is_beside_its_panel_with_the_lines_of_its_curves(make, tmp_path, width):
    runs = {f"v{i}": [{"metrics": make.metrics(offset=i / 10)}] for i in range(7)}
    address = write(make.sweep(tmp_path, runs)).html.resolve().as_uri()
    with opened(address, width) as page:
        for panel in page.locator("figure.panel").all():
            plot = panel.locator("> svg")
            plot.scroll_into_view_if_needed()
            plot.hover()
            read, box = panel.locator("output").bounding_box(), plot.bounding_box()
            assert apart(read, box) and 0 <= read["x"] and read["x"] + read["width"] <= width
            dashes = panel.locator("output line").evaluate_all(
                "(lines) => lines.map((one) => one.getAttribute('stroke-dasharray'))"
            )
            assert dashes == [""] * 6 + ["5 2"]
        assert not page.problems


def test_a_table_that_goes_on_shows_a_shadow_until_its_end(page):
    table = page.locator(".scroll").first

    def edge():
        shot = Image.open(io.BytesIO(table.screenshot())).convert("L")
        return np.median(np.asarray(shot)[:, -3:])  # of few rows that have text

    assert edge() < 250
    table.evaluate("(one) => one.scrollTo(10_000, 0)")
    assert edge() == 255


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_can_be_read_named_hit_and_followed(sweep, scheme, width):
    address = write(sweep).html.resolve().as_uri()
    with opened(address, width, color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert accessible.problems(page) == []
        assert accessible.unseen(page) == []
        assert not page.problems
