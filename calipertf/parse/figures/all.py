"""Every figure of an analysis, in the order that a person asks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from calipertf.files.generated import list_made, note_made, remove_old
from calipertf.parse.analysis import Analysis
from calipertf.parse.figures.base import Figure, slugify, write_picture
from calipertf.parse.figures.findings import draw_drift, draw_errors, draw_predictions
from calipertf.parse.figures.outcomes import draw_outcomes, draw_timelines
from calipertf.parse.figures.similarity import draw_api, draw_similarities
from calipertf.paths import Layout


def draw_figures(analysis: Analysis) -> list[Figure]:
    """Return all figures; of several packages, the names begin with the package's."""
    packages = list(analysis.axes.packages)
    for name in ("versions", "api"):
        packages += [str(package) for package in analysis.inputs.sims[name]["package"].unique()]
    packages = list(dict.fromkeys(packages))
    figures: list[Figure] = []
    for package in packages:
        for figure in _draw_package(package, analysis):
            name = f"{slugify(package)}-{figure.name}" if len(packages) > 1 else figure.name
            figures.append(replace(figure, name=name))
    return figures


def _draw_package(package: str, analysis: Analysis) -> Iterator[Figure]:
    results = [result for result in analysis.results if result.cell.package == package]
    sims, axes = analysis.inputs.sims, analysis.axes
    versions = sims["versions"][sims["versions"]["package"] == package]
    api = sims["api"][sims["api"]["package"] == package]
    changes = [change for change in analysis.inputs.changes if change.package == package]
    yield from draw_outcomes(package, results, axes)
    yield from draw_drift(package, results, axes)
    yield from draw_timelines(package, results, axes)
    yield from draw_errors(package, analysis.tables["failures"])
    yield from draw_api(package, api, changes)
    yield from draw_similarities(package, versions)
    yield from draw_predictions(package, analysis.tables["prediction_scores"])


def write_figures(layout: Layout, svgs: Mapping[str, str], formats: Collection[str]) -> None:
    """All pictures in the formats asked for; those of earlier runs that are no more are removed.

    What else lies in the folder is left alone.
    """
    pictures = {"png", "svg"} & set(formats)
    for name, svg in svgs.items():
        write_picture(layout.plots, name, svg, formats)
    note_made(layout.plots, [f"{name}.{ending}" for name in svgs for ending in pictures])
    old = [Path(name) for name in list_made(layout.plots)]
    remove_old(
        layout.plots,
        [path.name for path in old if path.stem not in svgs and path.suffix[1:] in pictures],
    )
