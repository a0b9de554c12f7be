"""Writes the digits data set of the examples, in MNIST's IDX format, from scikit-learn's copy.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0. scikit-learn (BSD 3-clause)
ships its test part: 1,797 images of 8x8 pixels with values 0 to 16, by 13 writers. Changes made
here: values spread over 0 to 255, rows shuffled, split into 1,497 for training and 300 for testing.

    python examples/data/make_digits.py            # needs scikit-learn; same bytes every time
"""

from __future__ import annotations

import argparse
import gzip
import struct
import sys
from pathlib import Path

import numpy as np

TEST_ROWS = 300
SEED = 1998


def encode_idx(array: np.ndarray) -> bytes:
    """An array of bytes as an IDX file: two zero bytes, type code 8, rank, sizes, values."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + np.ascontiguousarray(array, dtype=np.uint8).tobytes()


def write_gzip(path: Path, content: bytes) -> None:
    """Write content gzipped without a name or time in its header, so that the bytes repeat."""
    path.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))


def make_digits(folder: Path) -> None:
    """Write the four files into the folder."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.RandomState(SEED).permutation(len(digits.images))
    images = np.rint(digits.images[order] * 255 / 16).astype(np.uint8)
    labels = digits.target[order].astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    for part, rows in (("train", slice(TEST_ROWS, None)), ("t10k", slice(0, TEST_ROWS))):
        write_gzip(folder / f"{part}-images-idx3-ubyte.gz", encode_idx(images[rows]))
        write_gzip(folder / f"{part}-labels-idx1-ubyte.gz", encode_idx(labels[rows]))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent)
    make_digits(parser.parse_args(argv).folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
