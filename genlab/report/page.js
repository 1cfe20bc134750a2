// Columns that sort, curves that are read out and enlarged. Without it the page says the same.
"use strict";
const NS = "http://www.w3.org/2000/svg";
const data = JSON.parse(document.getElementById("data").textContent);

function node(name, fields, ...children) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(fields)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Tables

const PREFIXES = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 };

// The number at the beginning of a cell, as "3.1 ± 0.4" or "1.5 M (gen 1 M)"; NaN of none.
function amount(text) {
  const found = /^(-?[\d.]+(?:e[-+]?\d+)?)\s?([kMGTPE](?![a-z]))?/.exec(text);
  return found ? Number(found[1]) * (PREFIXES[found[2]] || 1) : NaN;
}

function sorted(rows, column, direction) {
  const key = (row) => (row.cells[column].querySelector(".value") || row.cells[column]).textContent.trim();
  const keys = new Map(rows.map((row) => [row, key(row)]));
  const numbers = column > 0 && rows.some((row) => !Number.isNaN(amount(keys.get(row))));
  return [...rows].sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (!numbers) return direction * x.localeCompare(y);
    const [p, q] = [amount(x), amount(y)];
    if (Number.isNaN(p) || Number.isNaN(q)) return Number.isNaN(p) - Number.isNaN(q);
    return direction * (p - q);
  });
}

function sortable(table) {
  const [body, heads] = [table.tBodies[0], [...table.tHead.rows[0].cells]];
  const first = [...body.rows];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const next = { none: "ascending", ascending: "descending", descending: "none" };
      const way = next[head.ariaSort || "none"];
      for (const one of heads) one.removeAttribute("aria-sort");
      if (way !== "none") head.setAttribute("aria-sort", way);
      body.append(...(way === "none" ? first : sorted(first, column, way === "ascending" ? 1 : -1)));
    };
  });
}

// Curves

const [W, H, L, R, T, B] = [330, 220, 43, 14, 8, 22];
const inside = { x: L, y: T, width: W - L - R, height: H - T - B };

function short(value) {
  const size = Math.abs(value);
  for (const [prefix, scale] of Object.entries(PREFIXES).reverse()) {
    if (size >= (prefix === "k" ? 1e4 : scale)) return `${Number((value / scale).toPrecision(3))}${prefix}`;
  }
  return size && size < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(4)));
}

function ticks(low, high, about) {
  const rough = (high - low) / about, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((one) => one * power >= rough) || 10);
  const first = Math.ceil(low / step), count = Math.floor(high / step) - first;
  return Array.from({ length: Math.max(0, Math.min(count, 50)) + 1 }, (_, i) => (first + i) * step);
}

// Of a log scale from 10^low to 10^high: powers of ten, or 1, 2 and 5 of each where these are few.
function powers(low, high) {
  const all = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, i) => 10 ** (Math.floor(low) + i));
  const within = (values) => values.filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
  const tens = within(all), some = within(all.flatMap((value) => [value, 2 * value, 5 * value]));
  if (tens.length > 2) return tens.filter((_, i) => i % Math.ceil(tens.length / 6) === 0);
  return some.length > 1 ? some : ticks(10 ** low, 10 ** high, 5);
}

// The line of a curve, as legends have it.
function swatch(colour, dashes) {
  const line = node("line", { x1: 1, y1: 4, x2: 23, y2: 4, stroke: colour, "stroke-dasharray": dashes.join(" ") });
  return node("svg", { class: "key", viewBox: "0 0 24 8", "aria-hidden": "true" }, line);
}

function nearest(values, wanted) {
  let best = 0;
  values.forEach((value, i) => { if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = i; });
  return best;
}

class Panel {
  constructor(figure, drawn) {
    Object.assign(this, { figure, drawn, axis: 0, window: null, at: null });
    this.image = figure.querySelector("img");
    this.svg = node("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", tabindex: 0, "aria-label": this.image.alt });
    this.reading = document.createElement("output");
    this.reading.hidden = true;
    this.image.hidden = true;
    figure.append(this.svg, this.reading);
    this.svg.onpointerdown = (event) => this.press(event);
    this.svg.onpointermove = (event) => this.move(event);
    this.svg.onpointerup = (event) => this.release(event);
    this.svg.onpointerleave = () => this.from || this.point(null);
    this.svg.onblur = () => this.point(null);
    this.svg.ondblclick = () => this.show(null);
    this.svg.onkeydown = (event) => this.key(event);
    this.curves = this.placed(0);
    this.show(null);
  }

  // The curves against an axis; null where it is not known of all.
  placed(axis) {
    const curves = Object.entries(this.drawn.curves).map(([name, one]) => ({ name, x: data.places[one.at][axis], ...one }));
    return curves.every((one) => one.x) ? curves : null;
  }

  against(axis) {
    const curves = this.placed(axis);
    this.svg.classList.toggle("unknown", !curves);
    if (curves) { this.curves = curves; this.show(null); }
  }

  scaled(y) { return this.drawn.log ? Math.log10(y) : y; }

  whole() {
    const xs = this.curves.flatMap((one) => one.x);
    const ys = this.drawn.cut || this.curves.flatMap((one) => [...(one.low || one.mean), ...(one.high || one.mean)]);
    let [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), ...[Math.min(...ys), Math.max(...ys)].map((y) => this.scaled(y))];
    const room = (y1 - y0 || Math.abs(y1) || 1) * 0.05;
    if (x0 === x1) [x0, x1] = [x0 - 1, x1 + 1];
    return { x0, x1, y0: y0 - room, y1: y1 + room };
  }

  show(window) {
    this.window = window;
    this.view = window || this.whole();
    this.figure.classList.toggle("enlarged", Boolean(window));
    this.at = null;
    this.draw();
  }

  px(x) { return inside.x + (inside.width * (x - this.view.x0)) / (this.view.x1 - this.view.x0); }
  py(y) { return inside.y + inside.height * (1 - (this.scaled(y) - this.view.y0) / (this.view.y1 - this.view.y0)); }
  x(px) { return this.view.x0 + ((this.view.x1 - this.view.x0) * (px - inside.x)) / inside.width; }

  draw() {
    const lines = node("svg", { ...inside, viewBox: Object.values(inside).join(" ") });
    const level = this.drawn.baseline;
    if (level !== null && (!this.drawn.log || level > 0)) {
      lines.append(node("line", { class: "real", x1: L, x2: W, y1: this.py(level), y2: this.py(level) }));
    }
    for (const one of this.curves) {
      const [colour, dashes] = data.keys[one.name];
      const path = (values) => values.map((y, i) => `${this.px(one.x[i]).toFixed(1)} ${this.py(y).toFixed(1)}`);
      if (one.low) {
        const edge = [...path(one.high), ...path(one.low).reverse()];
        lines.append(node("path", { d: `M${edge.join("L")}Z`, fill: colour, class: "band" }));
      }
      lines.append(node("path", { d: `M${path(one.mean).join("L")}`, stroke: colour, "stroke-dasharray": dashes.join(" "), class: "mean" }));
      if (one.x.length === 1) lines.append(this.dot(one, 0, colour));
    }
    this.marks = node("g", {});
    lines.append(this.marks);
    this.svg.replaceChildren(...this.scales(), lines);
    this.point(null);
  }

  dot(one, i, colour) { return node("circle", { cx: this.px(one.x[i]), cy: this.py(one.mean[i]), r: 3, fill: colour }); }

  scales() {
    const { x0, x1, y0, y1 } = this.view, made = [];
    const rows = this.drawn.log ? powers(y0, y1) : ticks(y0, y1, 5);
    for (const y of rows) {
      const at = this.py(y);
      made.push(node("line", { class: "grid", x1: L, x2: W - R, y1: at, y2: at }), node("text", { x: L - 5, y: at + 3.5, class: "row" }, short(y)));
    }
    for (const x of ticks(x0, x1, 4)) made.push(node("text", { x: this.px(x), y: H - 7, class: "column" }, short(x)));
    made.push(node("path", { class: "frame", d: `M${L} ${T}V${H - B}H${W - R}` }));
    if (this.drawn.cut && !this.window) made.push(node("text", { x: W - R, y: T, class: "row faint" }, "extremes cut off"));
    return made;
  }

  place(event) {
    const box = this.svg.getBoundingClientRect();
    const clamp = (value, low, size) => Math.max(low, Math.min(low + size, value));
    return [clamp(((event.clientX - box.left) * W) / box.width, L, inside.width), clamp(((event.clientY - box.top) * H) / box.height, T, inside.height)];
  }

  press(event) {
    if (event.pointerType === "touch" || event.button) return;
    this.from = this.place(event);
    this.svg.setPointerCapture(event.pointerId);
  }

  move(event) {
    const [px, py] = this.place(event);
    this.point(this.x(px));
    if (!this.from) return;
    const [a, b] = this.from;
    this.marks.append(node("rect", { x: Math.min(a, px), y: Math.min(b, py), width: Math.abs(px - a), height: Math.abs(py - b), class: "chosen" }));
  }

  release(event) {
    if (!this.from) return;
    const [a, b] = this.from, [px, py] = this.place(event);
    this.from = null;
    if (Math.abs(px - a) > 6) {
      const [left, right] = [Math.min(a, px), Math.max(a, px)], flat = Math.abs(py - b) < 12;
      const y = (at) => this.view.y0 + (this.view.y1 - this.view.y0) * (1 - (at - T) / inside.height);
      this.show({ x0: this.x(left), x1: this.x(right), y0: flat ? this.view.y0 : y(Math.max(b, py)), y1: flat ? this.view.y1 : y(Math.min(b, py)) });
    } else this.point(this.x(px));
  }

  key(event) {
    const { x0, x1 } = this.view, middle = this.at === null ? (x0 + x1) / 2 : this.at;
    const zoomed = (by) => this.show({ ...this.view, x0: middle - by * (middle - x0), x1: middle + by * (x1 - middle) });
    const does = {
      ArrowLeft: () => this.point(Math.max(x0, middle - (x1 - x0) / 60)), ArrowRight: () => this.point(Math.min(x1, middle + (x1 - x0) / 60)),
      "+": () => zoomed(0.5), "-": () => zoomed(2), 0: () => this.show(null), Escape: () => this.show(null),
    }[event.key];
    if (does && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); does(); }
  }

  // Marks the points nearest to x and says their values.
  point(x) {
    this.at = x;
    this.marks.replaceChildren();
    this.reading.hidden = x === null;
    if (x === null) return;
    const at = this.px(x), rows = [];
    this.marks.append(node("line", { class: "cursor", x1: at, x2: at, y1: T, y2: H - B }));
    for (const one of this.curves) {
      const i = nearest(one.x, x), [colour, dashes] = data.keys[one.name], say = (y) => Number(y.toPrecision(4));
      this.marks.append(this.dot(one, i, colour));
      const range = one.low && one.low[i] !== one.high[i] ? ` (${say(one.low[i])} to ${say(one.high[i])})` : "";
      const row = document.createElement("div");
      row.append(swatch(colour, dashes), `${one.name} ${say(one.mean[i])}${range}`);
      rows.push(row);
    }
    const head = document.createElement("div");
    head.append(`${short(this.curves[0].x[nearest(this.curves[0].x, x)])} ${data.axes[this.axis]}`);
    this.reading.replaceChildren(head, ...rows);
    this.settle();
  }

  // At a side of the panel, above or below it: it may cover another panel, not the one that is read.
  settle() {
    const { style } = this.reading, panel = this.figure.getBoundingClientRect(), room = document.documentElement.clientWidth;
    style.inset = "100% auto auto 0";
    const { offsetWidth: width, offsetHeight: height } = this.reading;
    if (panel.right + width < room) style.inset = "1.9rem auto auto 100%";
    else if (panel.left > width) style.inset = "1.9rem 100% auto auto";
    else if (panel.bottom + height > innerHeight && panel.top > height) style.inset = "auto auto 100% 0";
  }
}

document.querySelectorAll("table.sorts").forEach(sortable);
const panels = data.panels ? [...document.querySelectorAll("figure.panel")].map((figure, i) => new Panel(figure, data.panels[i])) : [];
document.querySelectorAll(".live").forEach((one) => { one.hidden = false; });

const axes = [...document.querySelectorAll("input[name=axis]")];
function against(axis) {
  panels.forEach((panel) => { panel.axis = axis; panel.against(axis); });
  try { sessionStorage.setItem("axis", axis); } catch { /* pages of files may keep nothing */ }
}
axes.forEach((one, axis) => { one.onchange = () => against(axis); });
try {
  const kept = axes[Number(sessionStorage.getItem("axis"))];
  if (kept) { kept.checked = true; kept.onchange(); }
} catch { /* as above */ }

// A report that is watched is loaded anew, unless somebody is at a part of a curve.
const seconds = Number(document.documentElement.dataset.reload || 0);
if (seconds) setInterval(() => document.querySelector(".enlarged") || location.reload(), 1000 * seconds);
