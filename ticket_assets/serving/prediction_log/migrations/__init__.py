"""Alembic's folder: how a database of the log becomes what tables.py says, step by step.

Belongs here: env.py, one module per revision in versions/.
Does not belong here: when and under which lock they run (schema.py).
"""
