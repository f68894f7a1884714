"""From the snapshot to `tickets/clean`: curated, corrected, with language and family, each row's work done once.

Belongs here: the order of the steps, and how much of the work was new.
Does not belong here: any of the steps (curation.py, fed_tickets.py, kept_texts.py, families.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ticket_assets.profile import Profile
from ticket_assets.tickets.curation import Curation, curate
from ticket_assets.tickets.families import FamilyNumbering, number_families, require_unchained
from ticket_assets.tickets.fed_tickets import Fed, feed
from ticket_assets.tickets.kept_texts import cleaned_texts, detected_languages
from ticket_assets.tickets.schema import SOURCE, clean_columns, pandera_schema
from ticket_assets.tickets.taxonomy import Taxonomy


@dataclass(frozen=True)
class CleanTickets:
    """What the snapshot holds of tickets one may learn from.

    Attributes:
        tickets: columns of `schema.clean_columns`, validated.
        curation: where the rows of the snapshot went.
        fed: what corrections did to them.
        families: of the tickets.
        work: rows by what was done for them now, and by what was known.
    """

    tickets: pd.DataFrame
    curation: Curation
    fed: Fed
    families: FamilyNumbering
    work: dict[str, int]


def clean_tickets(
    snapshot: pd.DataFrame,
    profile: Profile,
    taxonomies: Mapping[str, Taxonomy],
    kept: Path,
    feedback: pd.DataFrame | None = None,
) -> CleanTickets:
    """Curate the snapshot, put in what people corrected; add language and family: the same whatever was kept.

    Args:
        snapshot: rows of `snapshot.read_snapshot`, in order of ingestion.
        profile: settings.
        taxonomies: target to how its labels changed.
        kept: folder of what earlier runs left; missing or damaged, everything is done again.
        feedback: `tickets/feedback`; None: there is none.

    Raises:
        SourceError: a mapped column is not in the source.
        FamiliesChainedError: one family holds too many tickets.
    """
    columns, context, mask = profile.columns, profile.features.context, profile.cleaning.mask
    cleaned = cleaned_texts(snapshot, columns, mask, kept)
    curation = curate(snapshot, columns, profile.targets, context, mask, taxonomies, cleaned.texts)
    told, weight = curation.clean, profile.monitoring.feedback.weight
    fed = Fed(told) if feedback is None else feed(told, feedback, profile.targets, context, weight)
    texts, ids = list(fed.tickets["text"]), list(fed.tickets["ticket_id"])
    languages = detected_languages(texts, profile.features.languages, kept)
    families = number_families(texts, ids, profile.families.cut, kept=kept / "near_pairs.npz")
    require_unchained(families, profile.families.largest_share)
    wanted = clean_columns(context, profile.targets, SOURCE in fed.tickets)
    tickets = fed.tickets.assign(language=languages.texts, family_id=families.family_ids)
    return CleanTickets(
        tickets=pandera_schema(wanted).validate(tickets[[column.name for column in wanted]]),
        curation=curation,
        fed=fed,
        families=families,
        work={
            "cleaned": cleaned.made,
            "cleaned_before": cleaned.before,
            "languages_detected": languages.made,
            "linked": families.linked,
            "linked_again": families.linked_again,
        },
    )
