"""What Alembic runs: the revisions, over the connection that schema.py has begun a transaction on.

Belongs here: nothing but that.
Does not belong here: URLs and locks (schema.py).
"""

from alembic import context

from ticket_assets.serving.prediction_log.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite can, once the transaction was begun by hand
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
