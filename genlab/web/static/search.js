// A search for the sample that a person likes best: two pictures at a time. `tools` are the page's functions.
export function searching(tools) {
  const { $, element, json, given, described, can, busy, keep, use, say } = tools;
  const source = (image) => `data:image/png;base64,${image}`;

  function refresh() {
    $("searches").hidden = !described().some((run) => can(run, "edit"));
  }

  function begin() {
    const run = described().find((one) => can(one, "edit"));
    const fitting = Object.fromEntries(Object.entries(given()).filter(([name]) => name in run.given));
    return next({ run: run.id, given: fitting, seed: Number($("seed").value), duels: [], wins: [] });
  }

  // Every step is a result of its own: Undo takes an answer back.
  async function next(asked) {
    await busy("Looking for the next two …", async () => {
      const { run, ...ask } = asked;
      keep([{ run, asked, found: await json(`/v1/runs/${run}/search`, ask) }]);
    });
  }

  const answer = (one, first) => next({ ...one.asked, duels: [...one.asked.duels, one.found.duel], wins: [...one.asked.wins, first] });

  function figure(one) {
    const { images, answers } = one.found;
    const sides = ["left", "right"].map((side, i) => {
      const button = element("button", { type: "button", className: "one", title: `The ${side} one is better` },
        element("img", { src: source(images[i]), alt: "" }));
      button.setAttribute("aria-label", `The ${side} one is better`);
      button.onclick = () => answer(one, i === 0);
      return button;
    });
    const told = [`round ${one.found.checkpoint}`, `seed ${one.asked.seed}`, ...Object.entries(one.asked.given).map(([name, value]) => `${name} ${value}`)];
    const made = [element("figure", {}, element("figcaption", {}, element("strong", {}, one.run), ` ${told.join(", ")}: which is better?`),
      element("div", { className: "grid", style: "--across: 2" }, ...sides),
      element("p", { className: "note" }, `${answers} answer${answers === 1 ? "" : "s"}; Undo takes the last one back.`))];
    if (images[2]) made.push(best(one, images[2]));
    return made;
  }

  function best(one, image) {
    const name = `${one.run}_best.png`;
    const own = element("button", { type: "button", onclick: () => use(source(image)) }, "Use");
    own.hidden = $("upload").hidden;
    return element("figure", {}, element("figcaption", {}, element("strong", {}, "Liked best so far")),
      element("div", { className: "grid", style: "--across: 2" }, element("img", { src: source(image), className: "whole", alt: "the picture liked best so far" })),
      element("div", { className: "tools" }, own, element("a", { href: source(image), download: name }, "PNG")));
  }

  $("search").onclick = () => begin().catch((error) => say(error.message, true));
  return { refresh, figure };
}
