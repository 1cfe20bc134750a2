// The page of `genlab serve`: plain DOM, three modules, no build step.
import { pictures } from "/static/picture.js";
import { searching } from "/static/search.js";

const $ = (id) => document.getElementById(id);
const state = { runs: new Map(), chosen: [], history: [], at: -1, picked: [], pins: [] };

// A token comes in the address once, after "#", which browsers send to no server.
const token = (() => {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found) { sessionStorage.setItem("token", found); history.replaceState(null, "", location.pathname); }
  return sessionStorage.getItem("token");
})();

async function call(path, body, type = "application/json") {
  const headers = body === undefined ? {} : { "Content-Type": type };
  if (token) headers.Authorization = `Bearer ${token}`;
  for (let tries = 0; ; tries++) {
    const answer = await fetch(path, { method: body === undefined ? "GET" : "POST", headers, body });
    if (answer.ok) return answer;
    if (answer.status === 429 && tries < 4) {
      await new Promise((later) => setTimeout(later, 1000 * (answer.headers.get("Retry-After") || 1)));
      continue;
    }
    const said = await answer.json().catch(() => ({}));
    throw new Error(said.error || `HTTP status ${answer.status}`);
  }
}
const json = async (path, body) => (await call(path, body && JSON.stringify(body))).json();

function element(name, fields = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(fields)) {
    if (key === "style") made.style.cssText = value; else if (key in made) made[key] = value; else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
function say(text, wrong = false) {
  $("status").textContent = text;
  $("status").className = wrong ? "error" : "";
}
// What `work` returns is said at its end; why it failed, too.
async function busy(text, work) {
  say(text);
  $("results").classList.add("busy");
  try { say((await work()) || ""); } catch (error) { say(error.message, true); }
  $("results").classList.remove("busy");
}

const own = pictures({ $, element, call, json, busy, say, given: () => given(), described: () => described(), can: (run, ability) => can(run, ability), keep: (results) => keep(results) });
const duels = searching({ $, element, json, busy, say, given: () => given(), described: () => described(), can: (run, ability) => can(run, ability), keep: (results) => keep(results), use: (url) => own.use(url) });

// Runs and their conditions

const listed = () => json("/v1/runs");
const stage = (run) => (run.status === "finished" ? run.name : `${run.name} (${run.status}, round ${run.step})`);
const box = (id) => document.querySelector(`#runs input[value="${CSS.escape(id)}"]`);

async function begin() {
  const runs = await listed();
  for (const run of runs) {
    const tick = element("input", { type: "checkbox", value: run.id, onchange: choose });
    $("runs").append(element("label", { className: "check" }, tick, element("span", {}, stage(run))));
  }
  const first = runs.find((run) => run.status === "finished") || runs[0];
  box(first.id).checked = true;
  await choose();
  await sample();
}

async function choose() {
  const ids = [...document.querySelectorAll("#runs input:checked")].map((box) => box.value);
  await busy("Loading …", async () => {
    for (const id of ids) if (!state.runs.has(id)) await learn(id);
    state.chosen = ids;
    conditions();
    await about();
  });
}

// A run that cannot be described, as one without a checkpoint, can do nothing; the list says how far it is.
async function learn(id) {
  const found = await json(`/v1/runs/${id}`).catch(async (error) => {
    const run = (await listed()).find((one) => one.id === id);
    return { ...run, given: {}, abilities: [], ways: [], problem: error.message };
  });
  state.runs.set(id, found);
  box(id).nextSibling.textContent = stage(found);
}

const described = () => state.chosen.map((id) => state.runs.get(id));
const can = (run, ability) => run.abilities.includes(ability);

function conditions() {
  const kept = given();
  const all = Object.assign({}, ...described().map((run) => run.given));
  const names = Object.keys(all).filter((name) => ["label", "numbers"].includes(all[name].kind));
  $("given").replaceChildren(...names.map((name) => condition(name, all[name], kept[name])));
  const hsv = ["hue", "saturation", "value"];
  if (hsv.every((name) => names.includes(name))) $("given").prepend(colour(hsv));
  $("conditions").hidden = !names.length;
  $("vary").replaceChildren(...names.map((name) => element("option", { value: name }, name)));
  $("varies").hidden = !names.length;
  $("guides").hidden = !described().some((run) => can(run, "guide"));
  own.refresh();
  duels.refresh();
}

function condition(name, control, kept) {
  if (control.kind === "label") {
    const menu = element("select", { name }, element("option", { value: "" }, "any"),
      ...control.names.map((one) => element("option", { value: one }, one)));
    menu.value = kept ?? "";
    return element("label", {}, name, menu);
  }
  const parts = control.numbers.map((number, i) => {
    const value = kept?.[i] ?? (number.low + number.high) / 2;
    const slider = element("input", { type: "range", min: number.low, max: number.high, step: "any",
      value, className: number.name === "hue" ? "hue" : "" });
    slider.setAttribute("aria-label", number.name);
    slider.oninput = () => { set.checked = true; out.textContent = Number(slider.value).toPrecision(3); };
    const out = element("output", {}, Number(value).toPrecision(3));
    return [slider, out];
  });
  const set = element("input", { type: "checkbox", checked: kept !== undefined });
  set.setAttribute("aria-label", `give ${name} this value`);
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

function given() {
  const found = {};
  for (const menu of document.querySelectorAll("#given select")) if (menu.value) found[menu.name] = menu.value;
  for (const label of document.querySelectorAll("#given [data-numbers]")) {
    if (label.querySelector("input[type=checkbox]").checked) {
      found[label.dataset.numbers] = [...label.querySelectorAll("input[type=range]")].map((one) => Number(one.value));
    }
  }
  return found;
}

// Asking

function asked(run, more = {}) {
  const ask = { n: Number($("n").value), seed: Number($("seed").value), ...more };
  ask.given = Object.fromEntries(Object.entries(given()).filter(([name]) => name in run.given && name !== ask.vary?.column));
  if ($("truncation").value) ask.truncation = Number($("truncation").value);
  if ($("guidance").value && can(run, "guide")) ask.guidance = Number($("guidance").value);
  return ask;
}

async function draw(more, fits = () => true) {
  await busy("Drawing …", async () => {
    const runs = described().filter((run) => can(run, "sample") && fits(run));
    if (!runs.length) throw new Error(described().find((run) => run.problem)?.problem || "no chosen run can do this");
    keep(await Promise.all(runs.map((run) => json(`/v1/runs/${run.id}/samples`, asked(run, more)))));
  });
}
const sample = () => draw({});
const strip = () => draw({ n: Math.min(4, Number($("n").value)), vary: { column: $("vary").value } },
  (run) => $("vary").value in run.given);

async function between() {
  const [a, b] = state.picked.slice(-2);
  const place = (one) => ({ seed: one.ask.seed, n: one.ask.n, index: one.index });
  await draw({ n: 1, interpolate: 9, between: [place(a), place(b)] });
}

async function pack(chosen, name) {
  await busy("Packing …", async () => {
    const answer = await call("/v1/pack", JSON.stringify({ chosen }));
    const link = element("a", { href: URL.createObjectURL(await answer.blob()), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

// Showing

const narrow = matchMedia("(max-width: 50rem)");

function keep(results) {
  state.history = [...state.history.slice(0, state.at + 1), results].slice(-50);
  state.at = state.history.length - 1;
  show();
  if (narrow.matches && state.at) $("results").scrollIntoView();  // the controls are above, not beside
}

function show() {
  const results = state.history[state.at] || [];
  state.picked = [];
  $("results").replaceChildren(...results.flatMap((one) => (one.found ? duels.figure(one) : one.pictures ? own.figure(one) : figure(one))));
  $("undo").disabled = state.at <= 0;
  $("redo").disabled = state.at >= state.history.length - 1;
  $("zip").disabled = !results.some((one) => one.images);
  $("between").disabled = true;
}

function caption(result, i) {
  return Object.entries(result.conditions).map(([name, values]) => `${name} ${values[i]}`).join(", ");
}

function figure(result) {
  const across = result.across || Math.ceil(Math.sqrt(result.images.length));
  const grid = element("div", { className: "grid", style: `--across: ${across}` });
  const tools = element("div", { className: "tools" });
  result.images.forEach((image, index) => {
    const what = caption(result, index) || `sample ${index}`;
    const button = element("button", { type: "button", className: "one", title: what });
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-label", what);
    button.append(element("img", { src: `data:image/png;base64,${image}`, alt: "" }));
    button.onclick = () => pick(result, index, button, tools);
    grid.append(button);
  });
  const ask = result.ask;
  const told = [`round ${result.checkpoint}`, `seed ${ask.seed}`, ...Object.entries(ask.given).map(([name, value]) => `${name} ${value}`)];
  const notes = [result.chosen && `not asked for: ${result.chosen}`, result.beyond && `${result.beyond}: extrapolation`].filter(Boolean);
  return element("figure", {}, element("figcaption", {}, element("strong", {}, result.run), ` ${told.join(", ")}`), grid, tools,
    ...notes.map((text) => element("p", { className: "note" }, text)));
}

function pick(result, index, button, tools) {
  const chosen = { run: result.run, ask: result.ask, index, image: result.images[index] };
  button.setAttribute("aria-pressed", "true");
  state.picked.push(chosen);
  const plain = state.picked.filter((one) => !one.ask.vary && !one.ask.interpolate);
  $("between").disabled = plain.length < 2;
  const judge = (verdict, other) => busy("Keeping …", async () => {
    const said = { ask: chosen.ask, index, other, verdict, checkpoint: result.checkpoint };
    await json(`/v1/runs/${chosen.run}/feedback`, said);
    return `Kept: ${verdict}`;
  });
  const tool = (text, work) => element("button", { type: "button", onclick: work }, text);
  const before = state.picked.filter((one) => one.ask === result.ask && one.index !== index).at(-1);
  const pair = before ? [tool("Better than the last", () => judge("first", before.index)), tool("As good as the last", () => judge("tie", before.index))] : [];
  const save = element("a", { href: `data:image/png;base64,${chosen.image}`, download: `${chosen.run}_${chosen.ask.seed}_${index}.png` }, "PNG");
  tools.replaceChildren(tool("Pin", () => pin(chosen)), tool("Use", () => own.use(`data:image/png;base64,${chosen.image}`)), tool("Like", () => judge("up")), tool("Dislike", () => judge("down")), ...pair, save,
    element("span", { className: "note" }, caption(result, index)));
}

function pin(one) {
  state.pins.push(one);
  $("pinned").hidden = false;
  const button = element("button", { type: "button", className: "one", title: "Unpin" },
    element("img", { src: `data:image/png;base64,${one.image}`, alt: `${one.run}, sample ${one.index}` }));
  button.setAttribute("aria-label", `Unpin sample ${one.index} of ${one.run}`);
  button.onclick = () => {
    state.pins.splice(state.pins.indexOf(one), 1);
    button.remove();
    $("pinned").hidden = !state.pins.length;
  };
  $("pins").append(button);
}

// What is known of the chosen runs: scores, and curves that grow while a run trains

async function about() {
  const cards = await Promise.all(described().map(async (run) => {
    const [scores, rows] = await Promise.all([json(`/v1/runs/${run.id}/scores`), json(`/v1/runs/${run.id}/curves`)]);
    return element("div", { className: "card" }, element("h2", {}, run.name), ...problem(run), table(scores), ...curves(rows));
  }));
  $("about").replaceChildren(...cards);
}

const problem = (run) => (run.problem ? [element("p", { className: "note" }, run.problem)] : []);

function table(scores) {
  const last = new Map(scores.map((row) => [`${row.evaluator} (${row.protocol.split || ""})`, row]));
  if (!last.size) return element("p", { className: "note" }, "Not scored yet.");
  const short = (value) => (value === null || value === undefined ? "–" : Number(value).toPrecision(4));
  const lines = [...last].flatMap(([name, row]) => Object.entries(row.scores).map(([score, value]) =>
    element("tr", {}, element("th", { scope: "row" }, `${name} ${score}`), element("td", {}, short(value)), element("td", {}, short(row.baselines[score])))));
  const head = element("tr", {}, ...["Score", "Samples", "Real data"].map((text) => element("th", { scope: "col" }, text)));
  return element("div", { className: "wide", tabIndex: 0 }, element("table", {}, head, ...lines));
}

const COLOURS = ["#2b7bba", "#d1691e", "#3a923a", "#b03a48", "#8064a2"];

function curves(rows) {
  const names = rows.length ? Object.keys(rows[rows.length - 1]).filter((name) => name.endsWith("/loss")) : [];
  if (!names.length) return [];
  const values = names.flatMap((name) => rows.map((row) => row[name])).filter((x) => Number.isFinite(x)).sort((a, b) => a - b);
  const [low, high] = [values[Math.floor(values.length * 0.01)], values[Math.ceil(values.length * 0.99) - 1]];
  const last = rows[rows.length - 1].step;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 300 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "curve");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `losses to round ${last}, from ${low.toPrecision(3)} to ${high.toPrecision(3)}`);
  names.forEach((name, i) => {
    const points = rows.filter((row) => Number.isFinite(row[name])).map((row) => {
      const y = 96 - (92 * (Math.min(high, Math.max(low, row[name])) - low)) / (high - low || 1);
      return `${((300 * row.step) / last).toFixed(1)} ${y.toFixed(1)}`;
    });
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("d", points.length ? `M${points.join("L")}` : "");
    path.setAttribute("stroke", COLOURS[i % COLOURS.length]);
    svg.append(path);
  });
  const legend = element("p", { className: "note" }, `Losses to round ${last}, ${low.toPrecision(3)} to ${high.toPrecision(3)}: `);
  names.forEach((name, i) => {
    const mark = element("span", {}, "■");
    mark.style.color = COLOURS[i % COLOURS.length];
    legend.append(mark, ` ${name} `);
  });
  return [svg, legend];
}

// Also the end of a run is news: those that were not at it are asked, whatever they are now.
async function follow() {
  const open = described().filter((run) => ["unfinished", "not started"].includes(run.status));
  if (!open.length) return;
  await Promise.all(open.map((run) => learn(run.id)));
  if (open.some((run) => run.problem && !state.runs.get(run.id).problem)) conditions();
  await about();
}

// Pins of one request as one request.
function pinned() {
  const asks = new Map();
  for (const { run, ask, index } of state.pins) {
    const key = JSON.stringify([run, ask]);
    if (!asks.has(key)) asks.set(key, { run, ask, at: [] });
    if (!asks.get(key).at.includes(index)) asks.get(key).at.push(index);
  }
  return [...asks.values()];
}

$("controls").onsubmit = (event) => { event.preventDefault(); sample(); };
$("dice").onclick = () => { $("seed").value = crypto.getRandomValues(new Uint32Array(1))[0]; sample(); };
$("strip").onclick = strip;
$("between").onclick = between;
$("undo").onclick = () => { state.at -= 1; show(); };
$("redo").onclick = () => { state.at += 1; show(); };
$("zip").onclick = () => pack(state.history[state.at].filter((one) => one.images).map(({ run, ask }) => ({ run, ask })), "samples.zip");
$("zippins").onclick = () => pack(pinned(), "pinned.zip");
setInterval(() => follow().catch(() => {}), 5000);
begin().catch((error) => say(error.message, true));
