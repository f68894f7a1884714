"""The gRPC contract: `triage_v1.proto`, and the Python code made of it by scripts/contract.

Belongs here: the .proto and what is made of it. Does not belong here: anything written by hand but the .proto.
"""
