"""`genlab sweep`: every variant x every seed, then the report."""

import operator
import sys
from functools import partial

from genlab.cli import options

ABOUT = "Train and evaluate every variant with every seed; finished runs are skipped."


def add(command) -> None:
    """Its options; `--slurm.NAME=VALUE` too."""
    options.config(command, "experiment file: config(), sweep(), SEEDS", required=True)
    command.add_argument("--seeds", metavar="0,1,2", help="instead of the file's SEEDS")
    command.add_argument("--only", metavar="A,B", help="only these variants")
    text = "not in this process: in subprocesses, or as a Slurm array with --slurm.NAME=VALUE"
    command.add_argument("--executor", metavar="local|slurm", help=text)
    command.add_argument("--jobs", type=int, metavar="N", help="so many runs at a time")
    text = "train runs that differ only in seeds and numbers by one program"
    command.add_argument("--together", action="store_true", help=text)
    options.workdir(command)
    options.accept_code_change(command)
    command.set_defaults(kinds=("slurm",))


def run(arguments) -> int:
    """Prints the table of results, where the page is, and which runs failed; 1 if any did."""
    from genlab.config import ConfigError
    from genlab.config.files import described, load
    from genlab.report import write
    from genlab.runtime.progress import for_terminal
    from genlab.sweep import plan
    from genlab.sweep.run import accept_code_changes, run

    experiment = load(arguments.config)
    if "seed" in arguments.overrides:
        raise ConfigError("a sweep sets the seeds: use --seeds=0,1,2, not --config.seed")
    seeds = _seeds(getattr(experiment, "SEEDS", (0,)), arguments.seeds)
    only = plan.chosen(arguments.only, plan.variants(experiment)) if arguments.only else ()
    jobs = plan.plan(experiment, arguments.workdir, arguments.overrides, seeds, only)
    title, by = described(experiment).title, _runner(arguments, experiment)
    if arguments.accept_code_change:
        accept_code_changes(jobs)
    results = run(jobs, arguments.workdir, title, for_terminal(), by)
    made = write(arguments.workdir)
    print(f"\n{made.results}\n\nreport: {made.html}")
    failed = [result for result in results if result.status == "failed"]
    for result in failed:
        print(f"failed: {result.job.name}: {result.error}", file=sys.stderr)
    return 1 if failed else 0


def _runner(arguments, experiment):
    """What carries out the runs; None for one after another in this process."""
    from genlab.config import ConfigError
    from genlab.sweep.run import vmapped

    if arguments.executor is None:
        if arguments.jobs is not None or arguments.slurm:
            raise ConfigError("--jobs and --slurm.NAME need --executor=local or --executor=slurm")
        return vmapped if arguments.together else None
    if arguments.together:
        raise ConfigError("--together is one process's: leave --executor out")
    from genlab.sweep.executors import executor
    from genlab.sweep.launcher import submit

    usual = getattr(experiment, "SLURM", {}) if arguments.executor == "slurm" else {}
    settings = {**usual, **arguments.slurm}
    return partial(submit, executor(arguments.executor, arguments.jobs, settings))


def _seeds(usual, text: str | None) -> tuple[int, ...]:
    """Those of the option, else the file's `usual` ones; ConfigError for what are no seeds."""
    from genlab.config import ConfigError, check_seed

    try:
        if text is not None:
            found = tuple(map(options.whole, text.split(",")))
        else:
            found = tuple(map(_index, usual))
    except (TypeError, ValueError, OverflowError):
        found = ()
    if not found:
        if text is not None:
            raise ConfigError(f"--seeds={text}: give whole numbers, as in --seeds=0,1,2")
        raise ConfigError(f"SEEDS is {usual!r}; it must be whole numbers, as (0, 1, 2) or range(3)")
    if twice := [seed for seed in found if found.count(seed) > 1]:
        raise ConfigError(f"seed {twice[0]} is named twice: a run has one folder; name each once")
    return tuple(check_seed(seed) for seed in found)


def _index(seed) -> int:
    """A whole number, of NumPy and JAX too."""
    if isinstance(seed, bool):
        raise TypeError("a truth value is no seed")
    return operator.index(seed)
