"""Which container engine is taken, and what is said where there is none. No engine is needed for these."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ticket_assets.__main__ import main
from ticket_assets.serving.image import ImageError, find_engine
from ticket_assets_tests.serving.conftest import Served
from ticket_assets_tests.serving.image.engine import NAMED, base_image, require_podman


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes programs that are all this machine has: one that answers, or ends with what it is told to say."""
    folder, shell = tmp_path / "programs", shutil.which("sh")
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def written(name: str, failure: str = "") -> None:
        ending = f"echo 'a line before' >&2; echo '{failure}' >&2; exit 1" if failure else "exit 0"
        (folder / name).write_text(f"#!{shell}\n{ending}\n")
        (folder / name).chmod(0o755)

    return written


def test_podman_comes_before_docker(install: Callable[..., None]) -> None:
    install("docker")
    assert find_engine() == "docker"
    install("podman")
    assert find_engine() == "podman"
    assert find_engine("docker") == "docker"


def test_an_engine_that_does_not_answer_is_passed_over(install: Callable[..., None]) -> None:
    """Docker's client is on many machines that have no daemon."""
    install("podman", "no newuidmap")
    install("docker")
    assert find_engine() == "docker"
    with pytest.raises(ImageError, match=r"\(podman: no newuidmap\)"):
        find_engine("podman")


def test_without_an_engine_the_command_says_why_each_is_not_taken_and_what_to_read(
    install: Callable[..., None], served_line: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    install("docker", "Cannot connect to the Docker daemon")
    with served_line.line.environment():
        assert main(["image"]) == 2
    assert capsys.readouterr().err == (
        "no container engine answers (podman: No such file or directory; docker: Cannot connect to the Docker daemon): "
        "docs/image.md says what to install\n"
    )


@pytest.mark.parametrize("look", [require_podman, base_image])
def test_what_a_machine_lacks_skips_tests_of_the_image_or_fails_them_where_podman_is_required(
    look: Callable[[], object], install: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(NAMED, raising=False)
    monkeypatch.delenv("REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"podman: No such file|with debootstrap"):
        look()
    monkeypatch.setenv("REQUIRE", "data,podman")
    with pytest.raises(pytest.fail.Exception, match="REQUIRE names podman"):
        look()
