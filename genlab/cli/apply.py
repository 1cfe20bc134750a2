"""`genlab apply`: a trained run on pictures of one's own."""

import sys
from functools import partial

from genlab.cli import options
from genlab.evaluation.apply_request import ApplyRequest

ABOUT = """\
Apply a trained run to whole pictures of any size, into a folder of their own.

  genlab apply --workdir=runs/denoise --input=photos --output=clean
  genlab apply --workdir=runs/inpaint --input=a.png --mask=holes.png --output=filled
  genlab apply --workdir=runs/x4 --input=small --output=large --then=match:mean,unsharp:1

Transparency, EXIF and colour profile are kept. A file of a folder that cannot be read is left out,
and the exit status is 1. After an interrupt the same command goes on.

Post-processing, in the order given: match:mean, match:histogram (colours of the input),
denoise:LEVELS, unsharp:AMOUNT, contrast:BY, enlarge:2 or 4.
"""


def add(command) -> None:
    """Its options."""
    text = "a folder of pictures, or a picture"
    command.add_argument("--input", default="", metavar="PATH", help=text)
    text = "the folder to write to; other files that are there are not replaced, unless --overwrite"
    command.add_argument("--output", default="", metavar="FOLDER", help=text)
    text = "what is missing, white: a picture for all, or a folder of pictures of the same names"
    command.add_argument("--mask", default="", metavar="PATH", help=text)
    text = "what the model sees there: grey (default), as in training, or what is there"
    command.add_argument("--fill", default="grey", metavar="grey|keep", help=text)
    text = "the right answers, by the same names: every step is scored"
    command.add_argument("--target", default="", metavar="PATH", help=text)
    text = "conditions of all pictures, as category=dress; of a picture its file, style=a.png"
    command.add_argument("--given", action="append", default=[], metavar="NAME=VALUE", help=text)
    text = "post-processing, as match:mean,unsharp:1"
    command.add_argument("--then", default="", metavar="STEP,STEP", help=text)
    text = "the column that the pictures are of, where a model translates several ways"
    command.add_argument("--column", default="", metavar="NAME", help=text)
    text = "repeat pixels so often before, for a model trained on pictures in blocks (default 1)"
    command.add_argument("--repeat", type=options.whole, default=1, metavar="N", help=text)
    text = "pixels a side of what is done at once (default 512)"
    command.add_argument("--tile", type=options.whole, default=512, metavar="PIXELS", help=text)
    text = "of the files: same as the input's (default), png, jpg, webp"
    command.add_argument("--format", default="same", help=text)
    text = "of latents, where the model has any (default 0)"
    command.add_argument("--seed", type=options.whole, default=0, help=text)
    command.add_argument(
        "--overwrite",
        action="store_true",
        help="replace files that are there, finished pictures too",
    )
    options.step(command)
    options.workdir(command)


def run(arguments) -> int:
    """Prints the files written; 1 where a picture could not be read."""
    from genlab.evaluation.apply import apply
    from genlab.runtime.progress import for_terminal
    from genlab.sampling.conditions import read_given

    fields = {name: getattr(arguments, name) for name in ApplyRequest._fields if name != "given"}
    request = ApplyRequest(**fields, given=read_given(*arguments.given))
    said, shown = partial(print, file=sys.stderr), for_terminal(sys.stderr, "picture")
    written = apply(arguments.workdir, request, arguments.step, said, shown)
    for path in written.files:
        print(path)
    return int(bool(written.left_out))
