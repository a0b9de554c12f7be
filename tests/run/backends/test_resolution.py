"""What uv resolved, taken apart and put in pip's order."""

from __future__ import annotations

import pytest

from calipertf.run.backends.venv.resolution import (
    keep_needed,
    order_by_need,
    parse_resolution,
)

LINES = [
    "google-auth==2.50.0       # via google-auth-oauthlib, tensorboard\n",
    "google-auth-oauthlib==0.4.6  # via tensorboard\n",
    "protobuf==5.29.6          # via tensorboard, tensorflow\n",
    "tensorboard==2.9.0        # via tensorflow\n",
    "tensorflow==2.4.4\n",
    "numpy==1.19.5 ; python_full_version < '3.9'  # via tensorflow\n",
    "\n",
]


def test_lines_are_taken_apart() -> None:
    pins = {pin.name: pin for pin in parse_resolution(LINES)}
    assert pins["protobuf"].requirement == "protobuf==5.29.6"
    assert pins["protobuf"].via == {"tensorboard", "tensorflow"}
    assert pins["tensorflow"].via == frozenset()
    assert pins["numpy"].requirement == "numpy==1.19.5 ; python_full_version < '3.9'"
    assert len(pins) == 6


def test_addresses_are_pins_as_well() -> None:
    (pin,) = parse_resolution(["own @ https://host/own-1.tar.gz#sha256=12  # via a, b"])
    assert (pin.name, pin.requirement) == ("own", "own @ https://host/own-1.tar.gz#sha256=12")
    assert pin.via == {"a", "b"}


def test_what_requires_comes_before_what_is_required() -> None:
    assert order_by_need(parse_resolution(LINES)) == [
        "tensorflow",
        "tensorboard",
        "numpy",
        "google-auth-oauthlib",
        "protobuf",
        "google-auth",
    ]


@pytest.mark.parametrize(
    ("lines", "order"),
    [
        ([], []),
        (["a==1  # via b", "b==1  # via a", "c==1  # via a"], ["a", "b", "c"]),
        (["a==1  # via a", "b==1"], ["a", "b"]),
        (["a==1  # via gone"], ["a"]),
    ],
)
def test_circles_and_strangers_are_no_obstacle(lines: list[str], order: list[str]) -> None:
    assert order_by_need(parse_resolution(lines)) == order


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (["tensorboard>=2"], {"tensorboard", "google-auth-oauthlib", "google-auth", "protobuf"}),
        (["Google_Auth"], {"google-auth"}),
        (["numpy[extra]<2", "-r file"], {"numpy"}),
        ([], set()),
    ],
)
def test_only_what_is_needed_is_kept(wanted: list[str], kept: set[str]) -> None:
    assert {pin.name for pin in keep_needed(parse_resolution(LINES), wanted)} == kept
