// What samples are asked to have: a menu, a slider or a colour for each column that the chosen runs are given.
import { $, element, replace } from "/static/dom.js";

export const KINDS = ["label", "numbers"];

// A control for each column, by name; values that were set before are kept.
export function show(columns) {
  const kept = given(), names = Object.keys(columns), hsv = ["hue", "saturation", "value"];
  const controls = names.map((name) => control(name, columns[name], kept[name]));
  replace($("given"), ...(hsv.every((name) => names.includes(name)) ? [colour(hsv)] : []), ...controls);
  $("conditions").hidden = !names.length;
  replace($("vary"), ...names.map((name) => element("option", { value: name }, name)));
  $("varies").hidden = !names.length;
}

// The values that are set, by column.
export function given() {
  const found = {};
  for (const menu of document.querySelectorAll("#given select")) if (menu.value) found[menu.name] = menu.value;
  for (const label of document.querySelectorAll("#given [data-numbers]")) {
    if (label.querySelector("input[type=checkbox]").checked) {
      found[label.dataset.numbers] = [...label.querySelectorAll("input[type=range]")].map((one) => Number(one.value));
    }
  }
  return found;
}

// Those of them that a run is given.
export const fitting = (run) => Object.fromEntries(Object.entries(given()).filter(([name]) => name in run.given));

// A value as the page says it: numbers to three digits. Files have them whole.
export function written(column, value) {
  if (column?.kind !== "numbers") return value;
  return String(value).replace(/-?\d*\.?\d+(?:e[-+]?\d+)?/g, (text) => {
    const digits = Math.max(3, String(Math.trunc(Math.abs(Number(text)))).length);
    return String(Number(Number(text).toPrecision(digits)));
  });
}

function control(name, column, kept) {
  if (column.kind === "label") {
    const menu = element("select", { name }, element("option", { value: "" }, "any"),
      ...column.names.map((one) => element("option", { value: one }, one)));
    menu.value = kept ?? "";
    return element("label", {}, name, menu);
  }
  const parts = column.numbers.map((number, i) => {
    const value = kept?.[i] ?? (number.low + number.high) / 2;
    const slider = element("input", { type: "range", min: number.low, max: number.high, step: "any",
      value, className: number.name === "hue" ? "hue" : "", ariaLabel: number.name });
    slider.oninput = () => { set.checked = true; out.textContent = Number(slider.value).toPrecision(3); };
    const out = element("output", {}, Number(value).toPrecision(3));
    return [slider, out];
  });
  const set = element("input", { type: "checkbox", checked: kept !== undefined, ariaLabel: `give ${name} this value` });
  const label = element("label", {}, element("span", {}, set, name), element("span", {}, ...parts.flat()));
  label.dataset.numbers = name;
  return label;
}

// A colour picker where the data have hue, saturation and value.
function colour(names) {
  const pick = element("input", { type: "color", value: "#3366cc" });
  pick.oninput = () => {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(pick.value.slice(i, i + 2), 16) / 255);
    const high = Math.max(r, g, b), range = high - Math.min(r, g, b);
    const turn = !range ? 0 : high === r ? ((g - b) / range + 6) % 6 : high === g ? (b - r) / range + 2 : (r - g) / range + 4;
    [turn / 6, high ? range / high : 0, high].forEach((value, i) => {
      const slider = document.querySelector(`[data-numbers="${names[i]}"] input[type=range]`);
      slider.value = value;
      slider.oninput();
    });
  };
  return element("label", {}, "colour", pick);
}
