"""`genlab sample`: draws from a trained run."""

import sys
from functools import partial

from genlab.cli import options

ABOUT = "Draw from a trained run into WORKDIR/generated."


def add(command) -> None:
    """Its options."""
    text = "how many (default 64); rows of --vary (default 4)"
    command.add_argument("--n", type=options.whole, help=text)
    command.add_argument("--seed", type=options.whole, default=0, help="of the latents (default 0)")
    command.add_argument("--label", help="this label for all samples, its name or number")
    text = "the same for any columns given, and codes, as category=dress,hue=0.3 or code0=3"
    command.add_argument("--given", action="append", default=[], metavar="NAME=VALUE", help=text)
    text = "this column, or code, along rows: a label's names, or numbers in even steps"
    command.add_argument("--vary", metavar="NAME", help=text)
    text = "of the numbers that vary (default: the data's range)"
    command.add_argument("--from", dest="start", metavar="VALUE", help="the first " + text)
    command.add_argument("--to", dest="stop", metavar="VALUE", help="the last " + text)
    text = "how many of them in a row (default 9)"
    command.add_argument("--steps", type=options.whole, metavar="STEPS", help=text)
    command.add_argument("--truncation", type=float, metavar="PSI", help="latents within +-PSI")
    text = "G(z, null) + S (G(z, c) - G(z, null)), of a model trained with condition dropout"
    command.add_argument("--guidance", type=float, metavar="S", help=text)
    text = "the best of N candidates of each sample, by a reward of `genlab feedback`"
    command.add_argument("--best-of", type=options.whole, metavar="N", help=text)
    text = "rejection sampling: of 64 candidates the first accepted, with exp((r - bound) / BETA)"
    command.add_argument("--beta", type=float, metavar="BETA", help=text)
    text = "the reward of these: a file, or a run's folder (default: WORKDIR/reward.json)"
    command.add_argument("--reward", default="", metavar="PATH", help=text)
    text = "rows between pairs of latents, STEPS wide"
    command.add_argument("--interpolate", type=options.whole, metavar="STEPS", help=text)
    text = "default: grid"
    command.add_argument("--formats", default="grid", metavar="grid,png,npz", help=text)
    options.step(command)
    options.workdir(command)


def run(arguments) -> None:
    """Prints the files written."""
    from genlab.sampling.conditions import read_given
    from genlab.sampling.draw import SampleRequest, generate

    vary = _vary(arguments)
    many = 4 if vary else 64
    request = SampleRequest(
        n=many if arguments.n is None else arguments.n,
        seed=arguments.seed,
        label=arguments.label,
        given=read_given(*arguments.given),
        truncation=arguments.truncation,
        interpolate=arguments.interpolate,
        formats=tuple(arguments.formats.split(",")),
        vary=vary,
        guidance=arguments.guidance,
    )
    said = partial(print, file=sys.stderr)
    by = _selection(arguments)
    for path in generate(arguments.workdir, request, arguments.step, said, by):
        print(path)


def _selection(arguments):
    """By what samples are selected; None for nothing. ConfigError for two ways, or a reward
    without one.
    """
    from genlab.config import ConfigError

    ways = {"best-of": arguments.best_of, "beta": arguments.beta}
    asked = {name: value for name, value in ways.items() if value is not None}
    if len(asked) > 1:
        raise ConfigError("--best-of and --beta are two ways to select: give one")
    if not asked and arguments.reward:
        raise ConfigError("--reward says what is better: give --best-of=8 or --beta=0.5 too")
    if not asked:
        return None
    from genlab.feedback import reward
    from genlab.sampling.selection import BestOf, Rejection

    found = reward.load(arguments.reward or arguments.workdir)
    way, value = next(iter(asked.items()))
    return BestOf(found, value) if way == "best-of" else Rejection(found, value)


def _vary(arguments):
    """What varies along rows; None for nothing. ConfigError for ends of nothing."""
    from genlab.config import ConfigError
    from genlab.sampling.request import Vary

    ends = {"from": arguments.start, "to": arguments.stop, "steps": arguments.steps}
    if arguments.vary is not None:
        return Vary(arguments.vary, *ends.values())
    if lone := [name for name, value in ends.items() if value is not None]:
        raise ConfigError(f"--{lone[0]} says how a column varies: name it, as in --vary=hue")
    return None
