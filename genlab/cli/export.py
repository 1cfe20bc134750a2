"""`genlab export`: a trained sampler that needs JAX and no genlab."""

from genlab.cli import options

ABOUT = "A sampler as jax.export, its weights as safetensors, a loader and a model card."


def add(command) -> None:
    """Its options."""
    command.add_argument("--out", required=True, metavar="DIR", help="a new or an empty folder")
    text = "samples of one call (default 16)"
    command.add_argument("--batch", type=options.whole, default=16, help=text)
    options.step(command)
    options.workdir(command)


def run(arguments) -> None:
    """Prints the folder."""
    from genlab.sampling.export import export

    print(export(arguments.workdir, arguments.out, arguments.batch, arguments.step))
