"""Watching the source: its fingerprint is the data version of `tickets/source`.

Belongs here: reporting the fingerprint when the files changed, and what people mended; remembering which files a
profile was run with.
Does not belong here: reading the files (tickets/), using what is remembered (settings.py).
"""

import json

import dagster as dg

from ticket_assets.automation.told import tell
from ticket_assets.settings import Settings, locate, path_in_file, resolve
from ticket_assets.storage import ProfileFolders, digest, write_text
from ticket_assets.tickets.batches import CARRIED_BATCH, mended_batches
from ticket_assets.tickets.sources.opening import open_source

SOURCE = dg.AssetKey(["tickets", "source"])
MENDED = dg.AssetKey(["tickets", "mended"])


def observe_source(settings: Settings, instance: dg.DagsterInstance) -> str | None:
    """Report the source's fingerprint if it is a new one; None for a generated source.

    Raises:
        SourceError: the source cannot be looked at.
    """
    chosen = settings.active.source
    if chosen.kind == "sample":
        return None
    source = open_source(chosen, resolve)
    found = source.fingerprint()
    tell(instance, SOURCE, found, {"source": source.name})
    return found


def observe_mended(settings: Settings, instance: dg.DagsterInstance) -> str:
    """Report what people mended, if it is new: `tickets/raw` has it to tell of, as it has of what it carried itself."""
    held = mended_batches(ProfileFolders(settings.profile_root).raw)
    mended = [batch for batch in held if not batch.name.startswith(CARRIED_BATCH)]
    found = digest(batch.name for batch in mended)
    tell(instance, MENDED, found, {"batches": len(mended)})
    return found


def remember_source(settings: Settings) -> str:
    """Keep the source of this run for the UI and for later runs; return which it is and who said so.

    A path of the environment or of the command line lives in one process alone: to the UI the profile would have
    another source, or none. The settings file stays as its author wrote it.
    """
    source, memory = settings.active.source, settings.source_memory
    if source.kind == "sample":
        return "generated tickets"
    if source.kind != "files":
        return open_source(source, resolve).name
    path = locate(source.path or "")
    written = path_in_file(settings.profile)
    if written is not None and path == locate(written):
        memory.unlink(missing_ok=True)
        return f"{path} (as the settings have it)"
    if is_remembered(settings):
        return f"{path} (given to an earlier run; {how_to_forget(settings)})"
    write_text(memory, json.dumps({"path": path}))
    return f"{path} (given to this run; later ones and the UI read it too)"


def is_remembered(settings: Settings) -> bool:
    """Whether the source is the one that an earlier run was given."""
    memory = settings.source_memory
    if not memory.exists():
        return False
    return locate(json.loads(memory.read_text(encoding="utf-8"))["path"]) == locate(settings.active.source.path or "")


def how_to_forget(settings: Settings) -> str:
    """The way back from a remembered source to the one of the settings."""
    return f"give another, or remove {settings.source_memory} to read what the settings name"
