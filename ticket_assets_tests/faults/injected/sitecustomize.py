"""Read by every Python that starts with this folder on its path: kills its session where the environment says.

Here: SIGKILL to the whole session, run, step processes and what they called, at a point of our code, once.
Not here: which points (test_killed.py).

`FAULT` is JSON. `{"module", "function", "call", "mark"}`: before call number `call` of the function (`Class.method`
too) of the module. `{"rename", "mark"}`: before a file is renamed to a name that this pattern fits. The file `mark` is
written just before. `CONSTANTS` is JSON too: module to constants to set in it.
"""

import fnmatch
import functools
import importlib.abc
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path

FAULT = json.loads(os.environ.get("FAULT", "{}"))
CONSTANTS = json.loads(os.environ.get("CONSTANTS", "{}"))


def die():
    Path(FAULT["mark"]).write_text("dead")
    os.killpg(0, signal.SIGKILL)


def deadly(function, call):
    """The function, whose call of that number is the last."""
    left = call

    @functools.wraps(function)
    def counting(*arguments, **more):
        nonlocal left
        left -= 1
        if left == 0:
            die()
        return function(*arguments, **more)

    return counting


def change(module):
    """Set the constants of a module and put the fault into it."""
    for name, value in CONSTANTS.get(module.__name__, {}).items():
        assert hasattr(module, name), f"{module.__name__} has no {name}"
        setattr(module, name, value)
    if FAULT.get("module") == module.__name__:
        *path, name = FAULT["function"].split(".")
        holder = functools.reduce(getattr, path, module)
        setattr(holder, name, deadly(getattr(holder, name), FAULT["call"]))


class Changing(importlib.abc.MetaPathFinder):
    """Finds the modules that are to be changed, and changes them when they were executed."""

    def find_spec(self, fullname, path, target=None):
        if fullname not in CONSTANTS and fullname != FAULT.get("module"):
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            sys.meta_path.insert(0, self)
        loader, execute = spec.loader, spec.loader.exec_module

        def execute_and_change(module):
            execute(module)
            change(module)

        loader.exec_module = execute_and_change
        return spec


def watched(rename):
    """A rename that kills instead where the new name fits."""

    @functools.wraps(rename)
    def renaming(source, target, **more):
        if fnmatch.fnmatch(Path(os.fspath(target)).name, FAULT["rename"]):
            die()
        return rename(source, target, **more)

    return renaming


if FAULT or CONSTANTS:
    sys.meta_path.insert(0, Changing())
if "rename" in FAULT:
    os.rename, os.replace = watched(os.rename), watched(os.replace)
