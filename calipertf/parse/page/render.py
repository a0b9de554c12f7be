"""The page: one file that opens offline, with everything in it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2

from calipertf.files.atomic import write_text
from calipertf.outcomes import BEST_FIRST, OUTCOMES, Outcome
from calipertf.parse.analysis import Analysis
from calipertf.parse.compare import Comparison, count_statuses
from calipertf.parse.figures.base import Figure
from calipertf.parse.findings import list_findings
from calipertf.parse.page.cells import Strings, pack_cells, pack_results
from calipertf.parse.page.tables import (
    pack_changes,
    pack_comparisons,
    pack_matrices,
    pack_table,
)
from calipertf.paths import Layout
from calipertf.versions import python_version

_FOLDER = Path(__file__).with_name("assets")
#: What the others build on; they follow it by name, and each adds its views (addView).
_CORE = "core.js"


def write_report(
    layout: Layout,
    analysis: Analysis,
    figures: Sequence[Figure],
    svgs: Mapping[str, str],
    comparisons: Sequence[Comparison] | None = None,
) -> Path:
    """Return the page as a file; `svgs` are the figures' pictures by name."""
    data = make_page_data(analysis, figures, svgs, comparisons)
    write_text(layout.report, render_page(data))
    return layout.report


def pack_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return what the page has to know of an outcome."""
    return {
        "sign": outcome.sign,
        "label": outcome.label,
        "color": outcome.color,
        "ink": outcome.ink,
        "built": outcome.built,
        "fails": outcome.fails,
        "works": outcome.works,
    }


def make_page_data(
    analysis: Analysis,
    figures: Sequence[Figure],
    svgs: Mapping[str, str],
    comparisons: Sequence[Comparison] | None = None,
) -> dict[str, Any]:
    """Return everything that the page shows, as page/*.js reads it."""
    axes, strings = analysis.axes, Strings()
    suites = axes.suites.items()
    scripts = [script for _, names in suites for script in names]
    numbers = {script: number for number, script in enumerate(scripts)}
    cells = pack_cells(analysis, strings)
    results = pack_results(analysis, numbers, strings)
    tables = analysis.tables
    compared = None
    if comparisons is not None:
        keys = ("package", "version", "python", "resolve")
        places = {tuple(cell[key] for key in keys): n for n, cell in enumerate(cells)}
        compared = {
            "counts": count_statuses(comparisons),
            "rows": pack_comparisons(comparisons, places),
        }
    return {
        "title": ", ".join(axes.packages) or "similarities",
        "findings": list_findings(analysis),
        "notes": [asdict(note) for note in analysis.inputs.notes],
        "outcomes": {name: pack_outcome(OUTCOMES[name]) for name in BEST_FIRST},
        "packages": list(axes.packages),
        "versions": {package: list(names) for package, names in axes.versions.items()},
        "pythons": [[tag, python_version(tag)] for tag in axes.pythons],
        "resolves": list(axes.resolves),
        "suites": [[suite, [numbers[name] for name in names]] for suite, names in suites],
        "scripts": scripts,
        "cells": cells,
        "results": results,
        "strings": strings.list_all(),
        "failures": pack_table(tables["failures"]),
        "timelines": pack_table(tables["timelines"]),
        "matrices": pack_matrices(analysis.inputs.sims["versions"]),
        "changes": pack_changes(analysis.inputs.changes),
        "sentences": list(analysis.sentences),
        "scores": pack_table(tables["prediction_scores"]),
        "confusion": pack_table(tables["usage_confusion"]),
        "figures": [
            {"name": figure.name, "title": figure.title, "description": figure.description}
            | {"svg": svgs[figure.name]}
            for figure in figures
        ],
        "compared": compared,
    }


def render_page(data: Mapping[str, Any]) -> str:
    """Return the page as HTML.

    Its data are packed, so that nothing in them can end their element.
    """
    loader = jinja2.FileSystemLoader(_FOLDER)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    others = sorted(path for path in _FOLDER.glob("*.js") if path.name != _CORE)
    scripts = (_FOLDER / _CORE, *others)
    code = "\n".join(path.read_text(encoding="utf-8") for path in scripts)
    script = f'"use strict";\n(() => {{\n{code}\n}})();\n'
    style = (_FOLDER / "page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html").render(
        title=data["title"],
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=pack_data(data),
    )


def pack_data(data: Mapping[str, Any]) -> str:
    """Return JSON, gzip, base64."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    packed = gzip.compress(text.encode("utf-8", errors="replace"), 9, mtime=0)
    return base64.b64encode(packed).decode("ascii")


def _hash(text: str) -> str:
    """Return what a Content-Security-Policy allows an inline script or style by."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
