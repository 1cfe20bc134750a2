"""Executes the tutorials, docs/tutorials/NAME.py, into notebooks with their pictures, NAME.ipynb.

    pip install -e '.[tutorials]'
    python docs/generate/tutorials.py                               # all of them
    python docs/generate/tutorials.py loss data                     # some
    python docs/generate/tutorials.py --rounds=10 --out=DIR loss    # shortened, as the suite does

A source is a notebook in the percent format, which jupytext reads. `STEPS = N` in it is how long
its models train.
"""

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "docs" / "tutorials"
SECONDS = 600  # of a cell
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def notebook(source: Path, rounds: int | None = None) -> nbformat.NotebookNode:
    """A tutorial before it is executed, its models trained for `rounds` instead of its own."""
    read = jupytext.read(source)
    read.metadata = {"kernelspec": KERNEL}
    for number, cell in enumerate(read.cells):
        cell.id, cell.metadata = f"{source.stem}-{number}", {}
        if rounds is not None:
            cell.source = re.sub(r"^STEPS = \d+", f"STEPS = {rounds}", cell.source, flags=re.M)
    return read


def executed(source: Path, rounds: int | None = None) -> nbformat.NotebookNode:
    """The notebook with its outputs, run in an empty folder. Raises nbclient's CellExecutionError
    with the traceback of a cell that fails, ValueError where an output names a folder of this
    machine.
    """
    made = notebook(source, rounds)
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        os.environ |= {"PYTHONPATH": path, "PATH": programs, "GENLAB_CACHE": f"{folder}/cache"}
        at = {"metadata": {"path": folder}}
        ipc = Config(KernelManager={"transport": "ipc", "ip": f"{folder}/kernel"})  # no open ports
        client = NotebookClient(made, timeout=SECONDS, config=ipc, resources=at)
        client.record_timing = False
        client.execute()
        for cell in made.cells:
            if cell.cell_type == "code":  # warnings name folders of the machine
                cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
                for one in cell.outputs:
                    if "image/png" in one.get("data", {}):
                        one.data.pop("text/plain", None)  # the picture's numbers
    made = nbformat.reads(nbformat.writes(made).replace(f"{folder}/", ""), as_version=4)
    for own in (str(ROOT), str(Path.home())):
        if f"{own}/" in nbformat.writes(made):
            raise ValueError(f"{source.name}: an output names {own}")
    made.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return made


def main() -> None:
    """Writes the notebooks that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--out", type=Path, default=SOURCES)
    asked = parser.parse_args()
    for name in asked.names or [path.stem for path in sorted(SOURCES.glob("*.py"))]:
        made = executed(SOURCES / f"{name}.py", asked.rounds)
        nbformat.write(made, asked.out / f"{name}.ipynb")
        print(asked.out / f"{name}.ipynb")


if __name__ == "__main__":
    main()
