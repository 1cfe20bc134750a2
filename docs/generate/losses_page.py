"""Writes docs/losses.md: every objective, penalty, regulariser and option of a game, from the code.

    python docs/generate/losses_page.py

Names, arguments and sources are read from the code, errors are measured against the oracles of the
tests while it runs, and every line of a config on the page is built and fitted to small networks.
It fails where something is in the code and not in the tables here, or the other way round.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the oracles and the small networks of the tests

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from helpers import tiny  # noqa: E402
from jax import random  # noqa: E402
from losses import (  # noqa: E402
    test_adversarial,
    test_penalties,
    test_pictures,
    test_regularisers,
)
from losses_entries import OBJECTIVES, PENALTIES, REGULARISERS, Entry  # noqa: E402
from losses_errors import of_objective, of_penalty, of_regulariser, rounded_up  # noqa: E402
from losses_options import NAMES, OPTIONS  # noqa: E402
from losses_pictures import GROUPS, of_loss  # noqa: E402

from genlab import game  # noqa: E402
from genlab.config import build, spec  # noqa: E402
from genlab.config.experiment import Experiment  # noqa: E402
from genlab.losses import adversarial, penalties, regularisers, structural  # noqa: E402
from genlab.methods import GAN  # noqa: E402
from genlab.nets import Discriminator, Generator, mlp  # noqa: E402

PAGE = ROOT / "docs" / "losses.md"
TESTS = "tests/"
ROWS = 8
CITATION = re.compile(
    r"(?P<who>[A-Z][\w-]+(?: & [A-Z][\w-]+| et al\.)? \d{4}), arXiv:(?P<id>\d{4}\.\d{4,5}(?:v\d+)?)"
    r"(?P<where>(?:, (?:Eqs?\. [\d-]+\d|Eq\. \d|Sections? \d[.\d]*\d|Section \d|Algorithm \d"
    r"|Appendix [A-Z](?:\.\d)?|Tables \d and \d|appendix)(?: and Algorithm \d)?)*)"
)


def docstrings(module) -> dict[str, str]:
    """Of functions, and of the assignments a string follows."""
    found, body = {}, ast.parse(inspect.getsource(module)).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef):
            found[node.name] = ast.get_docstring(node) or ""
        elif isinstance(node, ast.Assign) and isinstance(after, ast.Expr):
            found[node.targets[0].id] = inspect.cleandoc(after.value.value)
    for name, text in found.items():  # "`lecam` as the authors' code has it": its source counts
        if not CITATION.search(" ".join(text.split())):
            named = re.findall(r"`(\w+)`", text)
            found[name] = " ".join([text, *(found[other] for other in named if other in found)])
    return found


def sources(text: str) -> str:
    """The citations in a docstring, linked."""
    found = [
        f"[{m['who']}, arXiv:{m['id']}](https://arxiv.org/abs/{m['id']}){m['where']}"
        for m in CITATION.finditer(" ".join(text.split()))
    ]
    if not found:
        sys.exit(f"no source in {text!r}")
    return "; ".join(dict.fromkeys(found))


def arguments(fn: Callable, skip: int) -> str:
    """Names and defaults after the first `skip`."""
    own = list(inspect.signature(fn).parameters.values())[skip:]
    shown = [p.name if p.default is p.empty else f"{p.name}={_default(p.default)}" for p in own]
    return ", ".join(f"`{text}`" for text in shown) or "none"


def _default(value) -> str:
    if value is penalties.FLIP_AND_TRANSLATE:
        return "FLIP_AND_TRANSLATE"
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def checked(line: str) -> str:
    """The line, checked by building it with small networks and tracing a round."""
    known: dict = {}
    exec(NAMES, known)
    fields = eval(f"dict({line})", known)
    method = {
        "generator": spec(Generator, spec(mlp.Up, tiny.SHAPE, (16,))),
        "discriminator": spec(Discriminator, spec(mlp.Down, (16,))),
        "latent": 4,
        "penalties": {},
        "regularisers": {},
        **{name: value for name, value in fields.items() if name in GAN.__dataclass_fields__},
    }
    whole = {name: value for name, value in fields.items() if name not in method}
    config = tiny.experiment(spec(GAN, **method), ("disc", "gen"))
    with config.unlocked(), config.ignore_type():
        for name, value in whole.items():
            assert name in Experiment.__dataclass_fields__, name
            config[name] = value
    e = build(config)
    moves = game.batches_per_round(e.method)
    batches = {
        "image": jnp.zeros((moves, ROWS, *tiny.SHAPE)),
        "label": jnp.eye(3)[jnp.zeros((moves, ROWS), jnp.int32)],
        "holes": jnp.zeros((moves, ROWS, *tiny.SHAPE)),
    }

    def played(key):
        first = jax.tree.map(lambda x: x[0], batches)
        state = game.init(e.method, e.optim, e.ema, key, first)
        return game.step(e.method, e.optim, e.ema, state, batches)

    jax.eval_shape(played, random.key(0))
    return line


def same(kind: str, found: Iterator[str], table: dict) -> None:
    """Exits where a module and its table differ."""
    if apart := set(found) ^ set(table):
        sys.exit(f"{kind}: {', '.join(sorted(apart))} not both in the code and in the table")


def item(name: str, entry: Entry, doc: str, own: str, errors: tuple[float, float]) -> list[str]:
    """One loss of the page."""
    value, slope = map(rounded_up, errors)
    return [
        f"### {name}",
        "",
        "```text",
        *entry.formula,
        "```",
        "",
        f"* config: `{checked(entry.config)}`" if entry.config else f"* used by: {entry.peers}",
        f"* arguments: {own}",
        f"* source: {sources(doc)}",
        f"* largest relative error: {value} in value, {slope} in gradient",
        *([f"* also in: {entry.peers}"] if entry.config and entry.peers else []),
        "",
    ]


def page() -> str:
    """All of it."""
    same("objectives", test_adversarial.public(), OBJECTIVES)
    same("penalties", test_penalties.NAMES, PENALTIES)
    same("regularisers", test_regularisers.NAMES, REGULARISERS)
    lines = [
        "<!-- Generated by `python docs/generate/losses_page.py`: do not edit. -->",
        "",
        "# Losses and options of a game",
        "",
        "Generated from the code by `python docs/generate/losses_page.py`; do not edit. Every line "
        "of a config was built and traced when the page was made, with these names imported:",
        "",
        "```python",
        *NAMES.splitlines(),
        "```",
        "",
        "`r` and `f` are the critic's logits on data x and samples G(z), higher for what is more "
        "like data; E is the mean over the global batch, σ the logistic function, and "
        "softplus(t) = log(1 + exp(t)) = -log σ(-t). Both players minimise. Losses are unreduced: "
        "the formulas are those of one example, and `losses.total` weighs and averages them.",
        "",
        "*Largest relative error*: of float32 against a float64 oracle written from the paper "
        "(tests/losses), the difference over the largest number, rounded up to 1, 2 or 5; "
        "gradients against central differences of the oracle, of an objective in all logits, of a "
        "penalty or a regulariser in the networks' parameters (so a penalty's is of second "
        "order).",
        "",
        "*Also in*: what a reading of StudioGAN, compare_gan, mimicry, TF-GAN, torchgan, R3GAN, "
        "StyleGAN2-ADA, flaxmodels, lightweight-gan, BigGAN-PyTorch and mmgeneration found there; "
        "nothing of theirs was run.",
        "",
        "## Objectives",
        "",
        "`objective=` is a name, or a spec where a factory's numbers are to be chosen. The f-GANs "
        'have `generator="saddle"` besides the practical generator.',
        "",
    ]
    docs = docstrings(adversarial)
    for name, entry in OBJECTIVES.items():
        found = getattr(adversarial, name)
        own = "none" if isinstance(found, adversarial.Objective) else arguments(found, 0)
        lines += item(name, entry, docs[name], own, of_objective(name))
    lines += [
        "## Penalties",
        "",
        "On the critic as a function of its input. Each is given as a weight, or as a dict of "
        "`weight`, `every` (lazy regularisation: taken in one round of so many, with that factor) "
        "and arguments. x̂ lies between data and samples.",
        "",
    ]
    docs = docstrings(penalties)
    for name, entry in PENALTIES.items():
        lines += item(name, entry, docs[name], _own(penalties, name, 4), of_penalty(name))
    lines += [
        "## Regularisers",
        "",
        "Of a player, `disc` or `gen`, given as penalties are.",
        "",
    ]
    docs = docstrings(regularisers)
    for name, entry in REGULARISERS.items():
        lines += item(name, entry, docs[name], _own(regularisers, name, 1), of_regulariser(name))
    for title, about, module, entries in GROUPS:
        same(title, test_pictures.named(module), entries)
        lines += [f"## {title}", "", about, ""]
        docs = docstrings(module) | docstrings(structural)
        for name, entry in entries.items():
            own = arguments(getattr(module, name), 3)
            lines += item(name, entry, docs[name], own, of_loss(name))
    lines += [
        "## Options of the game",
        "",
        "Fields of `GAN`, or (`optim`, `ema`, `recalibrate`) of `Experiment`.",
        "",
        "| option | config | source | test | also in |",
        "| --- | --- | --- | --- | --- |",
    ]
    for option in OPTIONS:
        file, _, test = option.test.partition("::")
        if not re.search(rf"^def {test}\(", (ROOT / TESTS / file).read_text(), re.MULTILINE):
            sys.exit(f"no test {option.test}")
        lines.append(
            f"| {option.name} | `{checked(option.config)}` | {sources(option.of)} "
            f"| `{file}::{test}` | {option.peers or 'not looked up'} |"
        )
    return "\n".join(lines) + "\n"


def _own(module, name: str, first: int) -> str:
    term = getattr(module, name)
    if isinstance(term, penalties.Carried):
        return arguments(term.fn, first + len(term.start))
    return arguments(term, first)


if __name__ == "__main__":
    text = page()
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text)
