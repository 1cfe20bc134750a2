"""What WCAG 2.2 asks of a page, as far as a browser can say it: names, contrast, sizes, order."""

from pathlib import Path

FUNCTIONS = Path(__file__).with_suffix(".js").read_text()


def asked(page, name):
    """What a function of `accessible.js` gives."""
    return page.evaluate(f"() => {{ {FUNCTIONS}\nreturn {name}(); }}")


def problems(page) -> list[str]:
    """What is against WCAG 2.2, levels A and AA, in the page as it is now."""
    found = [text for name in ("contrasts", "targets", "order") for text in asked(page, name)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("wider than the window")
    return found + unnamed(page)


def unnamed(page) -> list[str]:
    """What can be come to, and pictures, for which the browser finds no name."""
    session, found = page.context.new_cdp_session(page), []
    for node in session.send("Accessibility.getFullAXTree")["nodes"]:
        role, name = (node.get(key, {}).get("value", "") for key in ("role", "name"))
        told = {one["name"]: one["value"].get("value") for one in node.get("properties", [])}
        if not node["ignored"] and not name.strip() and (told.get("focusable") or role == "image"):
            found.append(f"{role} without a name")
    return found


def unseen(page, most=400) -> list[str]:
    """What is come to by Tab, from the top to the end, without showing it."""
    found = []
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    for i in range(most):
        page.keyboard.press("Tab")
        end, shown, told = asked(page, "focus")
        if end and i:
            assert i > 3, "Tab comes to hardly anything"
            return found
        found += [] if shown else [told]
    raise AssertionError(f"Tab does not come to the end in {most} steps")


def tab_to(page, name, most=200):
    """Goes on by Tab to what is called so."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page).startswith(name):
            return
    raise AssertionError(f"Tab does not come to {name!r}")


def focused(page) -> str:
    """What the element is called that has the focus."""
    return asked(page, "called")
