"""The revisions, one module each, named by their number.

Belongs here: `upgrade` and `downgrade` of one step, in plain types: a revision never changes with tables.py.
Does not belong here: anything that is imported by other modules.
"""
