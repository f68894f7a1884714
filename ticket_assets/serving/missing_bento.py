"""Why the champion's bento is not there, and the command that makes it again.

Belongs here: telling apart a bento that an erasure took, one of other code, and one that was never built.
Does not belong here: building (bento.py), erasing (erased_bundles.py).
"""

from ticket_assets.serving.bento import bento_folder, bento_name, bento_tag
from ticket_assets.serving.renamed import renamed
from ticket_assets.serving.store import Champion, require_champion
from ticket_assets.storage import ProfileFolders


def why_no_bento(folders: ProfileFolders, profile: str, champion: Champion) -> str | None:
    """One sentence with the command to run; None where the bento is built."""
    if bento_folder(folders.bentos, bento_tag(profile, champion)).is_dir():
        return None
    built = bento_folder(folders.bentos, bento_name(profile)).glob(f"v{champion.version}-{champion.bundle[:8]}-*")
    command = f"make run PROFILE={profile}"
    if any(built):
        return f"the champion's bento was built for another version of the code: {command} builds it for this one"
    if champion.bundle in renamed(folders.records).values():
        return f"an erasure removed the champion's bento, which held erased tickets: {command} builds it again"
    return f"the champion's bento is not built yet: {command} builds it"


def champions_bento(folders: ProfileFolders, profile: str) -> str:
    """Tag of the champion's bento, which is there.

    Raises:
        FileNotFoundError: there is no champion, or no bento of it; with what to do.
    """
    champion = require_champion(folders.bundles)
    if why := why_no_bento(folders, profile, champion):
        raise FileNotFoundError(why)
    return bento_tag(profile, champion)
