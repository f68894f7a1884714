"""The store: batches of a journal's lines become rows, each once.

Belongs here: one transaction per batch, a batch of which the database refuses a record, reading one prediction back.
Does not belong here: the rows (rows.py), when to write and what happens while the store is down (drain.py), reports
(queries.py).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from ticket_assets.serving.prediction_log.acted import ActedReport, acted
from ticket_assets.serving.prediction_log.engine import StoreDownError, is_of_a_record, make_engine, told, writing
from ticket_assets.serving.prediction_log.feedback import Given, LabelSets
from ticket_assets.serving.prediction_log.lines import Line
from ticket_assets.serving.prediction_log.records import FeedbackRecord, PredictionRecord, Record
from ticket_assets.serving.prediction_log.rows import (
    Refused,
    Written,
    as_record,
    read_records,
    write_records,
    write_refused,
)
from ticket_assets.serving.prediction_log.schema import migrate
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.tables import corrections, prediction_targets, predictions

T = TypeVar("T")
Search = Callable[[Collection[str]], Mapping[str, LabelSets]]


class Store:
    """The database of the log; safe to use from several threads."""

    def __init__(self, settings: PredictionLogSettings) -> None:
        self.engine: Engine = make_engine(settings)
        self._settings = settings

    def prepare(self) -> None:
        """Bring the schema up to date.

        Raises:
            SchemaError: it is newer than the code.
            StoreDownError: it cannot be reached.
        """
        self._asked(lambda: migrate(self.engine))

    def write(self, batch: Sequence[Line], search: Search) -> Written:
        """Write lines in one transaction; a second time they add nothing.

        Args:
            batch: in the order of the journal.
            search: the label sets of those predictions that are still in a journal, of some.

        Raises:
            StoreDownError: nothing of it was written.
            OSError: a journal cannot be searched.
        """
        records, refused = read_records(batch)
        # Before the transaction, for all at once: it may take a while, and others wait for their turn to write.
        waiting = self._waiting(records, search)
        try:
            with writing(self.engine) as connection:
                return write_records(connection, records, waiting, self._settings.new_labels) + write_refused(
                    connection, refused
                )
        except (SQLAlchemyError, OSError, TypeError, ValueError, OverflowError) as error:
            if not is_of_a_record(error):
                raise StoreDownError(told(error, self._settings)) from None
        return self._asked(lambda: self._one_by_one(records, refused, waiting))

    def ping(self) -> None:
        """Ask whether it is there.

        Raises:
            StoreDownError: it is not.
        """

        def ask() -> None:
            with self.engine.connect() as connection:
                connection.execute(select(predictions.c.id).limit(1))

        self._asked(ask)

    def find(self, prediction_id: str) -> PredictionRecord | None:
        """A prediction with its targets.

        Raises:
            StoreDownError: it cannot be asked.
        """
        return self._asked(lambda: self._find(prediction_id))

    def acted(self, since: datetime) -> ActedReport:
        """What acting did since an instant, UTC.

        Raises:
            StoreDownError: it cannot be asked.
        """
        return self._asked(lambda: acted(self.engine, since))

    def given(self, feedback_id: str) -> Given | None:
        """What the correction of this id said.

        Raises:
            StoreDownError: it cannot be asked.
        """
        asked = select(corrections).where(corrections.c.id == feedback_id)

        def ask() -> Given | None:
            with self.engine.connect() as connection:
                row = connection.execute(asked).first()
                return None if row is None else Given.of(row)

        return self._asked(ask)

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except (SQLAlchemyError, OSError) as error:
            raise StoreDownError(told(error, self._settings)) from None

    def _waiting(self, records: Sequence[tuple[Record, Line]], search: Search) -> Mapping[str, LabelSets]:
        here = {record.id for record, _ in records}
        wanted = {record.prediction_id for record, _ in records if isinstance(record, FeedbackRecord)} - here
        if not wanted:
            return {}

        def ask() -> set[str]:
            with self.engine.connect() as connection:
                asked = select(predictions.c.id).where(predictions.c.id.in_(wanted))
                return {*connection.execute(asked).scalars()}

        missing = wanted - self._asked(ask)
        return search(missing) if missing else {}

    def _find(self, prediction_id: str) -> PredictionRecord | None:
        of_it = prediction_targets.c.prediction_id == prediction_id
        with self.engine.connect() as connection:
            row = connection.execute(select(predictions).where(predictions.c.id == prediction_id)).first()
            if row is None:
                return None
            targets = connection.execute(select(prediction_targets).where(of_it).order_by(prediction_targets.c.target))
            return as_record(row, targets)

    def _one_by_one(
        self, records: Sequence[tuple[Record, Line]], refused: list[Refused], waiting: Mapping[str, LabelSets]
    ) -> Written:
        """Find out which records the database does not take, and keep those aside with its reason."""
        done = Written()
        with writing(self.engine) as connection:
            for record, line in records:
                try:
                    with connection.begin_nested():
                        done += write_records(connection, [(record, line)], waiting, self._settings.new_labels)
                except (SQLAlchemyError, TypeError, ValueError, OverflowError) as error:
                    if not is_of_a_record(error):
                        raise
                    refused.append(Refused(record.id, record.KIND, told(error, self._settings), line))
            return done + write_refused(connection, refused)
