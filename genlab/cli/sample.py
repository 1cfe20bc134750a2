"""`genlab sample`: draws from a trained run."""

from genlab.cli import options

ABOUT = "Draw from a trained run into WORKDIR/generated."


def add(command) -> None:
    """Its options."""
    command.add_argument("--n", type=int, default=64, help="how many (default 64)")
    command.add_argument("--seed", type=int, default=0, help="of the latents (default 0)")
    command.add_argument("--label", type=int, help="this label alone (conditional models)")
    command.add_argument("--truncation", type=float, metavar="PSI", help="latents within +-PSI")
    text = "rows between pairs of latents, STEPS wide"
    command.add_argument("--interpolate", type=int, metavar="STEPS", help=text)
    text = "default: grid"
    command.add_argument("--formats", default="grid", metavar="grid,png,npz", help=text)
    command.add_argument("--step", type=int, help="the checkpoint of this round")
    options.workdir(command)


def run(arguments) -> None:
    """Prints the files written."""
    from genlab.sampling.draw import SampleRequest, generate

    request = SampleRequest(
        arguments.n, arguments.seed, arguments.label, arguments.truncation, arguments.interpolate,
        tuple(arguments.formats.split(",")),
    )  # fmt: skip
    for path in generate(arguments.workdir, request, arguments.step):
        print(path)
