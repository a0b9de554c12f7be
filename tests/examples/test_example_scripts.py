"""What the example scripts keep to, read off their source (see examples/README.md)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import REPOSITORY

from calipertf.run.backends.venv.interpreters import find_interpreter

EXAMPLES = REPOSITORY / "examples"
#: Suite -> folder -> topics.
TOPICS = {
    "tensorflow_v0.11": {
        "1_Introduction": "helloworld basic_operations argument_orders",
        "2_BasicModels": "linear_regression logistic_regression nearest_neighbor",
        "3_NeuralNetworks": "multilayer_perceptron convolutional_network recurrent_network "
        "bidirectional_rnn dynamic_rnn autoencoder",
        "4_Utils": "save_restore_model tensorboard_basic tensorboard_advanced",
        "5_MultiGPU": "multigpu_basics",
    },
    "tensorflow_v1": {
        "1_Introduction": "helloworld basic_operations basic_eager_api",
        "2_BasicModels": "linear_regression linear_regression_eager_api logistic_regression "
        "logistic_regression_eager_api nearest_neighbor kmeans random_forest "
        "gradient_boosted_decision_tree word2vec",
        "3_NeuralNetworks": "neural_network neural_network_raw neural_network_eager_api "
        "multilayer_perceptron convolutional_network convolutional_network_raw recurrent_network "
        "bidirectional_rnn dynamic_rnn autoencoder variational_autoencoder gan dcgan",
        "4_Utils": "save_restore_model tensorboard_basic tensorboard_advanced",
        "5_DataManagement": "build_an_image_dataset tensorflow_dataset_api",
        "6_MultiGPU": "multigpu_basics multigpu_cnn",
    },
    "tensorflow_v2": {
        "1_Introduction": "helloworld basic_operations",
        "2_BasicModels": "linear_regression logistic_regression word2vec gradient_boosted_trees",
        "3_NeuralNetworks": "neural_network neural_network_raw convolutional_network "
        "convolutional_network_raw recurrent_network bidirectional_rnn dynamic_rnn autoencoder "
        "dcgan variational_autoencoder batch_normalization train_step",
        # Not tensorboard.py: a script's own folder comes first on the path, and so it would hide
        # the package tensorboard from TensorFlow.
        "4_Utils": "save_restore_model tensorboard_summaries build_custom_layers callbacks "
        "functions initializers keras_h5 learning_rate load_old_checkpoint load_old_h5 "
        "load_old_saved_model optimizer_state optimizers predict_classes saved_model",
        "5_DataManagement": "load_data image_transformation tfrecords feature_columns "
        "preprocessing_layers",
        "6_Hardware": "multigpu_training",
    },
}
SCRIPTS = sorted(EXAMPLES.glob("tensorflow_v*/*/*.py"))
#: What a script may import: nothing here reaches the network, a window or the clock.
IMPORTS = {
    "__future__", "collections", "digits", "glob", "numpy", "os", "shutil", "sys", "tensorflow",
    "weights",
}  # fmt: skip
SEEDS = {
    "tensorflow_v0.11": "tf.set_random_seed(SEED)",
    "tensorflow_v1": "tf.set_random_seed(SEED)",
    "tensorflow_v1_compat": "tf.set_random_seed(SEED)",
    "tensorflow_v2": "tf.random.set_seed(SEED)",
}
every_script = pytest.mark.parametrize(
    "script", SCRIPTS, ids=[path.relative_to(EXAMPLES).as_posix() for path in SCRIPTS]
)


def test_every_topic_has_its_script() -> None:
    wanted = {
        f"{suite}/{folder}/{topic}.py"
        for suite, folders in TOPICS.items()
        for folder, topics in folders.items()
        for topic in topics.split()
    }
    own = [path for path in SCRIPTS if "tensorflow_v1_compat" not in path.parts]
    assert {path.relative_to(EXAMPLES).as_posix() for path in own} == wanted


def test_the_suite_through_compat_v1_is_made_of_the_suite_v1() -> None:
    command = [sys.executable, str(EXAMPLES / "make_compat.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len([path for path in SCRIPTS if "tensorflow_v1_compat" in path.parts]) == 25


@every_script
def test_the_docstring_tells_what_it_shows_what_it_uses_and_how_it_ends(script: Path) -> None:
    words = ast.get_docstring(ast.parse(script.read_text(encoding="ascii"))) or ""
    assert re.match(r"[A-Z].{20,}", words)
    assert re.search(r"\bExercises\s", words)
    assert re.search(r"(?i)last lines .*:\n\n(    .+\n?){3,}$", words)


@every_script
def test_every_generator_is_seeded_before_anything_is_drawn(script: Path) -> None:
    source = script.read_text(encoding="ascii")
    suite = script.relative_to(EXAMPLES).parts[0]
    drawn = re.search(r"np\.random\.(?!seed|RandomState)", source)
    lines = ["SEED = 7", *(["np.random.seed(SEED)"] if drawn else []), SEEDS[suite]]
    assert "\n".join(lines) in source
    assert not re.search(r"(?<!np\.)random\.(seed|random|choice|shuffle)\(", source)


@every_script
def test_it_prints_names_and_values_and_imports_what_it_may(script: Path) -> None:
    tree = ast.parse(script.read_text(encoding="ascii"))
    assert not [text for text in find_printed(tree) if not re.match(r"[a-z%].*: [^ ]", text)]
    assert find_imports(tree) <= IMPORTS


@every_script
def test_it_never_asks_which_version_it_runs_on(script: Path) -> None:
    source = script.read_text(encoding="ascii")
    assert not re.search(r"__version__|VERSION|hasattr|ImportError|AttributeError", source)
    if not {"tensorflow_v2", "tensorflow_v1_compat"} & {*script.parts}:
        assert "compat" not in source


def test_the_older_generations_and_the_loader_are_python_2_7() -> None:
    python = find_interpreter("cp27")
    if python is None:
        pytest.skip("this machine has no Python 2.7")
    older = [path for path in SCRIPTS if "tensorflow_v2" not in path.parts]
    assert len(older) == 16 + 32 + 25
    code = "import sys\nfor p in sys.argv[1:]: compile(open(p).read(), p, 'exec')"
    paths = [*older, EXAMPLES / "data" / "digits.py", EXAMPLES / "data" / "weights.py"]
    done = subprocess.run(
        [python.source, "-c", code, *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def find_printed(tree: ast.AST) -> Iterator[str]:
    """The text, or the format, of each print; print(name) and the like give an empty one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
            (text,) = node.args
            text = text.left if isinstance(text, ast.BinOp) else text
            yield str(text.value) if isinstance(text, ast.Constant) else ""


def find_imports(tree: ast.AST) -> set[str]:
    """Top names of the modules that are imported."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.split(".")[0] for name in names}
