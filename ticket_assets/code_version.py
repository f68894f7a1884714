"""What the code of an asset is: a digest of every definition that its function reaches inside this package.

Belongs here: reading source files as syntax trees, following names through them, the digest.
Does not belong here: the settings of an asset (definitions.py adds them), data versions (each asset reports its own).

Comments, docstrings and formatting do not count, and neither does what the function never reaches: a change of a plot
trains no model again. Of a class that hands things out (`Desk`) only the members that are named count, and a decorator
of the thin layer does not. Python's own minor version counts, because its syntax trees differ.
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType

from ticket_assets.storage import digest, file_digest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = "ticket_assets"
# Declarations and handing out: the functions count, how they are declared does not.
THIN = (f"{PACKAGE}.assets", f"{PACKAGE}.resources")
# Settings count by their values. How a result is shown and where it lies is not what it is.
APART = {
    *(
        f"{PACKAGE}.settings",
        f"{PACKAGE}.profile",
        f"{PACKAGE}.source_settings",
        f"{PACKAGE}.band_settings",
        f"{PACKAGE}.assets.declaration",
        f"{PACKAGE}.assets.reporting",
        f"{PACKAGE}.assets.ticket_reporting",
        f"{PACKAGE}.assets.monitoring_reporting",
    ),
    *(f"{PACKAGE}.code_version", f"{PACKAGE}.storage:ProfileFolders"),
}
ALWAYS = "*"  # statements of a module that run whichever of its names is wanted

Root = str | ModuleType | Callable[..., object]
Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def code_digest(*roots: Root, files: Iterable[Path] = (), project: Path = PROJECT) -> str:
    """Digest of all that the roots reach, and of files.

    Args:
        roots: functions, classes and modules, or their names: `package.module:function`, `package.module`.
        files: under `project`; Python files count like modules, others by their bytes.
        project: the folder that holds the package.

    Raises:
        LookupError: a root or an imported name is not there.
    """
    waiting, read = [_name(root) for root in roots], []
    for path in sorted(files):
        place = path.relative_to(project)
        if path.suffix == ".py":
            waiting.append(".".join(place.with_suffix("").parts))
        else:
            read.append(f"{place.as_posix()} {file_digest(path)}")
    reached: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name not in reached and APART.isdisjoint((name, name.partition(":")[0])):
            reached[name], further = _part(project, name)
            waiting.extend(further)
    return digest([*(f"{name} {reached[name]}" for name in sorted(reached)), *read])


def _name(root: Root) -> str:
    if isinstance(root, str):
        return root
    if isinstance(root, ModuleType):
        return root.__name__
    # A function inside another counts with the one around it, which is what the module defines.
    return f"{root.__module__}:{root.__qualname__.partition('.')[0]}"


@dataclass
class _Module:
    """A module taken apart: the syntax of each name, where imported names come from, what always runs."""

    name: str
    is_thin: bool
    parts: dict[str, list[ast.AST]] = field(default_factory=lambda: {ALWAYS: []})
    imported: dict[str, str] = field(default_factory=dict)


@cache
def _part(project: Path, name: str) -> tuple[str, tuple[str, ...]]:
    """Syntax of what a name stands for, and the names that it mentions."""
    path, _, symbol = name.partition(":")
    module = _module(project, path)
    if not symbol:
        return "", tuple(f"{path}:{part}" for part in module.parts)
    if symbol in module.imported:
        return "", (module.imported[symbol],)
    if symbol not in module.parts:
        raise LookupError(f"{path} defines no {symbol}: name a function, class or constant of it")
    nodes = module.parts[symbol]
    mentioned = dict.fromkeys(one for node in nodes for one in _mentioned(project, module, symbol, node))
    return "\n".join(map(ast.dump, nodes)), (f"{path}:{ALWAYS}", *mentioned)


def _mentioned(project: Path, module: _Module, symbol: str, node: ast.AST) -> Iterator[str]:
    """Names of the package that a piece of syntax uses; a local variable that is spelt like one counts as one."""
    attributes, classes = set(), [f"{module.name}:{symbol.partition('.')[0]}"]
    waiting: list[tuple[ast.AST, frozenset[str]]] = [(node, frozenset())]
    while waiting:
        one, parameters = waiting.pop()
        if isinstance(one, (*Function, ast.Lambda)):
            parameters |= {part.arg for part in ast.walk(one.args) if isinstance(part, ast.arg)}
        if isinstance(one, ast.Attribute):
            attributes.add(one.attr)
        elif isinstance(one, ast.Import | ast.ImportFrom):
            yield from _imports(project, one).values()
        elif isinstance(one, ast.Name) and one.id not in parameters:
            used = f"{module.name}:{one.id}" if one.id in module.parts else module.imported.get(one.id)
            if used:
                classes.append(used)
                yield used
        waiting.extend((child, parameters) for child in ast.iter_child_nodes(one))
    for used in classes:
        path, _, name = used.partition(":")
        if path.startswith(THIN):
            members = _module(project, path).parts
            yield from (f"{used}.{one}" for one in sorted(attributes) if f"{name}.{one}" in members)


@cache
def _module(project: Path, name: str) -> _Module:
    tree = ast.parse(_file(project, name).read_bytes())
    module = _Module(name, name.startswith(THIN))
    _strip(tree, module.is_thin)
    for statement in tree.body:
        _sort(project, module, statement)
    return module


def _strip(node: ast.AST, is_thin: bool) -> None:
    """Take out strings that stand for themselves and imports for types alone; in the thin layer decorators too."""
    if is_thin and isinstance(node, Function):
        node.decorator_list = []
    for name in ("body", "orelse", "handlers", "finalbody", "cases"):
        if isinstance(block := getattr(node, name, None), list):
            block[:] = [one for one in block if not _says_nothing(one)]
            for one in block:
                _strip(one, is_thin)


def _says_nothing(statement: ast.AST) -> bool:
    if isinstance(statement, ast.If):
        return isinstance(statement.test, ast.Name) and statement.test.id == "TYPE_CHECKING"
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _sort(project: Path, module: _Module, statement: ast.stmt) -> None:
    """Put a statement of a module where it belongs."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        module.imported |= _imports(project, statement)
        return
    if isinstance(statement, ast.ClassDef) and module.is_thin:
        members = [one for one in statement.body if isinstance(one, Function)]
        statement.body = [one for one in statement.body if one not in members]
        for member in members:
            module.parts.setdefault(f"{statement.name}.{member.name}", []).append(member)
    defined = _defined(statement)
    for name in defined:
        module.parts.setdefault(name, []).append(statement)
    if not defined:
        _sort_other(project, module, statement)


def _defined(statement: ast.stmt) -> list[str]:
    """Names that a statement does no more than define."""
    if isinstance(statement, (*Function, ast.ClassDef)):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    names = [one.id for one in targets if isinstance(one, ast.Name)]
    return names if isinstance(statement, ast.Assign | ast.AnnAssign) and len(names) == len(targets) else []


def _sort_other(project: Path, module: _Module, statement: ast.stmt) -> None:
    """What does more than define a name always counts, but in the thin layer."""
    if not module.is_thin:
        module.parts[ALWAYS].append(statement)
    for one in ast.walk(statement):
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            module.parts.setdefault(one.id, [])
        elif isinstance(one, ast.Import | ast.ImportFrom):
            module.imported |= _imports(project, one)


def _imports(project: Path, statement: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """Local name to name inside the package, of one import."""
    if isinstance(statement, ast.Import):
        ours = [one for one in statement.names if one.name.partition(".")[0] == PACKAGE]
        return {one.asname or PACKAGE: one.name for one in ours}
    path = statement.module or ""
    if path.partition(".")[0] != PACKAGE:
        return {}
    return {
        one.asname or one.name: f"{path}.{one.name}"
        if _is_module(project, f"{path}.{one.name}")
        else f"{path}:{one.name}"
        for one in statement.names
    }


def _file(project: Path, name: str) -> Path:
    path = project.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _is_module(project: Path, name: str) -> bool:
    return _file(project, name).is_file()
