"""`genlab evaluate`: scores of a run, or of two sets of images."""

import json
import sys
from pathlib import Path

from genlab.cli.options import requested


def _evaluate(arguments) -> None:
    from genlab.evaluation import evaluate, image_sets
    from genlab.runtime.progress import for_terminal

    request = requested(vars(arguments))
    if request is None:
        rows = evaluate.evaluate(arguments.workdir, arguments.split or "test", arguments.step)
    else:
        rows = [image_sets.judge(request, for_terminal(sys.stderr, "image"))]
    print("\n".join(evaluate.lines(rows)))
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(list(map(evaluate.plain, rows)), indent=2) + "\n")
