"""A client of `genlab serve`, with what comes with Python alone.

client = Client("http://127.0.0.1:8000")
client.sample("gan.seed0", n=4, seed=1, given={"category": "dress"})["images"]  # PNGs, bytes
"""

import base64
import json
import time
from typing import Any
from urllib import error, request
from urllib.parse import quote


class Refused(RuntimeError):
    """What the server said, in words; `status` is HTTP's."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


class Client:
    """The API of a server. A busy server is asked again when it says so, `tries` times.

    Raises Refused for what the server does not do, with its reason; OSError where there is none.
    """

    def __init__(
        self, address: str, token: str | None = None, tries: int = 5, timeout: float = 130
    ):
        self.address, self.token = address.rstrip("/"), token
        self.tries, self.timeout = tries, timeout

    def runs(self) -> list[dict[str, Any]]:
        """The runs, with their status and round."""
        return json.loads(self._call("/v1/runs"))

    def describe(self, run: str) -> dict[str, Any]:
        """What a run makes, what it can be given, what it can do."""
        return json.loads(self._call(f"/v1/runs/{quote(run)}"))

    def sample(self, run: str, **ask: Any) -> dict[str, Any]:
        """Samples: `images` are PNG files, `conditions` their conditions. `ask`: n, seed, given,
        truncation, guidance, vary, interpolate.
        """
        made = json.loads(self._call(f"/v1/runs/{quote(run)}/samples", json.dumps(ask).encode()))
        return {**made, "images": [base64.b64decode(one) for one in made["images"]]}

    def feedback(
        self, run: str, ask: dict[str, Any], index: int, verdict: str, other: int | None = None
    ) -> int:
        """Keeps a verdict on sample `index` of the answer to `ask`, "up" or "down", or on it and
        sample `other`, "first", "second" or "tie"; how many there are.
        """
        said = {"ask": ask, "index": index, "verdict": verdict, "other": other}
        kept = self._call(f"/v1/runs/{quote(run)}/feedback", json.dumps(said).encode())
        return json.loads(kept)["kept"]

    def reconstruct(self, run: str, picture: bytes, given: str = "") -> bytes:
        """A picture file made anew, a PNG; `given`: its conditions, "category=dress,hue=0.6"."""
        path = f"/v1/runs/{quote(run)}/reconstruct?given={quote(given)}"
        return self._call(path, picture, "image/png")

    def translate(self, run: str, pictures: dict[str, bytes], **ask: Any) -> list[bytes]:
        """Picture files by column made into another, PNGs. `ask`: of, to, given, seed."""
        files = {name: base64.b64encode(one).decode() for name, one in pictures.items()}
        return self._changed(run, "translate", {"pictures": files, **ask})

    def edit(self, run: str, picture: bytes, **ask: Any) -> list[bytes]:
        """A picture file as the run finds it again, and its edits, PNGs. `ask`: given, space,
        direction and by, or to, optimise, seed.
        """
        return self._changed(run, "edit", {"picture": base64.b64encode(picture).decode(), **ask})

    def _changed(self, run: str, what: str, ask: dict[str, Any]) -> list[bytes]:
        made = json.loads(self._call(f"/v1/runs/{quote(run)}/{what}", json.dumps(ask).encode()))
        return [base64.b64decode(one) for one in made["images"]]

    def _call(self, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        headers = {"Content-Type": kind}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        for left in reversed(range(self.tries)):
            try:
                asked = request.Request(self.address + path, body, headers)
                with request.urlopen(asked, timeout=self.timeout) as answer:
                    return answer.read()
            except error.HTTPError as refused:
                if refused.code != 429 or not left:
                    raise Refused(refused.code, _said(refused)) from None
                time.sleep(float(refused.headers.get("Retry-After", 1)))
        raise AssertionError("tries must be 1 or more")


def _said(refused: error.HTTPError) -> str:
    try:
        return str(json.loads(refused.read())["error"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {refused.code}"
