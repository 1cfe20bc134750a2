"""`genlab edit`: inverts pictures with a trained run and edits them along a direction."""

import sys
from functools import partial

from genlab.cli import options

ABOUT = """\
Invert pictures with a trained run and edit them, into WORKDIR/edited.

One edit at a time: along a direction (a factor that can be measured, as hue or category=dress;
sefa:0, ganspace:0, random:0), under other conditions (--to), towards the mean (--truncation), or
with the styles of one another (--mix); without any, invert.
"""


def add(command) -> None:
    """Its options."""
    text = "pictures to edit: a folder, a picture, an npz file (default: the model's own samples)"
    command.add_argument("--input", default="", metavar="PATH", help=text)
    text = "pictures to edit: of this split of the run's data, with their conditions"
    command.add_argument("--split", default="", help=text)
    command.add_argument("--n", type=options.whole, default=8, help="how many (default 8)")
    command.add_argument("--seed", type=options.whole, default=0, help="of latents (default 0)")
    text = "along a direction, as hue, hue=0.6, category=dress, sefa:0"
    command.add_argument("--direction", default="", metavar="NAME", help=text)
    text = "strengths, in standard deviations of the latents (default -3..3)"
    command.add_argument("--by", default="-3..3", metavar="FROM..TO", help=text)
    text = "how many strengths (default 7)"
    command.add_argument("--steps", type=options.whole, default=7, help=text)
    text = "factors that the direction is made orthogonal to"
    command.add_argument("--keep", default="", metavar="NAME,NAME", help=text)
    text = "under this condition instead, as category=dress,hue=0.6; again for another strip"
    command.add_argument("--to", action="append", default=[], metavar="NAME=VALUE", help=text)
    text = "latents at these shares of their distance from the mean of their condition's"
    command.add_argument("--truncation", metavar="PSI,PSI", help=text)
    text = "styles of every picture with those of every other from this layer on (--space=w)"
    command.add_argument("--mix", type=options.whole, metavar="LAYER", help=text)
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
    options.step(command)
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
        edit=_edit(arguments),
        space=arguments.space,
        given=read_given(*arguments.given),
        optimise=arguments.optimise,
        measure=arguments.measure,
    )
    said = partial(print, file=sys.stderr)
    for path in edit(arguments.workdir, request, arguments.step, said):
        print(path)


def _edit(arguments):
    """The edit asked for; None for none. ConfigError for two, and for options of a direction
    without one.
    """
    from genlab.config import ConfigError
    from genlab.evaluation.edit_kinds import Along, Conditioned, Mixed, Truncated
    from genlab.sampling.conditions import read_given

    keep = tuple(name.strip() for name in arguments.keep.split(",") if name.strip())
    along = _ends(arguments.by), arguments.steps, keep, arguments.samples
    edits = {
        "direction": lambda text: Along(text, *along),
        "to": lambda texts: Conditioned(tuple(read_given(text) for text in texts)),
        "truncation": lambda text: Truncated(_numbers(text)),
        "mix": Mixed,
    }
    asked = {name: getattr(arguments, name) for name in edits}
    asked = {name: value for name, value in asked.items() if value not in (None, "", [])}
    if len(asked) > 1:
        raise ConfigError(f"--{' and --'.join(asked)}: make one edit at a time")
    if "direction" not in asked:
        Along("", *along).check()
        if keep:
            raise ConfigError("--keep says what a direction leaves as it is: give --direction too")
    return next((edits[name](value) for name, value in asked.items()), None)


def _numbers(text: str) -> tuple[float, ...]:
    """ "0.5,1" as numbers; ConfigError for anything else."""
    from genlab.config import ConfigError

    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--truncation={text}: give numbers, as --truncation=0.5,1") from None


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
