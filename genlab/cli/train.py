"""`genlab train`: one run."""

import shlex

from genlab.cli import options

ABOUT = "Train one run; resumes what is in the folder, bit for bit."


def add(command) -> None:
    """Its options."""
    options.config(command, "experiment file, defines config()")
    options.variant(command)
    options.workdir(command)
    options.accept_code_change(command)
    options.profile(command)
    text = "of process 0, where several train one run; those of Slurm and the like are found"
    command.add_argument("--coordinator", metavar="HOST:PORT", help=text)
    command.add_argument("--processes", type=int, metavar="N", help="how many there are")
    command.add_argument("--process", type=int, metavar="I", help="this one's number, from 0")


def run(arguments) -> None:
    """Trains to the last round."""
    from genlab.runtime import processes

    flags = processes.Flags(arguments.coordinator, arguments.processes, arguments.process)
    processes.start(flags)
    from genlab.api import fit
    from genlab.runtime.progress import for_terminal

    with processes.all_or_none():
        config = processes.agreed(lambda: options.described(arguments))
        profile = options.profiled(arguments, config)
        fit(config, arguments.workdir, for_terminal(), arguments.accept_code_change, profile)
    if processes.is_main():
        options.print_profile(arguments)
        print(f"trained: {arguments.workdir}\nnext: {evaluation(arguments, config)}")


def evaluation(arguments, config) -> str:
    """The command that scores the run: with its experiment file, where objects come from there."""
    from genlab.config import live

    words = ["genlab", "evaluate", f"--workdir={arguments.workdir}"]
    if arguments.config and any(live.found(config)):
        words += [f"--config={arguments.config}"]
        words += [f"--variant={arguments.variant}"] if arguments.variant else []
    return shlex.join(words)
