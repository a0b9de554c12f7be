from __future__ import annotations

import pytest

from calipertf.parse.causes.symbols import Symbol, clean_path, name_symbol
from calipertf.reasons.last_words import Failure

SPLIT = ["Traceback (most recent call last):\n", '  File "a.py", line 3, in <module>\n']


@pytest.mark.parametrize(
    ("message", "symbol"),
    [
        # TensorFlow on Python 3.5 to 3.12.
        (
            "module 'tensorflow' has no attribute 'placeholder'",
            Symbol(path="tensorflow.placeholder", rooted=True),
        ),
        (
            "module 'tensorflow_core._api.v2.random' has no attribute 'set_random_seed'",
            Symbol(path="tensorflow.random.set_random_seed", rooted=True),
        ),
        (
            "module 'tensorflow._api.v2.compat.v1' has no attribute 'foo'",
            Symbol(path="tensorflow.compat.v1.foo", rooted=True),
        ),
        # Python 3.13 puts words behind it.
        (
            "module 'tensorflow' has no attribute 'Sessio'. Did you mean: 'Session'?",
            Symbol(path="tensorflow.Sessio", rooted=True),
        ),
        (
            "partially initialized module 'p' has no attribute 'x' (most likely due to a circle)",
            Symbol(path="p.x", rooted=True),
        ),
        (
            "'Conv2D' object has no attribute 'output_shape'",
            Symbol(path="Conv2D.output_shape", rooted=False),
        ),
        (
            "type object 'Dataset' has no attribute 'from_tensor_slices'",
            Symbol(path="Dataset.from_tensor_slices", rooted=False),
        ),
        (
            "No module named 'tensorflow.contrib'",
            Symbol(path="tensorflow.contrib", rooted=True, module=True),
        ),
        ("No module named six", Symbol(path="six", rooted=True, module=True)),
        (
            "No module named 'tensorflow.contrib'; 'tensorflow' is not a package",
            Symbol(path="tensorflow.contrib", rooted=True, module=True),
        ),
        (
            "cannot import name 'x' from 'tensorflow.keras' (/a/b.py)",
            Symbol(path="tensorflow.keras.x", rooted=True),
        ),
        ("cannot import name x", Symbol(path="x", rooted=False)),
        (
            "split() missing 1 required positional argument: 'value'",
            Symbol(path="split", rooted=False, called=True, argument="value"),
        ),
        (
            "gan() got an unexpected keyword argument 'labels'",
            Symbol(path="gan", rooted=False, called=True, argument="labels"),
        ),
        # Python 3.13 makes a guess.
        (
            "f() got an unexpected keyword argument 'axes'. Did you mean 'axis'?",
            Symbol(path="f", rooted=False, called=True, argument="axes"),
        ),
        (
            "f() takes 2 positional arguments but 3 were given",
            Symbol(path="f", rooted=False, called=True),
        ),
        # Python 2.7
        (
            "f() takes exactly 2 arguments (3 given)",
            Symbol(path="f", rooted=False, called=True),
        ),
        (
            "f() got multiple values for keyword argument 'name'",
            Symbol(path="f", rooted=False, called=True, argument="name"),
        ),
        # From Python 3.10 on, with the class.
        (
            "Dense.__init__() got an unexpected keyword argument 'dim'",
            Symbol(path="Dense", rooted=False, called=True, argument="dim"),
        ),
        (
            "main.<locals>.Net.call() missing 1 required positional argument: 'x'",
            Symbol(path="Net.call", rooted=False, called=True, argument="x"),
        ),
        ("__init__() got an unexpected keyword argument 'dim'", None),
        (
            "Only call `softmax` with named arguments (labels=..., ...)",
            Symbol(path="softmax", rooted=False, called=True),
        ),
        (
            "Input 'split_dim' of 'SplitV' Op has type float32 that does not match int32.",
            Symbol(path="split_v", rooted=False, called=True, argument="split_dim"),
        ),
        ("'module' object has no attribute 'mul'", None),
        ("not enough values to unpack (expected 3, got 2)", None),
        ("", None),
        ("модуль 'é' <script>", None),
    ],
)
def test_symbol_of_a_message(message: str, symbol: Symbol | None) -> None:
    assert name_symbol(Failure(type="E", message=message)) == symbol


@pytest.mark.parametrize(
    ("message", "line", "symbol"),
    [
        (
            "cannot import name 'eager'",
            "    from tensorflow.contrib import eager as tfe\n",
            Symbol(path="tensorflow.contrib.eager", rooted=True),
        ),
        (
            "'module' object has no attribute 'mul'",
            "    c = tf.mul(a, b)\n",
            Symbol(path="tf.mul", rooted=False, alias=True),
        ),
        (
            "No module named contrib.eager",
            "    import tensorflow.contrib.eager as tfe\n",
            Symbol(path="tensorflow.contrib.eager", rooted=True, module=True),
        ),
        (
            "No module named contrib",
            "    from tensorflow.contrib.layers import flatten\n",
            Symbol(path="tensorflow.contrib", rooted=True, module=True),
        ),
        (
            "relu() takes 1 positional argument but 2 were given",
            "    x = tf.nn.relu(a, b)\n",
            Symbol(path="tf.nn.relu", rooted=False, alias=True, called=True),
        ),
        (
            "Input 'split_dim' of 'Split' Op has type float32 that does not match int32.",
            "    x = tf.split(0, n, x)\n",
            Symbol(path="tf.split", rooted=False, alias=True, called=True, argument="split_dim"),
        ),
    ],
)
def test_quoted_source_completes_a_name(message: str, line: str, symbol: Symbol) -> None:
    assert name_symbol(Failure(type="E", message=message), [*SPLIT, line]) == symbol


def test_source_before_the_last_traceback_says_nothing() -> None:
    error = [*SPLIT, "    tf.mul(1)\n", *SPLIT, "    other\n"]
    failure = Failure(type="AttributeError", message="'module' object has no attribute 'mul'")
    assert name_symbol(failure, error) is None


def test_no_exception_has_no_symbol() -> None:
    assert name_symbol(None) is None


@pytest.mark.parametrize(
    ("path", "public"),
    [
        ("tensorflow", "tensorflow"),
        ("tensorflow_core", "tensorflow"),
        ("tensorflow_core._api.v2.random", "tensorflow.random"),
        ("tensorflow._api.v1.data", "tensorflow.data"),
        ("tensorflow_core.keras", "tensorflow.keras"),
        ("keras.api._v2.keras.layers", "keras.layers"),
        ("keras._tf_keras.keras.utils", "keras.utils"),
        ("keras.api._tf_keras.keras.utils", "keras.utils"),
        ("keras.api.utils", "keras.utils"),
        ("keras.apiary", "keras.apiary"),
        ("tensorflow_estimator.python.estimator.api._v2.estimator", "tensorflow.estimator"),
        ("sklearn._api", "sklearn._api"),
        ("numpy.core", "numpy.core"),
    ],
)
def test_public_path(path: str, public: str) -> None:
    assert clean_path(path) == public


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ("`BaseSettings` has been moved to the `pydantic-settings` package.", "BaseSettings"),
        ("load_boston was removed in 1.2", "load_boston"),
        ("'p.f()' has been permanently removed", None),
        ("p.g() was removed", "p.g"),
    ],
)
def test_name_that_a_package_says_is_gone(message: str, path: str | None) -> None:
    symbol = name_symbol(Failure(type="PydanticImportError", message=message))
    assert (symbol.path if symbol else None) == path


def test_long_lines_do_no_harm() -> None:
    failure = Failure(type="TypeError", message="f() got an unexpected keyword argument 'x'")
    symbol = name_symbol(failure, ["    " + "a." * 200_000 + "\n", "    " + "a" * 200_000 + "\n"])
    assert symbol == Symbol(path="f", rooted=False, called=True, argument="x")
