"""`genlab edit`: inverts pictures with a trained run and edits them along a direction."""

import sys
from functools import partial

from genlab.cli import options

ABOUT = """\
Invert pictures with a trained run and edit them, into WORKDIR/edited.

Directions: a factor that can be measured, as hue or category=dress; sefa:0, ganspace:0, random:0.
"""


def add(command) -> None:
    """Its options."""
    text = "pictures to edit: a folder, a picture, an npz file (default: the model's own samples)"
    command.add_argument("--input", default="", metavar="PATH", help=text)
    text = "pictures to edit: of this split of the run's data, with their conditions"
    command.add_argument("--split", default="", help=text)
    command.add_argument("--n", type=options.whole, default=8, help="how many (default 8)")
    command.add_argument("--seed", type=options.whole, default=0, help="of latents (default 0)")
    text = "what to change, as hue, hue=0.6, category=dress, sefa:0; without it, invert"
    command.add_argument("--direction", default="", metavar="NAME", help=text)
    text = "strengths, in standard deviations of the latents (default -3..3)"
    command.add_argument("--by", default="-3..3", metavar="FROM..TO", help=text)
    text = "how many strengths (default 7)"
    command.add_argument("--steps", type=options.whole, default=7, help=text)
    text = "factors that the direction is made orthogonal to"
    command.add_argument("--keep", default="", metavar="NAME,NAME", help=text)
    text = "latent space: z (default), or w of a style-based generator"
    command.add_argument("--space", default="z", help=text)
    text = "conditions of all pictures, as category=dress; others of --input are found"
    command.add_argument("--given", action="append", default=[], metavar="NAME=VALUE", help=text)
    text = "steps of optimisation; 0: only what the model's encoder says"
    command.add_argument("--optimise", type=options.whole, metavar="STEPS", help=text)
    text = "what measures pictures: decoder, the set's own (default, where it has one), or reader"
    command.add_argument("--measure", default="", metavar="decoder|reader", help=text)
    text = "of the model, that the direction is found from (default 2000)"
    command.add_argument("--samples", type=options.whole, default=2000, help=text)
    command.add_argument("--step", type=options.whole, help="the checkpoint of this round")
    options.workdir(command)


def run(arguments) -> None:
    """Prints the files written, and the results in a line or two."""
    from genlab.evaluation.edit import EditRequest, edit
    from genlab.sampling.conditions import read_given

    request = EditRequest(
        input=arguments.input,
        split=arguments.split,
        n=arguments.n,
        seed=arguments.seed,
        direction=arguments.direction,
        by=_ends(arguments.by),
        steps=arguments.steps,
        keep=tuple(name.strip() for name in arguments.keep.split(",") if name.strip()),
        space=arguments.space,
        given=read_given(*arguments.given),
        optimise=arguments.optimise,
        measure=arguments.measure,
        samples=arguments.samples,
    )
    said = partial(print, file=sys.stderr)
    for path in edit(arguments.workdir, request, arguments.step, said):
        print(path)


def _ends(text: str) -> tuple[float, float]:
    """ "-3..3" as two numbers; ConfigError for anything else."""
    from genlab.config import ConfigError

    low, dots, high = text.partition("..")
    try:
        if dots:
            return float(low), float(high)
    except ValueError:
        pass
    raise ConfigError(f"--by={text}: give two strengths, as --by=-3..3")
