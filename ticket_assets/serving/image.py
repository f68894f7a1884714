"""An image made of a bento.

Belongs here: which container engine, calling `bentoml containerize`, how large the image is.
Does not belong here: what is in it (bento.Dockerfile at the top), building the bento (bento.py).
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ticket_assets.serving.bento import bento_environment

# What each is asked for beside the name: the format keeps HEALTHCHECK, the machine's own network needs no setting up.
ENGINES = {"podman": ("format=docker", "network=host"), "docker": ()}


class ImageError(RuntimeError):
    """There is no engine that works, or it made no image; the message says why."""


@dataclass(frozen=True)
class Image:
    """An image in the store of an engine.

    Attributes:
        engine: podman or docker.
        name: of the image, with its tag.
        size: bytes.
    """

    engine: str
    name: str
    size: int


def find_engine(wanted: str | None = None) -> str:
    """The first engine that is installed and answers.

    Args:
        wanted: its name; no other is taken.

    Raises:
        ImageError: none does; with the reason of each.
    """
    reasons = []
    for engine in [wanted] if wanted else ENGINES:
        try:
            asked = subprocess.run([engine, "info"], capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            reasons.append(f"{engine}: {error.strerror}")
            continue
        if asked.returncode == 0:
            return engine
        said = (asked.stderr.strip() or asked.stdout.strip() or f"`{engine} info` failed").splitlines()
        reasons.append(f"{engine}: {said[-1]}")
    raise ImageError(f"no container engine answers ({'; '.join(reasons)}): docs/image.md says what to install")


def build_image(engine: str, tag: str, home: Path, options: Sequence[str] = ()) -> Image:
    """Make the image of a bento, under the bento's tag; what is done is printed by BentoML.

    Args:
        engine: podman or docker.
        tag: of the bento.
        home: of BentoML.
        options: further ones of the engine's build, such as `build-arg=BASE_IMAGE=…`.

    Raises:
        ImageError: the engine made none.
    """
    told = [part for option in (*ENGINES[engine], *options) for part in ("--opt", option)]
    command = [sys.executable, "-m", "bentoml", "containerize", tag, "--backend", engine, "--image-tag", tag, *told]
    # BentoML 1.4.39 copies the bento to the folder of temporary files, and then takes no template from a folder that is
    # not below the current one (its issue 5566).
    with tempfile.TemporaryDirectory() as folder:
        environment = {**bento_environment(home.absolute()), "TMPDIR": folder}
        done = subprocess.run(command, cwd=folder, env=environment, check=False)
    if done.returncode != 0:
        raise ImageError(f"{engine} made no image of {tag}: it says above why")
    return Image(engine, tag, _size(engine, tag))


def _size(engine: str, name: str) -> int:
    command = [engine, "image", "inspect", name, "--format", "{{.Size}}"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        raise ImageError(f"{engine} has no image {name}: {asked.stderr.strip()}")
    return int(asked.stdout)
