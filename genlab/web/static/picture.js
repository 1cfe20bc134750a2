// A picture of the person's own: what chosen runs make of it.
import { call, json } from "/static/api.js";
import { fitting } from "/static/conditions.js";
import { $, busy, element, replace, say } from "/static/dom.js";
import { painter } from "/static/paint.js";

export function pictures({ described, can, keep, titled }) {
  const own = { main: null, others: new Map(), url: null }, paint = painter();

  const dataURL = (file) => new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => failed(new Error("the file cannot be read"));
    reader.readAsDataURL(file);
  });
  const bare = (url) => url.slice(url.indexOf(",") + 1);

  // What can be done, by a name: the runs that can, and the columns that are pictures.
  function kinds() {
    const found = new Map();
    const add = (name, run, more = {}) => {
      const one = found.get(name) || { name, runs: [], others: [], masks: [], ...more };
      one.runs.push(run);
      found.set(name, one);
    };
    for (const run of described()) {
      if (can(run, "reconstruct")) add("Reconstruct", run, { does: reconstruct });
      for (const way of run.ways) {
        const name = way.masks.length ? `Repair (${way.of} to ${way.to})` : way.of === way.to ? `Restyle ${way.of}` : `Make ${way.to} of ${way.of}`;
        add(name, run, { does: translate, way, others: way.pictures, masks: way.masks });
      }
      if (can(run, "edit")) add("Edit along a direction", run, { does: along });
      if (can(run, "edit") && Object.keys(run.given).length) add("Edit to the conditions above", run, { does: under });
    }
    return found;
  }

  function refresh() {
    const all = kinds(), kept = $("does").value;
    $("upload").hidden = !all.size;
    $("does").replaceChildren(...[...all.keys()].map((name) => element("option", { value: name }, name)));
    if (all.has(kept)) $("does").value = kept;
    form();
  }
  const chosen = () => kinds().get($("does").value);

  async function form() {
    const one = chosen();
    if (!one) return;
    replace($("others"), ...one.others.map((name) => {
      const input = element("input", { type: "file", accept: "image/*" });
      input.onchange = () => input.files[0] && own.others.set(name, input.files[0]);
      return element("label", {}, name, input);
    }));
    $("paint").hidden = !one.masks.length || !own.main;
    $("preview").hidden = !own.main || !$("paint").hidden;
    $("along").hidden = one.does !== along;
    $("directions").replaceChildren(...suggestions(one.runs).map((value) => element("option", { value })));
    $("change").disabled = !own.main;
    if (!$("paint").hidden) await paint.show(own.url).catch((error) => say(error.message, true));
  }

  function suggestions(runs) {
    const named = runs.flatMap((run) => Object.entries(run.given).flatMap(([name, control]) =>
      control.kind === "label" ? control.names.slice(0, 20).map((value) => `${name}=${value}`) : control.kind === "numbers" ? [name] : []));
    return [...new Set([...named, "sefa:0", "sefa:1", "sefa:2", "ganspace:0", "random:0"])];
  }

  async function take(file) {
    own.main = file;
    own.url = $("preview").src = await dataURL(file);
    await form();
    const one = chosen();
    if (one && !one.others.length && !one.masks.length && one.does !== along) await change();
  }

  const taken = (file) => take(file).catch((error) => say(error.message, true));

  const source = (image) => `data:image/png;base64,${image}`;

  async function reconstruct(run) {
    const kept = Object.entries(fitting(run)).map(([name, value]) => `${name}=${value}`);
    const answer = await call(`/v1/runs/${run.id}/reconstruct?given=${encodeURIComponent(kept)}`, own.main, own.main.type || "image/png");
    return [{ src: URL.createObjectURL(await answer.blob()), text: "made anew" }];
  }

  async function translate(run, one) {
    const files = { [one.way.of]: bare(await dataURL(own.main)) };
    for (const name of one.others) {
      if (!own.others.has(name)) throw new Error(`choose a picture for ${name} too`);
      files[name] = bare(await dataURL(own.others.get(name)));
    }
    for (const name of one.masks) files[name] = bare(paint.mask());
    const ask = { pictures: files, of: one.way.of, to: one.way.to, given: fitting(run), seed: Number($("seed").value) };
    return shown(await json(`/v1/runs/${run.id}/translate`, ask));
  }

  const shown = (made) => made.images.map((image, i) => ({ src: source(image), text: made.heads[i] }));

  async function edit(run, more) {
    const picture = bare(await dataURL(own.main));
    return shown(await json(`/v1/runs/${run.id}/edit`, { picture, seed: Number($("seed").value), ...more }));
  }
  async function along(run) {
    const direction = $("direction").value.trim();
    if (!direction) throw new Error("say along which direction, as sefa:0");
    return edit(run, { direction, given: fitting(run) });
  }
  const under = (run) => edit(run, { to: fitting(run) });

  async function change() {
    await busy("Working on the picture …", async () => {
      const one = chosen(), painted = one.masks.length > 0;
      const before = painted ? { src: paint.painted(), text: "your picture, painted over" } : { src: own.url, text: "your picture" };
      const made = await Promise.all(one.runs.map(async (run) => {
        const results = await one.does(run, one);
        return { run: run.id, title: one.name, pictures: [before, ...results] };
      }));
      keep(made);
    });
  }

  $("file").onchange = (event) => event.target.files[0] && taken(event.target.files[0]);
  for (const name of ["dragover", "dragleave", "drop"]) {
    $("drop").addEventListener(name, (event) => {
      event.preventDefault();
      $("drop").classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) taken(event.dataTransfer.files[0]);
    });
  }
  $("does").onchange = form;
  $("change").onclick = change;

  // A picture out of the results.
  async function use(url) {
    const bytes = Uint8Array.from(atob(bare(url)), (c) => c.charCodeAt(0));
    await take(new File([bytes], "sample.png", { type: "image/png" }));
    say("It is your picture now");
  }

  function figure(one) {
    const grid = element("div", { className: "grid", style: `--across: ${Math.min(4, one.pictures.length)}` },
      ...one.pictures.map(({ src, text }, i) => element("div", { className: "made" },
        element("img", { src, className: "whole", alt: text }),
        element("p", { className: "note" }, text),
        ...(i ? [element("a", { href: src, download: `${one.run}_${i}.png`, ariaLabel: `download: ${text}` }, "PNG")] : []))));
    return element("figure", {}, element("figcaption", {}, element("strong", {}, titled(one.run)), ` ${one.title}`), grid);
  }

  return { refresh, use, figure };
}
