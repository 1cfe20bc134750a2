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

    def __init__(self, refused: error.HTTPError):
        self.status = refused.code
        try:
            super().__init__(str(json.loads(refused.read())["error"]))
        except (ValueError, KeyError, TypeError):
            super().__init__(f"HTTP status {self.status}")


class Client:
    """The API of a server. A busy server is asked again when it says so, `tries` times.

    Raises Refused for what the server does not do, with its reason; OSError where there is none.
    """

    def __init__(self, address: str, token: str = "", tries: int = 5, timeout: float = 130):
        self.root, self.tries, self.timeout = f"{address.rstrip('/')}/v1/runs", tries, timeout
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def runs(self) -> list[dict[str, Any]]:
        """The runs, with their status and round."""
        return json.loads(self._call(""))

    def describe(self, run: str) -> dict[str, Any]:
        """What a run makes, what it can be given, what it can do."""
        return json.loads(self._call(f"/{quote(run)}"))

    def sample(self, run: str, **ask: Any) -> dict[str, Any]:
        """Samples: `images` are PNG files, `conditions` their conditions. `ask`: n, seed, given,
        truncation, guidance, vary, interpolate.
        """
        return self._made(run, "samples", ask)

    def feedback(
        self, run: str, ask: dict[str, Any], index: int, verdict: str, other: int | None = None
    ) -> int:
        """Keeps a verdict on sample `index` of the answer to `ask`, "up" or "down", or on it and
        sample `other`, "first", "second" or "tie"; how many there are.
        """
        said = {"ask": ask, "index": index, "verdict": verdict, "other": other}
        return self._made(run, "feedback", said)["kept"]

    def reconstruct(self, run: str, picture: bytes, given: str = "") -> bytes:
        """A picture file made anew, a PNG; `given`: its conditions, "category=dress,hue=0.6"."""
        return self._call(f"/{quote(run)}/reconstruct?given={quote(given)}", picture, "image/png")

    def translate(self, run: str, pictures: dict[str, bytes], **ask: Any) -> list[bytes]:
        """Picture files by column made into another, PNGs. `ask`: of, to, given, seed."""
        files = {name: base64.b64encode(one).decode() for name, one in pictures.items()}
        return self._made(run, "translate", {"pictures": files, **ask})["images"]

    def edit(self, run: str, picture: bytes, **ask: Any) -> list[bytes]:
        """A picture file as the run finds it again, and its edits, PNGs. `ask`: given, space,
        direction and by, or to, optimise, seed.
        """
        file = base64.b64encode(picture).decode()
        return self._made(run, "edit", {"picture": file, **ask})["images"]

    def _made(self, run: str, what: str, ask: dict[str, Any]) -> dict[str, Any]:
        made = json.loads(self._call(f"/{quote(run)}/{what}", json.dumps(ask).encode()))
        return {**made, "images": [base64.b64decode(one) for one in made.get("images", ())]}

    def _call(self, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        asked = request.Request(self.root + path, body, {"Content-Type": kind, **self.headers})
        for left in reversed(range(self.tries)):
            try:
                with request.urlopen(asked, timeout=self.timeout) as answer:
                    return answer.read()
            except error.HTTPError as refused:
                if refused.code != 429 or not left:
                    raise Refused(refused) from None
                time.sleep(float(refused.headers.get("Retry-After", 1)))
        raise ValueError(f"tries={self.tries}: expected 1 or more")
