"""What a changed signature means for those who use it."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calipertf.assess.api.model import Parameter, Symbol
from calipertf.assess.signatures import (
    Signature,
    compatibility,
    signature_of,
    signature_severity,
    write_signature,
)


def make_parameters(text: str) -> tuple[Parameter, ...]:
    """The parameters of `def f(text)`."""
    definition = ast.parse(f"def f{text}: ...").body[0]
    assert isinstance(definition, ast.FunctionDef)
    arguments = definition.args
    positional = [*arguments.posonlyargs, *arguments.args]
    gaps = [None] * (len(positional) - len(arguments.defaults))
    made = [
        Parameter(
            name=item.arg,
            kind="positional-only" if item in arguments.posonlyargs else "positional-or-keyword",
            default=default and ast.unparse(default),
        )
        for item, default in zip(positional, [*gaps, *arguments.defaults], strict=True)
    ]
    if arguments.vararg:
        made.append(Parameter(name=arguments.vararg.arg, kind="var-positional"))
    made += [
        Parameter(name=item.arg, kind="keyword-only", default=default and ast.unparse(default))
        for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg:
        made.append(Parameter(name=arguments.kwarg.arg, kind="var-keyword"))
    return tuple(made)


def make_symbol(path: str, parameters: str, kind: str = "function") -> Symbol:
    return Symbol(path=path, kind=kind, parameters=make_parameters(parameters), target=path)


@pytest.mark.parametrize(
    ("old", "new", "value", "words"),
    [
        ("(x)", "(x)", 0.0, ()),
        ("(x)", "(x, y=None)", 0.0, ()),
        ("(x)", "(x, *, y=None)", 0.0, ()),
        ("(x)", "(x, *args, **kwargs)", 0.0, ()),
        ("(x)", "(x=None)", 0.0, ()),
        ("(*, x)", "(x)", 0.0, ()),
        # parameter removed
        ("(x, y)", "(x)", 1.0, ("parameter y removed",)),
        ("(x, y=1)", "(x)", 1.0, ("parameter y removed",)),
        ("(x, y)", "(x, *args)", 0.0, ()),
        ("(x, y)", "(x, **kwargs)", 0.0, ()),
        ("(x, y, /)", "(x, /, **kwargs)", 1.0, ("parameter y removed",)),
        ("(x, *, y)", "(x, *args)", 1.0, ("parameter y removed",)),
        ("(x, *, y)", "(x, **kwargs)", 0.0, ()),
        ("(x, **kwargs)", "(x)", 1.0, ("parameter ** removed",)),
        ("(x, *args)", "(x)", 1.0, ("parameter * removed",)),
        ("(*args, **kwargs)", "(x, y, z=None)", 0.0, ()),
        # required parameter added
        ("(x)", "(x, y)", 1.0, ("required parameter y added",)),
        ("(x)", "(x, *, y)", 1.0, ("required parameter y added",)),
        ("(x, y=1)", "(x, y)", 1.0, ("parameter y is required now",)),
        ("(x, **kwargs)", "(x, y, **kwargs)", 1.0, ("required parameter y added",)),
        # reordered
        ("(x, y)", "(y, x)", 1.0, ("positional parameters reordered: now y, x",)),
        ("(x, y=1)", "(x, z=1, y=1)", 1.0, ("positional parameters reordered: now x, z, y",)),
        ("(*, x, y)", "(*, y, x)", 0.0, ()),
        # renamed, or one way of calling lost
        ("(x, y)", "(x, z)", 0.5, ("parameter y renamed to z",)),
        ("(x, y, /)", "(x, z, /)", 0.0, ()),
        ("(x, y)", "(x, *, y)", 0.5, ("parameter y is keyword-only now",)),
        ("(x, y)", "(x, y, /)", 1.0, ("parameter x is positional-only now",
                                      "parameter y is positional-only now")),
        # default changed
        ("(x=1)", "(x=2)", 0.25, ("default of x changed from 1 to 2",)),
        ("(*, x=1)", "(*, x=2)", 0.25, ("default of x changed from 1 to 2",)),
        ("(x=1)", "(x=True)", 0.25, ("default of x changed from 1 to True",)),
        ("(x='a')", '(x="a")', 0.0, ()),
        ("(x=1.0)", "(x=1.)", 0.0, ()),
        ("(x=dtypes.float32)", "(x=_dtypes.float32)", 0.0, ()),
        ("(x=float32)", "(x=float64)", 0.25, ("default of x changed from float32 to float64",)),
        ("(x=1, y=1)", "(x=2, y=2)", 0.5, ("default of x changed from 1 to 2",
                                           "default of y changed from 1 to 2")),
    ],
)  # fmt: skip
def test_severity_of_a_change(old: str, new: str, value: float, words: tuple[str, ...]) -> None:
    found = signature_severity(
        Signature("function", make_parameters(old)), Signature("function", make_parameters(new))
    )
    assert (found.value, found.details) == (value, words)


def test_split_of_tensorflow_1_breaks_its_users() -> None:
    old = make_symbol("tf.split", "(split_dim, num_split, value, name='split')")
    new = make_symbol("tf.split", "(value, num_or_size_splits, axis=0, num=None, name='split')")
    found = signature_severity(signature_of(old), signature_of(new))
    assert found.value == 1.0
    assert "parameter split_dim removed" in found.details
    assert "parameter num_split renamed to num_or_size_splits" in found.details


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        (("a.Base",), ("a.Base", "a.Mixin"), 0.0),
        (("a.Base",), ("b.c.Base",), 0.0),
        (("object",), (), 0.0),
        (("a.Base",), (), 0.5),
        (("a.Base", "a.Mixin", "a.Other"), (), 1.0),
    ],
)
def test_severity_of_lost_bases(old: tuple[str, ...], new: tuple[str, ...], value: float) -> None:
    assert signature_severity(
        Signature("class", None, old), Signature("class", None, new)
    ).value == (value)


def test_class_that_takes_its_base_s_place_has_lost_none() -> None:
    old = Symbol(path="p.Spec", kind="class", target="q.SpecV1", bases=("q.SpecV2",))
    new = Symbol(path="p.Spec", kind="class", target="q.SpecV2")
    assert signature_severity(signature_of(old), signature_of(new)).details == ()


def test_kind_that_changes_is_told_and_harmless() -> None:
    found = signature_severity(Signature("function"), Signature("class"))
    assert (found.value, found.details) == (0.0, ("was a function, is a class",))


def test_compatibility_by_hand() -> None:
    old = {
        "p.same": make_symbol("p.same", "(x)"),
        "p.gone": make_symbol("p.gone", "(x)"),
        "p.renamed": make_symbol("p.renamed", "(x)"),
        "p.default": make_symbol("p.default", "(x=1)"),
    }
    new = {
        "p.same": make_symbol("p.same", "(x)"),
        "p.renamed": make_symbol("p.renamed", "(y)"),
        "p.default": make_symbol("p.default", "(x=2)"),
        "p.added": make_symbol("p.added", "(x)"),
    }
    assert compatibility(old, new) == (1 + 0 + 0.5 + 0.75) / 4
    assert compatibility({}, new) == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "()",
        "(x)",
        "(x, y=1)",
        "(x, /, y)",
        "(x, /)",
        "(*, y=2)",
        "(x, *args, y, **kwargs)",
        "(**k)",
    ],
)
def test_signature_is_written_as_python_writes_it(text: str) -> None:
    assert write_signature(make_parameters(text)) == text


def test_unknown_parameters_are_not_written() -> None:
    assert write_signature(None) is None


LISTS = (
    st.permutations(["a", "b=1", "c=2"])
    .flatmap(
        lambda names: st.sampled_from([names[:1], names[:2], names, [*names, "*args", "**kwargs"]])
    )
    .filter(lambda names: "a" not in names[1:])
)  # a parameter without a default stands first


@given(LISTS, LISTS)
def test_severity_is_bounded_and_zero_for_the_same(old: list[str], new: list[str]) -> None:
    a = Signature("function", make_parameters(f"({', '.join(old)})"))
    b = Signature("function", make_parameters(f"({', '.join(new)})"))
    found = signature_severity(a, b)
    assert 0.0 <= found.value <= 1.0
    assert (found.value > 0) <= bool(found.details)
    assert signature_severity(a, a).details == ()
