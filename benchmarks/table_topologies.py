"""Parts of docs/scaling.md from `benchmarks/results/topologies.json`."""

import textwrap
from collections import Counter, defaultdict

import record
from topologies import FIELDS, NAMES, PARTS, SLICES, old

MIB, MB = 2**20, 1e6
SMALL = (4, "float32")  # where placements are compared: chips and dtype


def sections(found: dict) -> dict[str, str]:
    """Parts of the page by the names that its template has for them."""
    return {
        "topologies": "\n".join(page_lines(found)),
        "resident": _wrapped(f"* {_resident(found)}"),
        "order": _wrapped(f"* {_order(found)}"),
        "placements": "\n".join(placements(found)),
        "gathered": _wrapped(f"* {_gathered(found)}"),
        "shares": "\n".join(shares(found)),
    }


def placements(found: dict) -> list[str]:
    """What each placement all-reduces in a round of a game, and the round's predicted time."""
    by_key = _by_key(found["rows"])
    lines = [
        "  | config | `jit` sends | `pmap` | a round of `jit` | of `pmap` |",
        "  |---|---:|---:|---:|---:|",
    ]
    for name in NAMES:
        rows = [by_key.get((name, *SMALL, way, "replicated")) for way in ("jit", "pmap")]
        if all(row and "failed" not in row for row in rows):
            sent = [f"{row['collectives']['all-reduce']['bytes'] / MIB:.1f} MiB" for row in rows]
            times = [f"{1e6 * row['predicted']['round']['compiler']:,.0f} us" for row in rows]
            lines.append(f"  | {' | '.join([name, *sent, *times])} |")
    return lines


def _resident(found: dict) -> str:
    """How a resident set is held, and a whole round before and after."""
    rows, images = (found["resident"][name] for name in ("rows", "images"))
    told = (
        "A resident set of images was copied into padded tiles at each dispatch, to gather from "
        "them. Held as rows, as now, 20 batches of 128 from CIFAR-10 need "
        f"{rows['temporary_bytes'] / MIB:,.1f} MiB of temporaries instead of "
        f"{images['temporary_bytes'] / MIB:,.0f} MiB, and move "
        f"{rows['main_memory_bytes'] / MB:,.0f} MB of main memory instead of "
        f"{images['main_memory_bytes'] / MB:,.0f} MB."
    )
    for before, after in _changed(found, "replicated", 4):
        memory = [row["memory"]["peak"] / MIB for row in (before, after)]
        moved, cycles = _moved(before, after)
        told += (
            f" The whole round of {_name(before)}: memory {memory[0]:,.0f} to {memory[1]:,.0f} "
            f"MiB, main memory {moved[0]:,.0f} to {moved[1]:,.0f} MB, the compiler's estimate "
            f"{cycles[0]:,.0f} to {cycles[1]:,.0f} us."
        )
    return told


def _gathered(found: dict) -> str:
    """What a fully sharded state exchanges, before and after its parameters are gathered once."""
    told = (
        "Where a fully sharded state's parameters are gathered XLA decided alone at first, and "
        "exchanged activations too. They are gathered once a move now:"
    )
    for before, after in _changed(found, "full", 4):
        (count, size, seconds), (count_now, size_now, seconds_now) = map(
            _exchanged, (before, after)
        )
        told += (
            f" {_name(before)}: {size:,.0f} MiB in {count:.0f} operations a round, {seconds:,.0f} "
            f"us as predicted here; now {size_now:,.1f} MiB in {count_now:.0f}, {seconds_now:,.0f} "
            "us;"
        )
    return f"{told.removesuffix(';')}. {_reduced_instead()}"


def _reduced_instead() -> str:
    """From how many chips on gathers and reduce-scatters are all-reduces."""
    slices = record.read("collectives")["slices"]
    least = {
        asked: min(int(chips) for chips, made in slices.items() if made[asked] == ["all-reduce"])
        for asked in ("all-gather", "reduce-scatter")
    }
    return (
        f"From {least['all-gather']} chips on the compiler makes an all-reduce of each of these "
        "gathers, of zeros but for a chip's own part, and of a reduce-scatter from "
        f"{least['reduce-scatter']} on; it does so too where a program asks for them by name "
        "(`python benchmarks/collectives.py`). These states are small beside what a round computes "
        "with, and on 1,024 chips few axes divide. Fully sharded over replicated, `jit`, float32, "
        "least and most of all configs:"
    )


def shares(found: dict) -> list[str]:
    """What full sharding sends and holds on each slice, over what a replicated state does."""
    by_key = _by_key(found["rows"])
    lines = ["  | chips | bytes exchanged | memory |", "  |---:|---:|---:|"]
    for chips in sorted(SLICES)[1:]:
        sent, held = [], []
        for name in NAMES:
            rows = [by_key.get((name, chips, "float32", "jit", s)) for s in ("full", "replicated")]
            if all(row and "failed" not in row for row in rows):
                sent.append(_exchanged(rows[0])[1] / _exchanged(rows[1])[1])
                held.append(rows[0]["memory"]["peak"] / rows[1]["memory"]["peak"])
        if sent:
            bytes_, memory = (f"{min(x):.2f} to {max(x):.2f}" for x in (sent, held))
            lines.append(f"  | {chips:,} | {bytes_} | {memory} |")
    return lines


def _exchanged(row: dict) -> tuple[float, float, float]:
    """Operations, MiB and microseconds of a round."""
    kinds = row["collectives"].values()
    count, size = (sum(one[name] for one in kinds) for name in ("count", "bytes"))
    return count, size / MIB, 1e6 * row["predicted"]["seconds"]["collectives"]


def _order(found: dict) -> str:
    """What it cost that each chip ordered the whole batch, and how many rows are of then."""
    told = (
        "Every chip worked out the order of the whole global batch of data to find its own rows, "
        "so that copies and main memory grew with the chips. It works out that of its own rows "
        "now, in a loop that asks no other chip."
    )
    changed = _changed(found, "replicated", 1024)
    for before, after in [(before, after) for before, after in changed if not old(after)]:
        copies = [row["copied"] / MB for row in (before, after)]
        moved, cycles = _moved(before, after)
        told += (
            f" {_name(before)}: copies {copies[0]:,.0f} to {copies[1]:,.0f} MB a round, main "
            f"memory {moved[0]:,.0f} to {moved[1]:,.0f} MB, the compiler's estimate "
            f"{cycles[0]:,.0f} to {cycles[1]:,.0f} us."
        )
    whole = [row for row in found["rows"] if "failed" not in row]
    before = Counter(row["chips"] for row in whole if old(row))
    if not before:
        return f"{told} All rows are of after."
    kinds = ", ".join(f"{n} on {chips:,} chips" for chips, n in sorted(before.items()))
    return (
        f"{told} Of the {len(whole)} rows {before.total()} are of before, not compiled again yet "
        f"({kinds}): their copies and main memory have that order in them, which grows with the "
        "chips."
    )


def _moved(*rows: dict) -> tuple[list[float], list[float]]:
    """MB of main memory, and microseconds by the compiler's estimate, of each row."""
    cycles = [1e6 * row["predicted"]["seconds"]["compiler"] for row in rows]
    return [row["bytes"] / MB for row in rows], cycles


def _changed(found: dict, sharding: str, chips: int) -> list[tuple[dict, dict]]:
    """Programs of this sharding on so many chips that have a record of before a change, before and
    after.
    """
    by_key = _by_key(found["rows"])
    pairs = [(before, by_key.get(_key(before))) for before in found.get("before", ())]
    kind = sharding, chips
    return [
        (before, after)
        for before, after in pairs
        if (before["sharding"], before["chips"]) == kind and after and "failed" not in after
    ]


def _by_key(rows: list[dict]) -> dict[tuple, dict]:
    return {_key(row): row for row in rows}


def _key(row: dict) -> tuple:
    return tuple(row[field] for field in FIELDS)


def _name(row: dict) -> str:
    return f"{row['config']} ({row['chips']:,} chips, {row['dtype']})"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 99, subsequent_indent="  ", break_on_hyphens=False)


def page_lines(found: dict) -> list[str]:
    """The section of docs/scaling.md, from the record."""
    rows = [row for row in found["rows"] if "failed" not in row]
    order = {name: n for n, name in enumerate(NAMES)}
    rows.sort(
        key=lambda r: (order[r["config"]], r["dtype"], r["placement"], r["sharding"], r["chips"])
    )
    lines = [
        "| config | chips | dtype | placement, state | memory | products | main memory | copies | "
        "all-reduce | other exchange | compute: roofline | compute: compiler | exchange | "
        "efficiency |",
        "|---|---:|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        if not row["fits"]:
            cells = [_head(row), f"does not fit: {row['needed_bytes'] / 2**30:.1f} GiB"]
            lines.append(f"| {' | '.join(cells)} |" + " |" * 9)
            continue
        seconds, shares = row["predicted"]["seconds"], row["predicted"]["efficiency"]
        roof = max(seconds["products"], seconds["main_memory"])
        others = {k: v for k, v in row["collectives"].items() if k != "all-reduce"}
        cells = [
            _head(row),
            f"{row['memory']['peak'] / 2**20:,.0f} MiB",
            f"{row['flops'] / 1e9:,.1f} G",
            f"{row['bytes'] / 1e6:,.0f} MB",
            f"{row['copied'] / 1e6:,.0f} MB",
            _told(row["collectives"].get("all-reduce")),
            _told(
                {k: sum(one[k] for one in others.values()) for k in ("count", "bytes")}
                if others else None
            ),
            *(f"{1e6 * s:,.0f} us" for s in (roof, seconds["compiler"], seconds["collectives"])),
            f"{100 * shares['roofline']:.0f} to {100 * shares['compiler']:.0f} %",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *_lacking(found)]


def _head(row: dict) -> str:
    state = "replicated" if row["sharding"] == "replicated" else "fully sharded"
    return f"{row['config']} | {row['chips']:,} | {row['dtype']} | {row['placement']}, {state}"


def _told(exchange: dict | None) -> str:
    return f"{exchange['count']:.0f}, {exchange['bytes'] / 2**20:.1f} MiB" if exchange else "-"


def _lacking(found: dict) -> list[str]:
    """What was not compiled, and why."""
    tried = {_key(row): row.get("failed") for row in found["rows"]}
    whole = [(name, *part) for part in PARTS for name in NAMES]
    absent = [key for key in whole if key not in tried]
    lines = []
    if absent:
        sizes = defaultdict(set)
        for _, chips, dtype, placement, sharding in absent:
            state = "replicated" if sharding == "replicated" else "fully sharded"
            sizes[f"`{placement}`, {state}, {dtype}"].add(chips)
        kinds = [f"{name} on {_listed(sorted(chips))}" for name, chips in sorted(sizes.items())]
        lines.append(
            f"Of the {len(whole)} programs that there are of these configs, sizes, dtypes, "
            f"placements and states {len(whole) - len(absent)} are in the record. Of some configs "
            f"or all of them not compiled yet: {'; '.join(kinds)} "
            "(`python benchmarks/topologies.py` goes on where it stopped)."
        )
        lines[-1] = textwrap.fill(lines[-1], 99, break_on_hyphens=False)
    for key, why in tried.items():
        if why:
            lines.append(f"Not compiled: {', '.join(map(str, key))}: {why}.")
    return [*lines, ""]


def _listed(chips: list[int]) -> str:
    return ", ".join(f"{one:,}" for one in chips)
