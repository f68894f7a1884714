"""The settings of a source: where a profile's tickets come from.

Belongs here: what a user may set of each kind of source, its default, its bounds; what sections share.
Does not belong here: the other sections of a profile (profile.py), reading a source (tickets/sources/).
"""

import codecs
import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

LANGUAGE_MIX: dict[Literal["en", "de", "es", "fr"], float] = {"en": 0.7, "de": 0.15, "es": 0.1, "fr": 0.05}
LABEL_NOISE = 0.06


class Section(BaseModel):
    """A part of a profile: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DriftSettings(Section):
    """A change in what arrives, from one day on."""

    kind: Literal["new_topic", "language_mix", "vocabulary", "class_mix"] = Field(
        description="subjects never seen; rarer languages gain; familiar things renamed; rare queues and types gain"
    )
    start_share: float = Field(0.7, ge=0, le=1, description="share of the tickets that arrive before the change")
    strength: float = Field(0.3, ge=0, le=1, description="how much of the later traffic changes")


def _optional(default: Any = None, **more: Any) -> Any:
    """A field that is left out of what is printed and of identities where it is as ever: older roots keep theirs."""
    return Field(default, exclude_if=lambda value: value == default, **more)


class SourceSettings(Section):
    """Where tickets come from."""

    kind: Literal["files", "sql", "huggingface", "sample"] = "files"
    path: str | None = Field(
        None, description="file, folder or glob of Parquet, CSV, JSON or JSON lines, or s3://bucket/…; for kind = files"
    )
    encoding: str | None = _optional(description="of CSV and JSON; detected per file where unset; for kind = files")
    delimiter: str | None = _optional(
        min_length=1, max_length=1, description="of CSV; detected per file where unset; for kind = files"
    )
    unpacked_mb: int = _optional(4096, ge=1, le=1_000_000, description="to which a .gz may unpack; for kind = files")
    endpoint_url: str | None = _optional(description="of an S3 store other than AWS; for paths that begin with s3://")
    region: str | None = _optional(description="of the bucket; AWS_REGION where unset; for paths that begin with s3://")
    access_key_id: str | None = _optional(description="where unset, as every AWS client finds it; for s3:// paths")
    secret_access_key: SecretStr | None = _optional(description="give it by the environment; for s3:// paths")
    anonymous: bool = _optional(False, description="read a public bucket; for paths that begin with s3://")
    url: SecretStr | None = _optional(
        description="SQLAlchemy's; give one with a password by the environment; for kind = sql"
    )
    table: str | None = _optional(min_length=1, description="name, after its schema and a dot; for kind = sql")
    query: str | None = _optional(min_length=1, description="a SELECT in place of a table; for kind = sql")
    cursor: str | None = _optional(
        min_length=1,
        description="column that only grows, such as updated_at: only rows past it are read; for kind = sql",
    )
    dataset: str | None = _optional(min_length=1, description="name on the hub, or a folder; for kind = huggingface")
    subset: str | None = _optional(min_length=1, description="configuration of the dataset; for kind = huggingface")
    split: str = _optional("train", min_length=1, description="such as train or train+test; for kind = huggingface")
    revision: str | None = _optional(min_length=1, description="branch, tag or commit; for kind = huggingface")
    unreadable_share: float = _optional(
        0.5, ge=0, le=1, description="of rows that may be unreadable; if more are, the source is another than is said"
    )
    rows: int = Field(3000, ge=100, le=1_000_000, description="for kind = sample")
    seed: int = Field(7, description="for kind = sample")
    languages: dict[Literal["en", "de", "es", "fr"], Annotated[float, Field(ge=0, le=1)]] = _optional(
        LANGUAGE_MIX, description="share of each; for kind = sample"
    )
    label_noise: float = _optional(
        LABEL_NOISE, ge=0, le=0.4, description="share of tickets with a wrong label, per target; for kind = sample"
    )
    drift: DriftSettings | None = _optional(description="none where unset; for kind = sample")

    @field_validator("languages")
    @classmethod
    def _shares_add_up(cls, languages: dict[str, float]) -> dict[str, float]:
        total = sum(languages.values())
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"the shares add up to {total:g}: make them add up to 1")
        return languages

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, encoding: str | None) -> str | None:
        try:
            return codecs.lookup(encoding).name if encoding else None
        except LookupError:
            raise ValueError("no encoding has this name: use one such as utf-8, cp1252 or utf-16") from None

    @model_validator(mode="after")
    def _only_fields_of_the_kind_are_set(self) -> "SourceSettings":
        for kind, (fields, what) in _FIELDS_OF.items():
            strange = sorted(fields & self.model_fields_set) if kind != self.kind else []
            if strange:
                raise ValueError(f'{strange[0]} belongs to {what}: set kind = "{kind}", or take it out')
        for_s3 = sorted(_S3_FIELDS & self.model_fields_set)
        if for_s3 and not str(self.path).startswith("s3://"):
            raise ValueError(f"{for_s3[0]} belongs to a bucket: begin path with s3://, or take it out")
        return self

    @model_validator(mode="after")
    def _place_is_named(self) -> "SourceSettings":
        if self.kind == "files" and not self.path:
            raise ValueError('kind "files" needs path: set it to a file, folder or glob, or to s3://bucket/prefix')
        if self.kind == "sql" and not self.url:
            raise ValueError('kind "sql" needs url: set it to SQLAlchemy\'s, such as sqlite:///tickets.db')
        if self.kind == "sql" and bool(self.table) == bool(self.query):
            raise ValueError('kind "sql" needs table or query, and not both: set one')
        if self.kind == "huggingface" and not self.dataset:
            raise ValueError('kind "huggingface" needs dataset: set it to a name on the hub or to a folder')
        if bool(self.access_key_id) != bool(self.secret_access_key):
            raise ValueError("access_key_id and secret_access_key go together: set both, or take both out")
        if self.path and "://" in self.path and not self.path.startswith("s3://"):
            scheme = self.path.partition("://")[0]
            raise ValueError(f"path begins with {scheme}://, where no tickets are read from: use s3://, or a file")
        return self


_S3_FIELDS = {"endpoint_url", "region", "access_key_id", "secret_access_key", "anonymous"}
# Not path: a path that was remembered for a profile must not keep it from becoming another kind.
_FIELDS_OF = {
    "files": ({"encoding", "delimiter", "unpacked_mb", *_S3_FIELDS}, "files"),
    "sql": ({"url", "table", "query", "cursor"}, "a database"),
    "huggingface": ({"dataset", "subset", "split", "revision"}, "a Hugging Face dataset"),
    "sample": ({"languages", "label_noise", "drift"}, "generated tickets"),
}
# What generated tickets are made of; of all others the content counts, and where it lies does not.
MADE_OF = {"kind", "rows", "seed", "languages", "label_noise", "drift"}
