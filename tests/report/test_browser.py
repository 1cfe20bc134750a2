"""The report in a browser: columns sort, curves are read out and enlarged, it fits a phone."""

import pytest
from helpers.browser import UNNAMED, opened

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


def test_it_fits_a_phone_and_everything_has_a_name(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(UNNAMED) == 0
    assert not page.problems
