"""Fetches the real MNIST (28x28, 60,000 + 10,000 digits, 11.6 MB) for the examples to read.

    python examples/data/fetch_mnist.py FOLDER

Stage 1 hands the folder to the scripts if caliper.yaml says `data: FOLDER`; a script that is run by
hand finds it by `export CALIPER_DATA=FOLDER`. Several mirrors are tried in turn. Each file is
checked by SHA-256 before it takes its name, and a download that broke off goes on where it stopped.
MNIST is by Y. LeCun, C. Cortes and C. Burges, licence CC BY-SA 3.0.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://yann.lecun.com/exdb/mnist/",
)
#: File name -> SHA-256 of the file as it has been handed out since 1998.
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
#: Seconds to wait for a connection and for the next bytes.
TIMEOUT = (10, 30)
CHUNK = 1 << 16


class FetchError(Exception):
    """No mirror gave a file; the message says what each of them answered, and the way out."""


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def download(url: str, part: Path) -> None:
    """Bring the partial file to its full length, from where it stops if the server can do that."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # nothing is left to fetch: the checksum decides whether it is the right file
        response.raise_for_status()
        goes_on = response.status_code == requests.codes.partial_content
        with part.open("ab" if goes_on else "wb") as stream:
            # As sent: servers call a .gz file "Content-Encoding: gzip", and it is not to be unpacked.
            for chunk in response.raw.stream(CHUNK, decode_content=False):
                stream.write(chunk)


def download_and_hash(url: str, part: Path) -> str:
    """The SHA-256 of the partial file once it is as long as the server has it."""
    download(url, part)
    return hash_file(part)


def fetch_file(name: str, checksum: str, folder: Path, mirrors: Sequence[str]) -> str:
    """The file in the folder, whole and checked: "kept" if it was there, else the mirror's URL."""
    path, part = folder / name, folder / f"{name}.part"
    if path.exists() and hash_file(path) == checksum:
        return "kept"
    reasons = []
    for mirror in mirrors:
        url = mirror.rstrip("/") + "/" + name
        try:
            went_on = part.exists()
            found = download_and_hash(url, part)
            if found != checksum and went_on:  # what was there before was at fault, maybe
                part.unlink()
                found = download_and_hash(url, part)
        except (requests.RequestException, HTTPError) as error:
            reasons.append(f"{url}: {error}")  # what has arrived stays, for the next try
            continue
        if found == checksum:
            part.replace(path)
            return mirror
        part.unlink()
        reasons.append(f"{url}: SHA-256 is {found}, not {checksum}")
    raise FetchError(
        f"No mirror gave {name}. Try again with a network (what has arrived is kept), name another "
        f"mirror with --mirror, or put the file into {folder} yourself. The examples do without: "
        "they read the small digits while CALIPER_DATA is not set.\n  " + "\n  ".join(reasons)
    )


def fetch_all(folder: Path, mirrors: Sequence[str], checksums: Mapping[str, str]) -> None:
    """Put every file into the folder, telling about each on stderr."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, checksum in checksums.items():
            print(f"{name}: {fetch_file(name, checksum, folder, mirrors)}", file=sys.stderr)
    except OSError as error:
        raise FetchError(f"{folder} cannot be written: {error}. Choose another folder.") from error


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the four files go")
    parser.add_argument("--mirror", action="append", metavar="URL", help="try this one first")
    arguments = parser.parse_args(argv)
    try:
        fetch_all(arguments.folder, [*(arguments.mirror or ()), *MIRRORS], CHECKSUMS)
    except FetchError as error:
        print(error, file=sys.stderr)
        return 3  # as calipertf.errors.EXIT_INFRASTRUCTURE
    except KeyboardInterrupt:
        print("Interrupted; the next run goes on where this one stopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
