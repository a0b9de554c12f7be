"""Packages made for tests."""

from __future__ import annotations

import io
import zipfile


def make_package(name: str, version: str, *requires: str, code: str = "") -> bytes:
    stream = io.BytesIO()
    folder = f"{name}-{version}.dist-info"
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    files = {
        f"{name}.py": code,
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}",
        f"{folder}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(stream, "w") as archive:
        for path, content in {**files, f"{folder}/RECORD": ""}.items():
            archive.writestr(path, content)
    return stream.getvalue()
