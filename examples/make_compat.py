"""Makes examples/tensorflow_v1_compat of examples/tensorflow_v1: old code carried over.

Users bring scripts of TensorFlow 1 to TensorFlow 2 by one import, `tensorflow.compat.v1`, and by
replacing what tf.contrib had. This does the same, so that the two suites cannot drift apart.

    python examples/make_compat.py          # writes the suite
    python examples/make_compat.py --check  # says which files are stale; exit code 1 if any is

The last lines in the docstrings are those of the baseline cell (TensorFlow 1.15.5, Python 3.7), kept in
tensorflow_v1_compat/last_lines.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "tensorflow_v1"
TARGET = HERE / "tensorflow_v1_compat"
LAST_LINES = TARGET / "last_lines.json"
IMPORT = "import tensorflow as tf\n"
SEEDS = "# The same numbers every time\n"
#: tf.contrib is in no compat module. What has a successor is replaced by hand: script -> why, and
#: the lines that change.
BY_HAND: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "3_NeuralNetworks/bidirectional_rnn.py": (
        "The cells and static_bidirectional_rnn of tf.contrib.rnn are in tf.nn.",
        [
            ("from tensorflow.contrib import rnn\n", ""),
            ("rnn.LSTMCell(", "tf.nn.rnn_cell.LSTMCell("),
            ("rnn.static_bidirectional_rnn(", "tf.nn.static_bidirectional_rnn("),
            ("tf.contrib.rnn (LSTMCell, static_bidirectional_rnn)",
             "tf.nn (rnn_cell.LSTMCell, static_bidirectional_rnn)"),
        ],
    ),
    "3_NeuralNetworks/convolutional_network.py": (
        "flatten of tf.contrib.layers is tf.layers.flatten.",
        [
            ("from tensorflow.contrib.layers import flatten\n", ""),
            (" flatten(", " tf.layers.flatten("),
            ("tf.contrib.layers.flatten", "tf.layers.flatten"),
        ],
    ),
    "3_NeuralNetworks/recurrent_network.py": (
        "The cells and static_rnn of tf.contrib.rnn are in tf.nn.",
        [
            ("from tensorflow.contrib import rnn\n", ""),
            ("rnn.BasicLSTMCell(", "tf.nn.rnn_cell.BasicLSTMCell("),
            ("rnn.static_rnn(", "tf.nn.static_rnn("),
            ("tf.contrib.rnn", "tf.nn"),
        ],
    ),
}  # fmt: skip
#: Scripts whose topic itself is tf.contrib: nothing in its place would be the same.
LEFT_OUT = {
    "1_Introduction/basic_eager_api.py": "tf.contrib.eager",
    "2_BasicModels/kmeans.py": "tf.contrib.factorization",
    "2_BasicModels/linear_regression_eager_api.py": "tf.contrib.eager",
    "2_BasicModels/logistic_regression_eager_api.py": "tf.contrib.eager",
    "2_BasicModels/random_forest.py": "tf.contrib.tensor_forest",
    "3_NeuralNetworks/multilayer_perceptron.py": "regularizers of tf.contrib.layers",
    "3_NeuralNetworks/neural_network_eager_api.py": "tf.contrib.eager",
}


def convert(name: str, text: str, last_lines: list[str]) -> str:
    """The script of TensorFlow 1 as its user would carry it over."""
    made = "Made by make_compat.py of tensorflow_v1's script: one import is another."
    if name in BY_HAND:
        why, changes = BY_HAND[name]
        made = f"Made by make_compat.py of tensorflow_v1's script.\n{why}"
        for old, new in changes:
            if old not in text:
                raise ValueError(f"{name} no longer holds {old.strip()!r}")
            text = text.replace(old, new)
    if IMPORT not in text or "contrib" in text:
        raise ValueError(f"{name} cannot be carried over by its import alone")
    text = text.replace(IMPORT, "import tensorflow.compat.v1 as tf\n")
    text = text.replace(SEEDS, f"tf.disable_v2_behavior()\n\n{SEEDS}", 1)
    head, _, rest = text.partition('\n"""\n')
    about = head.partition("\n\nLast lines in the baseline cell")[0]
    lines = "".join(f"\n    {line}" for line in last_lines)
    last = f"Last lines in the baseline cell (TensorFlow 1.15.5, Python 3.7):\n{lines}"
    return f'{about}\n\n{made}\n\n{last}\n"""\n{rest}'


def convert_all() -> Iterator[tuple[Path, str]]:
    """Each file of the suite with its text."""
    known = json.loads(LAST_LINES.read_text(encoding="ascii")) if LAST_LINES.exists() else {}
    for path in sorted(SOURCE.glob("*/*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if name not in LEFT_OUT:
            lines = known.get(name, [])
            yield TARGET / name, convert(name, path.read_text(encoding="ascii"), lines)


def main() -> int:
    """0, once the suite is written; with --check 1 where a file differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    made = dict(convert_all())
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    extra = [path for path in TARGET.glob("*/*.py") if path not in made]
    if check:
        for path in [*stale, *extra]:
            print(f"{path.relative_to(HERE)} is stale: run examples/make_compat.py", file=sys.stderr)
        return 1 if stale or extra else 0
    for path in extra:
        path.unlink()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path], encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
