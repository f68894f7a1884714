"""Ask the service over gRPC: python examples/ask_grpc.py [HOST:PORT]; the key is in TICKET_ASSETS_KEY.

In a project of your own, make the client from ticket_assets/serving/contract/triage_v1.proto.
"""

import os
import sys

import grpc

from ticket_assets.serving.contract.triage_v1_pb2 import Ticket
from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "localhost:50051"
KEY = (("authorization", f"Bearer {os.environ.get('TICKET_ASSETS_KEY', '')}"),)

with grpc.insecure_channel(ADDRESS) as channel:
    ticket = Ticket(subject="VPN drops", body="Since this morning it disconnects every few minutes, I cannot work.")
    answer = TriageStub(channel).Predict(ticket, metadata=KEY, timeout=30)
for target in sorted(answer.targets):
    one = answer.targets[target]
    print(f"{target}: {one.label} ({one.probability:.2f}), {one.band}")
