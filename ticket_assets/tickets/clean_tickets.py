"""From the snapshot to `tickets/clean`: curated, with language and family, each row's work done once.

Belongs here: the order of the steps, and how much of the work was new.
Does not belong here: any of the steps (curation.py, kept_texts.py, families.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ticket_assets.profile import Profile
from ticket_assets.tickets.curation import Curation, curate
from ticket_assets.tickets.families import FamilyNumbering, number_families, require_unchained
from ticket_assets.tickets.kept_texts import cleaned_texts, detected_languages
from ticket_assets.tickets.schema import clean_columns, pandera_schema
from ticket_assets.tickets.taxonomy import Taxonomy


@dataclass(frozen=True)
class CleanTickets:
    """What the snapshot holds of tickets one may learn from.

    Attributes:
        tickets: columns of `schema.clean_columns`, validated.
        curation: where the rows of the snapshot went.
        families: of the tickets.
        work: rows by what was done for them now, and by what was known.
    """

    tickets: pd.DataFrame
    curation: Curation
    families: FamilyNumbering
    work: dict[str, int]


def clean_tickets(
    snapshot: pd.DataFrame, profile: Profile, taxonomies: Mapping[str, Taxonomy], kept: Path
) -> CleanTickets:
    """Curate the snapshot; add language and family. The tickets are the same whatever was kept.

    Args:
        snapshot: rows of `snapshot.read_snapshot`, in order of ingestion.
        profile: settings.
        taxonomies: target to how its labels changed.
        kept: folder of what earlier runs left; missing or damaged, everything is done again.

    Raises:
        SourceError: a mapped column is not in the source.
        FamiliesChainedError: one family holds too many tickets.
    """
    columns, context, mask = profile.columns, profile.features.context, profile.cleaning.mask
    cleaned = cleaned_texts(snapshot, columns, mask, kept)
    curation = curate(snapshot, columns, profile.targets, context, mask, taxonomies, cleaned.texts)
    texts, ids = list(curation.clean["text"]), list(curation.clean["ticket_id"])
    languages = detected_languages(texts, profile.features.languages, kept)
    families = number_families(texts, ids, profile.families.cut, kept=kept / "near_pairs.npz")
    require_unchained(families, profile.families.largest_share)
    wanted = clean_columns(context, profile.targets)
    tickets = curation.clean.assign(language=languages.texts, family_id=families.family_ids)
    return CleanTickets(
        tickets=pandera_schema(wanted).validate(tickets[[column.name for column in wanted]]),
        curation=curation,
        families=families,
        work={
            "cleaned": cleaned.made,
            "cleaned_before": cleaned.before,
            "languages_detected": languages.made,
            "linked": families.linked,
            "linked_again": families.linked_again,
        },
    )
