"""Scores of images that any program made: two sets, a feature space, and a record of it all.

    genlab evaluate --real=photographs --fake=samples.npz --features=inception:weights.pth

A result is kept under the cache by its fingerprint: the contents of the sets, the network, what was
asked, and the code that answered.
"""

import hashlib
import json
import os
import sys
import time
from ast import literal_eval
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genlab import config as config_lib
from genlab.config import ConfigError, did_you_mean
from genlab.metrics.features.space import cache
from genlab.metrics.measuring import Comparisons, compare, space_of
from genlab.progress import Progress, Silent
from genlab.request import Request
from genlab.runs import version
from genlab.sets import LOSSY, ImageSet, Resize, alike, read_set

SPACES = {  # each with whether it takes a file of weights
    "pixels": ("genlab.metrics.features.plain:Pixels", False),
    "random-conv": ("genlab.metrics.features.plain:RandomConv", False),
    "inception": ("genlab.metrics.features.inception:Inception", True),
    "vgg16": ("genlab.metrics.features.backbones:VGG16", True),
    "dinov2": ("genlab.metrics.features.vit:DINOv2", True),
    "clip": ("genlab.metrics.features.vit:CLIP", True),
}


def judge(request: Request, show: Progress | None = None) -> dict:
    """The record of a request: name, scores, floors (of the two halves of the real set), protocol.

    ConfigError for anything that cannot be scored, as early as it can be known.
    """
    show = show or Silent()
    Comparisons.of(request.scores, request.settings)
    features, resize = features_of(request.features), Resize.of(request.resize)
    paths = {"real": request.real, "fake": request.fake, "train": request.train}
    sets = {name: read_set(path, resize) for name, path in paths.items() if path}
    for name, one in sets.items():
        alike(sets["real"], one)
        if any(f".{kind}" in LOSSY for kind in one.files.split(", ")):
            show.say(
                f"warning: {paths[name]} holds lossy files ({one.files}): what compression changed "
                "is scored with the rest; save PNG"
            )
    space = space_of(features, sets["real"].images)
    asked = [request.scores, request.settings, request.resize, space.protocol, version(), _code()]
    contents = {name: one.sha256 for name, one in sets.items()}
    place = cache() / "scores" / f"{config_lib.fingerprint([asked, contents])[:32]}.json"
    if place.is_file() and not request.fresh:
        show.say(f"scored before: {place} (--fresh scores again)")
        return json.loads(place.read_text())
    record = _scored(request, sets, space, show)
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(record, indent=2) + "\n")
    draft.replace(place)
    return record


def features_of(text: str) -> Any:
    """The feature space of a name: `pixels`, `inception:FILE`, `inception:FILE,resize=clean`, or
    `package.module:name` of one's own.
    """
    name, _, rest = text.partition(":")
    if "." in name:
        return config_lib.resolve(text)()
    if name not in SPACES:
        hint = did_you_mean(name, SPACES) or f"; there is {', '.join(SPACES)}"
        raise ConfigError(f"no feature space {name!r}{hint}")
    path, takes_file = SPACES[name]
    file, *options = rest.split(",")
    if takes_file != bool(file):
        needed = "needs its file of weights" if takes_file else "takes no file"
        raise ConfigError(f"--features={text}: {name} {needed}, as in inception:weights.pth")
    settings = {key: _literal(value) for key, _, value in (o.partition("=") for o in options)}
    try:
        return config_lib.resolve(path)(*([file] if file else []), **settings)
    except TypeError as error:
        raise ConfigError(f"--features={text}: {error}") from None


def _scored(request: Request, sets: Mapping[str, ImageSet], space, show: Progress) -> dict:
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
        )  # fmt: skip
    except ValueError as error:  # a metric says what it was given and what it takes
        raise ConfigError(" ".join(str(error).split())) from error
    finally:
        show.end()
    told = {"real_sha256": real.sha256, "fake_sha256": fake.sha256}
    told |= {"real_files": real.files, "fake_files": fake.files}
    told |= {"train_sha256": train.sha256, "train_files": train.files} if train else {}
    told |= {"resized": request.resize} if request.resize else {}
    return {
        "name": f"{request.fake} beside {request.real}",
        "scores": found.scores,
        "floors": dict(found.floors),
        "protocol": {**found.protocol, **told, "genlab": version()},
        "seconds": round(time.perf_counter() - started, 2),
    }


def _literal(text: str) -> Any:
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _code() -> str:
    """sha256 of the metrics' source: a changed formula makes no use of what an older one said."""
    digest = hashlib.sha256()
    for file in sorted(Path(sys.modules["genlab.metrics"].__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
