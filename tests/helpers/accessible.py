"""What WCAG 2.2 asks of a page, as far as a browser can say it: names, contrast, sizes, order."""

FUNCTIONS = """
const parsed = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
const over = ([r, g, b, a], under) => [r, g, b].map((x, i) => a * x + (1 - a) * under[i]);
const behind = (one) => one ? over(parsed(getComputedStyle(one).backgroundColor), behind(one.parentElement)) : [255, 255, 255];
const faded = (one) => one ? getComputedStyle(one).opacity * faded(one.parentElement) : 1;
const light = (colour) => {
  const [r, g, b] = colour.map((x) => x / 255).map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const contrast = (text, one, ground = one) => {
  const [r, g, b, a] = parsed(text), under = behind(ground);
  return ratio(over([r, g, b, a * faded(one)], under), under);
};
const seen = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
const told = (one) => `${one.tagName.toLowerCase()}${one.id ? "#" + one.id : ""}.${one.getAttribute("class")} "${one.textContent.trim().slice(0, 30)}"`;
"""

CONTRAST = """
const found = [], least = (one, size, weight) => size >= 24 || (size >= 18.66 && weight >= 700) ? 3 : 4.5;
const check = (one, colour, what) => {
  const style = getComputedStyle(one), own = contrast(colour, one);
  if (own < least(one, parseFloat(style.fontSize), style.fontWeight)) found.push(`${what} of ${told(one)}: ${own.toFixed(2)}`);
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const one = texts.currentNode.parentElement;
  if (!texts.currentNode.data.trim() || !seen(one) || one.closest(":disabled, script, style, option")) continue;
  const style = getComputedStyle(one);
  check(one, one instanceof SVGElement ? style.fill : style.color, "text");
}
for (const one of document.querySelectorAll("input, select")) {
  if (!seen(one) || one.disabled) continue;
  check(one, getComputedStyle(one).color, "value");
  if (one.placeholder) check(one, getComputedStyle(one, "::placeholder").color, "placeholder");
  const style = getComputedStyle(one), edge = contrast(style.borderTopColor, one, one.parentElement);
  if (parseFloat(style.borderTopWidth) && !["checkbox", "radio", "range", "file"].includes(one.type) && edge < 3) found.push(`edge of ${told(one)}: ${edge.toFixed(2)}`);
}
return found;
"""

TARGETS = """
const sizes = (one) => [one, ...(one.labels || [])].map((x) => x.getBoundingClientRect()).map((x) => Math.min(x.width, x.height));
const inText = (one) => one.tagName === "A" && getComputedStyle(one).display === "inline" && one.parentElement.textContent.trim() !== one.textContent.trim();
return [...document.querySelectorAll("button, input, select, summary, a[href], [role=application]")]
  .filter((one) => seen(one) && !inText(one) && Math.max(...sizes(one)) < 23.9).map((one) => `${told(one)}: ${Math.max(...sizes(one))}`);
"""

ORDER = """
const found = [], heads = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(seen).map((one) => Number(one.tagName[1]));
if (heads[0] !== 1 || heads.filter((level) => level === 1).length !== 1) found.push(`headings ${heads}`);
heads.slice(1).forEach((level, i) => level > heads[i] + 1 && found.push(`h${heads[i]} is followed by h${level}`));
if (!document.documentElement.lang || !document.title) found.push("no language, or no title");
if (document.querySelectorAll("main").length !== 1) found.push("not one main");
const odd = [...document.body.children].filter((one) => !["HEADER", "MAIN", "SCRIPT"].includes(one.tagName));
return [...found, ...odd.map((one) => `${told(one)} is in no landmark`)];
"""

FOCUS = """
const one = document.activeElement, style = getComputedStyle(one);
return [one === document.body, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, told(one)];
"""


def asked(page, script):
    return page.evaluate(f"() => {{ {FUNCTIONS} {script} }}")


def problems(page) -> list[str]:
    """What is against WCAG 2.2, levels A and AA, in the page as it is now."""
    found = asked(page, CONTRAST) + asked(page, TARGETS) + asked(page, ORDER)
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
        end, shown, told = asked(page, FOCUS)
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
    return page.evaluate(
        "(one => one.ariaLabel || one.labels?.[0]?.innerText || one.innerText)(document.activeElement)"
    ).strip()
