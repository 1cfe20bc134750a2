"""What a trained run is to be applied to, and how; nothing heavy is imported."""

from collections.abc import Mapping
from typing import NamedTuple

from genlab.config import ConfigError, did_you_mean

FORMATS = ("same", "png", "jpg", "webp")
FILLS = ("grey", "keep")


class ApplyRequest(NamedTuple):
    """What to apply a run to.

    input, output: a folder of pictures or a picture; the folder to write to
    mask:      of what is missing, white: a picture for all, or a folder of pictures of the same
               names; "" for none
    fill:      what the model sees there: "grey", as it does in training; "keep", what is there
    target:    a folder of the right answers, of the same names, or a picture: each step is scored
    given:     conditions of all pictures, as text; of a column of pictures a file
    then:      post-processing, "match:mean,unsharp:1" (`evaluation.postprocess`)
    column:    what the pictures are of, by the name of a column of the run: where a model
               translates several ways; "": the first that it is given
    repeat:    pixels are repeated so often before: for a model that is trained on pictures in
               blocks, at the size of the answer
    tile:      pixels a side of what is done at once
    format:    of the files: "same" as the input's where that is png, jpg or webp, else png
    """

    input: str
    output: str
    mask: str = ""
    fill: str = "grey"
    target: str = ""
    given: Mapping[str, str] = {}
    then: str = ""
    column: str = ""
    repeat: int = 1
    tile: int = 512
    format: str = "same"
    seed: int = 0
    overwrite: bool = False


def check(request: ApplyRequest) -> None:
    """ConfigError for what no run can do."""
    for name, value in {"input": request.input, "output": request.output}.items():
        if not value:
            raise ConfigError(f"--{name}=... is needed; see --help")
    for name, known in {"format": FORMATS, "fill": FILLS}.items():
        value = getattr(request, name)
        if value not in known:
            hint = did_you_mean(value, known)
            raise ConfigError(f"--{name}={value}: give {', '.join(known)}{hint}")
    if not 1 <= request.repeat <= 16:
        raise ConfigError(f"--repeat={request.repeat}: give 1 to 16")
    if request.tile < 16:
        raise ConfigError(f"--tile={request.tile}: give at least 16 pixels")
