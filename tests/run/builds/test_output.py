"""What a build printed is the same in two runs."""

from __future__ import annotations

import pytest

from calipertf.formats.records import Run
from calipertf.run.builds.output import hide_chance


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        (
            "Looking in indexes: http://127.0.0.1:38143/75202a1d6f32781e/simple/",
            "Looking in indexes: http://index/simple/",
        ),
        (
            "Downloading http://172.17.0.1:39877/5c822c3bb4e16c1e/files/x/x-4.0.zip (2 kB)",
            "Downloading http://index/files/x/x-4.0.zip (2 kB)",
        ),
        (
            "-i http://host.docker.internal:4000/2021-01-01T00:00:00Z/cp27/simple/ -- setuptools",
            "-i http://index/simple/ -- setuptools",
        ),
        (
            "--prefix /cell/tmp/pip-build-env-5rKoxW/overlay --no-warn",
            "--prefix /cell/tmp/pip-build-env-#/overlay --no-warn",
        ),
        ("cwd: /tmp/pip-install-PD0e0i/demo/", "cwd: /tmp/pip-install-#/demo/"),
        ("cwd: /tmp/pip-install-s_4ab2xz/demo_0/", "cwd: /tmp/pip-install-#/demo_0/"),
        ("/tmp/easy_install-k2lqe_8x/numpy-2.0", "/tmp/easy_install-#/numpy-2.0"),
        ("open('/tmp/tmpab12_c9z', 'w')", "open('/tmp/tmp#', 'w')"),
        # The index of caliper.yaml, and folders that were given their names.
        *(
            (line, line)
            for line in (
                "Looking in indexes: https://pypi.example/root/simple/",
                "Looking in indexes: http://127.0.0.1:3141/root/simple/",
                "running in /src/pip-wheel-metadata/demo.dist-info and /var/tmp/build",
            )
        ),
    ],
)
def test_what_chance_named_is_hidden(line: str, hidden: str) -> None:
    found = hide_chance(Run(output=(line,), error=(line,), retval=1))
    assert (found.output, found.error) == ((hidden,), (hidden,))
