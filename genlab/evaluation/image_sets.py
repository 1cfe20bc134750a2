"""Scores of images that any program made: two sets, a feature space, and a record of it all.

    genlab evaluate --real=photographs --fake=samples.npz --features=inception:weights.pth

A result is cached by the fingerprint of all it depends on: the contents of the sets, the network,
the request, and genlab's code. The code and the weights of a feature space or a score that is named
"package.module:name" are not known here, so such a request is scored each time.
"""

import hashlib
import importlib.metadata
import inspect
import os
import time
from ast import literal_eval
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genlab import config as config_lib
from genlab.config import ConfigError, choices
from genlab.evaluation import cautions, parts, scores
from genlab.evaluation.comparison import Comparison, Comparisons, compare, space_of
from genlab.evaluation.evaluate import finite
from genlab.evaluation.reading import LOSSY, ImageSet, Resize, alike, read_set
from genlab.evaluation.request import EvaluationRequest
from genlab.runs.environment import version
from genlab.runs.files import object_in, write_json
from genlab.runtime.cache import cache
from genlab.runtime.progress import Progress, Silent

PLAIN = bool | int | float | str | list | tuple | dict | None  # what JSON can say
SPACES = {  # each with whether it takes a file of weights
    "pixels": ("genlab.features.plain:Pixels", False),
    "random-conv": ("genlab.features.plain:RandomConv", False),
    "inception": ("genlab.features.inception:Inception", True),
    "vgg16": ("genlab.features.backbones:VGG16", True),
    "dinov2": ("genlab.features.vit:DINOv2", True),
    "clip": ("genlab.features.vit:CLIP", True),
}


def score(request: EvaluationRequest, show: Progress | None = None) -> dict:
    """The record of a request: name, scores, baselines (of the two halves of the real set),
    protocol. A score that is not defined for these images is None.

    ConfigError for anything that cannot be scored, as early as it can be known.
    """
    show = show or Silent()
    chosen = _chosen(request)
    features, resize = features_of(request.features), Resize.of(request.resize)
    paths = {"real": request.real, "fake": request.fake, "train": request.train}
    sets = {name: read_set(path, resize) for name, path in paths.items() if path}
    for name, one in sets.items():
        alike(sets["real"], one, name)
        _warn(paths[name], one.files, show)
    space = space_of(features, sets["real"].images)
    place = None if _foreign(request, chosen) else _place(request, sets, space.protocol)
    record = object_in(place) if place and not request.fresh else {}
    if record:
        show.say(f"scored before: {place} (--fresh scores again)")
    else:
        record = _scored(request, sets, space, show)
        if place:
            _keep(place, record, show)
    # Equal sets may lie anywhere: the names are those of this request.
    return {**record, "name": f"{request.fake} against {request.real}"}


def _keep(place: Path, record: dict, show: Progress) -> None:
    """Caches a record; one that cannot be kept is scored again the next time."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_json(place, record)
    except OSError as error:
        show.say(f"warning: these scores are not cached: {error}")


def features_of(text: str) -> Any:
    """The feature space of a name: `pixels`, `inception:FILE`, `inception:FILE,resize=clean`, or
    `package.module:name` of one's own.
    """
    name, _, rest = text.partition(":")
    if "." in name:
        return _own_space(text)
    if name not in SPACES:
        hint = choices(name, SPACES)
        raise ConfigError(f"no feature space {name!r}{hint}")
    path, takes_file = SPACES[name]
    file, options = _file_and_options(rest)
    if takes_file != bool(file):
        needed = "needs its file of weights" if takes_file else "takes no file"
        raise ConfigError(f"--features={text}: {name} {needed}, as in inception:weights.pth")
    settings = {key: _literal(value) for key, _, value in (o.partition("=") for o in options)}
    try:
        return config_lib.resolve(path)(*([file] if file else []), **settings)
    except TypeError as error:
        raise ConfigError(f"--features={text}: {error}") from None


def _file_and_options(text: str) -> tuple[str, list[str]]:
    """ "FILE,key=value" as the file, whose name may have commas too, and its options."""
    words = text.split(",")
    whole = (n for n in range(len(words), 0, -1) if os.path.isfile(",".join(words[:n])))
    named = (n for n in range(len(words), 0, -1) if "=" not in words[n - 1])
    n = next(whole, next(named, 1))
    return ",".join(words[:n]), words[n:]


def _own_space(text: str) -> Any:
    made = _resolved("features", text)
    try:
        inspect.signature(made).bind()
        return made()
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"--features={text}: {error}; it is called without arguments, and gives a feature "
            "space or a function of images"
        ) from None


def _resolved(option: str, text: str) -> Any:
    try:
        return config_lib.resolve(text)
    except (TypeError, ValueError) as error:  # of an empty or a relative name too
        raise ConfigError(f"--{option}={text}: {error}") from None


def _chosen(request: EvaluationRequest) -> Comparisons:
    """What the scores and their settings name; ConfigError also for a setting of another type."""
    for score in request.scores:
        if ":" in score and not _of_two_sides(_resolved("scores", score)):
            raise ConfigError(
                f"--scores={score} is no function of two sides: give one that is called as "
                "(real, fake, **settings) and gives scores by name"
            )
    for name, key in _objects(request.scores):
        if isinstance(request.settings.get(name, {}).get(key), PLAIN):
            raise ConfigError(
                f"the score {name!r} needs `{key}`, an object, which no option can say: ask for it "
                "from a config or the library"
            )
    chosen = Comparisons.of(request.scores, request.settings)
    for one in chosen:
        _check_types(one)
    return chosen


def _of_two_sides(fn: Any) -> bool:
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        return False
    sides = [p for p in parameters[:2] if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(sides) == 2


def _objects(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Of genlab's own scores, the settings that have no default: networks, one and all."""
    found = [(name, vars(scores).get(name)) for name in names if not name.startswith("_")]
    return [
        (name, key)
        for name, fn in found
        if fn is not None
        for key, parameter in list(inspect.signature(fn).parameters.items())[2:]
        if parameter.default is parameter.empty
    ]


def _check_types(one: Comparison) -> None:
    """A number may widen (int to float), never narrow; what has no default is not known."""
    for key, parameter in list(inspect.signature(one.fn).parameters.items())[2:]:
        value, default = one.settings[key], parameter.default
        wanted = {float: (int, float), tuple: (tuple, list), type(None): (int, float, type(None))}
        if default is parameter.empty or not isinstance(default, PLAIN):
            continue
        if type(value) not in wanted.get(type(default), (type(default),)):
            raise ConfigError(
                f"the score {one.name!r}: {key} is {type(default).__name__} ({default!r}); "
                f"{value!r} is {type(value).__name__}"
            )


def _foreign(request: EvaluationRequest, chosen: Comparisons) -> bool:
    """Whether code or weights of the request are not known by its text: see the module."""
    named = any(":" in score for score in request.scores) or "." in request.features.split(":")[0]
    settings = [value for one in chosen for value in one.settings.values()]
    return named or not all(isinstance(value, PLAIN) for value in settings)


def _place(request: EvaluationRequest, sets: Mapping[str, ImageSet], protocol: dict) -> Path:
    """The file that the result is cached in."""
    asked = [request.scores, request.settings, request.resize, protocol, version(), _code()]
    contents = {name: one.sha256 for name, one in sets.items()}
    return cache() / "scores" / f"{config_lib.fingerprint([asked, contents])[:32]}.json"


def _warn(path: str, files: str, show: Progress) -> None:
    kinds = files.split(", ")
    if any(f".{kind}" in LOSSY for kind in kinds):
        gif = "of a GIF the first frame alone, in its 256 colours; " if "gif" in kinds else ""
        show.say(
            f"warning: {path} holds lossy files ({files}): {gif}what compression changed is scored "
            "with the rest; save PNG"
        )


def _scored(
    request: EvaluationRequest, sets: Mapping[str, ImageSet], space, show: Progress
) -> dict:
    real, fake, train = sets["real"], sets["fake"], sets.get("train")
    started, passed = time.perf_counter(), 0

    def seen(count: int) -> None:
        nonlocal passed
        passed += count
        show.advance(passed, {})

    show.begin("features", 0, sum(len(one.images) for one in sets.values()))
    try:
        found = compare(
            real.images, fake.images, space, request.scores, request.settings, real.labels,
            fake.labels, train.images if train else None, seen, train.labels if train else None,
            real.classes,
        )  # fmt: skip
    except ValueError as error:  # a metric says what it was given and what it takes
        raise ConfigError(" ".join(str(error).split())) from error
    finally:
        show.end()
    sources = {"real_sha256": real.sha256, "fake_sha256": fake.sha256}
    sources |= {"real_files": real.files, "fake_files": fake.files}
    sources |= {"train_sha256": train.sha256, "train_files": train.files} if train else {}
    if request.resize:
        sources["resized"] = (
            f"{request.resize} after a central crop to its aspect, alpha over white"
        )
    return {
        "scores": finite(found.scores),
        "baselines": finite(dict(found.baselines)),
        **({"tables": parts.plain(found.tables)} if found.tables else {}),
        "protocol": {**found.protocol, **sources, "genlab": version()},
        "cautions": [*found.cautions, *cautions.of_files(fake.files)],
        "seconds": round(time.perf_counter() - started, 2),
    }


def _literal(text: str) -> Any:
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _code(root: Path = Path(__file__).parents[1]) -> str:
    """sha256 of genlab's source and of what decodes images and runs networks: a changed formula, or
    another way to read a file, makes no use of what an older one said.
    """
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(file.read_bytes())
    for name in ("pillow", "jax", "jaxlib", "numpy", "scipy"):
        digest.update(f"{name} {importlib.metadata.version(name)}".encode())
    return digest.hexdigest()
