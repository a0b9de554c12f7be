"""All that stage 3 finds out from its inputs: what tables, figures and the page are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from calipertf.formats.causes import describe_culprits
from calipertf.formats.records import Cell
from calipertf.formats.requirements import Installed
from calipertf.parse import tables
from calipertf.parse.causes.explain import Cause, Explainer, refine_reason
from calipertf.parse.causes.nearest import Neighbours
from calipertf.parse.compare import Comparison
from calipertf.parse.load import Inputs
from calipertf.parse.prediction.evaluate import describe, predict_all
from calipertf.parse.prediction.units import make_units
from calipertf.parse.prediction.usage import count_confusions, predict_by_usage
from calipertf.parse.requirements import parse_requirements
from calipertf.parse.results import Axes, Result, find_axes, make_results
from calipertf.parse.timelines import make_timelines


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What the records and similarities say."""

    inputs: Inputs
    results: Sequence[Result]
    axes: Axes
    requirements: Mapping[Cell, Sequence[Installed]]
    #: For each result the nearest cell where its script works, and why it fails here.
    explained: Sequence[tuple[Cell | None, Cause | None]]
    #: Name -> table, see columns.yaml.
    tables: Mapping[str, pd.DataFrame]
    #: What the predictions amount to, a sentence each.
    sentences: Sequence[str]


def analyse(inputs: Inputs, comparisons: Sequence[Comparison] | None = None) -> Analysis:
    """Return every table, from results to predictions."""
    results = make_results(inputs.records)
    axes = find_axes(results)
    requirements = {
        record.cell: parse_requirements(record.requirements)
        for record in inputs.records
        if record.requirements
    }
    explainer = Explainer(
        inputs.changes,
        inputs.sims["usage"],
        requirements,
        declared=inputs.declared,
        results=results,
    )
    neighbours = Neighbours(results, axes)
    proved = _list_proved(inputs)
    explained = [
        _prefer_proved(result, _explain(result, neighbours, explainer), proved)
        for result in results
    ]
    results = [
        _refine(result, cause) for result, (_, cause) in zip(results, explained, strict=True)
    ]
    timelines = make_timelines(results, _Known(results, explained, explainer).explain)
    units = make_units(results, inputs.sims)
    predictions = predict_all(units)
    predicted_by_usage = predict_by_usage(results, inputs.sims["usage"])
    made = {
        "results": tables.list_results(results, explained),
        "causes": tables.list_proved(inputs.proved),
        "requirements": tables.list_requirements(requirements),
        "api_changes": tables.list_changes(inputs.changes),
        "timelines": tables.list_timelines(timelines),
        "failures": tables.list_failures(results, explained),
        "prediction_scores": tables.list_scores(predictions),
        "usage_predictions": tables.list_usage_predictions(predicted_by_usage),
        "usage_confusion": tables.list_confusions(count_confusions(predicted_by_usage)),
    }
    if comparisons is not None:
        made["comparison"] = tables.list_comparisons(comparisons)
    done = {name: tables.make_table(name, rows) for name, rows in made.items()}
    done["similarities"] = tables.make_similarities(inputs.sims)
    done["predictions"] = tables.make_table("predictions", units)
    return Analysis(
        inputs=inputs,
        results=results,
        axes=axes,
        requirements=requirements,
        explained=explained,
        tables=done,
        sentences=describe(predictions),
    )


def _explain(
    result: Result, neighbours: Neighbours, explainer: Explainer
) -> tuple[Cell | None, Cause | None]:
    """The nearest working cell of what does not work, and why it fails or prints otherwise."""
    if result.works or result.outcome in {"no_release", "no_interpreter", "not_compared"}:
        return None, None
    nearest = neighbours.find(result)
    if result.silent:
        return nearest, None
    # What breaks the import is told by a cell that can import, though the script may fail there.
    imports = result.outcome == "import_failed"
    return nearest, explainer.explain(
        result, neighbours.find_importing(result) if imports else nearest
    )


def _list_proved(inputs: Inputs) -> dict[tuple[Cell, str], tuple[Cell, Cause]]:
    """Return the causes that experiments showed, each with the cell that it was compared with."""
    found = {}
    for causes in inputs.proved:
        for script, finding in causes.list_findings():
            if finding["kind"] == "packages":
                cause = Cause(
                    kind="requirements",
                    text=f"{describe_culprits(finding)} broke it: put back, it works",
                    path=finding["culprits"][0]["name"],
                    proved=True,
                    way_out=causes.command,
                )
                found[causes.cell, script] = causes.reference, cause
    return found


def _prefer_proved(
    result: Result,
    seen: tuple[Cell | None, Cause | None],
    proved: Mapping[tuple[Cell, str], tuple[Cell, Cause]],
) -> tuple[Cell | None, Cause | None]:
    """Return what an experiment showed, where there was one; else what was seen."""
    if result.works or result.silent:
        return seen
    return proved.get((result.cell, result.script), seen)


class _Known:
    """The causes of results over versions: those found by construction hold there as well."""

    def __init__(
        self,
        results: Sequence[Result],
        explained: Sequence[tuple[Cell | None, Cause | None]],
        explainer: Explainer,
    ) -> None:
        self._explainer = explainer
        self._own = {
            (result.cell, result.script): cause
            for result, (nearest, cause) in zip(results, explained, strict=True)
            if cause and nearest and nearest.version == result.cell.version
        }

    def explain(self, result: Result, working: Cell | None) -> Cause | None:
        """Return the cause, compared with a cell of another version where that says anything."""
        own = self._own.get((result.cell, result.script))
        return own or self._explainer.explain(result, working)


def _refine(result: Result, cause: Cause | None) -> Result:
    """Return the result with the reason that agrees with its cause."""
    reason = refine_reason(result.verdict.reason, cause)
    if reason == result.verdict.reason:
        return result
    return replace(result, verdict=replace(result.verdict, reason=reason))
