"""Prepares a set once, so that runs read it by index: `genlab prepare tfds:NAME | folder:PATH`."""

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from genlab.config import CALL, ConfigError, build, path_of, spec
from genlab.data.records import FORM, Field, Records
from genlab.data.sets.folder import Recipe, earlier, folder, held, home, in_place, prepared, recipe
from genlab.data.sets.tfds import builder, tfds
from genlab.data.sets.unpaired import unpaired
from genlab.runs.files import write_json

CHUNK = 1024  # images decoded ahead of the writer
PATIENCE = 5.0  # seconds to wait for a server: TFDS itself retries for minutes


def prepare(
    name: str,
    data_dir: str | None = None,
    manual_dir: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> str:
    """Prepares "tfds:NAME", "folder:PATH" or the folder PATH; says in one line what is there
    now, and in one for each column of a table what it is.

    data_dir:   where TFDS keeps prepared sets
    manual_dir: where the original files of a TFDS set are, if they were downloaded by hand
    options:    the arguments of `folder` for a folder: they must be those of the config

    A set that is prepared already is left alone. ConfigError says what is missing, in one line.
    """
    scheme, _, rest = name.partition(":")
    if scheme == "tfds" and rest:
        if options:
            raise ConfigError(f"{', '.join(options)}: options of a folder, not of a TFDS set")
        return _tfds(rest, data_dir, manual_dir)
    path = rest if scheme == "folder" else name
    if not Path(path).is_dir():
        raise ConfigError(f"nothing to prepare at {name!r}: give tfds:NAME or folder:PATH")
    if data_dir or manual_dir:
        raise ConfigError(
            "data_dir and manual_dir belong to TFDS sets; a folder's copy is in the cache"
        )
    return _folder(build(spec(recipe, path, **(options or {}))))


def prepare_for(data: Mapping[str, Any]) -> str:
    """Prepares what a config's `data`, a spec of `folder` or `tfds`, will read."""
    fields = {name: value for name, value in data.items() if name not in (CALL, "augment")}
    if data[CALL] == path_of(folder):
        return prepare(f"folder:{fields.pop('path')}", options=fields)
    if data[CALL] == path_of(tfds):
        return prepare(f"tfds:{data['name']}", data["data_dir"])
    if data[CALL] == path_of(unpaired):
        files = path_of(folder), path_of(tfds)
        told = [prepare_for(part) for part in data["parts"].values() if part[CALL] in files]
        return "\n".join(told or ["nothing to prepare"])
    raise ConfigError(f"{data[CALL]} needs no preparing: folder and tfds do")


def _folder(recipe: Recipe) -> str:
    place = home(recipe)
    if found := prepared(recipe):
        counts = {split: len(reader) for split, reader in found.splits.items()}
        return "\n".join([f"{place} is prepared already: {_told(counts)}", *found.cleaning.stated])
    older, before, files = (place / "index.json").is_file(), earlier(recipe), held(recipe)
    readers, cleaning, contents = in_place(recipe)
    counts = {split: len(reader) for split, reader in readers.items()}
    draft = place.with_name(f".{place.name}-{os.getpid()}")
    try:
        draft.mkdir(parents=True)
        first = next(iter(readers.values()))
        fields = {name: Field.of(first.columns[name], x) for name, x in first[0].items()}
        for split, reader in readers.items():
            _write(draft / f"{split}.array_record", reader, fields)
        index = {
            "form": FORM,
            "counts": counts,
            "columns": [[name, x.written(name in recipe.own_kinds)] for name, x in fields.items()],
            "cleaning": cleaning._asdict(),
            "held": files,
            "contents": contents,
        }
        write_json(draft / "index.json", index)
        if older:
            shutil.rmtree(place)
        os.rename(draft, place)  # all or nothing
    except OSError as error:  # no right, no room, or another process was faster
        if not (place / "index.json").is_file():
            raise ConfigError(f"preparing {recipe.path} failed ({error})") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    told = "; it replaces a copy in an older form" if older else ""
    if before:
        told += f"; since the copy in {before[0]}, which can be deleted: {before[1]}"
    return "\n".join([f"{place}: {_told(counts)}; {cleaning.summary()}{told}", *cleaning.stated])


def _write(file: Path, reader, fields: Mapping[str, Field]) -> None:
    from array_record.python.array_record_module import ArrayRecordWriter

    writer = ArrayRecordWriter(str(file), "group_size:1")  # each record can be read alone
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(reader), CHUNK):
            rows = range(start, min(start + CHUNK, len(reader)))
            for example in pool.map(reader.__getitem__, rows):
                writer.write(Records.encode(example, fields))
    writer.close()


def _tfds(name: str, data_dir: str | None, manual_dir: str | None) -> str:
    import tensorflow_datasets

    made = builder(name, data_dir)
    if made.info.splits:
        return f"{made.data_path} is prepared already: {_told(_counts(made))}"
    _reachable(name, made, manual_dir)
    config = tensorflow_datasets.download.DownloadConfig(
        manual_dir=manual_dir, try_download_gcs=False
    )
    try:
        made.download_and_prepare(download_config=config)
    except Exception as error:
        advice = _advice(name, made, error)
        if advice is None:
            raise
        raise ConfigError(advice) from error
    return f"{made.data_path}: {_told(_counts(made))}"


def _reachable(name: str, made, manual_dir: str | None) -> None:
    """ConfigError if files have to be downloaded and their server does not answer."""
    import requests

    if made.MANUAL_DOWNLOAD_INSTRUCTIONS:
        return  # nothing that TFDS would download
    downloads = Path(made.data_dir_root) / "downloads"
    here = Path(manual_dir) if manual_dir else downloads / "manual"
    urls = made.url_infos or {}
    wanted = [
        u for u, info in urls.items() if not (info.filename and (here / info.filename).exists())
    ]
    if any((downloads / made.name).glob("*")) or not wanted or not wanted[0].startswith("http"):
        return
    try:
        requests.head(wanted[0], timeout=PATIENCE)
    except requests.ConnectionError:
        raise ConfigError(_offline(name, made)) from None
    except requests.RequestException:
        return  # it answered, though not to this: TFDS will see


def _advice(name: str, made, error: Exception) -> str | None:
    """What the user can do about an error inside TFDS, if we know."""
    import requests

    chain: list[BaseException] = [error]
    while follows := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(follows)
    if any(isinstance(e, requests.ConnectionError) for e in chain):
        return _offline(name, made)
    lacking = [e.name or "" for e in chain if isinstance(e, ImportError)]
    if any(module.startswith("tensorflow") for module in lacking):
        return (
            f"{name}: TFDS needs TensorFlow to prepare this set (not to read it): "
            "pip install 'genlab[tensorflow]', then run this once more"
        )
    if lacking and lacking[0]:
        return f"{name}: TFDS needs {lacking[0]} to prepare this set: pip install {lacking[0]}"
    if made.MANUAL_DOWNLOAD_INSTRUCTIONS and isinstance(error, AssertionError):
        steps = " ".join(made.MANUAL_DOWNLOAD_INSTRUCTIONS.split())
        return f"{name} is not downloaded by TFDS; get it by hand and give --manual_dir: {steps}"
    return None


def _offline(name: str, made) -> str:
    urls = list(made.url_infos or {})
    host = urlsplit(urls[0]).hostname if urls else "its server"
    files = ", ".join(u.rsplit("/", 1)[-1] for u in urls[:4]) + (" ..." if len(urls) > 4 else "")
    return (
        f"{name}: cannot reach {host}; on a connected machine run `genlab prepare tfds:{name} "
        "--data_dir DIR` and bring DIR here, or put the original files "
        f"({files}) in a folder and give it as --manual_dir"
    )


def _counts(made) -> dict[str, int]:
    return {split: info.num_examples for split, info in made.info.splits.items()}


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {split}" for split, n in counts.items())
