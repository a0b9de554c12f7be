"""The page in a real browser, from a file, with the network cut."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from calipertf.parse.analysis import analyse
from calipertf.parse.compare import compare_runs
from calipertf.parse.figures.all import draw_figures
from calipertf.parse.figures.base import render_svg
from calipertf.parse.load import read_inputs
from calipertf.parse.page.render import write_report
from calipertf.parse.results import make_results
from calipertf.paths import Layout

pytest.importorskip("playwright.sync_api")
from playwright import sync_api

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
EVIL = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
ONE, TWO = "suite/one.py", "suite/two.py"


def write_cell(root: Path, version: str, python: str, runs: dict[str, dict[str, object]]) -> None:
    """One record; `runs` holds, for each script, its outcome and what it printed."""
    tests: dict[str, object] = {"build": {"retval": 0, "output": [], "error": []}}
    outcomes: dict[str, object] = {}
    for script, run in runs.items():
        output = str(run["output"]).splitlines(keepends=True)
        message = run.get("message")
        error = [f"AttributeError: {message}\n"] if message else []
        retval = 1 if message else 0
        tests[script] = {"retval": retval, "output": output, "error": error, "seconds": 0.1}
        outcomes[script] = {
            "outcome": run["outcome"],
            "reason": "api_missing" if message else None,
            "exception": {"type": "AttributeError", "message": message} if message else None,
            "suite": "suite",
            "baseline": {"version": "1.0", "python": "cp311", "resolve": "today"},
            "differences": ["line 1"] if run["outcome"] == "different_result" else [],
            "start": "warm",
        }
    name = f"pypi-fixture-{version}-python-{python}"
    cell = {"package": "fixture", "version": version, "python": python, "resolve": "today"}
    record = {
        "schema": 1,
        "cell": {**cell, "resolve_date": "2024-07-05T18:51:42Z" if version == "2.0" else None},
        "outcome": "run_failed",
        "reason": None,
        "message": f"<b>{EVIL}</b>",
        "outcomes": outcomes,
        "environment": {"kind": "venv", "python": "3.11.7"},
        "inputs": {"name": name, "dockerfile": f"FROM python\n# {EVIL}\n", "tests": list(runs)},
        "tests": tests,
        "requirements.txt": [f"fixture=={version}\n", f"six==1.{version}\n"],
        "timings": {"build": 1.5},
    }
    path = root / "data" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record), encoding="utf-8")


def write_page(root: Path, before: Path | None = None) -> Path:
    inputs = read_inputs(Layout(root=root))
    comparisons = None
    if before is not None:
        earlier = read_inputs(Layout(root=before))
        comparisons = compare_runs(make_results(earlier.records), make_results(inputs.records))
    analysis = analyse(inputs, comparisons)
    figures = draw_figures(analysis)
    svgs = {figure.name: render_svg(figure) for figure in figures}
    return write_report(Layout(root=root), analysis, figures, svgs, comparisons)


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three versions: home, one with another result and megabytes of text, one that fails."""
    root = tmp_path_factory.mktemp("page") / ".caliper"
    same = {"outcome": "same_result", "output": "1\n2\n3\n"}
    write_cell(root, "1.0", "cp311", {ONE: same, TWO: same})
    much = f"{EVIL}\n" + "x" * 1_000_000 + "\n" + "y\n" * 100_000
    other = {"outcome": "different_result", "output": "1\n2.5\n3\n"}
    write_cell(root, "1.10", "cp311", {ONE: other, TWO: same | {"output": much}})
    gone = f"module 'fixture' has no attribute 'old' {EVIL}"
    failed = {"outcome": "run_failed", "output": EVIL, "message": gone}
    write_cell(root, "2.0", "cp311", {ONE: same, TWO: failed})
    write_cell(root, "2.0", "cp38", {ONE: failed, TWO: failed})
    change = {"kind": "removed", "path": "fixture.old", "object": "function", "to": None}
    change |= {"severity": 1.0, "old": "()", "new": None, "details": []}
    folder = root / "sims" / "changes"
    folder.mkdir(parents=True)
    data = {"schema": 1, "package": "fixture", "a": "1.10", "b": "2.0", "changes": [change]}
    (folder / "fixture-1.10..2.0.json").write_text(json.dumps(data), encoding="utf-8")
    pairs = [("1.0", "1.10", 1.0), ("1.0", "2.0", 0.5), ("1.10", "2.0", 0.5)]
    lines = ["package,a,b,score,value"]
    lines += [f"fixture,{a},{b},api_jaccard,{value}" for a, b, value in pairs]
    (root / "sims" / "versions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return write_page(root)


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


Open = Callable[..., "sync_api.Page"]


@pytest.fixture
def open_page(browser: sync_api.Browser) -> Iterator[Open]:
    """Opens a file; at the end nothing was asked of a network and no error was logged."""
    contexts, trouble = [], []

    def see(request: sync_api.Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            trouble.append(request.url)

    def open_page(path: Path, fragment: str = "", **settings: object) -> sync_api.Page:
        settings = {"viewport": {"width": 1280, "height": 800}, **settings}
        context = browser.new_context(offline=True, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("request", see)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
        page.goto(f"{path.as_uri()}{fragment}")
        page.wait_for_selector("nav a")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []


def test_first_look_says_what_was_found(page_path: Path, open_page: Open) -> None:
    page = open_page(page_path)
    words = page.inner_text("main")
    assert "4 cells, 8 scripts in cells: 4 same result, 1 different result, 3 run failed" in words
    assert "Breaks 1 script: fixture.old was removed between 1.10 and 2.0" in words
    versions = page.locator("#grid-fixture tbody th").all_inner_texts()
    assert versions == ["1.0", "1.10", "2.0"], "in the order of versions, not of text"
    assert page.locator("#grid-fixture button").first.inner_text() == "2/2"


def test_filters_narrow_the_grid_and_stay_in_the_address(page_path: Path, open_page: Open) -> None:
    page = open_page(page_path)
    page.select_option("#filter-python", "cp38")
    assert page.inner_text("#count").startswith("2 results in 1 cell.")
    assert "python=cp38" in page.url
    page.select_option("#filter-script", ONE)
    assert page.inner_text("#count").startswith("1 result in 1 cell.")
    page.go_back()
    page.wait_for_function("document.querySelector('#filter-script').value === ''")
    page.click("#reset")
    page.select_option("#filter-outcome", "different_result")
    assert page.inner_text("#count").startswith("1 result in 1 cell.")
    assert page.locator("#grid-fixture button:not(.dim)").count() == 1


def test_story_of_a_failure(page_path: Path, open_page: Open) -> None:
    page = open_page(page_path)
    page.locator("#grid-fixture button[aria-label^='fixture 2.0, Python 3.11']").click()
    story = page.locator("#details")
    assert "fixture 2.0, Python 3.11, dependencies: today" in story.inner_text()
    story.locator("ul.scripts button", has_text="two").click()
    words = story.inner_text()
    assert "Why: fixture.old was removed between 1.10 and 2.0." in words
    assert "reason: api_missing" in words
    assert "module 'fixture' has no attribute 'old'" in words
    story.locator("summary", has_text="Requirements that differ").click()
    assert re.search(r"six\s+1\.2\.0\s+1\.1\.10", story.inner_text())
    story.locator("summary", has_text="Dockerfile").click()
    assert EVIL in story.inner_text()
    assert "This cell has those of 2024-07-05T18:51:42Z" in story.inner_text()
    story.locator("button", has_text="Copy").click()
    story.locator("button", has_text="Copied").wait_for()
    story.locator("a", has_text="fixture 1.0, Python 3.11").last.click()
    page.locator("#details h2", has_text="fixture 1.0, Python 3.11").wait_for()


def test_deep_link_shows_the_difference_to_the_result_at_home(
    page_path: Path, open_page: Open
) -> None:
    cell = quote("fixture/1.10/cp311/today", safe="")
    page = open_page(page_path, f"#view=grid&cell={cell}&test={quote(ONE, safe='')}")
    story = page.locator("#details")
    assert story.locator(".minus").all_inner_texts() == ["-2"]
    assert story.locator(".plus").all_inner_texts() == ["+2.5"]
    assert page.evaluate("document.activeElement.id") == "details"


def test_keyboard_alone_reaches_a_story_and_comes_back(page_path: Path, open_page: Open) -> None:
    page = open_page(page_path)
    page.focus("#reset")
    page.keyboard.press("Tab")
    label = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(label).startswith("fixture 1.0, Python 3.11, today: 2 same result")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(label).startswith("fixture 2.0, Python 3.11")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(label).startswith("fixture 2.0, Python 3.8")
    page.keyboard.press("Enter")
    page.locator("#details h2").wait_for()
    assert page.evaluate("document.activeElement.id") == "details"
    page.keyboard.press("Escape")
    page.wait_for_function("document.querySelector('#details').hidden")
    assert page.evaluate(label).startswith("fixture 2.0, Python 3.8")


def test_keyboard_reaches_every_cell_over_gaps(tmp_path: Path, open_page: Open) -> None:
    # Each cell is alone in its row and column.
    root = tmp_path / ".caliper"
    same = {"outcome": "same_result", "output": "1\n"}
    for version, python in (("1.0", "cp36"), ("2.0", "cp311"), ("3.0", "cp38")):
        write_cell(root, version, python, {ONE: same})
    page = open_page(write_page(root))
    page.focus("#reset")
    page.keyboard.press("Tab")
    label = "document.activeElement.getAttribute('aria-label').slice(8, 11)"
    reached = [page.evaluate(label)]
    keys = (
        "ArrowDown",
        "ArrowDown",
        "ArrowDown",
        "ArrowUp",
        "ArrowLeft",
        "ArrowRight",
        "ArrowRight",
    )
    for key in keys:
        page.keyboard.press(key)
        reached.append(page.evaluate(label))
    assert reached == ["1.0", "2.0", "3.0", "3.0", "2.0", "1.0", "2.0", "3.0"]


VIEWS = ("grid", "scripts", "why", "matrix", "prediction", "figures")


@pytest.mark.parametrize("view", VIEWS)
def test_what_scripts_printed_does_no_harm(page_path: Path, open_page: Open, view: str) -> None:
    cell = quote("fixture/1.10/cp311/today", safe="")
    page = open_page(page_path, f"#view={view}&cell={cell}&test={quote(TWO, safe='')}")
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img:not([src^='data:image/svg'])").count() == 0
    assert "earlier lines left out" in page.locator("#details").inner_text()
    assert page_path.stat().st_size < 300_000


def test_every_view_shows_its_matter(page_path: Path, open_page: Open) -> None:
    page = open_page(page_path)
    expected = {
        "Scripts": "one",
        "Why it fails": "fixture.old was removed between 1.10 and 2.0",
        "Similarity": "0.50",
        "Prediction": "Do similarities predict breakage?",
    }
    for name, words in expected.items():
        page.locator("nav a", has_text=name).click()
        page.locator("nav a[aria-current]", has_text=name).wait_for()
        assert words in page.inner_text("main"), name
    page.locator("nav a", has_text="Figures").click()
    page.locator("figure img").first.wait_for()
    assert page.evaluate("[...document.images].every((one) => one.alt && one.naturalWidth > 100)")
    assert page.locator("figure").count() >= 4


def test_changes_of_two_versions_are_searched(page_path: Path, open_page: Open) -> None:
    page = open_page(page_path, "#view=matrix")
    page.locator("#matrix button[aria-label='1.0 to 2.0: 0.50']").click()
    page.locator("#changes").wait_for()
    assert "1.10 to 2.0: 1 removed" in page.inner_text("main")
    page.fill("#search", "nothing.like.it")
    assert "0 changes" in page.inner_text("main")
    page.fill("#search", "OLD")
    assert "fixture.old" in page.locator("table.list td").all_inner_texts()


def test_link_to_a_cell_of_another_run_says_so(page_path: Path, open_page: Open) -> None:
    page = open_page(page_path, f"#view=grid&cell={quote('fixture/9.9/cp311/today', safe='')}")
    assert "This page has no cell fixture 9.9 cp311 today" in page.inner_text("#details")
    page.click("#close")
    page.wait_for_function("document.querySelector('#details').hidden")


def test_last_lines_are_seen_first(page_path: Path, open_page: Open) -> None:
    cell = quote("fixture/1.10/cp311/today", safe="")
    page = open_page(page_path, f"#view=grid&cell={cell}&test={quote(TWO, safe='')}")
    output = page.locator("#details details", has_text="Last lines of output").locator("pre")
    page.wait_for_timeout(200)
    assert output.evaluate("(one) => one.scrollHeight - one.scrollTop - one.clientHeight") < 2


def test_words_are_not_broken_in_tables(page_path: Path, open_page: Open) -> None:
    for width in (400, 1280):
        page = open_page(page_path, "#view=why", viewport={"width": width, "height": 800})
        tall = page.evaluate(
            """[...document.querySelectorAll("table.list td:not(.long)")]
                .filter((one) => one.clientHeight > 200).length"""
        )
        assert tall == 0
        cell = page.locator("table.list td", has_text=re.compile("^api_missing$")).first
        assert cell.evaluate("(one) => one.scrollWidth <= one.clientWidth + 1")


def test_failure_leads_to_its_cells(page_path: Path, open_page: Open) -> None:
    page = open_page(page_path, "#view=why")
    page.locator("button.link").first.click()
    page.locator("#count").wait_for()
    assert page.inner_text("#count").startswith("3 results in 2 cells.")


def test_dark_screens_get_dark_paper(page_path: Path, open_page: Open) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    assert open_page(page_path, color_scheme="light").evaluate(paper) == "rgb(255, 255, 255)"
    dark = open_page(page_path, color_scheme="dark").evaluate(paper)
    assert max(int(part) for part in re.findall(r"\d+", dark)) < 60


def test_controls_have_names_and_nothing_sticks_out_on_a_phone(
    page_path: Path, open_page: Open
) -> None:
    page = open_page(page_path, viewport={"width": 400, "height": 800})
    for view in VIEWS:
        page.goto(f"{page_path.as_uri()}#view={view}")
        page.wait_for_selector("nav a[aria-current]")
        nameless = page.evaluate(
            """[...document.querySelectorAll("button, select, input, a, img")].filter((one) =>
                !(one.getAttribute("aria-label") || one.alt || one.textContent.trim() ||
                  one.closest("label")?.textContent.trim())).length"""
        )
        assert nameless == 0, view
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, view


def test_one_cell_and_no_similarities_say_what_is_missing(tmp_path: Path, open_page: Open) -> None:
    root = tmp_path / ".caliper"
    write_cell(root, "1.0", "cp311", {ONE: {"outcome": "same_result", "output": "1\n"}})
    path = write_page(root)
    page = open_page(path)
    assert "Made by: python 2.assess_change.py" in page.inner_text("main")
    assert page.locator("#grid-fixture button").inner_text() == "="
    for view in VIEWS:
        page.goto(f"{path.as_uri()}#view={view}")
        page.wait_for_selector("nav a[aria-current]")


def test_comparison_of_two_runs(tmp_path: Path, page_path: Path, open_page: Open) -> None:
    before, now = tmp_path / "before", tmp_path / "now"
    same = {"outcome": "same_result", "output": "1\n"}
    failed = {"outcome": "run_failed", "output": "", "message": "gone"}
    write_cell(before, "0.9", "cp311", {ONE: failed})
    write_cell(now, "0.9", "cp311", {ONE: failed})
    write_cell(before, "1.0", "cp311", {ONE: same, TWO: failed})
    write_cell(now, "1.0", "cp311", {ONE: failed, TWO: same})
    page = open_page(write_page(now, before), "#view=compare")
    words = page.inner_text("main")
    assert re.search(r"broken\s+1", words)
    assert re.search(r"fixed\s+1", words)
    rows = page.locator("table.list").last.locator("tbody tr td:first-child").all_inner_texts()
    assert rows == ["broken", "still failing", "fixed"], "the worst comes first, whatever its cell"
    page.select_option("#filter-status", "broken")
    assert page.locator("table.list").last.locator("tbody tr").count() == 1
    page.locator("table.list").last.locator("a").click()
    page.locator("#details h3", has_text=ONE).wait_for()
    page = open_page(page_path)
    assert page.locator("nav a", has_text="Compared").count() == 0
