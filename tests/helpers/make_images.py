"""Base images python:X.Y without a registry: a Debian root and this machine's interpreters.

The way for hosts that reach Debian's packages but no image registry. Needs root, a Docker engine
and debootstrap; makes what is missing and leaves the rest. Standard library alone.

    python3 tests/helpers/make_images.py [3.7 3.8 ...]   # without versions: all
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = "calipertf-debian:base"
#: What CPython's extension modules of the usual builds link to, and certificates for the index.
PACKAGES = (
    "ca-certificates,libbz2-1.0,libffi8,liblzma5,libncursesw6,libreadline8,libsqlite3-0,libssl3,"
    "zlib1g,libgomp1,libexpat1"
)


def find_interpreters() -> dict[str, Path]:
    """Dotted version -> prefix of the pyenv interpreter with the highest patch."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found: dict[str, tuple[int, Path]] = {}
    for prefix in root.glob("*"):
        match = re.fullmatch(r"(\d+\.\d+)\.(\d+)", prefix.name)
        if match:
            found[match[1]] = max(found.get(match[1], (-1, prefix)), (int(match[2]), prefix))
    return {version: prefix for version, (_, prefix) in found.items()}


def has_image(name: str) -> bool:
    """Whether the engine has an image of that name."""
    command = ["docker", "image", "inspect", name]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def make_root(mirror: str) -> None:
    """Import a minimal Debian root with the libraries that CPython links to."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "root"
        release = Path("/etc/os-release").read_text(encoding="utf-8")
        match = re.search(r"VERSION_CODENAME=(\w+)", release)
        suite = match[1] if match else "bookworm"
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, target, mirror],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        # Where the host trusts certificates of its own, containers on it have to as well.
        certificates = Path("/etc/ssl/certs/ca-certificates.crt")
        if certificates.exists():
            shutil.copy(certificates, target / "etc/ssl/certs/ca-certificates.crt")
        shutil.rmtree(target / "var/cache/apt", ignore_errors=True)
        shutil.rmtree(target / "var/lib/apt/lists", ignore_errors=True)
        pack = subprocess.Popen(["tar", "-C", target, "-c", "."], stdout=subprocess.PIPE)
        subprocess.run(
            ["docker", "import", "-", ROOT],
            stdin=pack.stdout,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        pack.wait()


def make_image(version: str, prefix: Path) -> None:
    """Build python:X.Y: the interpreter at the path that it was built for, without packages."""
    # The interpreter's own site-packages may hold anything: the image gets pip, setuptools, wheel.
    certificates = "/etc/ssl/certs/ca-certificates.crt"
    # Scripts run as a user that owns nothing and has to get to the interpreter, in /root or not.
    parents = " ".join(str(parent) for parent in prefix.parents if parent != Path("/"))
    dockerfile = f"""FROM {ROOT}
ADD python.tar /
ENV PATH={prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV LANG=C.UTF-8 PIP_CERT={certificates} SSL_CERT_FILE={certificates}
RUN chmod a+rx {parents} && ln -sf {prefix}/bin/python{version} {prefix}/bin/python
RUN python --version
"""
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        (context / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        library = f"{prefix}/lib/python{version}"
        kept = [prefix / "bin", Path(library), *(prefix / "lib").glob("libpython*")]
        kept += [prefix / "include"] if (prefix / "include").exists() else []
        tools = [
            path
            for name in (
                "pip",
                "pip-*",
                "setuptools",
                "setuptools-*",
                "wheel",
                "wheel-*",
                "pkg_resources",
                "_distutils_hack",
                "distutils-precedence.pth",
                "easy_install.py",
            )
            for path in Path(library, "site-packages").glob(name)
        ]
        command = ["tar", "-cf", context / "python.tar", "--exclude=__pycache__", "--exclude=test"]
        command += [f"--exclude={library}/site-packages/*"]
        subprocess.run([*command, *kept], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(
            ["tar", "-rf", context / "python.tar", *tools], check=True, stderr=subprocess.DEVNULL
        )
        environ = {**os.environ, "DOCKER_BUILDKIT": "0"}
        subprocess.run(
            ["docker", "build", "--quiet", "--tag", f"python:{version}", folder],
            check=True,
            env=environ,
            stdout=subprocess.DEVNULL,
        )


def main() -> None:
    """Make the images that are missing and print the names of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    arguments = parser.parse_args()
    interpreters = find_interpreters()
    wanted = arguments.versions or sorted(interpreters)
    if not all(has_image(f"python:{version}") for version in wanted) and not has_image(ROOT):
        make_root(arguments.mirror)
    for version in wanted:
        if version not in interpreters:
            print(f"no interpreter for python:{version} on this machine")
            continue
        if not has_image(f"python:{version}"):
            make_image(version, interpreters[version])
        print(f"python:{version}")


if __name__ == "__main__":
    main()
