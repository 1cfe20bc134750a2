"""`genlab sample`: draws from a trained run."""


def _sample(arguments) -> None:
    from genlab.sampling.draw import SampleRequest, generate

    request = SampleRequest(
        arguments.n, arguments.seed, arguments.label, arguments.truncation, arguments.interpolate,
        tuple(arguments.formats.split(",")),
    )  # fmt: skip
    for path in generate(arguments.workdir, request, arguments.step):
        print(path)
