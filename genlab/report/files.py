"""JSON from a folder whose writer may have been killed."""

import json
import math
from pathlib import Path
from typing import Any


def object_in(path: Path, problems: list[str]) -> dict:
    """The JSON object in a file; an empty one, and a problem, where there is none."""
    try:
        value = json.loads(path.read_text(errors="replace"))
    except FileNotFoundError:
        problems.append(f"{path.name} is missing")
        return {}
    except (ValueError, OSError, RecursionError) as error:
        problems.append(f"{path.name} cannot be read: {error}")
        return {}
    if not isinstance(value, dict):
        problems.append(f"{path.name} holds no JSON object")
        return {}
    return value


def rows_in(path: Path, problems: list[str]) -> list[dict]:
    """The lines that are JSON objects with a step; a killed run may have cut off the last."""
    if not path.exists():
        problems.append(f"{path.name} is missing")
        return []
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    rows = [row for row in map(_line, lines) if row is not None]
    if lost := len(lines) - len(rows):
        problems.append(f"{path.name}: {lost} of {len(lines)} lines cannot be read")
    return rows


def number(value: Any) -> float:
    """`value` as a float; NaN for what is no number."""
    return float(value) if isinstance(value, int | float) else math.nan


def numbers(values: Any) -> dict[str, float]:
    """The values of an object as floats; none for what is no object."""
    return {k: number(v) for k, v in values.items()} if isinstance(values, dict) else {}


def _line(text: str) -> dict | None:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and isinstance(row.get("step"), int) else None
