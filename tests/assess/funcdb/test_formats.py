"""Published function databases in every shape that they come in, whole and damaged."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from calipertf.assess.api.model import find_malformed
from calipertf.assess.funcdb.formats import describe_stale, read_index
from calipertf.assess.funcdb.sources import GitHub, open_path
from calipertf.errors import CaliperError, InfrastructureError, RecordError

ONE = {"p": {"run": ["x"], "Model": {"fit": ["self", "x"]}}}
TWO = {"p": {"run": ["x", "y"]}}
BOTH = {"1.0": ONE, "2.0.0rc1": TWO}


def write_files(folder: Path, files: dict[str, object]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def write_zip(path: Path, files: dict[str, object]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, json.dumps(content))
    return path


def make_source(kind: str, folder: Path) -> Path:
    """A database of BOTH in one of the ways that it can be given to --funcdb."""
    below = folder / "pypi" / "p" / "functiondb"
    names = ["functiondb-1.0.json", "functiondb-2.0.0rc1.json"]
    apart: dict[str, object] = {names[0]: {"1.0": ONE}, names[1]: {"2.0.0rc1": TWO}}
    if kind == "file":
        return write_files(folder, {"functiondb-results.json": BOTH}) / "functiondb-results.json"
    if kind == "zip":
        return write_zip(folder / "db.zip", {"functiondb-results.json": BOTH})
    if kind == "folder without index":
        return write_files(folder, apart)
    if kind == "zip of a clone":
        inside = {f"caliper-metrics-main/pypi/p/functiondb/{key}": apart[key] for key in apart}
        other = {"caliper-metrics-main/pypi/q/functiondb/functiondb-9.json": {"9": ONE}}
        return write_zip(folder / "clone.zip", {**inside, **other})
    index: dict[str, dict[str, object]] = {
        "json": {"json": {"urls": names}},
        "json-single": {"json-single": {"url": "functiondb-results.json"}},
        "zip index": {"zip": {"url": "functiondb-results.zip"}},
    }
    write_files(below, {"index.json": {"data": index[kind]}})
    write_files(below, apart if kind == "json" else {"functiondb-results.json": BOTH})
    write_zip(below / "functiondb-results.zip", {"functiondb-results.json": BOTH})
    return folder


KINDS = [
    "file",
    "zip",
    "folder without index",
    "zip of a clone",
    "json",
    "json-single",
    "zip index",
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_shape_gives_the_same_databases(kind: str, tmp_path: Path) -> None:
    published = open_path(make_source(kind, tmp_path), "p")
    found = {item.version: item.functions for item in published.read()}
    assert found == {"1.0": ONE, "2.0.0rc1": TWO}
    assert published.problems == []
    one = next(published.read({"1.0"}))
    assert (one.version, one.source.kind) == ("1.0", "functiondb")
    assert one.source.url.startswith(str(tmp_path))
    assert one.source.sha256 is not None
    assert len(one.source.sha256) == 64


@pytest.mark.parametrize("kind", ["json", "json-single", "zip index"])
def test_index_formats_are_read_as_the_original_extractor_reads_them(
    kind: str, tmp_path: Path
) -> None:
    metrics = pytest.importorskip("caliper.metrics")
    clone = make_source(kind, tmp_path)
    index = clone / "pypi" / "p" / "functiondb" / "index.json"
    theirs = metrics.MetricsExtractor("pypi:p").read_metric_local(str(index), "functiondb")
    ours = {item.version: item.functions for item in open_path(clone, "p").read()}
    assert ours == theirs


@pytest.mark.parametrize("kind", KINDS)
def test_versions_are_listed_whatever_the_files_are_named(kind: str, tmp_path: Path) -> None:
    published = open_path(make_source(kind, tmp_path), "p")
    assert published.list_versions() == ["1.0", "2.0.0rc1"]
    assert published.problems == []


def test_files_that_tell_no_version_are_told_when_listing(tmp_path: Path) -> None:
    path = tmp_path / "functiondb-results.json"
    path.write_text("{", encoding="utf-8")
    published = open_path(path, "p")
    assert published.list_versions() == []
    assert "functiondb-results.json is not a JSON function database" in published.problems[0]


def test_files_of_other_versions_are_not_opened(tmp_path: Path) -> None:
    files = {"functiondb-1.0.json": {"1.0": ONE}, "functiondb-3.json": "not JSON at all"}
    published = open_path(write_files(tmp_path, files), "p")
    assert [item.version for item in published.read({"1.0"})] == ["1.0"]
    assert published.problems == []
    assert published.list_versions() == ["1.0", "3"]


def test_index_that_lists_files_that_are_not_there(tmp_path: Path) -> None:
    urls = ["functiondb-1.0.json", *(f"functiondb-{number}.json" for number in range(2, 7))]
    files = {"index.json": {"data": {"json": {"urls": urls}}}, urls[0]: {"1.0": ONE}}
    published = open_path(write_files(tmp_path, files), "p")
    assert [item.version for item in published.read()] == ["1.0"]
    (problem,) = published.problems
    assert problem == (
        f"{tmp_path} lists 5 files that are not there: "
        "functiondb-2.json, functiondb-3.json, functiondb-4.json ..."
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"1.0": ', "is not a JSON function database"),
        ('["1.0"]', "holds a list"),
        ('{"1.0": ["p"]}', "1.0 was left out: it is a list"),
        ('{"1.0": {"p": 3}}', "1.0 was left out: module p is a int"),
        ('{"1.0": {"p": {"run": "x"}}}', "1.0 was left out: p.run has no list of argument names"),
        ('{"1.0": {"p": {"C": {"m": null}}}}', "1.0 was left out: p.C has no list"),
        ('{"1.0": {"p": {"run": ["x", {"y": 1}]}}}', "p.run has no list of argument names"),
        ("{}", "holds nothing, not {version: modules}"),
        ("[" * 100_000, "is not a JSON function database"),
    ],
)
def test_damaged_file_is_one_sentence_and_the_rest_goes_on(
    content: str, words: str, tmp_path: Path
) -> None:
    files = {"functiondb-1.0.json": content, "functiondb-2.0.json": {"2.0": TWO}}
    published = open_path(write_files(tmp_path, files), "p")
    assert [item.version for item in published.read()] == ["2.0"]
    (problem,) = published.problems
    assert words in problem
    assert "functiondb-1.0.json" in problem


def test_truncated_zip_is_one_sentence(tmp_path: Path) -> None:
    path = make_source("zip", tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RecordError, match="not a whole zip file"):
        open_path(path, "p")
    files = {"index.json": {"data": {"zip": {"url": "db.zip"}}}}
    published = open_path(write_files(tmp_path, files), "p")
    assert list(published.read()) == []
    assert "not a whole zip file" in published.problems[0]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds no function database of p"),
        ({"index.json": "{"}, "is no index of caliper-metrics"),
        ({"index.json": {"data": {}}}, "names none of json, json-single and zip"),
        ({"index.json": {"data": {"json": {}}}}, "is no index of caliper-metrics"),
        ({"index.json": {"data": {"json": {"urls": "all"}}}}, "is no index of caliper-metrics"),
    ],
)
def test_folder_without_a_usable_index(
    files: dict[str, object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(RecordError, match=words):
        open_path(write_files(tmp_path, files), "p")


def test_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(CaliperError, match="does not exist: name a function database"):
        open_path(tmp_path / "nowhere", "p")


def test_index_may_not_point_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}", encoding="utf-8")
    files = {"index.json": {"data": {"json-single": {"url": "../secret.json"}}}}
    published = open_path(write_files(tmp_path / "db", files), "p")
    assert list(published.read()) == []
    assert "points out of its folder" in published.problems[0]


def test_index_prefers_the_format_that_can_be_read_in_parts() -> None:
    data = {"json": {"urls": ["a", "b"]}, "zip": {"url": "c"}}
    assert read_index(json.dumps({"data": data}).encode(), "x") == ("a", "b")


def test_well_formed_database_has_no_fault() -> None:
    assert find_malformed(ONE) is None


def test_modules_that_are_not_in_the_wheel_are_told() -> None:
    published: dict[str, dict[str, Any]] = {name: {} for name in ("p", "p.a", "p.b", "p.c", "p.d")}
    found = describe_stale(published, {"p": {}, "p.new": {}})
    assert found is not None
    assert found[0] == "4 of 5 modules are not in the wheel: p.a, p.b, p.c ..."
    assert found[1] == ("p.a", "p.b", "p.c", "p.d")
    assert describe_stale(ONE, ONE) is None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    """A web server of a clone's files that counts full answers and answers with ETags."""
    import hashlib
    import http.server
    import threading

    answers: list[tuple[str, int]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = tmp_path / self.path.lstrip("/")
            content = path.read_bytes() if path.is_file() else b""
            tag = f'"{hashlib.sha256(content).hexdigest()}"'
            status = 200 if path.is_file() else 404
            if self.path.endswith("broken.json"):
                status = 500
            elif status == 200 and self.headers.get("If-None-Match") == tag:
                status, content = 304, b""
            answers.append((path.name, status))
            self.send_response(status)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}/", answers
    httpd.shutdown()
    httpd.server_close()


def read_all(url: str, cache: Path, *, offline: bool = False) -> tuple[list[str], list[str]]:
    with GitHub(cache, url=url, offline=offline) as github:
        published = github.open("p")
        assert published is not None
        return [item.version for item in published.read()], published.problems


def test_published_databases_are_read_by_http_once(server: Any, tmp_path: Path) -> None:
    url, answers = server
    make_source("json", tmp_path)
    cache = tmp_path / "cache"
    assert read_all(url, cache) == (["1.0", "2.0.0rc1"], [])
    assert {status for _, status in answers} == {200}
    import time

    time.sleep(1.1)  # past the second for which a reply is not asked for again
    answers.clear()
    assert read_all(url, cache) == (["1.0", "2.0.0rc1"], [])
    assert [status for _, status in answers] == [304, 304, 304]
    answers.clear()
    assert read_all(url, cache, offline=True) == (["1.0", "2.0.0rc1"], [])
    assert answers == []


def test_status_of_every_reply_is_checked(server: Any, tmp_path: Path) -> None:
    url, _ = server
    names = ["functiondb-1.0.json", "functiondb-2.json", "broken.json"]
    files = {"index.json": {"data": {"json": {"urls": names}}}, names[0]: {"1.0": ONE}}
    write_files(tmp_path / "pypi" / "p" / "functiondb", files)
    versions, problems = read_all(url, tmp_path / "cache")
    assert versions == ["1.0"]
    assert "answered 500: try again later" in problems[0]
    assert "lists 1 files that are not there: functiondb-2.json" in problems[1]


def test_package_that_is_not_published(server: Any, tmp_path: Path) -> None:
    with GitHub(tmp_path / "cache", url=server[0]) as github:
        assert github.open("nothing") is None


def test_no_network_is_one_sentence(tmp_path: Path) -> None:
    with (
        GitHub(tmp_path / "cache", url="http://127.0.0.1:9/") as github,
        pytest.raises(InfrastructureError, match=r"cannot be reached .* --funcdb"),
    ):
        github.open("p")
    with (
        GitHub(tmp_path / "cache", offline=True) as github,
        pytest.raises(InfrastructureError, match="not in the cache"),
    ):
        github.open("p")
