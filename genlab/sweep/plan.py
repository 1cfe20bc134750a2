"""Which runs a sweep consists of: variants x seeds."""

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from ml_collections import ConfigDict

from genlab.config import ConfigError, as_dict, choices, from_dict, override, places
from genlab.config.files import described, told_with_its_place
from genlab.data.named import named
from genlab.runs.folder import work_folder
from genlab.runs.identity import with_paths

LONGEST = 255  # bytes of a name, on all common file systems
FILES = ("sweep.json", "jobs.json", "report.html", "report.md", ".lock")  # of a sweep's folder


class Job(NamedTuple):
    """One run of a sweep."""

    variant: str
    seed: int
    config: ConfigDict
    workdir: Path

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.variant} seed {self.seed}"


class Result(NamedTuple):
    """How a job ended: "done", "skipped" (finished before) or "failed", and why."""

    job: Job
    status: str
    error: str = ""


def variants(experiment: ModuleType) -> dict[str, Mapping]:
    """The overrides of each variant: the file's `sweep()`, or the config as it is."""
    if not hasattr(experiment, "sweep"):
        return {"base": {}}
    with told_with_its_place(str(experiment.__file__)):
        found = experiment.sweep()
    if not (isinstance(found, Mapping) and all(isinstance(v, Mapping) for v in found.values())):
        raise ConfigError(f"{experiment.__file__}: sweep() must return {{name: {{field: value}}}}")
    for name, fields in found.items():
        if not (isinstance(name, str) and _is_folder_name(name)):
            raise ConfigError(f"{experiment.__file__}: variant {name!r} is no name of a folder")
        if odd := [field for field in fields if not isinstance(field, str)]:
            raise ConfigError(f"{experiment.__file__}: variant {name!r} sets {odd[0]!r}, no field")
    if not found:
        raise ConfigError(f"{experiment.__file__}: sweep() names no variant")
    return dict(found)


def _is_folder_name(name: str) -> bool:
    """Whether a variant's runs can be kept in a folder of this name within that of the sweep."""
    fits = name and name.isprintable() and Path(name).name == name and len(name.encode()) <= LONGEST
    return bool(fits) and name not in ("..", *FILES) and "\\" not in name


def chosen(text: str, known: Collection[str]) -> list[str]:
    """The variants of `known` that a list with commas names; a name may hold commas too."""
    words, found = text.split(","), []
    while words:
        counts = range(len(words), 0, -1)
        n = next((n for n in counts if ",".join(words[:n]) in known), 1)
        found.append(",".join(words[:n]))
        words = words[n:]
    return found


def configure(
    experiment: ModuleType,
    variant: str | None,
    overrides: Mapping,
    known: Mapping[str, Mapping] | None = None,
) -> ConfigDict:
    """`config()` with a variant's overrides, then with those of the command line. Relative paths of
    data are from the experiment file's folder, those of the command line from here. `known` is what
    `variants` gave, if it was asked before.

    Raises ConfigError for a variant or field that is not there.
    """
    config = described(experiment)
    known = variants(experiment) if known is None else known
    if variant is not None and variant not in known:
        raise ConfigError(f"no variant {variant!r}{choices(variant, known)}")
    _override(config, known[variant] if variant else {})
    config = places.beside(config, Path(str(experiment.__file__)).parent)
    _override(config, overrides)
    return places.beside(config, Path())


def _override(config: ConfigDict, fields: Mapping) -> None:
    for path, value in fields.items():
        override(config, path, named(value) if path == "data" and isinstance(value, str) else value)


def plan(
    experiment: ModuleType,
    workdir: str | Path,
    overrides: Mapping,
    seeds: Sequence[int],
    only: Sequence[str] = (),
) -> list[Job]:
    """Every variant with every seed, seed by seed, so that a sweep cut short still compares all
    variants.

    In the path of a run that a variant is made from, "{sweep}" is the folder of the sweep and
    "{seed}" the seed: "{sweep}/base/seed{seed}" is the earlier variant's run of the same seed.
    """
    known, folder = variants(experiment), work_folder(workdir)
    names, jobs = list(only) or list(known), []
    for seed in seeds:
        for name in names:
            config = configure(experiment, name, {**overrides, "seed": seed}, known)
            config = _placed(config, {"{sweep}": str(workdir), "{seed}": str(seed)})
            jobs.append(Job(name, seed, config, folder / name / f"seed{seed}"))
    return jobs


def _placed(config: ConfigDict, words: Mapping[str, str]) -> ConfigDict:
    """The config with `words` replaced in the paths of runs that it is made from."""

    def change(path: str) -> str:
        return reduce(lambda text, word: text.replace(word, words[word]), words, path)

    plain = as_dict(config)
    placed = with_paths(plain, change)
    return config if placed == plain else from_dict(placed)
