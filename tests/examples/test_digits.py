"""The data set of the examples and its loader, and the scripts that make it."""

from __future__ import annotations

import gzip
import importlib.util
import os
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from helpers import REPOSITORY

from calipertf.run.backends.venv.interpreters import find_interpreter

DATA = REPOSITORY / "examples" / "data"


def load_module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DATA / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def digits(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.delenv("CALIPER_DATA", raising=False)
    return load_module("digits")


@pytest.mark.parametrize(
    ("one_hot", "flatten", "images", "labels", "label_type"),
    [
        (False, True, (1497, 64), (1497,), np.int64),
        (False, False, (1497, 8, 8), (1497,), np.int64),
        (True, True, (1497, 64), (1497, 10), np.float32),
    ],
)
def test_digits_have_the_shapes_asked_for(
    digits: ModuleType, one_hot: bool, flatten: bool, images: Any, labels: Any, label_type: Any
) -> None:
    train_images, train_labels, test_images, test_labels = digits.load_digits(one_hot, flatten)
    assert (train_images.shape, train_labels.shape) == (images, labels)
    assert (test_images.shape, test_labels.shape) == ((300, *images[1:]), (300, *labels[1:]))
    assert train_images.dtype == np.float32
    assert train_labels.dtype == label_type
    assert (train_images.min(), train_images.max()) == (0.0, 1.0)


def test_every_digit_is_in_both_parts_about_equally_often(digits: ModuleType) -> None:
    data = digits.load_digits()
    for labels in (data.train_labels, data.test_labels):
        shares = np.bincount(labels, minlength=10) / len(labels)
        assert shares.min() > 0.06
        assert shares.max() < 0.14


def test_nearest_neighbours_know_the_digits(digits: ModuleType) -> None:
    data = digits.load_digits()
    distances = ((data.test_images[:, None] - data.train_images[None]) ** 2).sum(axis=2)
    found = data.train_labels[distances.argmin(axis=1)]
    assert np.mean(found == data.test_labels) > 0.97


def test_batches_repeat_with_their_seed(digits: ModuleType) -> None:
    images, labels = np.arange(10), np.arange(10) * 10
    drawn = list(digits.batches(images, labels, 4, seed=3, epochs=2))
    again = list(digits.batches(images, labels, 4, seed=3, epochs=2))
    other = list(digits.batches(images, labels, 4, seed=4, epochs=2))
    assert len(drawn) == 4  # two whole batches an epoch, the rest is dropped
    assert all((a[0] == b[0]).all() for a, b in zip(drawn, again, strict=True))
    assert any((a[0] != b[0]).any() for a, b in zip(drawn, other, strict=True))
    assert all((x * 10 == y).all() for x, y in drawn)
    assert len(set(np.concatenate([drawn[0][0], drawn[1][0]]))) == 8
    # RandomState's stream is frozen (NEP 19): these rows hold for every numpy.
    assert drawn[0][0].tolist() == np.random.RandomState(3).permutation(10)[:4].tolist()


@pytest.mark.parametrize("size", [0, -1, 11])
def test_an_impossible_batch_is_refused(digits: ModuleType, size: int) -> None:
    with pytest.raises(ValueError, match="1 to 10 rows"):
        next(digits.batches(np.arange(10), np.arange(10), size))


def test_the_text_is_small_and_of_five_topics(digits: ModuleType) -> None:
    words = digits.load_words()
    assert len(words) == 15532
    assert {"ship", "bread", "king", "horse", "teacher"} <= set(words)
    assert all(word.isalpha() and word.islower() for word in words)


def write_idx(path: Path, array: np.ndarray) -> None:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


def test_another_folder_of_another_size_is_read(
    digits: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part, rows in (("train", 6), ("t10k", 3)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", np.full((rows, 28, 28), 51))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", np.arange(rows))
    monkeypatch.setenv("CALIPER_DATA", str(tmp_path))
    data = digits.load_digits(flatten=False)
    assert data.train_images.shape == (6, 28, 28)
    assert data.test_images[0, 0, 0] == np.float32(0.2)
    assert data.test_labels.tolist() == [0, 1, 2]
    assert len(digits.load_words()) == 15532  # the text is taken from the loader's own folder


def test_a_missing_or_damaged_file_says_what_to_do(
    digits: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALIPER_DATA", str(tmp_path))
    with pytest.raises(OSError, match=r"train-images.*CALIPER_DATA"):
        digits.load_digits()
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"<html>"))
    with pytest.raises(ValueError, match="not an IDX file"):
        digits.load_digits()


def test_the_files_in_the_repository_are_what_the_scripts_make(tmp_path: Path) -> None:
    load_module("make_digits").make_digits(tmp_path)
    assert load_module("make_text").main(["--file", str(tmp_path / "text.txt")]) == 0
    made = {path.name for path in tmp_path.iterdir()}
    assert len(made) == 5
    for name in made:
        # The compressed bytes depend on the zlib at hand, the content does not.
        opener = gzip.open if name.endswith(".gz") else open
        with opener(tmp_path / name, "rb") as new, opener(DATA / name, "rb") as old:
            assert new.read() == old.read(), name
    assert sum((DATA / name).stat().st_size for name in made) < 1_000_000


#: Prints all that the loader gives, as hashes.
PROBE = """
from __future__ import print_function
import hashlib, sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import numpy as np
import digits
for array in digits.load_digits(one_hot=True) + digits.load_digits(flatten=False):
    print(array.shape, array.dtype.name, hashlib.sha256(array.tobytes()).hexdigest())
drawn = digits.batches(np.arange(50), np.arange(50), 10, seed=3)
print([[int(row) for row in next(drawn)[0]] for _ in range(7)])
print([type(word).__name__ + word for word in digits.load_words()[:9]])
"""


@pytest.mark.network
@pytest.mark.slow
def test_the_loader_gives_the_same_on_python_2_7(tmp_path: Path) -> None:
    python = find_interpreter("cp27")
    if python is None:
        pytest.skip("this machine has no Python 2.7")
    install = [python.source, "-m", "pip", "install", "--quiet", "--target", str(tmp_path)]
    subprocess.run([*install, "numpy==1.16.6"], check=True, capture_output=True)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    environ.pop("CALIPER_DATA", None)
    old = run_probe(python.source, environ)
    assert old == run_probe(sys.executable, {**environ, "PYTHONPATH": ""})
    assert len(old.splitlines()) == 10


def run_probe(python: str, environ: dict[str, str]) -> str:
    """What the loader gives on an interpreter."""
    command = [python, "-c", PROBE, str(DATA)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout
