"""A fresh folder for each script, whatever the script before did to its own."""

from __future__ import print_function

import codecs
import errno
import os
import shutil
import sys

from .errors import RunnerError
from .isolation import raise_oom_score, restore_defaults
from .linux import encode

ROOM = 64 * 1024  # bytes: a file system with less is full


def make_scratch(job):
    """Return a fresh folder for the next script, whatever the script before did to its own.

    It has the same name each time: scripts print it. Where what has that name cannot be removed or
    moved away, the new one has another; that nobody was before in it is sure in any case.
    """
    try:
        restore_parent(job)
        folder = os.path.join(job["scratch"], "script")
        clear_away(folder)
        try:
            os.mkdir(folder, 0o700)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
            folder = invent_name(folder)
            os.mkdir(folder, 0o700)
        os.mkdir(os.path.join(folder, "work"))
        os.mkdir(os.path.join(folder, "tmp"))
    except (IOError, OSError) as error:
        raise RunnerError("no scratch folder: %s" % error)
    return folder


def invent_name(path):
    """Return a name that nobody can foresee."""
    return "%s-%s" % (path, str(codecs.encode(os.urandom(4), "hex").decode("ascii")))


def restore_parent(job):
    """Undo what a script has done to the folder of scratch folders, or to /tmp, where it could."""
    parent = job["scratch"]
    if job.get("protected"):
        allow_owner("/tmp")
    if os.path.islink(parent) or os.path.isfile(parent):
        os.unlink(parent)
    if not os.path.isdir(parent):
        os.makedirs(parent)
    allow_owner(parent)


def allow_owner(folder):
    """Let a folder's owner enter and change it again; nothing where that is somebody else."""
    try:
        if os.stat(folder).st_mode & 0o700 != 0o700:
            os.chmod(folder, 0o700)
    except OSError:
        pass


def clear_away(path):
    """Remove what an earlier script left, links not followed, or give it another name."""
    for prepare in (None, give_rights):
        try:
            if os.path.islink(path) or not os.path.isdir(path):
                os.unlink(path)
            else:
                if prepare:
                    prepare(path)
                shutil.rmtree(path, ignore_errors=True)
        except Exception:  # deeper than Python can follow, among others
            pass
        if not os.path.lexists(path):
            return
    try:
        os.rename(path, invent_name(path))
    except OSError:
        pass


def give_rights(folder):
    """Let the owner enter and change all folders below (and itself) again."""
    left = [folder]
    while left:
        current = left.pop()
        try:
            os.chmod(current, 0o700)
            paths = [os.path.join(current, name) for name in os.listdir(current)]
        except OSError:
            continue
        left += [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]


def name_scratch(result, job, folder):
    """Return the result with the scratch folder under the name that it has as a rule."""
    usual = os.path.join(job["scratch"], "script")
    if folder != usual:
        for stream in ("output", "error"):
            text = encode(result[stream]).replace(encode(folder), encode(usual))
            result[stream] = text.decode("utf-8")
    return result


def enter_scratch(folder):
    """Give this process, a script's, a folder to work in, as its home and for temporary files."""
    restore_defaults()
    raise_oom_score()
    os.environ.update({"HOME": folder, "TMPDIR": os.path.join(folder, "tmp")})
    os.chdir(os.path.join(folder, "work"))
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        setattr(tempfile, "tempdir", None)  # noqa: B010 -- it is found anew, by TMPDIR


def is_full(job):
    """Return whether the file system that a script writes to is full now."""
    for folder in [job["scratch"]] + (["/tmp"] if job.get("contained") else []):
        try:
            status = os.statvfs(folder)
        except OSError:
            continue  # a script has taken it away
        free = (status.f_bavail if os.geteuid() else status.f_bfree) * status.f_frsize
        files = status.f_favail or status.f_ffree
        if (status.f_blocks and free < ROOM) or (status.f_files and not files):
            return True
    return False
