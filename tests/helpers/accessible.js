// What a browser can say of a page by WCAG 2.2: functions that give sentences, none where all is well.
const parsed = (text) => { const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number); return [r, g, b, a]; };
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

function contrasts() {
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
}

function targets() {
  const sizes = (one) => [one, ...(one.labels || [])].map((x) => x.getBoundingClientRect()).map((x) => Math.min(x.width, x.height));
  const inText = (one) => one.tagName === "A" && getComputedStyle(one).display === "inline" && one.parentElement.textContent.trim() !== one.textContent.trim();
  return [...document.querySelectorAll("button, input, select, summary, a[href], [role=application]")]
    .filter((one) => seen(one) && !inText(one) && Math.max(...sizes(one)) < 23.9).map((one) => `${told(one)}: ${Math.max(...sizes(one))}`);
}

function order() {
  const found = [], heads = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(seen).map((one) => Number(one.tagName[1]));
  if (heads[0] !== 1 || heads.filter((level) => level === 1).length !== 1) found.push(`headings ${heads}`);
  heads.slice(1).forEach((level, i) => level > heads[i] + 1 && found.push(`h${heads[i]} is followed by h${level}`));
  if (!document.documentElement.lang || !document.title) found.push("no language, or no title");
  if (document.querySelectorAll("main").length !== 1) found.push("not one main");
  const odd = [...document.body.children].filter((one) => !["HEADER", "MAIN", "SCRIPT"].includes(one.tagName));
  return [...found, ...odd.map((one) => `${told(one)} is in no landmark`)];
}

function focus() {
  const one = document.activeElement, style = getComputedStyle(one);
  const shown = style.outlineStyle === "auto" || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
  return [one === document.body, shown, told(one)];
}

function called() {
  const one = document.activeElement;
  return (one.ariaLabel || one.labels?.[0]?.innerText || one.innerText).trim();
}
