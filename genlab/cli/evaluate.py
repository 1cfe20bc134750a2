"""`genlab evaluate`: scores of a run, or of two sets of images."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genlab.cli import options
from genlab.evaluation.request import EvaluationRequest

ABOUT = """\
Score a run (--workdir): its best checkpoint by validation, and its last.
Or score images of any program (--real, --fake): folders of PNGs, or npz files with `image`
uint8 [N, H, W, C] and perhaps `label`. Each score comes with its protocol and that of real data.
A result is kept while nothing it depends on changes; what is named package.module:name is
scored each time.
"""
IMAGE_SETS = {  # of two sets of images: what the value is; what it is for
    "real": "FOLDER|FILE.npz; the data",
    "fake": "FOLDER|FILE.npz; the samples",
    "train": "FOLDER|FILE.npz; what the model was trained on, for memorisation and authenticity",
    "features": "SPACE; random-conv (default), pixels, inception:FILE, vgg16:FILE, dinov2:FILE, "
    "clip:FILE or package.module:name",
    "scores": "A,B; functions of genlab.evaluation.scores (default fd,kid,precision_recall,"
    "density_coverage)",
    "settings": 'JSON; of the scores by name, as {"kid": {"size": 500}}',
    "resize": "FILTER:HxW; cut every image centrally to the aspect, lay it over white where it is "
    "transparent, bring it to this size, as bicubic:32x32; bicubic:32x32x1 makes it grey, too",
    "out": "FILE.json; also write the record there",
}


def add(command: argparse.ArgumentParser) -> None:
    """Its options: those of a run, and those that score two sets of images."""
    options.workdir(command, required=False)
    command.add_argument("--split", help="of a run (default: test)")
    options.step(command, "of a run: only the checkpoint of this round (default: best and last)")
    for name, text in IMAGE_SETS.items():
        value, purpose = text.split("; ", 1)
        command.add_argument(f"--{name}", metavar=value, help=purpose)
    command.add_argument("--fresh", action="store_true", help="score again what was scored before")


def run(arguments) -> int:
    """Prints the scores; 1 where some evaluators of a run could not score."""
    from genlab.evaluation import evaluate, image_sets
    from genlab.runs.files import write_json
    from genlab.runtime.progress import for_terminal

    request = requested(vars(arguments))
    if request is None:
        split, step = arguments.split or "test", arguments.step
        if step is None:
            rows = evaluate.best_and_last(arguments.workdir, split, _print)
        else:
            rows = evaluate.evaluate(arguments.workdir, split, step, _print)
    else:
        rows = [image_sets.score(request, for_terminal(sys.stderr, "image"))]
        _print(rows)
    if arguments.out:
        write_json(Path(arguments.out), list(map(evaluate.plain, rows)))
    return int(request is None and bool(evaluate.unscored(arguments.workdir, rows)))


def _print(rows: list[dict]) -> None:
    from genlab.evaluation.evaluate import lines

    print("\n".join(lines(rows)), flush=True)


def requested(arguments: Mapping[str, Any]) -> EvaluationRequest | None:
    """The request that the parsed arguments make; None where they ask for a run's scores.

    ConfigError for a mixture of both, and for a file to write in no folder.
    """
    from genlab.config import ConfigError

    given = {name: arguments[name] for name in IMAGE_SETS if arguments[name] is not None}
    fresh = arguments["fresh"]
    if "out" in given and (Path(given["out"]).is_dir() or not Path(given["out"]).parent.is_dir()):
        raise ConfigError(f"--out={given['out']}: give a file, in a folder that exists")
    if arguments["workdir"]:
        if stray := [name for name in given if name != "out"] + ["fresh"] * fresh:
            raise ConfigError(
                f"--{stray[0]} is for two sets of images, --workdir for a run: give one"
            )
        return None
    if not {"real", "fake"} & given.keys():
        raise ConfigError("--workdir=... is needed; see --help")
    if stray := [name for name in ("split", "step") if arguments[name] is not None]:
        raise ConfigError(
            f"--{stray[0]} is for a run (--workdir), not for two sets of images: leave it out"
        )
    if missing := {"real", "fake"} - given.keys():
        raise ConfigError(f"--{min(missing)}=... is needed too: a folder of images, or an npz file")
    given.pop("out", None)
    if "scores" in given:
        given["scores"] = tuple(given["scores"].split(","))
    try:
        given["settings"] = json.loads(given.get("settings", "{}"))
        fits = all(isinstance(value, dict) for value in given["settings"].values())
    except (ValueError, AttributeError):
        fits = False
    if not fits:
        text = '--settings takes JSON of the scores by name, as \'{"kid": {"size": 500}}\''
        raise ConfigError(text)
    return EvaluationRequest(**given, fresh=fresh)
