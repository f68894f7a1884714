"""What counts as the code of an asset: on a small package, and on our own source with one edit in it."""

import ast
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ticket_assets.assets import tickets
from ticket_assets.assets.features import text
from ticket_assets.automation import checks
from ticket_assets.code_version import PROJECT, code_digest
from ticket_assets.models import space
from ticket_assets.serving.bento import SERVICE_FILES
from ticket_assets.tickets.cleaning import clean_text

SMALL = {
    "assets/desk.py": '''
"""A thin layer."""
from ticket_assets.resources.desk import Desk
from ticket_assets.plain.price import price

@asset(description="first words")
def bill(desk: Desk, other: int) -> int:
    """What it makes."""
    return price(desk.rate()) + other

@asset()
def other() -> int:
    return 1
''',
    "resources/desk.py": """
from ticket_assets.plain import countries
from ticket_assets.plain.rates import rate as tariff

class Desk:
    def rate(self) -> int:
        return tariff(self.country)

    @property
    def country(self) -> str:
        return countries.HOME

    def clock(self) -> int:
        return 12
""",
    "plain/price.py": '''
"""Prices."""
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ticket_assets.plain.missing import Nothing

MARGIN: int = 3  # percent

def price(rate: int) -> int:
    """What it costs."""
    from ticket_assets.plain.rates import rounded
    return rounded(rate) + MARGIN

def unused() -> int:
    return 7
''',
    "plain/rates.py": """
from ticket_assets.plain.table import TABLE, DAYS as days

STEPS = {}
STEPS["de"] = 5

def rate(country: str) -> int:
    return TABLE[country]

def rounded(rate: int) -> int:
    return rate - rate % STEPS["de"] + days
""",
    "plain/countries.py": 'HOME = "de"\n',
    "plain/table.py": 'TABLE = {"de": 10}\nDAYS, HOURS = 30, 24\n',
}
BILL = "ticket_assets.assets.desk:bill"
Edit = Callable[..., str]


@pytest.fixture
def small(tmp_path: Path) -> Edit:
    """Write the small package with one edit; return the digest of its asset."""
    versions = iter(range(100))

    def edited(file: str = "", old: str = "", new: str = "", root: str = BILL) -> str:
        project = tmp_path / str(next(versions))  # a file is read once
        for name, source in SMALL.items():
            path = project / "ticket_assets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            assert name != file or old in source
            path.write_text(source.replace(old, new) if name == file else source)
        return code_digest(root, project=project)

    return edited


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("plain/price.py", "# percent", "# per cent of what it costs"),
        ("plain/price.py", '"""What it costs."""', ""),
        ("plain/price.py", '"""Prices."""', '"""Other words."""'),
        (
            "plain/price.py",
            "    return rounded(rate) + MARGIN",
            "\n    return (\n        rounded(rate) + MARGIN\n    )",
        ),
        ("plain/price.py", "return 7", "return 8"),
        ("plain/price.py", "missing", "absent"),
        ("resources/desk.py", "return 12", "return 13"),
        ("assets/desk.py", "first words", "better words"),
        ("assets/desk.py", "return 1", "return 2"),
    ],
    ids=[
        *("comment", "docstring", "docstring of the module", "layout", "what is not called", "imports for types"),
        *("a member that is not named", "decorator", "an asset that is called like a parameter"),
    ],
)
def test_what_an_asset_does_not_run_leaves_its_code_as_it_was(small: Edit, file: str, old: str, new: str) -> None:
    assert small(file, old, new) == small()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("assets/desk.py", "+ other", "- other"),
        ("plain/price.py", "MARGIN: int = 3", "MARGIN: int = 4"),
        ("plain/price.py", "(rate) + MARGIN", "(rate) - MARGIN"),
        ("plain/rates.py", "return TABLE[country]", "return TABLE[country] + 1"),
        ("plain/rates.py", 'STEPS["de"] = 5', 'STEPS["de"] = 6'),
        ("plain/rates.py", "rate - rate %", "rate + rate %"),
        ("plain/table.py", "10", "11"),
        ("plain/table.py", "30, 24", "31, 24"),
        ("resources/desk.py", "countries.HOME", "countries.HOME.upper()"),
        ("plain/countries.py", "de", "fr"),
    ],
    ids=[
        *("own body", "constant", "function", "through a member of the desk", "statement of the module"),
        *("import inside a function", "constant two imports away", "renamed constant", "member that a member names"),
        "module that is imported whole",
    ],
)
def test_a_change_of_anything_that_an_asset_reaches_is_another_code(small: Edit, file: str, old: str, new: str) -> None:
    """`code_version` was written by hand: a new cleaning rule made nothing stale, and old and new rows were mixed."""
    assert small(file, old, new) != small()


def test_a_name_that_is_not_there_is_refused(small: Edit) -> None:
    with pytest.raises(LookupError, match="defines no bil: name a function"):
        small(root="ticket_assets.assets.desk:bil")
    with pytest.raises(LookupError, match=r"plain\.table defines no TABLE"):
        small("plain/table.py", "TABLE", "TABLES")


def test_functions_classes_and_modules_are_named_by_themselves_or_in_words() -> None:
    assert code_digest(clean_text) == code_digest("ticket_assets.tickets.cleaning:clean_text")
    assert code_digest(space) == code_digest("ticket_assets.models.space") != code_digest(space.draw)
    assert code_digest(tickets.raw) == code_digest("ticket_assets.assets.tickets:raw")
    assert code_digest(clean_text, space) == code_digest(space, clean_text) != code_digest(space)


def test_files_count_by_their_content_and_python_files_by_their_code(tmp_path: Path) -> None:
    def digest_of(service: str, build: str) -> str:
        project = tmp_path / f"{abs(hash((service, build)))}"
        project.mkdir()
        (project / "service.py").write_text(service)
        (project / "bentofile.yaml").write_text(build)
        return code_digest(files=[project / "bentofile.yaml", project / "service.py"], project=project)

    first = digest_of("PORT = 1\n", "service: one\n")
    assert digest_of("PORT = 1  # a comment\n", "service: one\n") == first
    assert digest_of("PORT = 2\n", "service: one\n") != first
    assert digest_of("PORT = 1\n", "service: two\n") != first


ASSETS = {
    "tickets/clean": "ticket_assets.assets.tickets:clean",
    "features/text": "ticket_assets.assets.features:text",
    "features/embeddings": "ticket_assets.assets.features:embeddings",
    "models/split": "ticket_assets.assets.models:split",
    "models/search": "ticket_assets.assets.models:search",
    "models/evaluation": "ticket_assets.assets.models:evaluation",
    "serving/bento": "ticket_assets.assets.serving:bento",
}


def codes(project: Path) -> dict[str, str]:
    """The bento's as its asset declares it: with the service and what is built with it."""
    files = {"serving/bento": [project / name for name in SERVICE_FILES]}
    return {name: code_digest(root, files=files.get(name, ()), project=project) for name, root in ASSETS.items()}


def changed(folder: Path, file: str, function: str) -> set[str]:
    """Assets whose code is another when a function of a copy of our own source ends with one statement more."""
    before, after = folder / "before", folder / "after"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "ticket_assets", before / "ticket_assets", ignore=ignored)
    for name in SERVICE_FILES:
        (before / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(PROJECT / name, before / name)
    shutil.copytree(before, after)
    path = after / file
    tree = ast.parse(path.read_text())
    [node] = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == function]
    node.body.append(ast.Assert(ast.Constant(True)))
    path.write_text(ast.unparse(ast.fix_missing_locations(tree)))
    now = codes(after)
    return {name for name, code in codes(before).items() if code != now[name]}


@pytest.mark.parametrize(
    ("file", "function", "expected"),
    [
        ("ticket_assets/tickets/cleaning.py", "clean_text", {"tickets/clean", "serving/bento"}),
        ("ticket_assets/features/text.py", "text_features", {"features/text", "serving/bento"}),
        (
            "ticket_assets/features/onnx_export.py",
            "_bert",
            {"features/embeddings", "models/search", "models/evaluation"},
        ),
        ("ticket_assets/models/split.py", "choose_holdout", {"models/split"}),
        ("ticket_assets/models/space.py", "draw", {"models/search"}),
        ("ticket_assets/serving/store.py", "read_champion", {"serving/bento"}),
        ("ticket_assets/models/plots.py", "confusion_matrix", set()),
        ("ticket_assets/assets/reporting.py", "evaluation_metadata", set()),
    ],
)
def test_a_change_of_the_arithmetic_reaches_the_assets_that_stand_on_it_and_no_others(
    tmp_path: Path, file: str, function: str, expected: set[str]
) -> None:
    """What follows from them is asked by data version: a wider net would search for hours after a change of a plot."""
    assert changed(tmp_path, file, function) == expected


def test_what_is_read_is_the_source_that_runs() -> None:
    assert Path(checks.__file__).is_relative_to(PROJECT)
    assert text.op.compute_fn.decorated_fn.__module__ == "ticket_assets.assets.features"
