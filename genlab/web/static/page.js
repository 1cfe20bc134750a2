// The page of `genlab serve`: plain DOM, a module a part, no build step.
import { cards } from "/static/about.js";
import { call, json } from "/static/api.js";
import { KINDS, fitting, show as showConditions, written } from "/static/conditions.js";
import { $, busy, element, replace, say } from "/static/dom.js";
import { pictures } from "/static/picture.js";
import { samples } from "/static/samples.js";
import { searching } from "/static/search.js";

const state = { runs: new Map(), chosen: [], history: [], at: -1 };

const described = () => state.chosen.map((id) => state.runs.get(id));
const can = (run, ability) => run.abilities.includes(ability);
const titled = (id) => state.runs.get(id)?.name || id;
const condition = (id, name, value) => `${name} ${written(state.runs.get(id)?.given[name], value)}`;

// What a result is of: its run, round, seed and what was asked for, or what else there is to say.
function caption(id, checkpoint, asked, more = "") {
  const given = Object.entries(asked.given).map(([name, value]) => condition(id, name, value));
  return element("figcaption", {}, element("strong", {}, titled(id)), ` ${[`round ${checkpoint}`, `seed ${asked.seed}`, ...given].join(", ")}${more}`);
}

const own = pictures({ described, can, keep, titled });
const duels = searching({ described, can, keep, caption, use: (url) => own.use(url) });
const drawn = samples({ caption, condition, titled, use: (url) => own.use(url) });

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
  document.querySelector("main").classList.remove("loading");
  await sample();
}

async function choose() {
  const ids = [...document.querySelectorAll("#runs input:checked")].map((box) => box.value);
  $("count").textContent = `${ids.length} of ${$("runs").children.length}`;
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

function conditions() {
  const all = Object.entries(Object.assign({}, ...described().map((run) => run.given)));
  showConditions(Object.fromEntries(all.filter(([, column]) => KINDS.includes(column.kind))));
  $("guides").hidden = !described().some((run) => can(run, "guide"));
  own.refresh();
  duels.refresh();
}

const about = async () => replace($("about"), ...(await cards(described())));

// Also the end of a run is news: those that were not at it are asked, whatever they are now.
async function follow() {
  const open = described().filter((run) => ["unfinished", "not started"].includes(run.status));
  if (!open.length) return;
  await Promise.all(open.map((run) => learn(run.id)));
  if (open.some((run) => run.problem && !state.runs.get(run.id).problem)) conditions();
  await about();
}

// Asking

function asked(run, more = {}) {
  const ask = { n: Number($("n").value), seed: Number($("seed").value), ...more };
  ask.given = Object.fromEntries(Object.entries(fitting(run)).filter(([name]) => name !== ask.vary?.column));
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
const between = () => draw({ n: 1, interpolate: 9, between: drawn.lastTwo() });

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
  const results = state.history[state.at] || [], held = document.activeElement;
  drawn.clear();
  replace($("results"), ...results.flatMap((one) => (one.found ? duels : one.pictures ? own : drawn).figure(one)));
  $("undo").disabled = state.at <= 0;
  $("redo").disabled = state.at >= state.history.length - 1;
  $("zip").disabled = !results.some((one) => one.images);
  if (held.disabled) [$("undo"), $("redo")].find((one) => !one.disabled)?.focus();  // it would be nowhere
}

const step = (by) => { state.at += by; show(); };

$("controls").onsubmit = (event) => { event.preventDefault(); sample(); };
$("dice").onclick = () => { $("seed").value = crypto.getRandomValues(new Uint32Array(1))[0]; sample(); };
$("strip").onclick = strip;
$("between").onclick = between;
$("undo").onclick = () => step(-1);
$("redo").onclick = () => step(1);
$("zip").onclick = () => pack(state.history[state.at].filter((one) => one.images).map(({ run, ask }) => ({ run, ask })), "samples.zip");
$("zippins").onclick = () => pack(drawn.pinned(), "pinned.zip");
setInterval(() => follow().catch(() => {}), 5000);
begin().catch((error) => say(error.message, true));
