"""Inversion and directions of the sweep's runs, in tables and strips.

Run:    python experiments/products/editing/results.py runs/editing
Writes: experiments/products/editing/results: inversion.md, directions.md, strips_*.png, mixing.png,
        truncation.png, categories.png
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

import genlab
from genlab import spec
from genlab.config import as_dict, build
from genlab.data.pictures import grid, headed, write_png
from genlab.editing import edits
from genlab.editing.factors import factors, target
from genlab.editing.inversion import Optimisation
from genlab.features.factors import Factors
from genlab.metrics import control, image
from genlab.nets import dcgan
from genlab.report.statistics import decimals, estimate, written

RESULTS = Path(__file__).parent / "results"
PICTURES = 24  # held out; inverted in two halves, the second of which is timed
STRENGTHS = np.arange(-6.0, 7.0)
AMOUNT = 0.5  # of the difference of two unrelated samples: where directions are compared
COMPONENTS = 10  # of each kind of direction that is found without attributes
CHOSEN_ON = 64  # samples on which the component for a target is chosen
DECODED = 12  # of the inverted pictures, whose edits are also read by drawing them again
TARGETS = ("hue=0.6", "saturation", "value", "background", "scale", "x")
WAYS = ("supervised", "conditional", "sefa", "ganspace", "random")
READABLE = 0.5  # R2 or accuracy on held-out pictures from which on a factor is measured
READER = spec(Factors, spec(dcgan.Down, width=24, norm="BatchNorm"), steps=1500)
INVERSIONS = {  # run, space, settings; None: the defaults
    "optimised in z, 2 starts": ("gan", "z", Optimisation(prior=1e-3, starts=2)),
    "optimised in w": ("gan", "w", None),
    "encoder": ("encoder", "w", Optimisation(steps=0)),
    "hybrid": ("encoder", "w", Optimisation(starts=1)),
}


def main(sweep: Path) -> None:
    """Every seed that the sweep has, each kept in its own file once it is measured."""
    found = []
    for folder in sorted((sweep / "encoder").glob("seed*")):
        kept = sweep / f"editing_{folder.name}.json"
        if not kept.exists():
            kept.write_text(json.dumps(measured(sweep, folder.name), indent=1))
        found.append(json.loads(kept.read_text()))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "inversion.md").write_text(inversion_table(found))
    (RESULTS / "directions.md").write_text(direction_table(found))


def measured(sweep: Path, seed: str) -> dict:
    """All numbers of one seed; of seed 0 the strips too."""
    runs = {name: genlab.load(sweep / name / seed) for name in ("gan", "encoder")}
    source = runs["gan"].source
    read, known = reader(runs["gan"].config, source)
    stored = source.read("test", PICTURES)
    inversions, inverted = {}, {}
    for name, (run, space, settings) in INVERSIONS.items():
        inverted[name], inversions[name] = invert(runs[run], stored, space, settings)
    mean = np.broadcast_to(stored["image"].mean(0), stored["image"].shape).round().astype(np.uint8)
    inversions["the mean picture"] = errors(mean, stored["image"])
    editor = runs["gan"].editor.with_measure(read)
    own = editor.drawn(PICTURES, "w", seed=5)
    again = {"image": own.examples, **own.given}
    inversions["its own samples, in w"] = invert(runs["gan"], again, "w", None)[1]
    best = inverted["hybrid"]
    table = directions(editor, best)
    decoded(editor, source, best, table)
    if seed == "seed0":
        RESULTS.mkdir(exist_ok=True)
        shown = np.stack([stored["image"], *(inverted[name].examples for name in INVERSIONS)], 1)
        write_png(RESULTS / "inversion.png", strips(shown[:12], ["given", *INVERSIONS]))
        pictures(editor, stored["image"], best)
    return {"inversion": inversions, "directions": table, "reader": known}


def reader(config, source) -> tuple:
    """The function that measures pictures, and how well it does on held-out ones, by factor."""
    found = build(READER).reader(as_dict(config), source)
    stored = source.read("test", 2000)
    kinds = factors(source.columns, found.columns)
    values = found.read(stored["image"])
    score = {}
    for name, factor in kinds.items():
        asked, answered = factor.of(stored), factor.of(values)
        label = not hasattr(factor.kind, "low")
        kind = control.accuracy(asked, answered) if label else None
        score[name] = kind if label else control.r2(asked, answered, factor.period)
    readable = {name for name, value in score.items() if value >= READABLE}
    return lambda x: {n: v for n, v in found.read(x).items() if n in readable}, score


def invert(run, stored, space, settings) -> tuple:
    """The latents of both halves, errors of each picture, CPU seconds of one of the second half."""
    half, parts = len(stored["image"]) // 2, []
    for rows in (slice(0, half), slice(half, None)):
        started = time.process_time()
        given = {"category": stored["category"][rows]}
        parts.append(run.editor.invert(stored["image"][rows], given, space, settings))
        seconds = (time.process_time() - started) / half
    whole = parts[0]._replace(
        examples=np.concatenate([part.examples for part in parts]),
        latents=np.concatenate([part.latents for part in parts]),
        given={"category": stored["category"]},
        loss=np.concatenate([part.loss for part in parts]),
    )
    return whole, {**errors(whole.examples, stored["image"]), "CPU s": seconds}


def errors(made, real) -> dict:
    """Means over the pictures."""
    made = np.asarray(made)
    found = {
        "MSE": image.mse(made, real, 255),
        "PSNR": image.psnr(made, real, 255),
        "SSIM": image.ssim(made, real, 255),
    }
    return {name: float(value.mean()) for name, value in found.items()}


def decoded(editor, source, inverted, table) -> None:
    """Adds to the rows of supervised and conditional directions what the set's own decoder says of
    the same edits of the first pictures: the target's change and the mean of the other factors', in
    units of the mean difference of two products.
    """
    few = first(inverted, DECODED)
    held = source.read("test", 2000)
    known = factors(source.columns, [name for name in held if name != "image"])
    units = {name: factor.spread(factor.of(held)) for name, factor in known.items()}
    before = source.decode(np.asarray(few.examples))
    for name, row in table.items():
        text, _, way = name.rpartition(" ")
        if way not in WAYS[:2] or not np.isfinite(row["by"]):
            continue
        keep = kept_with(text) if way == "conditional" else ()
        direction, wanted = editor.direction(text, "w", keep), target(known, text)
        values = editor.measure(few.examples)[wanted.factor.column][:, 0]
        by = np.array([row["by"]])
        latents = edits.moved(few.latents, direction.at(values), by * direction.unit)
        after = source.decode(np.asarray(editor.generate(few, latents)))
        now = edits.changes(wanted, known, units, before, after, by)
        row["decoded"] = {
            "wanted": float(now.wanted[0]), "leakage": float(now.leakage[0]),
            **{other: float(x[0]) for other, x in now.unwanted.items()},
        }  # fmt: skip


def first(inverted, n):
    """The first `n` of inverted pictures."""
    given = {name: x[:n] for name, x in inverted.given.items()}
    return inverted._replace(
        examples=inverted.examples[:n], latents=inverted.latents[:n], given=given
    )


def kept_with(text) -> list[str]:
    """The factors that a conditional direction keeps: those of the other targets."""
    return [n for n in (t.partition("=")[0] for t in TARGETS) if n != text.partition("=")[0]]


def directions(editor, inverted) -> dict:
    """By target and way: the strength at which the target has changed by AMOUNT in the inverted
    pictures, and the other factors' changes there.
    """
    samples, known = editor.population("w"), editor.population("w").known
    samples_of = editor.drawn(CHOSEN_ON, "w", seed=7)
    without = {
        f"{way}:{i}": editor.direction(f"{way}:{i}", "w")
        for way in WAYS[2:]
        for i in range(COMPONENTS)
    }
    on_samples = {name: seen(editor, samples_of, d) for name, d in without.items()}
    found = {}
    for text in TARGETS:
        wanted = target(known, text)
        keep = kept_with(text)
        chosen = {
            "supervised": (editor.direction(text, "w"), 1.0),
            "conditional": (editor.direction(text, "w", keep), 1.0),
        }
        for way in WAYS[2:]:
            chosen[way] = best(samples, wanted, without, on_samples, way)
        for way, (direction, sign) in chosen.items():
            now = changed(samples, wanted, seen(editor, inverted, direction), sign)
            at = edits.at_equal(now, AMOUNT)
            found[f"{text} {way}"] = {
                "direction": direction.name, "sign": sign, "fit": direction.fit, "by": at.by,
                "leakage": at.leakage, "unwanted": at.unwanted, "most": float(now.wanted.max()),
            }  # fmt: skip
    return found


def seen(editor, inverted, direction) -> tuple:
    """What is measured before and after an edit at every strength."""
    values = None
    if len(direction.slopes) > 1:
        values = direction.target.factor.of(editor.measure(inverted.examples))
    latents = edits.moved(inverted.latents, direction.at(values), STRENGTHS * direction.unit)
    before = editor.measure(inverted.examples)
    return before, editor.measure(editor.generate(inverted, latents))


def changed(samples, wanted, measured, sign) -> edits.Changes:
    """The changes of a target."""
    return edits.changes(wanted, samples.known, samples.units, *measured, sign * STRENGTHS)


def best(samples, wanted, without, on_samples, way) -> tuple:
    """Of the components of a way, and both signs, the one that leaks least on samples at an equal
    change of the target; where none reaches that, the one that comes nearest.
    """
    options = []
    for name in without:
        for sign in (1.0, -1.0):
            if name.startswith(f"{way}:"):
                now = changed(samples, wanted, on_samples[name], sign)
                at = edits.at_equal(now, AMOUNT)
                missed = not np.isfinite(at.by)
                options.append((missed, -now.wanted.max() if missed else at.leakage, name, sign))
    *_, name, sign = min(options)
    return without[name], sign


def strips(shown, names) -> np.ndarray:
    """Rows [N, K, H, W, C] of pictures under names."""
    wide = np.repeat(np.repeat(shown, 2, axis=2), 2, axis=3)
    return headed(grid(wide.reshape(-1, *wide.shape[2:]), wide.shape[1]), list(names))


def pictures(editor, real, inverted) -> None:
    """Strips of held-out pictures along supervised directions, mixed styles, truncation."""
    few = first(inverted, 6)
    by = (-4.0, -2.0, 0.0, 2.0, 4.0)
    for text in ("hue=0.6", "value", "background", "scale"):
        made = editor.edit(few, editor.direction(text, "w", kept_with(text)), by).examples
        shown = np.concatenate([real[:6, None], made.reshape(6, len(by), *real.shape[1:])], 1)
        name = text.partition("=")[0]
        write_png(RESULTS / f"strips_{name}.png", strips(shown, ["given", *map(str, by)]))
    others = [few._replace(latents=few.latents[[i] * 6]) for i in range(6)]
    since = editor.method.style_layers() // 2
    shown = np.stack([editor.mixed(few, other, since) for other in others], axis=1)
    top = np.concatenate([np.full_like(few.examples[:1], 255), few.examples])[None]
    shown = np.concatenate([few.examples[:, None], shown], axis=1)
    sheet = np.concatenate([top, shown]).reshape(-1, *real.shape[1:])
    write_png(RESULTS / "mixing.png", grid(sheet, 7))
    drawn, psis = editor.drawn(10, "w", seed=3), (0.0, 0.5, 0.7, 1.0)
    cut = np.stack([editor.truncated(drawn, psi) for psi in psis], axis=1)
    write_png(RESULTS / "truncation.png", strips(cut, map(str, psis)))
    names = editor.source.columns["category"].names
    made = editor.conditioned(few, [{"category": np.int32(i)} for i in range(len(names))])
    shown = np.concatenate([real[:6, None], made.examples.reshape(6, -1, *real.shape[1:])], 1)
    write_png(RESULTS / "categories.png", strips(shown, ["given", *names]))


def cell(values) -> str:
    """A mean over seeds with its interval."""
    found = estimate([np.nan if v is None else v for v in values])
    return "-" if found is None else written(found, decimals([found]))


def inversion_table(found: list[dict]) -> str:
    """Markdown."""
    scores = ("MSE", "PSNR", "SSIM", "CPU s")
    lines = [
        f"# Inversion of {PICTURES} held-out products", "",
        f"Means over the pictures, 95 % t-intervals over {len(found)} seeds of the GAN. MSE is a "
        "share of the squared range; CPU seconds of one picture of twelve, compiled.", "",
        *head("", scores),
    ]  # fmt: skip
    for name in found[0]["inversion"]:
        rows = [one["inversion"][name] for one in found]
        cells = [cell([row.get(score) for row in rows]) for score in scores]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def direction_table(found: list[dict]) -> str:
    """Markdown: leakage by target and way, then every factor, then the reader."""
    lines = [
        "# Directions in w, at an equal change of the target", "",
        f"Held-out products, inverted (hybrid). The target has changed by {AMOUNT} of the mean "
        "difference of two unrelated samples; the number is the mean change of the other factors, "
        "in the same unit, and in brackets the strength in standard deviations of w. Of SeFa, "
        f"GANSpace and random directions the best of {COMPONENTS}, chosen on samples. 95 % "
        f"t-intervals over {len(found)} seeds, or over those (in brackets) that got so far "
        f"within {STRENGTHS.max():g} standard deviations.", "",
        *head("target", WAYS),
    ]  # fmt: skip
    for text in TARGETS:
        cells = []
        for way in WAYS:
            rows = [one["directions"][f"{text} {way}"] for one in found]
            reached = sum(np.isfinite(row["by"]) for row in rows)
            part = f" [{reached} of {len(rows)}]" if 0 < reached < len(rows) else ""
            strength = cell([row["by"] for row in rows])
            worth = cell([row["leakage"] for row in rows])
            cells.append("not reached" if not reached else f"{worth} ({strength}){part}")
        lines.append(f"| {text} | " + " | ".join(cells) + " |")
    told = (
        f"The same edits of {DECODED} pictures, read by the set's own decoder, which draws them "
        "again: the target's change and, in brackets, the mean change of all other factors, in "
        "units of the mean difference of two products."
    )
    lines += ["", told, "", *head("target", WAYS[:2])]
    for text in TARGETS:
        cells = []
        for way in WAYS[:2]:
            rows = [one["directions"][f"{text} {way}"].get("decoded", {}) for one in found]
            cells.append(f"{cell([r.get('wanted') for r in rows])} "
                         f"({cell([r.get('leakage') for r in rows])})")  # fmt: skip
        lines.append(f"| {text} | " + " | ".join(cells) + " |")
    names = list(found[0]["reader"])
    measured = [n for n in names if all(one["reader"][n] >= READABLE for one in found)]
    for way in ("supervised", "conditional"):
        lines += ["", f"Change of each factor, {way}:", "", *head("target", measured)]
        for text in TARGETS:
            rows = [one["directions"][f"{text} {way}"]["unwanted"] for one in found]
            cells = [cell([row.get(name) for row in rows]) for name in measured]
            lines.append(f"| {text} | " + " | ".join(cells) + " |")
    told = f"accuracy of labels, R2 of numbers; below {READABLE} they are not measured"
    lines += ["", f"What measures, on 2,000 held-out pictures ({told}):", ""]
    lines += head("factor", ["score"])
    lines += [f"| {name} | {cell([one['reader'][name] for one in found])} |" for name in names]
    return "\n".join(lines) + "\n"


def head(first, names) -> list[str]:
    """Of a table."""
    return [f"| {first} | " + " | ".join(names) + " |", "|---" * (1 + len(names)) + "|"]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
