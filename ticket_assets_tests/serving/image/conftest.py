"""One image of the finished line's champion and one container of it, for all tests of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ticket_assets.__main__ import main
from ticket_assets.serving.access.keys import as_variable, new_key
from ticket_assets.serving.bento import bento_tag
from ticket_assets_tests.line import PROFILE
from ticket_assets_tests.serving.conftest import Served
from ticket_assets_tests.serving.image.engine import (
    Container,
    base_image,
    podman,
    require_podman,
    running,
    settings_file,
)

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Keyed:
    """A container that asks for a key, the key, and the name of its volume."""

    container: Container
    key: str
    volume: str
    image: str


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One worker takes all of them, so that the image is made once."""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            if HERE in item.path.parents and item.get_closest_marker("podman"):
                item.add_marker(pytest.mark.xdist_group("podman"))


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image that others begin with; podman set up for this machine."""
    with pytest.MonkeyPatch.context() as patch:
        if settings := settings_file(tmp_path_factory.mktemp("podman")):
            patch.setenv("CONTAINERS_CONF", str(settings))
        patch.setenv("BUILDAH_LAYERS", "false")  # nothing is kept of a build but the image
        require_podman()
        yield base_image()


@pytest.fixture(scope="session")
def image(base: str, served_line: Served) -> Iterator[str]:
    """Made by the command that users call; removed at the end, as it is 900 MB."""
    tag = bento_tag(PROFILE, served_line.champion)
    with served_line.line.environment():
        assert main(["image", "--engine", "podman", "--opt", f"build-arg=BASE_IMAGE={base}"]) == 0
    yield tag
    podman("rmi", "--force", tag)


@pytest.fixture(scope="session")
def keyed(image: str) -> Iterator[Keyed]:
    """The service with a key by variable, as the documentation runs it."""
    key, kept = new_key("crm", ["predict", "feedback", "admin"], datetime.now(UTC))
    volume = podman("volume", "create")
    try:
        with running(image, volume=volume, TICKET_ASSETS_ACCESS__KEYS=as_variable(kept)) as container:
            yield Keyed(container, key, volume, image)
    finally:
        podman("volume", "rm", "--force", volume)
