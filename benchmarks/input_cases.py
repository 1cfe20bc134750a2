"""Random faulty inputs of `genlab`: command lines, configs, experiment files, run folders, sets of
images. A case is a kind, a command line, and the files written for it.
"""

import itertools
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.input_values import BROKEN, HUGE, JSONS, SPOILT, VALUES, WITHOUT_END

EXPERIMENT = """
import optax
from genlab import Experiment, Loop, spec
from genlab.data import digits, ring
from genlab.losses import likelihood
from genlab.methods import GAN, VAE
from genlab.evaluation.evaluators import Reconstruction
from genlab.nets import Decoder, Discriminator, Encoder, Generator, mlp

LOOP = dict(steps=1, rounds_per_call=1, log_every=1, checkpoint_every=0, sample_every=0, devices=1)
SEEDS = (0,)


def gan():
    generator = spec(Generator, spec(mlp.Up, (2,), (8,), norm="Identity"))
    critic = spec(Discriminator, spec(mlp.Down, (8,)))
    method = spec(GAN, generator, critic, latent=2, penalties={"r1": 1.0})
    adam = spec(optax.adam, 1e-3, b1=0.5)
    return spec(
        Experiment, method=method, data=spec(ring), optim={"disc": adam, "gen": adam},
        batch_size=4, ema={"gen": 0.9}, loop=spec(Loop, **LOOP),
    )


def vae():
    encoder = spec(Encoder, spec(mlp.Down, (8,)), latent=2)
    decoder = spec(Decoder, spec(mlp.Up, (8, 8, 1), (8,)))
    return spec(
        Experiment,
        method=spec(VAE, encoder, decoder, spec(likelihood.bernoulli), given=("label",)),
        data=spec(digits), optim={"vae": spec(optax.adam, 1e-3)}, batch_size=4,
        evaluate={"reconstruction": spec(Reconstruction)}, loop=spec(Loop, **LOOP),
    )
"""


class Case(NamedTuple):
    """A command line with a kind of fault."""

    kind: str
    arguments: list[str]


class Bench:
    """A folder for the files of cases: two experiment files, a trained run of each, images."""

    def __init__(self, root: Path):
        self.root = root
        self.files = {}
        for name in ("gan", "vae"):
            self.files[name] = root / f"fuzz_{name}.py"
            self.files[name].write_text(EXPERIMENT + f"\n\ndef config():\n    return {name}()\n")

    @property
    def runs(self) -> dict[str, Path]:
        """Where the trained runs are."""
        return {name: self.root / "trained" / name for name in self.files}

    def training(self) -> list[list[str]]:
        """The command lines that train them."""
        return [
            ["train", f"--config={self.files[name]}", f"--workdir={place}"]
            for name, place in self.runs.items()
        ]

    def fields(self) -> dict[str, list[str]]:
        """The paths of every field of the two configs."""
        from genlab.config import as_dict
        from genlab.config.files import described, load

        loaded = {name: as_dict(described(load(file))) for name, file in self.files.items()}
        return {name: list(_paths(config)) for name, config in loaded.items()}


def _paths(node, above: str = "") -> Iterator[str]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for name, value in pairs:
        path = f"{above}.{name}" if above else str(name)
        yield path
        if isinstance(value, dict | list):
            yield from _paths(value, path)


def cases(bench: Bench, seed: int, counts: dict[str, int]) -> Iterator[Case]:
    """As many of each kind as `counts` says, in a fixed order; files are written when a case is
    drawn.
    """
    kinds: dict[str, Callable] = {
        "value of a field": values,
        "path of a field": paths,
        "command line": lines,
        "experiment file": experiments,
        "run folder": run_folders,
        "set of images": sets_of_images,
    }
    for kind, count in counts.items():
        rng = random.Random(f"{seed} {kind}")
        for case in itertools.islice(kinds[kind](bench, rng), count):
            yield Case(kind, case)


def _fresh(bench: Bench) -> Path:
    place = bench.root / "work"
    shutil.rmtree(place, ignore_errors=True)
    return place


def values(bench: Bench, rng: random.Random) -> Iterator[list[str]]:
    """A field that exists, set to something."""
    fields = bench.fields()
    while True:
        name = rng.choice(list(fields))
        given = []
        for _ in range(rng.choice((1, 1, 1, 2))):
            path, value = rng.choice(fields[name]), rng.choice(VALUES)
            if path.rpartition(".")[2] in WITHOUT_END and value in HUGE:
                value = "-1"
            given.append(f"--config.{path}={value}")
        yield ["train", f"--config={bench.files[name]}", f"--workdir={_fresh(bench)}", *given]


def paths(bench: Bench, rng: random.Random) -> Iterator[list[str]]:
    """A field that does not exist, or a path no config has."""
    fields = bench.fields()
    while True:
        name = rng.choice(list(fields))
        path = rng.choice(fields[name])
        at = rng.randrange(len(path) + 1)
        path = rng.choice([
            path[:at] + path[at + 1 :], path[:at] + rng.choice("xü.0 -=") + path[at:],
            path + "." + rng.choice(["x", "0", "call", "", "-1"]), "." + path, path * 30,
            path[::-1],
            path.upper(), path.replace(".", ".."), path.partition(".")[2],
        ])  # fmt: skip
        value = rng.choice(VALUES)
        value = "-1" if "steps" in path and value in HUGE else value
        yield [
            "train", f"--config={bench.files[name]}", f"--workdir={_fresh(bench)}",
            f"--config.{path}={value}",
        ]  # fmt: skip


def lines(bench: Bench, rng: random.Random) -> Iterator[list[str]]:
    """Words of a valid command line dropped, doubled, swapped, misspelt, or replaced."""
    file, run = bench.files["gan"], bench.runs["vae"]
    right = [
        ["train", f"--config={file}", f"--workdir={bench.root / 'work'}", "--variant=base"],
        ["sweep", f"--config={file}", f"--workdir={bench.root / 'work'}", "--seeds=0",
        "--only=base"],
        ["sweep", f"--config={file}", f"--workdir={bench.root / 'work'}", "--config.batch_size",
        "2"],
        ["evaluate", f"--workdir={run}", "--split=test", "--step=1"],
        ["evaluate", f"--real={run}", "--fake=nothing.npz", "--scores=fd,kid", "--features=pixels",
         '--settings={"kid": {"subsets": 2}}', "--resize=bicubic:8x8", "--fresh", "--out=x.json"],
        ["sample", f"--workdir={run}", "--n=4", "--seed=1", "--label=3", "--truncation=0.5",
         "--interpolate=3", "--formats=grid,npz", "--step=1"],
        ["bench", f"--config={file}", "--seconds=0.01", "--out=x.json", "--variant=base"],
        ["report", f"--workdir={run}"],
        ["prepare", "tfds:nothing", "--data_dir=x", "--manual_dir=y"],
        ["prepare", f"--config={file}", "--config.data=folder:nowhere"],
    ]  # fmt: skip
    while True:
        _fresh(bench)
        words = list(rng.choice(right))
        for _ in range(rng.choice((1, 1, 2, 3))):
            at = rng.randrange(len(words)) if words else 0
            word = words[at] if words else ""
            option, _, value = word.partition("=")
            spot = rng.randrange(len(word) + 1)
            words[at : at + 1] = rng.choice([
                [], [word, word], [option], [f"{option}={rng.choice(VALUES)}"],
                [rng.choice(VALUES)],
                [word[:spot] + word[spot + 1 :]], [word[:spot] + rng.choice("xü=- ") + word[spot:]],
                [option, value], [word, "--" + rng.choice(["seed", "out", "help", "x", ""])],
                [rng.choice(["train", "sample", "evaluat", "-", "--", "-h"]), word],
            ])  # fmt: skip
        yield words


def experiments(bench: Bench, rng: random.Random) -> Iterator[list[str]]:
    """Files that are not experiments, and experiments with a mistake."""
    whole = bench.files["gan"].read_text()
    for number in itertools.count():
        path = bench.root / f"broken{number}.py"
        if number < len(BROKEN):
            text = BROKEN[number]
        elif number < len(BROKEN) + len(SPOILT):
            text = f"{whole}\n{SPOILT[number - len(BROKEN)]}\n"
        else:  # a line dropped, or a word
            rows = whole.splitlines()
            at = rng.randrange(len(rows))
            words = rows[at].split(" ")
            words.pop(rng.randrange(len(words)))
            rows[at : at + 1] = rng.choice(([], [" ".join(words)]))
            text = "\n".join(rows)
        path.write_text(text)
        command = "sweep" if number >= len(BROKEN) else rng.choice(("train", "sweep", "bench"))
        rest = [] if command == "bench" else [f"--workdir={_fresh(bench)}"]
        yield [command, f"--config={path}", *rest]


def run_folders(bench: Bench, rng: random.Random) -> Iterator[list[str]]:
    """A trained run, one of whose files was cut, overwritten, or edited."""
    files = ["config.json"] * 4 + ["status.json", "modules.json", "metrics.jsonl", "evals.jsonl"]
    files += ["cost.json", "env.json", "sweep.json"]
    for number in itertools.count():
        place = bench.root / f"run{number}"
        shutil.copytree(bench.runs[rng.choice(list(bench.runs))], place)
        path = place / rng.choice(files)
        text = path.read_text() if path.is_file() else "{}"
        at = rng.randrange(len(text) + 1)
        how = rng.choice(("json", "cut", "byte", "edit", "edit", "bytes"))
        if how == "json" or (how == "edit" and path.suffix != ".json"):
            path.write_text(rng.choice(JSONS))
        elif how == "cut":
            path.write_text(text[:at])
        elif how == "byte":
            path.write_text(text[:at] + rng.choice('{}[],:"0x') + text[at + 1 :])
        elif how == "bytes":
            path.write_bytes(text[:at].encode() + bytes(rng.choices(range(256), k=20)))
        else:
            path.write_text(json.dumps(_edited(json.loads(text), rng)))
        command = rng.choice(("train", "evaluate", "sample", "report", "report"))
        yield [command, f"--workdir={place}"] + (["--n=2"] if command == "sample" else [])


def _edited(node, rng: random.Random):
    """One value somewhere inside, replaced or removed."""
    if isinstance(node, dict) and node and rng.random() < 0.85:
        name = rng.choice(list(node))
        if rng.random() < 0.15:
            return {key: value for key, value in node.items() if key != name}
        return {**node, name: _edited(node[name], rng)}
    if isinstance(node, list) and node and rng.random() < 0.85:
        at = rng.randrange(len(node))
        return [*node[:at], _edited(node[at], rng), *node[at + 1 :]]
    odd = [None, -1, 0, 1.5, "x", [], {}, True, float("nan"), 10**30, "os:system", {"call": "x:y"}]
    return rng.choice(odd)


def sets_of_images(bench: Bench, rng: random.Random) -> Iterator[list[str]]:
    """A folder or an npz file with something wrong or unusual in it, scored, prepared, or trained
    on.
    """
    from benchmarks.input_images import odd_folder, spoil_folder, spoil_npz, table

    for number in itertools.count():
        place, options = bench.root / f"set{number}", []
        kind = rng.choice(("folder", "odd folder", "table", "npz", "npz"))
        if kind == "npz":
            place = place.with_suffix(".npz")
            spoil_npz(place, rng)
        elif kind == "odd folder":
            odd_folder(place, rng)
        else:
            spoil_folder(place, rng)
        if kind == "table":
            options = ["--config.data.table.file=table.csv"]
            if column := table(place, rng):
                options.append(f"--config.data.table.label={column}")
        name = f"{'arrays' if kind == 'npz' else 'folder'}:{place}"
        data = [f"--config={bench.files['gan']}", f"--config.data={name}", *options]
        yield rng.choice([
            ["evaluate", f"--real={place}", f"--fake={place}", "--features=pixels", "--scores=fd"],
            ["prepare", str(place)],
            ["prepare", *data],
            ["train", *data, f"--workdir={_fresh(bench)}"],
        ])  # fmt: skip
