"""What is to be edited by a trained run, and how."""

from collections.abc import Mapping
from typing import NamedTuple

from genlab.config import ConfigError, did_you_mean
from genlab.evaluation.edit_kinds import Edit
from genlab.runs import requests


class EditRequest(NamedTuple):
    """What to edit, and how.

    input:    a folder of pictures, a picture or an npz file; "" for none
    split:    of the run's own data, whose conditions come with the pictures; "" for none. Without
              both the model's own samples are edited
    edit:     an edit (`edit_kinds`); None only inverts
    given:    conditions of all pictures, as text; those of `input` that are not given are found
              with the latents
    optimise: steps of optimisation; None: the space's default; 0: only the start
    measure:  what says what is in a picture: "decoder", the set's own; "reader", a network trained
              on the set (`features.Factors`); "": the decoder where there is one, else the reader
    """

    input: str = ""
    split: str = ""
    n: int = 8
    seed: int = 0
    edit: Edit | None = None
    space: str = "z"
    given: Mapping[str, str] = {}
    optimise: int | None = None
    measure: str = ""


def name_of(request: EditRequest, step: int, count: int) -> str:
    """The name of a request's folder; `count` pictures were there, of `n` that were asked for."""
    whose = request.split or ("input" if request.input else "samples")
    asked_for = {
        "": request.input or None,
        "seed": request.seed or None,
        **request.given,
        **(request.edit.named if request.edit else {}),
        "measure": request.measure or None,
        "optimise": request.optimise,
    }
    parts = [f"round{step:06d}", request.space, f"{whose}{count}"]
    return requests.folder_name(parts, asked_for)


def check(request: EditRequest) -> None:
    """ConfigError for what no run can do."""
    if request.input and request.split:
        raise ConfigError(
            f"--input={request.input} and --split={request.split}: give one, pictures of your own "
            "or of the run's data"
        )
    if request.n < 1:
        raise ConfigError(f"--n is {request.n}; edit at least one")
    if request.measure not in ("", "decoder", "reader"):
        hint = did_you_mean(request.measure, ("decoder", "reader"))
        raise ConfigError(f"--measure={request.measure}: give decoder or reader{hint}")
    if request.optimise is not None and request.optimise < 0:
        raise ConfigError(f"--optimise is {request.optimise}; give 0 or more steps")
    if not (request.input or request.split):
        for name, value in {"given": request.given, "optimise": request.optimise}.items():
            if value:
                raise ConfigError(
                    f"--{name} is of pictures that are inverted: give --input or --split; without "
                    "them the model's own samples are edited"
                )
    if request.edit:
        request.edit.check()
