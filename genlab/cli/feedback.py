"""`genlab feedback`: what people said of a run's samples, and a reward fitted to it."""

from genlab.cli import options

ABOUT = """\
Fit a reward to what people said of a run's samples, into WORKDIR/reward.json.

Verdicts are those given on the page of `genlab serve`, which are in WORKDIR/feedback.jsonl, and
those of a table (--add), with columns picture,other,verdict: up or down of one picture; first,
second or tie of two. `genlab sample --best-of=8` and `--beta=0.5` select samples by the reward;
--tune trains the generator on by it.
"""


def add(command) -> None:
    """Its options."""
    text = "add the verdicts of this CSV file first; all or, where one makes no sense, none"
    command.add_argument("--add", default="", metavar="FILE", help=text)
    text = "the folder of `genlab sample` whose pictures the file is about"
    command.add_argument("--of", default="", metavar="FOLDER", help=text)
    text = "what pictures are compared in: an evaluator's name, random, pixels (default: those of "
    text += "the first evaluator that has any, else random)"
    command.add_argument("--features", default="", metavar="NAME", help=text)
    text = "principal components of them that the reward is fitted in (default 16)"
    command.add_argument("--directions", type=options.whole, default=16, metavar="N", help=text)
    text = "then train the generator on by the reward, in this folder (a GAN's)"
    command.add_argument("--tune", default="", metavar="DIR", help=text)
    text = "rounds of it (default 200)"
    command.add_argument("--steps", type=options.whole, default=200, metavar="N", help=text)
    text = "of --tune: mean squared change of pixels in [-1, 1] that is allowed (default 0.05)"
    command.add_argument("--budget", type=float, default=0.05, metavar="D", help=text)
    text = "the checkpoint of this round is what was judged"
    command.add_argument("--step", type=options.whole, help=text)
    options.workdir(command)


def run(arguments) -> None:
    """Prints what was read, how well the reward foretells verdicts, and the file it is in."""
    from genlab.config import ConfigError
    from genlab.feedback import reward, tables, verdicts
    from genlab.sampling.load import load

    if arguments.directions < 1:
        raise ConfigError(f"--directions={arguments.directions}: expected 1 or more")
    if arguments.of and not arguments.add:
        raise ConfigError("--of says whose pictures a table is about: give --add=FILE too")
    loaded = load(arguments.workdir, arguments.step)
    if arguments.add:
        added = tables.read(loaded, arguments.add, arguments.of or None)
        print(f"{len(added)} verdicts added to {verdicts.append(loaded, added)}")
    given = verdicts.read(loaded)
    print(reward.told(given))
    features = reward.features_by_name(loaded, arguments.features) if arguments.features else None
    found = reward.fit(loaded, features, given, arguments.directions)
    print(reward.summary(found))
    print(found.save(loaded.folder.path / reward.FILE))
    if arguments.tune:
        _tune(arguments, loaded, found)


def _tune(arguments, loaded, found) -> None:
    from genlab.api import fit
    from genlab.feedback.tuning import tuned
    from genlab.runtime.progress import for_terminal

    config = tuned(loaded, found, arguments.steps, budget=arguments.budget)
    fit(config, arguments.tune, for_terminal())
    print(f"trained: {arguments.tune}")
