"""Podman for the tests: whether it is there, the base image, a running container.

Here: what the machine has and lacks, calling podman. Not here: any test; building the image (conftest.py).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ticket_assets.serving.image import ImageError, find_engine
from ticket_assets.serving.probe import free_port, requested
from ticket_assets_tests.required import absent

NAMED = "TICKET_ASSETS_TEST_BASE_IMAGE"
MADE = "localhost/ticket-assets-test-base"
START_SECONDS = 120.0
# For a machine without systemd: limits that a sandbox allows, and nothing that asks systemd.
WITHOUT_SYSTEMD = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
# How this machine reaches indexes of packages, by name alone: values stay on it.
INDEXES = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_DEFAULT_TIMEOUT",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
)
AUTHORITIES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
IN_IMAGE = "/etc/ssl/certs/ca-certificates.crt"


def podman(*arguments: str) -> str:
    """What a command of podman prints; AssertionError with what it said where it fails."""
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def require_podman() -> None:
    """Skip, or fail where it is required, unless podman works here."""
    try:
        find_engine("podman")
    except ImageError as error:
        absent("podman", str(error))


def settings_file(folder: Path) -> Path | None:
    """Settings of podman for a machine without systemd; none where it has that or has settings of its own."""
    if Path("/run/systemd/system").is_dir() or "CONTAINERS_CONF" in os.environ:
        return None
    path = folder / "containers.conf"
    path.write_text(WITHOUT_SYSTEMD)
    return path


def base_image() -> str:
    """The image that others begin with: the one that is named, or one made of Debian's packages."""
    if named := os.environ.get(NAMED):
        return named
    python = ".".join(map(str, sys.version_info[:2]))
    if python != "3.11" or os.getuid() != 0 or not shutil.which("debootstrap"):
        absent("podman", f"a base image with Python {python}: set {NAMED}, or be root with debootstrap and Python 3.11")
    made = subprocess.run([Path(__file__).with_name("base-image")], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    podman("import", "--quiet", made.stdout.strip(), f"{MADE}:plain")
    with tempfile.TemporaryDirectory() as context:
        told = [f"ENV {name}={os.environ[name]}" for name in INDEXES if os.environ.get(name)]
        authority = next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), None)
        if authority:
            shutil.copyfile(authority, Path(context) / "authorities.crt")
            told += [f"COPY authorities.crt {IN_IMAGE}", f"ENV SSL_CERT_FILE={IN_IMAGE} PIP_CERT={IN_IMAGE}"]
        (Path(context) / "Containerfile").write_text("\n".join([f"FROM {MADE}:plain", *told]))
        podman("build", "--quiet", "--tag", MADE, context)
    return MADE


@dataclass(frozen=True)
class Container:
    """A running service: its id, and its ports on the loopback of this machine."""

    id: str
    port: int
    grpc_port: int

    @property
    def log(self) -> str:
        """All that it said."""
        done = subprocess.run(["podman", "logs", self.id], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def state(self) -> dict[str, Any]:
        return dict(json.loads(podman("inspect", "--format", "{{json .State}}", self.id)))

    def python(self, code: str) -> Any:
        """What code prints as JSON, run in it."""
        return json.loads(podman("exec", self.id, "python", "-c", code))

    def wait_until_ready(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                if requested(self.port, "GET", "/readyz", timeout=2)[0] == 200:
                    return
            except OSError:  # nobody listens yet
                pass
            assert self.state()["Running"], self.log[-4000:]
            time.sleep(0.2)
        raise AssertionError(f"not ready after {START_SECONDS} s: {self.log[-4000:]}")


@contextmanager
def running(image: str, *options: str, volume: str, **variables: str) -> Iterator[Container]:
    """A container as docs/image.md runs it: nothing but the volume and /tmp can be written."""
    port, grpc_port = free_port(), free_port()
    told = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    published = ["-p", f"127.0.0.1:{port}:3000", "-p", f"127.0.0.1:{grpc_port}:50051"]
    kept = ["--read-only", "--tmpfs", "/tmp", "-v", f"{volume}:/state"]
    container = Container(podman("run", "--detach", *kept, *published, *told, *options, image), port, grpc_port)
    try:
        container.wait_until_ready()
        yield container
    finally:
        podman("rm", "--force", "--time", "20", container.id)
