"""What torch itself writes, for `test_weights`: run in an environment that has torch.

python tests/metrics/features/data/make.py
"""

from collections import OrderedDict
from pathlib import Path

import torch

FOLDER = Path(__file__).parent


def contents() -> OrderedDict:
    """Numbers that the test can say by heart, in every layout that a state dict may have."""
    base = torch.arange(12.0)
    layer = torch.nn.BatchNorm2d(2)
    state = layer.state_dict()  # carries torch's `_metadata`
    state["plain"] = base.reshape(3, 4)
    state["transposed"] = base.reshape(3, 4).T
    state["part"] = base.reshape(3, 4)[1:, 1]
    state["half"] = torch.tensor([0.5, -2.0, 1024.0]).half()
    state["bfloat16"] = torch.tensor([0.5, -2.0, 2.0**120]).bfloat16()
    state["double"] = torch.tensor([1 / 3], dtype=torch.float64)
    state["parameter"] = torch.nn.Parameter(torch.full((2, 2), 7.0))
    state["empty"] = torch.zeros(0, 3)
    state["scalar"] = torch.tensor(3.0)
    state["flags"] = torch.tensor([True, False])
    return state


if __name__ == "__main__":
    torch.save(contents(), FOLDER / "zip.pth")
    torch.save(contents(), FOLDER / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "state_dict": contents()}, FOLDER / "nested.pth")
