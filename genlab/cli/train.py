"""`genlab train`: one run."""

from genlab.cli.configs import _config_of


def _train(arguments) -> None:
    from genlab.runtime import processes

    flags = processes.Flags(arguments.coordinator, arguments.processes, arguments.process)
    processes.start(flags)
    from genlab.api import fit
    from genlab.runtime.progress import for_terminal

    with processes.all_or_none():
        fit(processes.together(lambda: _config_of(arguments)), arguments.workdir, for_terminal())
    if processes.is_main():
        print(f"trained: {arguments.workdir}\nnext: genlab evaluate --workdir={arguments.workdir}")
