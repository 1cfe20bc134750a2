"""`genlab serve` under load: latency of one 32x32 sample, 200 clients at once, memory.

A server in a process of its own, of an untrained conditional GAN of experiments/products/control;
clients in this process, over HTTP. Run on a quiet machine:

    python benchmarks/serve.py            # writes benchmarks/results/serve.json
"""

import argparse
import json
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from genlab import fit
from genlab.config import override
from genlab.config.files import load
from genlab.runs.environment import environment
from genlab.runs.files import write_json
from genlab.sweep.plan import configure

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "experiments" / "products" / "control" / "control.py"
CLIENTS, EACH = 200, 5
QUIET = 0.3


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "serve.json")
    out = parser.parse_args().out
    with open("/proc/loadavg") as file:
        load_before = float(file.read().split()[0])
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "gan"
        fit(configured(), run)
        command = [sys.executable, "-m", "genlab", "serve", str(run), "--port=0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                found = measured(server)
            finally:
                server.terminate()
    found |= {
        "load_before": load_before,
        "environment": environment(),
        "machine": platform.machine(),
    }
    print(json.dumps({n: x for n, x in found.items() if n != "environment"}, indent=2))
    if load_before > QUIET:
        print(f"load {load_before} before: above {QUIET}, not written", file=sys.stderr)
        return
    write_json(out, found)


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


def measured(server: subprocess.Popen) -> dict:
    """Latencies in ms, samples/s, memory in MiB."""
    address = urlsplit(re.search(r"http://\S+", server.stdout.readline())[0])
    host = f"{address.hostname}:{address.port}"
    began = time.perf_counter()
    ask(HTTPConnection(host), 0)
    first = time.perf_counter() - began
    connection = HTTPConnection(host)
    single = [1e3 * ask(connection, seed)[0] for seed in range(1, 201)]
    idle = memory(server.pid)
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = [a for each in pool.map(client, [host] * CLIENTS, range(CLIENTS)) for a in each]
    seconds = time.perf_counter() - began
    return {
        "first_request_s": round(first, 2),
        "one_sample_ms": spread(single),
        "clients": CLIENTS,
        "requests": len(answers),
        "lost": CLIENTS * EACH - len(answers),
        "sent_away_429": sum(tries for _, tries in answers),
        "requests_per_s": round(len(answers) / seconds, 1),
        "together_ms": spread(1e3 * spent for spent, _ in answers),
        "memory_mib": {"one_client": idle, "after_all": memory(server.pid)},
    }


def spread(values: Iterable[float]) -> dict[str, float]:
    """The median, and what 95 % stay below."""
    found = sorted(values)
    p95 = found[int(0.95 * len(found))]
    return {"median": round(statistics.median(found), 1), "p95": round(p95, 1)}


def client(host: str, number: int) -> list[tuple[float, int]]:
    """One client's requests, each with its seconds and how often it was sent away."""
    connection = HTTPConnection(host, timeout=120)
    return [ask(connection, 1_000 + EACH * number + i) for i in range(EACH)]


def ask(connection: HTTPConnection, seed: int) -> tuple[float, int]:
    """One sample: seconds, and how often the server was busy."""
    began, tries = time.perf_counter(), 0
    body = json.dumps({"n": 1, "seed": seed, "given": {"category": "dress"}})
    while True:
        connection.request(
            "POST", "/v1/runs/gan.seed0/samples", body, {"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 200:
            assert json.loads(text)["images"]
            return time.perf_counter() - began, tries
        assert answer.status == 429, text
        tries += 1
        time.sleep(float(answer.headers["Retry-After"]))


def memory(pid: int) -> int:
    """MiB that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 >> 20


if __name__ == "__main__":
    main()
