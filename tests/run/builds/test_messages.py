"""What installers and build backends really printed, shortened, and the line that says why."""

from __future__ import annotations

import pytest

from calipertf.formats.records import Run
from calipertf.reasons.tracebacks import LONGEST
from calipertf.run.builds.messages import AGAIN, explain_build, is_lack_of_machine

UV = """\
error: Failed to build `demo==1.0`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)

         [stdout]
         running bdist_wheel
         running build_ext
         {output}

         [stderr]
         /builds/lib/python3.8/site-packages/setuptools/dist.py:261: UserWarning: Unknown error
           warnings.warn(msg)
         {error}

hint: Build failures usually indicate a problem with the package or the build environment
"""
PIP = """\
  error: subprocess-exited-with-error

  × Building wheel for demo (setup.py) did not run successfully.
  │ exit code: 1
  ╰─> [80 lines of output]
      running bdist_wheel
      {error}
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
  ERROR: Failed building wheel for demo
ERROR: Could not build wheels for demo, which is required to install pyproject.toml-based projects
"""
PIP_OF_2020 = """\
DEPRECATION: Python 2.7 reached the end of its life on January 1st, 2020. Please upgrade.
    ERROR: Command errored out with exit status 1:
     command: /cell/env/bin/python -c 'import sys, setuptools, tokenize; sys.argv[0] = 1' egg_info
         cwd: /tmp/pip-install-cC1SsR/demo/
    Complete output (10 lines):
    {error}
    ----------------------------------------
ERROR: Command errored out with exit status 1: python setup.py egg_info Check the logs for more.
"""
SETUP = """\
Traceback (most recent call last):
  File "<string>", line 14, in <module>
  File "/builds/lib/python3.8/site-packages/setuptools/build_meta.py", line 319, in run_setup
    exec(code, locals())
  File "<string>", line 18, in <module>
"""
#: Package that printed it -> its lines, the message, the reason.
BACKENDS = {
    "PyVCF 0.6.8": (
        "error in PyVCF setup command: use_2to3 is invalid.",
        "error in PyVCF setup command: use_2to3 is invalid.",
        "dependency",
    ),
    "python-ldap 3.4.3": (
        """\
In file included from Modules/LDAPObject.c:3:
Modules/common.h:15:10: fatal error: lber.h: No such file or directory
   15 | #include <lber.h>
      |          ^~~~~~~~
compilation terminated.
error: command '/usr/bin/gcc' failed with exit code 1""",
        (
            "Modules/common.h:15:10: fatal error: lber.h: No such file or directory; install the "
            "package that provides lber.h"
        ),
        "system",
    ),
    "Python without headers": (
        "_x.c:1:10: fatal error: Python.h: No such file or directory\ncompilation terminated.",
        (
            "_x.c:1:10: fatal error: Python.h: No such file or directory; install the headers of "
            "this Python"
        ),
        "system",
    ),
    "lxml 4.5.0 on 3.11": (
        """\
src/lxml/etree.c:289:12: fatal error: longintrepr.h: No such file or directory
compilation terminated.
Compile failed: Command '['gcc', '-c', 'x.c']' returned non-zero exit status 1.
cc -I/usr/include/libxml2 -c /tmp/xmlXPathInitl5soo83w.c -o tmp/xmlXPathInitl5soo83w.o
error: Command '['gcc', '-c', 'x.c']' returned non-zero exit status 1.""",
        "src/lxml/etree.c:289:12: fatal error: longintrepr.h: No such file or directory",
        "python",
    ),
    "a probe of numpy, which goes on": (
        f"""\
_configtest.c:1:10: fatal error: ieeefp.h: No such file or directory
failure.
{SETUP}ValueError: unsupported""",
        "ValueError: unsupported",
        "other",
    ),
    "an optional extension, then more": (
        f"""\
yaml/_yaml.h:2:10: fatal error: yaml.h: No such file or directory
error: command 'gcc' failed with exit status 1
{SETUP}  File "<string>", line 201, in get_source_files
AttributeError: 'build_ext' object has no attribute 'cython_sources'""",
        "AttributeError: 'build_ext' object has no attribute 'cython_sources'",
        "dependency",
    ),
    "pybloomfiltermmap 0.3.15 on 3.9": (
        """\
building 'pybloomfilter' extension
gcc -Wno-unused-result -c src/pybloomfilter.c -o build/src/pybloomfilter.o
src/pybloomfilter.c:10:5: warning: ‘x_error’ declared but never defined
src/pybloomfilter.c:7594:41: error: ‘PyTypeObject’ has no member named ‘tp_print’
src/pybloomfilter.c:7601:41: error: ‘PyTypeObject’ has no member named ‘tp_print’
error: command '/usr/bin/gcc' failed with exit code 1""",
        "src/pybloomfilter.c:7594:41: error: ‘PyTypeObject’ has no member named ‘tp_print’",
        "python",
    ),
    "xmlsec 1.3.9": (
        """\
gcc -pthread -c src/constants.c -o build/constants.o
src/constants.c:311:50: error: ‘xmlSecXkmsNs’ undeclared (first use in this function)
error: command '/usr/bin/gcc' failed with exit code 1""",
        "src/constants.c:311:50: error: ‘xmlSecXkmsNs’ undeclared (first use in this function)",
        "other",
    ),
    "mysqlclient 2.1.1": (
        f"/bin/sh: 1: mysql_config: not found\n{SETUP}OSError: mysql_config not found",
        "OSError: mysql_config not found; install mysql_config",
        "system",
    ),
    "psycopg2 2.8.6": (
        """\
Error: pg_config executable not found.

pg_config is required to build psycopg2 from source.  Please add the directory
containing pg_config to the $PATH or specify the full executable path with the
option:""",
        "Error: pg_config executable not found.; install pg_config",
        "system",
    ),
    "pygame 1.9.6": (
        '/bin/sh: 1: sdl-config: not found\nHunting dependencies...\nUnable to run "sdl-config".',
        "sdl-config: not found; install the program sdl-config",
        "system",
    ),
    "pycairo 1.23.0": (
        """\
Package cairo was not found in the pkg-config search path.
Perhaps you should add the directory containing `cairo.pc'
to the PKG_CONFIG_PATH environment variable
Package 'cairo', required by 'virtual:world', not found
Command '['pkg-config', '--exists', 'cairo >= 1.15.10']' returned non-zero exit status 1.""",
        (
            "Package 'cairo', required by 'virtual:world', not found; install the development "
            "package of cairo"
        ),
        "system",
    ),
    "rpy2 2.9.5": (
        "Error: Tried to guess R's HOME but no command 'R' in the PATH.",
        "Error: Tried to guess R's HOME but no command 'R' in the PATH.; install the program R",
        "system",
    ),
    "a program that setup.py calls": (
        f"""\
{SETUP}  File "/usr/lib/python3.8/subprocess.py", line 1702, in _execute_child
    raise child_exception_type(errno_num, err_msg, err_filename)
FileNotFoundError: [Errno 2] No such file or directory: 'gdal-config'""",
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'gdal-config'; install the "
            "program gdal-config"
        ),
        "system",
    ),
    "MarkupSafe 1.0, setuptools 46": (
        (
            f"{SETUP}ImportError: cannot import name 'Feature' from 'setuptools' "
            "(/builds/lib/python3.8/site-packages/setuptools/__init__.py)"
        ),
        (
            "ImportError: cannot import name 'Feature' from 'setuptools' "
            "(/builds/lib/python3.8/site-packages/setuptools/__init__.py)"
        ),
        "dependency",
    ),
    "a name that pip keeps for itself": (
        f"{SETUP}ImportError: cannot import name 'parse_requirements' from 'pip._internal.req'",
        "ImportError: cannot import name 'parse_requirements' from 'pip._internal.req'",
        "dependency",
    ),
    "numpy 1.26 on 3.12": (
        f"{SETUP}AttributeError: module 'numpy' has no attribute 'distutils'",
        "AttributeError: module 'numpy' has no attribute 'distutils'",
        "dependency",
    ),
    "versioneer on 3.12": (
        f"{SETUP}AttributeError: 'ConfigParser' object has no attribute 'readfp'",
        "AttributeError: 'ConfigParser' object has no attribute 'readfp'",
        "python",
    ),
    "mysqlclient 2.2": (
        f"""\
Trying pkg-config --exists mysqlclient
Command 'pkg-config --exists mysqlclient' returned non-zero exit status 127.
Trying pkg-config --exists mariadb
Command 'pkg-config --exists mariadb' returned non-zero exit status 127.
{SETUP}Exception: Can not find valid pkg-config name.
Specify MYSQLCLIENT_CFLAGS and MYSQLCLIENT_LDFLAGS env vars manually""",
        (
            "Exception: Can not find valid pkg-config name.; install pkg-config and the "
            "development package of mysqlclient or mariadb"
        ),
        "system",
    ),
    "xmlsec 1.3": (
        f"{SETUP}distutils.errors.DistutilsError: Unable to invoke pkg-config.",
        (
            "distutils.errors.DistutilsError: Unable to invoke pkg-config.; install pkg-config "
            "and the development package of what it looks for"
        ),
        "system",
    ),
    "pycurl 7.43": (
        (
            "__main__.ConfigurationError: Could not run curl-config: [Errno 2] No such file or "
            "directory: 'curl-config'"
        ),
        (
            "__main__.ConfigurationError: Could not run curl-config: [Errno 2] No such file or "
            "directory: 'curl-config'; install the program curl-config"
        ),
        "system",
    ),
    "a package for CUDA": (
        f"{SETUP}OSError: CUDA_HOME environment variable is not set. Please set it.",
        "OSError: CUDA_HOME environment variable is not set. Please set it.",
        "system",
    ),
    "PyO3 0.20 on 3.13": (
        """\
error: the configured Python interpreter version (3.13) is newer than PyO3's maximum (3.12)
warning: build failed, waiting for other jobs to finish...
error: Failed to compile with cargo""",
        (
            "error: the configured Python interpreter version (3.13) is newer than PyO3's "
            "maximum (3.12)"
        ),
        "python",
    ),
    "CMake 4": (
        """\
CMake Error at CMakeLists.txt:1 (cmake_minimum_required):
  Compatibility with CMake < 3.5 has been removed from CMake.""",
        "Compatibility with CMake < 3.5 has been removed from CMake.",
        "dependency",
    ),
    "CMake says what on the next line": (
        """\
CMake Error at CMakeLists.txt:7 (message):
  Only big-endian machines are supported""",
        ("CMake Error at CMakeLists.txt:7 (message): Only big-endian machines are supported"),
        "other",
    ),
    "setuptools reads pyproject.toml otherwise": (
        "configuration error: `project.license` must be valid exactly by one definition",
        "configuration error: `project.license` must be valid exactly by one definition",
        "dependency",
    ),
    "a file that the archive lacks": (
        f"{SETUP}FileNotFoundError: [Errno 2] No such file or directory: 'VERSION'",
        "FileNotFoundError: [Errno 2] No such file or directory: 'VERSION'",
        "other",
    ),
    "no compiler": (
        "error: command 'gcc' failed: No such file or directory",
        "error: command 'gcc' failed: No such file or directory; install the program gcc",
        "system",
    ),
    "no compiler, old setuptools": (
        (
            "unable to execute 'x86_64-linux-gnu-gcc': No such file or directory\n"
            "error: command 'x86_64-linux-gnu-gcc' failed with exit status 1"
        ),
        (
            "unable to execute 'x86_64-linux-gnu-gcc': No such file or directory; install the "
            "program x86_64-linux-gnu-gcc"
        ),
        "system",
    ),
    "a library for the linker": (
        (
            "/usr/bin/ld: cannot find -lpq: No such file or directory\n"
            "collect2: error: ld returned 1 exit status\n"
            "error: command 'gcc' failed with exit status 1"
        ),
        (
            "/usr/bin/ld: cannot find -lpq: No such file or directory; install the development "
            "package of pq"
        ),
        "system",
    ),
    "no Rust": (
        (
            "=============================DEBUG ASSISTANCE=============================\n"
            "error: can't find Rust compiler\n\n"
            "If you are using an outdated pip version, it is possible a prebuilt wheel is available"
        ),
        "error: can't find Rust compiler; install a Rust compiler (rustc and cargo)",
        "system",
    ),
    "no CMake": (
        f"{SETUP}RuntimeError: CMake must be installed to build the following extensions: _dlib",
        (
            "RuntimeError: CMake must be installed to build the following extensions: _dlib; "
            "install CMake"
        ),
        "system",
    ),
    "meson, no Fortran": (
        (
            "The Meson build system\n"
            "../meson.build:56:0: ERROR: Unknown compiler(s): [['gfortran']]\n"
            "A full log can be found at /builds/meson-log.txt"
        ),
        (
            "../meson.build:56:0: ERROR: Unknown compiler(s): [['gfortran']]; install a Fortran "
            "compiler (gfortran)"
        ),
        "system",
    ),
    "meson, no library": (
        '../scipy/meson.build:159:9: ERROR: Dependency "openblas" not found, tried pkgconfig',
        (
            '../scipy/meson.build:159:9: ERROR: Dependency "openblas" not found, tried pkgconfig; '
            "install the development package of openblas"
        ),
        "system",
    ),
    "Pillow": (
        (
            "The headers or library files could not be found for jpeg,\n"
            "a required dependency when compiling Pillow from source."
        ),
        (
            "The headers or library files could not be found for jpeg,; install the development "
            "package of jpeg"
        ),
        "system",
    ),
    "libxml2": (
        "Error: Please make sure the libxml2 and libxslt development packages are installed.",
        "Error: Please make sure the libxml2 and libxslt development packages are installed.",
        "system",
    ),
    "wsgiref 0.1.2": (
        f"""\
{SETUP}  File "/builds/src/ez_setup/__init__.py", line 170
    print "Setuptools version",version,"or greater has been installed."
    ^
SyntaxError: Missing parentheses in call to 'print'""",
        "SyntaxError: Missing parentheses in call to 'print'",
        "python",
    ),
    "MySQL-python 1.2.5": (
        f"{SETUP}ModuleNotFoundError: No module named 'ConfigParser'",
        "ModuleNotFoundError: No module named 'ConfigParser'",
        "python",
    ),
    "numpy 1.21.0 on 3.12": (
        f"{SETUP}ModuleNotFoundError: No module named 'distutils'",
        "ModuleNotFoundError: No module named 'distutils'",
        "python",
    ),
    "numpy 1.11.0": (
        f"{SETUP}ModuleNotFoundError: No module named 'distutils.msvccompiler'",
        "ModuleNotFoundError: No module named 'distutils.msvccompiler'",
        "dependency",
    ),
    "cryptography 36.0.0": (
        f"{SETUP}ModuleNotFoundError: No module named 'pkg_resources'",
        "ModuleNotFoundError: No module named 'pkg_resources'",
        "dependency",
    ),
    "h5py 2.10.0": (
        f"{SETUP}ModuleNotFoundError: No module named 'Cython'",
        "ModuleNotFoundError: No module named 'Cython'",
        "other",
    ),
    "matplotlib 2.2.5 on 3.12": (
        f"{SETUP}AttributeError: module 'configparser' has no attribute 'SafeConfigParser'",
        "AttributeError: module 'configparser' has no attribute 'SafeConfigParser'",
        "python",
    ),
    "functools32 3.2.3": (
        "This backport is for Python 2.7 only.",
        "This backport is for Python 2.7 only.",
        "python",
    ),
    "numba 0.50.1 on 3.11": (
        (
            f"{SETUP}RuntimeError: Cannot install on Python version 3.11.7; only versions >=3.6,"
            "<3.9 are supported."
        ),
        (
            "RuntimeError: Cannot install on Python version 3.11.7; only versions >=3.6,<3.9 are "
            "supported."
        ),
        "python",
    ),
    "uWSGI 2.0.18 on 3.12": (
        (
            "plugins/python/python_plugin.c:1145:56: error: invalid application of ‘sizeof’ to "
            "incomplete type ‘struct _frame’"
        ),
        (
            "plugins/python/python_plugin.c:1145:56: error: invalid application of ‘sizeof’ to "
            "incomplete type ‘struct _frame’"
        ),
        "python",
    ),
    "a setuptools that is stricter": (
        """\
Traceback (most recent call last):
  File "<string>", line 18, in <module>
  File "/builds/lib/python3.8/site-packages/setuptools/_vendor/packaging/version.py", line 1, in x
    raise InvalidVersion(version)
packaging.version.InvalidVersion: Invalid version: '1.0-beta-x'""",
        "packaging.version.InvalidVersion: Invalid version: '1.0-beta-x'",
        "dependency",
    ),
}


@pytest.mark.parametrize("frame", [UV, PIP, PIP_OF_2020], ids=["uv", "pip", "pip-2020"])
@pytest.mark.parametrize("name", BACKENDS)
def test_line_that_says_why_is_found_in_all_that_was_printed(frame: str, name: str) -> None:
    error, message, reason = BACKENDS[name]
    text = frame.format(error=error, output="copying demo/error.py -> build/lib/demo")
    failure = explain_build(Run(error=tuple(text.splitlines(keepends=True)), retval=1))
    assert (failure.message, failure.reason) == (message, reason)


@pytest.mark.parametrize(
    ("lines", "message", "reason"),
    [
        (
            [
                "error: No solution found when resolving dependencies",
                (
                    "  cause: Because you require six<1 and six==1.16.0, we can conclude that your "
                    "requirements are unsatisfiable."
                ),
            ],
            (
                "error: No solution found when resolving dependencies cause: Because you require "
                "six<1 and six==1.16.0, we can conclude that your requirements are unsatisfiable."
            ),
            "dependency",
        ),
        (
            [
                "ERROR: Could not find a version that satisfies the requirement q==1.0",
                "ERROR: No matching distribution found for q==1.0",
            ],
            "ERROR: No matching distribution found for q==1.0",
            "dependency",
        ),
        (
            [
                "error: Failed to download and build `orjson==3.6.0`",
                "  cause: Failed to parse: pyproject.toml",
                "         `pyproject.toml` has no `project.version`",
                "",
                "hint: something else",
            ],
            (
                "error: Failed to download and build `orjson==3.6.0` `pyproject.toml` has no "
                "`project.version`"
            ),
            "other",
        ),
        # Steps of a Dockerfile that are no installer's.
        (
            ["Get:1 liberror-perl", "x ERROR 404: Not Found."],
            "x ERROR 404: Not Found.",
            "other",
        ),
        (["collecting", "ERROR: No matching thing"], "ERROR: No matching thing", "other"),
        (
            ["  raise", "ModuleNotFoundError: No module", "end"],
            "ModuleNotFoundError: No module",
            "other",
        ),
        (["first", "last"], "last", "other"),
        ([], None, "other"),
        (["ValueError: " + "x" * 2000], "ValueError: " + "x" * (LONGEST - 12), "other"),
    ],
)
def test_what_failed_before_or_without_a_backend(
    lines: list[str], message: str | None, reason: str
) -> None:
    failure = explain_build(Run(output=tuple(f"{line}\n" for line in lines), retval=1))
    assert (failure.message, failure.reason) == (message, reason)


def test_of_two_tries_the_one_with_the_tools_of_the_day_counts() -> None:
    lines = ("ValueError: first\n", f"{AGAIN}\n", "x.c:1:2: fatal error: x.h: No such file\n")
    assert explain_build(Run(error=lines, retval=1)).message == "ValueError: first"
    assert is_lack_of_machine(Run(error=lines[2:], retval=1))
    assert not is_lack_of_machine(Run(error=lines, retval=1))


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("demo", "error: x is missing"),
        ("other", "build of demo==1.0: error: x is missing"),
        (None, "error: x is missing"),
    ],
)
def test_build_of_a_dependency_is_named(package: str | None, message: str) -> None:
    text = UV.format(error="error: x is missing", output="")
    run = Run(error=tuple(text.splitlines(keepends=True)), retval=1)
    assert explain_build(run, package).message == message


def test_first_words_of_a_package_that_only_says_something_are_told() -> None:
    words = """\
The 'sklearn' PyPI package is deprecated, use 'scikit-learn'
         rather than 'sklearn' for pip commands.

         Here is how to fix this error in the main use cases:"""
    text = UV.format(error="", output="").replace("running bdist_wheel", "").split("[stdout]")[0]
    text += f"[stderr]\n         {words}\n\nhint: Build failures usually indicate a problem\n"
    failure = explain_build(Run(error=tuple(text.splitlines(keepends=True)), retval=1))
    assert "use 'scikit-learn'" in str(failure.message)
