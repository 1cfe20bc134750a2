// A search for the sample that a person likes best: two pictures at a time.
import { json } from "/static/api.js";
import { fitting } from "/static/conditions.js";
import { $, busy, element, say } from "/static/dom.js";

export function searching({ described, can, keep, caption, use }) {
  const source = (image) => `data:image/png;base64,${image}`;
  let looking = false;

  function refresh() {
    $("searches").hidden = !described().some((run) => can(run, "edit"));
  }

  function begin() {
    const run = described().find((one) => can(one, "edit"));
    return next({ run: run.id, given: fitting(run), seed: Number($("seed").value), duels: [], wins: [] });
  }

  // Every step is a result of its own: Undo takes an answer back. A key that is held down answers once.
  async function next(asked) {
    if (looking) return;
    looking = true;
    await busy("Looking for the next two …", async () => {
      const { run, ...ask } = asked;
      keep([{ run, asked, found: await json(`/v1/runs/${run}/search`, ask) }]);
    });
    looking = false;
  }

  const answer = (one, first) => next({ ...one.asked, duels: [...one.asked.duels, one.found.duel], wins: [...one.asked.wins, first] });

  function figure(one) {
    const { images, answers } = one.found;
    const sides = ["left", "right"].map((side, i) => {
      const name = `The ${side} one is better`;
      return element("button", { type: "button", className: "one", title: name, ariaLabel: name, onclick: () => answer(one, i === 0) },
        element("img", { src: source(images[i]), alt: "" }));
    });
    const made = [element("figure", {}, caption(one.run, one.found.checkpoint, one.asked, ": which is better?"),
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
