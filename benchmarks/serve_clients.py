"""What asks a server for samples, over HTTP, and how long it waits: of `genlab serve` and of a page
of Gradio.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

MOST = 120  # seconds that a client waits
Ask = Callable[[HTTPConnection, int], tuple[float, int]]


def of_genlab(connection: HTTPConnection, seed: int) -> tuple[float, int]:
    """One sample: seconds, and how often the server was busy."""
    began, tries = time.perf_counter(), 0
    body = json.dumps({"n": 1, "seed": seed, "given": {"category": "dress"}})
    while True:
        answer, text = post(connection, "/v1/runs/gan.seed0/samples", body)
        if answer.status == 200:
            assert json.loads(text)["images"]
            return time.perf_counter() - began, tries
        assert answer.status == 429, text
        tries += 1
        time.sleep(float(answer.headers["Retry-After"]))


def of_gradio(connection: HTTPConnection, seed: int) -> tuple[float, int]:
    """The same of Gradio's API: the event is queued, awaited, and its picture is fetched."""
    began = time.perf_counter()
    answer, text = post(
        connection, "/gradio_api/call/sample", json.dumps({"data": [seed, "dress"]})
    )
    assert answer.status == 200, text
    connection.request("GET", f"/gradio_api/call/sample/{json.loads(text)['event_id']}")
    text = connection.getresponse().read().decode()
    assert "event: complete" in text, text
    picture = json.loads(text.split("event: complete")[1].split("data: ", 1)[1].splitlines()[0])
    connection.request("GET", f"/gradio_api/file={picture[0]['path']}")
    assert connection.getresponse().read().startswith(b"\x89PNG")
    return time.perf_counter() - began, 0


def post(connection: HTTPConnection, path: str, body: str):
    """The answer and its text."""
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer, answer.read()


def measured(host: str, pid: int, ask: Ask, singles: int, clients: int, each: int) -> dict:
    """Latencies in ms of one client after the other and of many at once, requests/s, MiB."""
    began = time.perf_counter()
    ask(HTTPConnection(host, timeout=MOST), 0)
    first = time.perf_counter() - began
    connection = HTTPConnection(host, timeout=MOST)
    single = [1e3 * ask(connection, seed)[0] for seed in range(1, singles + 1)]
    idle, lost = memory(pid), 0
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        found = pool.map(lambda number: client(host, ask, number, each), range(clients))
        answers = [answer for one in found for answer in one]
    seconds = time.perf_counter() - began
    lost = clients * each - len(answers)
    return {
        "first_request_s": round(first, 2),
        "one_sample_ms": spread(single),
        "clients": clients,
        "requests": clients * each,
        "lost": lost,
        "sent_away_429": sum(tries for _, tries in answers),
        "requests_per_s": round(len(answers) / seconds, 1),
        "together_ms": spread(1e3 * spent for spent, _ in answers),
        "memory_mib": {"one_client": idle, "after_all": memory(pid)},
    }


def client(host: str, ask: Ask, number: int, each: int) -> list[tuple[float, int]]:
    """One client's requests that were answered, each with its seconds and how often it was sent
    away.
    """
    connection, answers = HTTPConnection(host, timeout=MOST), []
    for i in range(each):
        try:
            answers.append(ask(connection, 1_000 + each * number + i))
        except Exception as error:  # whatever it was, a request is lost, and the others go on
            print(f"lost: {type(error).__name__}: {str(error)[:200]}")
            connection.close()
    return answers


def spread(values: Iterable[float]) -> dict[str, float]:
    """The median, and what 95 % stay below."""
    found = sorted(values)
    p95 = found[int(0.95 * len(found))]
    return {"median": round(statistics.median(found), 1), "p95": round(p95, 1)}


def memory(pid: int) -> int:
    """MiB that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 >> 20
