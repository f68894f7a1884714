"""Cleaned texts and their languages, kept from run to run: only texts not met before are cleaned and looked at.

Belongs here: what each of the two follows from, so that a kept one is what would be made anew.
Does not belong here: cleaning (cleaning.py), languages (language.py), keeping (ticket_assets/kept_rows.py).
"""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pyarrow as pa

from ticket_assets.code_version import code_digest
from ticket_assets.kept_rows import KeptRows
from ticket_assets.profile import ColumnSettings
from ticket_assets.storage import digest
from ticket_assets.tickets.cleaning import ticket_text
from ticket_assets.tickets.identity import strings
from ticket_assets.tickets.language import detect_languages


@dataclass(frozen=True)
class KeptTexts:
    """A text per row: cleaned, or the code of its language.

    Attributes:
        texts: n.
        made: rows that were worked on now.
        before: rows whose result was known.
    """

    texts: list[str]
    made: int
    before: int


def cleaned_texts(rows: pd.DataFrame, columns: ColumnSettings, kinds: Collection[str], folder: Path) -> KeptTexts:
    """The cleaned text of source rows. A row with another label, or a copy, says the same and is not cleaned again.

    Args:
        rows: n, with subject and body.
        columns: which those are.
        kinds: of personal data to mask.
        folder: of what is kept.
    """
    subjects, bodies = strings(rows, columns.subject), strings(rows, columns.body)
    made_by = [code_digest(ticket_text), *sorted(kinds), version("ftfy"), unicodedata.unidata_version]
    kept = KeptRows(folder / "cleaned.parquet", digest(made_by), pa.schema([("text", pa.large_string())]))
    filled = kept.fill(
        [digest(said) for said in zip(subjects, bodies, strict=True)],
        lambda places: {"text": [ticket_text(subjects[one], bodies[one], kinds) for one in places]},
    )
    return KeptTexts(filled.rows["text"].to_pylist(), filled.made, filled.before)


def detected_languages(texts: Sequence[str], among: tuple[str, ...], folder: Path) -> KeptTexts:
    """The language of cleaned texts.

    Args:
        texts: n cleaned texts.
        among: lower-case ISO 639-1 codes.
        folder: of what is kept.
    """
    made_by = [code_digest(detect_languages), *sorted(among), version("lingua-language-detector")]
    kept = KeptRows(folder / "languages.parquet", digest(made_by), pa.schema([("language", pa.string())]))
    filled = kept.fill(
        [digest([text]) for text in texts],
        lambda places: {"language": detect_languages([texts[one] for one in places], among)},
    )
    return KeptTexts(filled.rows["language"].to_pylist(), filled.made, filled.before)
