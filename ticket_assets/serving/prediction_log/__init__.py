"""The prediction log: every answer that was given, every correction, kept in a database without slowing an answer.

Belongs here: journals on disk, the database with its migrations, retention, erasure, what monitoring reads.
Does not belong here: transports and keys (the service), judging models by what was logged (monitoring).
"""
