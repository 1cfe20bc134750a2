// What is known of runs: scores, and curves that grow while a run trains.
import { json } from "/static/api.js";
import { element } from "/static/dom.js";

// A card of each run.
export const cards = (runs) => Promise.all(runs.map(async (run) => {
  const [scores, rows] = await Promise.all([json(`/v1/runs/${run.id}/scores`), json(`/v1/runs/${run.id}/curves`)]);
  return element("div", { className: "card" }, element("h2", {}, run.name), ...problem(run), ...weights(run), table(run, scores), ...curves(rows));
}));

const problem = (run) => (run.problem ? [element("p", { className: "note" }, run.problem)] : []);

// Which of its checkpoints answers: the best by validation, or the last.
const weights = (run) => (run.chosen ? [element("p", { className: "note" }, `Weights of round ${run.checkpoint} (${run.chosen}).`)] : []);

// The scores of those weights; where they are not scored, each evaluator's newest, with its round.
function table(run, scores) {
  if (!scores.length) return element("p", { className: "note" }, "Not scored yet.");
  const own = scores.some((row) => row.step === run.checkpoint);
  const rows = own ? scores.filter((row) => row.step === run.checkpoint) : scores;
  const newest = new Map(rows.map((row) => [`${row.evaluator} ${row.protocol.split}`, row])).values();
  const called = (row) => `${row.evaluator} (${[row.protocol.split, own ? "" : `round ${row.step}`].filter(Boolean).join(", ")})`;
  const short = (value) => (value === null || value === undefined ? "–" : Number(value).toPrecision(4));
  const lines = [...newest].flatMap((row) => Object.entries(row.scores).map(([score, value]) =>
    element("tr", {}, element("th", { scope: "row" }, `${called(row)} ${score}`), element("td", {}, short(value)), element("td", {}, short(row.baselines[score])))));
  const head = element("tr", {}, ...["Score", "Samples", "Real data"].map((text) => element("th", { scope: "col" }, text)));
  return element("div", { className: "wide", tabIndex: 0, role: "region", ariaLabel: `Scores of ${run.name}` }, element("table", {}, head, ...lines));
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
  names.forEach((name, i) => legend.append(element("span", { className: "swatch", style: `background: ${COLOURS[i % COLOURS.length]}` }), ` ${name} `));
  return [svg, legend];
}
