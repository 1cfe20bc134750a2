"""`genlab feedback`: what people said of a run's samples, and a reward fitted to it; a search for
one person.
"""

import sys

from genlab.cli import options

ABOUT = """\
Fit a reward to what people said of a run's samples, into WORKDIR/reward.json.

Verdicts are those given on the page of `genlab serve`, which are in WORKDIR/feedback.jsonl, and
those of a table (--add), with columns picture,other,verdict: up or down of one picture; first,
second or tie of two. `genlab sample --best-of=8` and `--beta=0.5` select samples by the reward;
--tune trains the generator on by it.

--search looks for the picture that one person likes best: it shows two at a time (in
DIR/duel.png), asks which is better, and goes on from there when it is called again.
"""
DIRECTIONS = 16


def add(command) -> None:
    """Its options."""
    text = "add the verdicts of this CSV file first; all or, where one makes no sense, none"
    command.add_argument("--add", default="", metavar="FILE", help=text)
    text = "the folder of `genlab sample` whose pictures the file is about"
    command.add_argument("--of", default="", metavar="FOLDER", help=text)
    text = "what pictures are compared in: an evaluator's name, random, pixels (default: those of "
    text += "the first evaluator that has any, else random)"
    command.add_argument("--features", default="", metavar="NAME", help=text)
    text = "principal components of them that the reward is fitted in (default 16); of a search, "
    text += "directions of the latent space (default 8)"
    command.add_argument("--directions", type=options.whole, metavar="N", help=text)
    text = "then train the generator on by the reward, in this folder (a GAN's)"
    command.add_argument("--tune", default="", metavar="DIR", help=text)
    text = "rounds of it (default 200)"
    command.add_argument("--steps", type=options.whole, default=200, metavar="N", help=text)
    text = "of --tune: mean squared change of pixels in [-1, 1] that is allowed (default 0.05)"
    command.add_argument("--budget", type=float, default=0.05, metavar="D", help=text)
    text = "instead of all that: look for what one person likes, in this folder"
    command.add_argument("--search", default="", metavar="DIR", help=text)
    text = "of --search: its conditions, as category=dress,hue=0.3"
    command.add_argument("--given", action="append", default=[], metavar="NAME=VALUE", help=text)
    text = "of --search: what it begins from (default 0)"
    command.add_argument("--seed", type=options.whole, metavar="SEED", help=text)
    options.step(command, "the checkpoint of this round is what was judged")
    options.workdir(command)


def run(arguments) -> None:
    """Prints what was read, how well the reward foretells verdicts, and the file it is in."""
    from genlab.feedback import reward, tables, tuning, verdicts
    from genlab.sampling.load import load

    _check(arguments)
    loaded = load(arguments.workdir, arguments.step)
    if arguments.search:
        return _search(arguments, loaded)
    features = reward.features_by_name(loaded, arguments.features) if arguments.features else None
    if arguments.tune:  # before a reward that cannot do it is fitted and replaces the one there is
        tuning.check(loaded, features or reward.default_features(loaded))
    if arguments.add:
        added = tables.read(loaded, arguments.add, arguments.of or None)
        print(f"{len(added)} verdicts added to {verdicts.append(loaded, added)}")
    given = verdicts.read(loaded)
    print(reward.told(given))
    found = reward.fit(loaded, features, given, arguments.directions or DIRECTIONS)
    print(reward.summary(found))
    print(found.save(loaded.folder.path / reward.FILE))
    if arguments.tune:
        _tune(arguments, loaded, found)


def _check(arguments) -> None:
    """ConfigError for options that do not go together."""
    from genlab.config import ConfigError

    if arguments.directions is not None and arguments.directions < 1:
        raise ConfigError(f"--directions={arguments.directions}: expected 1 or more")
    if arguments.of and not arguments.add:
        raise ConfigError("--of says whose pictures a table is about: give --add=FILE too")
    of_reward = [name for name in ("add", "features", "tune") if getattr(arguments, name)]
    of_search = [name for name in ("given", "seed") if getattr(arguments, name) not in (None, [])]
    if arguments.search and of_reward:
        raise ConfigError(f"--search asks for no reward: leave --{of_reward[0]} out")
    if of_search and not arguments.search:
        raise ConfigError(f"--{of_search[0]} is of a search: give --search=DIR too")


def _search(arguments, loaded) -> None:
    """Duel after duel until nothing is answered; prints where the best is."""
    from genlab.feedback import kept_search
    from genlab.sampling.conditions import read_given

    settings = {
        "given": read_given(*arguments.given),
        "seed": arguments.seed,
        "directions": arguments.directions,
    }
    search = kept_search.opened(loaded, arguments.search, settings)
    if search.answers:
        print(f"{_answers(search)} so far")
    while (first := _answer(kept_search.shown(arguments.search, search))) is not None:
        search = kept_search.answered(arguments.search, search, first)
    if search.answers:
        path = kept_search.found(arguments.search, search)
        print(f"liked best after {_answers(search)}: {path}; its latent: {path.parent}/best.npy")


def _answers(search) -> str:
    return f"{search.answers} answer{'s' * (search.answers != 1)}"


def _answer(path) -> bool | None:
    """Whether the first of the two pictures is better; None where nothing is said."""
    question = f"{path}: which is better? 1 left, 2 right, an empty line to stop: "
    while True:
        print(question, end="", flush=True)
        line = sys.stdin.readline().strip()
        if not line:
            print()
            return None
        if line in ("1", "2"):
            return line == "1"
        print(f"{line!r} is neither 1 nor 2")


def _tune(arguments, loaded, found) -> None:
    from genlab.api import fit
    from genlab.feedback.tuning import tuned
    from genlab.runtime.progress import for_terminal

    config = tuned(loaded, found, arguments.steps, budget=arguments.budget)
    fit(config, arguments.tune, for_terminal())
    print(f"trained: {arguments.tune}")
