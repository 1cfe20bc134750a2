"""`genlab sweep`: every variant x every seed, then the report."""

import sys
from functools import partial


def _sweep(arguments) -> int:
    from genlab.config import ConfigError
    from genlab.config.files import described, load
    from genlab.report import write
    from genlab.runtime.progress import for_terminal
    from genlab.sweep import plan, run

    experiment = load(arguments.config)
    if "seed" in arguments.overrides:
        raise ConfigError("a sweep sets the seeds: use --seeds=0,1,2, not --config.seed")
    seeds = getattr(experiment, "SEEDS", (0,)) if arguments.seeds is None else arguments.seeds
    seeds = _numbers(seeds) if isinstance(seeds, str) else seeds
    whole = isinstance(seeds, tuple | list) and all(type(seed) is int for seed in seeds)
    if not whole or not seeds:
        raise ConfigError(f"SEEDS is {seeds!r}; it must be a tuple of whole numbers, as (0, 1, 2)")
    only = arguments.only.split(",") if arguments.only else ()
    jobs = plan.plan(experiment, arguments.workdir, arguments.overrides, seeds, only)
    title, by = described(experiment).title, _player(arguments, experiment)
    results = run.run(jobs, arguments.workdir, title, for_terminal(), by)
    made = write(arguments.workdir)
    print(f"\n{made.results}\n\nreport: {made.html}")
    failed = [result for result in results if result.status == "failed"]
    for result in failed:
        print(
            f"failed: {result.job.variant} seed {result.job.seed}: {result.error}", file=sys.stderr
        )
    return 1 if failed else 0


def _player(arguments, experiment):
    """Who plays a sweep's runs; None for this process."""
    from genlab.config import ConfigError
    from genlab.sweep.run import together

    if arguments.executor is None:
        if arguments.jobs is not None or arguments.slurm:
            raise ConfigError("--jobs and --slurm.NAME need --executor=local or --executor=slurm")
        return together if arguments.together else None
    if arguments.together:
        raise ConfigError("--together is one process's: leave --executor out")
    from genlab.sweep.executors import executor
    from genlab.sweep.launcher import submit

    usual = getattr(experiment, "SLURM", {}) if arguments.executor == "slurm" else {}
    options = {**usual, **arguments.slurm}
    return partial(submit, executor(arguments.executor, arguments.jobs, options))


def _numbers(text: str) -> tuple[int, ...]:
    from genlab.config import ConfigError

    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--seeds={text}: give whole numbers, as in --seeds=0,1,2") from None
