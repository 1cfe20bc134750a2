// Samples that were drawn: chosen, judged, pinned. `page`: what the page does with them, and says of a result.
import { json } from "/static/api.js";
import { $, busy, element } from "/static/dom.js";

export function samples(page) {
  let picked = [];
  const pins = [];
  const source = (one) => `data:image/png;base64,${one.image}`;
  const plain = () => picked.filter((one) => !one.ask.vary && !one.ask.interpolate);

  function figure(result) {
    const ones = result.images.map((image, index) => ({ result, run: result.run, ask: result.ask, index, image, what: what(result, index) }));
    const across = result.across || Math.ceil(Math.sqrt(ones.length)), tools = toolbar(result, ones);
    const grid = element("div", { className: "grid", style: `--across: ${across}` }, ...ones.map((one) => choice(one, tools)));
    const notes = [result.chosen && `not asked for: ${result.chosen}`, result.beyond && `${result.beyond}: extrapolation`].filter(Boolean);
    return element("figure", {}, page.caption(result.run, result.checkpoint, result.ask), grid, tools.bar,
      ...notes.map((text) => element("p", { className: "note" }, text)));
  }

  function what(result, i) {
    const conditions = Object.entries(result.conditions).map(([name, values]) => page.condition(result.run, name, values[i]));
    return conditions.join(", ") || `sample ${i}`;
  }

  // A sample, chosen by one click and no longer by the next.
  function choice(one, tools) {
    const button = element("button", { type: "button", className: "one", title: one.what, ariaLabel: one.what, ariaPressed: "false" },
      element("img", { src: source(one), alt: "" }));
    button.onclick = () => {
      const chosen = !picked.includes(one);
      picked = chosen ? [...picked, one] : picked.filter((other) => other !== one);
      button.ariaPressed = String(chosen);
      tools.refresh();
      $("between").disabled = plain().length < 2;
    };
    return button;
  }

  // What can be done with the sample chosen last. It is there before one is, so that nothing moves then.
  function toolbar(result, ones) {
    const chosen = (at) => picked.filter((one) => one.result === result).at(at);
    const tool = (text, work) => element("button", { type: "button", onclick: () => work(chosen(-1)) }, text);
    const single = [tool("Pin", pin), tool("Use", (one) => page.use(source(one))), tool("Like", (one) => judge(one, "up")),
      tool("Dislike", (one) => judge(one, "down")), tool("PNG", download)];
    const pair = [tool("Better than the last", (one) => judge(one, "first", chosen(-2))), tool("As good as the last", (one) => judge(one, "tie", chosen(-2)))];
    single[1].hidden = $("upload").hidden;
    const hint = "Choose a sample to keep it, judge it or use it.", said = element("span", {});
    const longest = [...new Set([hint, ...ones.map((one) => one.what)])].sort((a, b) => b.length - a.length).slice(0, 8);
    const room = longest.map((text) => element("span", { className: "room" }, text));
    const refresh = () => {
      single.forEach((one) => { one.disabled = !chosen(-1); });
      pair.forEach((one) => { one.disabled = !chosen(-2); });
      said.textContent = chosen(-1)?.what || hint;
    };
    refresh();
    return { refresh, bar: element("div", { className: "tools" }, ...single, ...pair, element("p", { className: "note says" }, said, ...room)) };
  }

  const judge = (one, verdict, other) => busy("Keeping …", async () => {
    const said = { ask: one.ask, index: one.index, other: other?.index, verdict, checkpoint: one.result.checkpoint };
    await json(`/v1/runs/${one.run}/feedback`, said);
    return `Kept: ${verdict}`;
  });

  const download = (one) => element("a", { href: source(one), download: `${one.run}_${one.ask.seed}_${one.index}.png` }).click();

  function pin(one) {
    if (pins.includes(one)) return;
    pins.push(one);
    $("pinned").hidden = false;
    const name = page.titled(one.run);
    const button = element("button", { type: "button", className: "one", title: "Unpin", ariaLabel: `Unpin sample ${one.index} of ${name}` },
      element("img", { src: source(one), alt: `${name}, sample ${one.index}` }));
    button.onclick = () => {
      pins.splice(pins.indexOf(one), 1);
      (button.nextSibling || button.previousSibling || $("sample")).focus({ preventScroll: true });
      button.remove();
      $("pinned").hidden = !pins.length;
    };
    $("pins").append(button);
  }

  // Pins of one request as one request.
  function pinned() {
    const asks = new Map();
    for (const { run, ask, index } of pins) {
      const key = JSON.stringify([run, ask]);
      if (!asks.has(key)) asks.set(key, { run, ask, at: [] });
      if (!asks.get(key).at.includes(index)) asks.get(key).at.push(index);
    }
    return [...asks.values()];
  }

  const clear = () => { picked = []; $("between").disabled = true; };
  const lastTwo = () => plain().slice(-2).map((one) => ({ seed: one.ask.seed, n: one.ask.n, index: one.index }));
  return { figure, clear, lastTwo, pinned };
}
