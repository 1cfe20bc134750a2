"""`genlab serve` under load: latency of one 32x32 sample, 200 clients at once, memory; a plain page
of Gradio with the same sampler next to it.

Servers in processes of their own, one after the other, of an untrained conditional GAN of
experiments/products/control; clients in this process, over HTTP. Run on a quiet machine:

    python -m venv gradio && gradio/bin/pip install gradio
    python benchmarks/serve.py --gradio=gradio/bin/python      # without it: genlab alone
Writes: benchmarks/results/serve.json
"""

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import serve_clients

from genlab import fit
from genlab.config import override
from genlab.config.files import load
from genlab.runs.environment import environment
from genlab.runs.files import write_json
from genlab.sweep.plan import configure

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "experiments" / "products" / "control" / "control.py"
PAGE = Path(__file__).with_name("serve_gradio.py")
QUIET = 0.3


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--gradio", type=Path, help="a Python that has Gradio, to compare with")
    parser.add_argument("--singles", type=int, default=200, help="requests one after the other")
    parser.add_argument("--clients", type=int, default=200, help="clients at once")
    parser.add_argument("--each", type=int, default=5, help="requests of each")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "serve.json")
    arguments = parser.parse_args()
    load_before = float(Path("/proc/loadavg").read_text().split()[0])
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "gan"
        fit(configured(), run)
        command = [sys.executable, "-m", "genlab", "serve", str(run), "--port=0"]
        found = of_server(command, serve_clients.of_genlab, arguments)
        if arguments.gradio:
            paths = [str(ROOT), *(path for path in sys.path if path.endswith("-packages"))]
            command = [str(arguments.gradio), str(PAGE), str(run), *paths]
            found["gradio"] = of_server(command, serve_clients.of_gradio, arguments)
    found |= {
        "load_before": load_before,
        "environment": environment(),
        "machine": platform.machine(),
    }
    print(json.dumps({n: x for n, x in found.items() if n != "environment"}, indent=2))
    if load_before > QUIET:
        print(f"load {load_before} before: above {QUIET}, not written", file=sys.stderr)
        return
    write_json(arguments.out, found)


def configured():
    """A conditional GAN of 32x32 products, two rounds."""
    config = configure(load(CONFIG), "projection", {})
    for field, value in {
        "steps": 2,
        "rounds_per_call": 2,
        "log_every": 2,
        "sample_every": 0,
    }.items():
        override(config, f"loop.{field}", value)
    override(config, "evaluate", {})
    return config


def of_server(command: list[str], ask: serve_clients.Ask, arguments: argparse.Namespace) -> dict:
    """Latencies in ms, requests/s and memory in MiB of a server that this command starts."""
    counts = arguments.singles, arguments.clients, arguments.each
    with running(command) as (server, line):
        address = urlsplit(re.search(r"http://\S+", line)[0])
        host = f"{address.hostname}:{address.port}"
        return {
            "said": line.split(" at ")[0],
            **serve_clients.measured(host, server.pid, ask, *counts),
        }


@contextmanager
def running(command: list[str]) -> Iterator[tuple[subprocess.Popen, str]]:
    """A server and the line with its address; it is ended afterwards."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        try:
            yield server, next(line for line in server.stdout if "http://" in line)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
