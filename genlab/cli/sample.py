"""`genlab sample`: draws from a trained run."""

from genlab.cli import options

ABOUT = "Draw from a trained run into WORKDIR/generated."


def add(command) -> None:
    """Its options."""
    command.add_argument("--n", type=options.whole, default=64, help="how many (default 64)")
    command.add_argument("--seed", type=options.whole, default=0, help="of the latents (default 0)")
    command.add_argument("--label", help="this label for all samples, its name or number")
    text = "the same for any column that the model is given, as hue=0.3; may be repeated"
    command.add_argument("--given", action="append", default=[], metavar="NAME=VALUE", help=text)
    command.add_argument("--truncation", type=float, metavar="PSI", help="latents within +-PSI")
    text = "rows between pairs of latents, STEPS wide"
    command.add_argument("--interpolate", type=options.whole, metavar="STEPS", help=text)
    text = "default: grid"
    command.add_argument("--formats", default="grid", metavar="grid,png,npz", help=text)
    command.add_argument("--step", type=options.whole, help="the checkpoint of this round")
    options.workdir(command)


def run(arguments) -> None:
    """Prints the files written."""
    from genlab.sampling.draw import SampleRequest, generate

    request = SampleRequest(
        n=arguments.n,
        seed=arguments.seed,
        label=arguments.label,
        given=_given(arguments.given),
        truncation=arguments.truncation,
        interpolate=arguments.interpolate,
        formats=tuple(arguments.formats.split(",")),
    )
    for path in generate(arguments.workdir, request, arguments.step):
        print(path)


def _given(texts: list[str]) -> dict[str, str]:
    """Values by the names of columns; ConfigError for a text that is no NAME=VALUE."""
    from genlab.config import ConfigError

    if wrong := [text for text in texts if "=" not in text]:
        raise ConfigError(f"--given={wrong[0]}: give NAME=VALUE, as in --given=hue=0.3")
    return dict(text.split("=", 1) for text in texts)
