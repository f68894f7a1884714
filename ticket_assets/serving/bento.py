"""A bento made from a promoted bundle.

Belongs here: what is staged, calling `bentoml build`, the tag.
Does not belong here: which bundle (store.py), what the service does (service.py at the top), asking it (probe.py).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ticket_assets.code_version import code_digest
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.serving.store import Champion, write_champion

PROJECT = Path(__file__).resolve().parents[2]
REQUIREMENTS = "requirements/serve.txt"
SERVICE_FILES = ("service.py", "bentofile.yaml", REQUIREMENTS)
PACKAGES = ("tickets", "features", "models", "serving")


class BentoError(RuntimeError):
    """`bentoml build` failed; the message is what it said."""


def bento_tag(profile: str, champion: Champion) -> str:
    """Name and version of the bento of a champion: registry version, bundle, the service's code."""
    code = code_digest(stage, files=[PROJECT / name for name in SERVICE_FILES], project=PROJECT)
    return f"ticket-assets-{profile.replace('_', '-')}:v{champion.version}-{champion.bundle[:8]}-{code[:6]}"


def bento_folder(home: Path, tag: str) -> Path:
    """Where BentoML keeps a bento."""
    return home / "bentos" / tag.replace(":", "/")


def build_bento(profile: str, champion: Champion, bundles: Path, encoders: Path, home: Path) -> str:
    """Build the champion's bento, or find it built; return its tag.

    Raises:
        BentoError: with the output of `bentoml build`.
    """
    tag = bento_tag(profile, champion)
    if (bento_folder(home, tag) / "bento.yaml").exists():
        return tag
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as staging:
        context = Path(staging)
        stage(context, champion, bundles, encoders)
        name, version = tag.split(":")
        command = [sys.executable, "-m", "bentoml", "build", ".", "--name", name, "--version", version]
        done = subprocess.run(
            command, cwd=context, env=bento_environment(home), capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise BentoError(f"bentoml build of {tag} failed:\n{done.stdout}\n{done.stderr}")
    return tag


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
