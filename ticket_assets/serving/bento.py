"""A bento made from a promoted bundle.

Belongs here: what is staged, calling `bentoml build`, the tag.
Does not belong here: which bundle (store.py), what the service does (service.py at the top), asking it (probe.py).
"""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from ticket_assets.code_version import code_digest
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets.storage import write_text

PROJECT = Path(__file__).resolve().parents[2]
REQUIREMENTS = "requirements/serve.txt"
SERVICE_FILES = ("service.py", "bentofile.yaml", "bento.Dockerfile", REQUIREMENTS, "requirements/image.txt")
PACKAGES = ("tickets", "features", "models", "serving")
BUILDING = ".building-"
# Longer than any build takes.
LEFT_BEHIND_SECONDS = 24 * 3600


class BentoError(RuntimeError):
    """`bentoml build` failed; the message is what it said."""


def bento_tag(profile: str, champion: Champion) -> str:
    """Name and version of the bento of a champion: registry version, bundle, the service's code."""
    code = code_digest(stage, files=[PROJECT / name for name in SERVICE_FILES], project=PROJECT)
    return f"{bento_name(profile)}:v{champion.version}-{champion.bundle[:8]}-{code[:6]}"


def bento_name(profile: str) -> str:
    """Name of all bentos of a profile."""
    return f"ticket-assets-{profile.replace('_', '-')}"


def bento_folder(home: Path, tag: str) -> Path:
    """Where BentoML keeps a bento."""
    return home / "bentos" / tag.replace(":", "/")


def build_bento(profile: str, champion: Champion, bundles: Path, encoders: Path, home: Path) -> str:
    """Build the champion's bento, or find it built; return its tag.

    It is built in a home of its own beside the real one and moved there whole: BentoML writes into the store file by
    file, and takes what a killed build left for a bento that is there.

    Raises:
        BentoError: with the output of `bentoml build`.
    """
    tag = bento_tag(profile, champion)
    if bento_folder(home, tag).exists():
        return tag
    home.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    # BentoML refuses a context below a hidden folder.
    with (
        tempfile.TemporaryDirectory() as staging,
        tempfile.TemporaryDirectory(dir=home, prefix=BUILDING) as building,
    ):
        context, draft = Path(staging), Path(building)
        stage(context, champion, bundles, encoders)
        name, version = tag.split(":")
        command = [sys.executable, "-m", "bentoml", "build", ".", "--name", name, "--version", version]
        done = subprocess.run(
            command, cwd=context, env=bento_environment(draft), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise BentoError(f"bentoml build of {tag} failed:\n{done.stdout}\n{done.stderr}")
        _put(bento_folder(draft, tag), bento_folder(home, tag))
    return tag


def _put(made: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        made.rename(place)
    except OSError as error:  # another run built the same one
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    write_text(place.parent / "latest", place.name)  # BentoML's own file of what a name without a version means


def _sweep(home: Path) -> None:
    """Remove what builds that were killed left."""
    for left in home.glob(f"{BUILDING}*"):
        if time.time() - left.stat().st_mtime > LEFT_BEHIND_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def stage(context: Path, champion: Champion, bundles: Path, encoders: Path) -> None:
    """Put side by side what bentofile.yaml includes."""
    for name in SERVICE_FILES:
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / name, context / name)
    package = context / "ticket_assets"
    for name in PACKAGES:
        shutil.copytree(PROJECT / "ticket_assets" / name, package / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "storage.py"):
        shutil.copyfile(PROJECT / "ticket_assets" / name, package / name)
    baked = context / "baked"
    shutil.copytree(bundles / champion.bundle, baked / "bundles" / champion.bundle)
    write_champion(baked / "bundles", champion)
    manifest = BundleManifest.read(bundles / champion.bundle)
    _require(context / REQUIREMENTS, manifest.libraries)
    (baked / "encoders").mkdir()
    if manifest.encoder:
        shutil.copytree(encoders / manifest.encoder["id"], baked / "encoders" / manifest.encoder["id"])


def _require(path: Path, libraries: Mapping[str, str]) -> None:
    """Add what this bundle answers with and others do not, such as an encoder's runtime, at its version."""
    listed = path.read_text(encoding="utf-8")
    named = {line.partition("==")[0] for line in listed.splitlines()}
    missing = [f"{name}=={version}\n" for name, version in sorted(libraries.items()) if name not in named]
    path.write_text(listed + "".join(missing), encoding="utf-8")


def bento_environment(home: Path) -> dict[str, str]:
    """The environment for BentoML's commands: this store, no tracking."""
    return {**os.environ, "BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
