"""Writes text.txt, the generated text that the word2vec examples read.

Each sentence speaks of one of five topics and draws its nouns, verbs and adjectives from that
topic, so words of one topic keep company: what a word embedding has to find. Made up here, hence
free of rights; the same bytes every time.

    python examples/data/make_text.py
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

SENTENCES = 2000
SEED = 2013
#: Topic -> (nouns, verbs, adjectives). No word belongs to two topics.
TOPICS = {
    "sea": (
        "ship sailor harbour wave anchor captain",
        "sails drifts sinks floats",
        "salty stormy deep",
    ),
    "kitchen": (
        "bread cook oven soup butter knife",
        "bakes tastes boils burns",
        "warm sweet spicy",
    ),
    "court": (
        "king queen crown castle throne knight",
        "rules commands bows reigns",
        "royal noble golden",
    ),
    "farm": (
        "horse cow barn field farmer plough",
        "grazes gallops sows harvests",
        "green muddy fertile",
    ),
    "school": (
        "teacher pupil lesson book chalk desk",
        "reads writes learns explains",
        "clever curious quiet",
    ),
}
PATTERNS = (
    "the {a} {n} {v} near the {m}",
    "a {n} {v} and the {m} {w}",
    "the {n} of the {m} is {a} and {b}",
    "one {a} {n} {v} with a {b} {m}",
)


def make_sentence(draw: random.Random) -> str:
    """One sentence of one topic."""
    nouns, verbs, adjectives = (group.split() for group in draw.choice(list(TOPICS.values())))
    n, m = draw.sample(nouns, 2)
    v, w = draw.sample(verbs, 2)
    a, b = draw.sample(adjectives, 2)
    return draw.choice(PATTERNS).format(n=n, m=m, v=v, w=w, a=a, b=b)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, default=Path(__file__).resolve().parent / "text.txt")
    draw = random.Random(SEED)
    lines = [make_sentence(draw) + ".\n" for _ in range(SENTENCES)]
    parser.parse_args(argv).file.write_text("".join(lines), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
