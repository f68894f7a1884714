"""Ask the service over gRPC: python examples/ask_grpc.py [HOST:PORT]; the key is in TICKET_ASSETS_KEY.

In a project of your own, make the client from ticket_assets/serving/contract/triage_v1.proto.
"""

import os
import sys
from typing import NoReturn


def end(why: str) -> NoReturn:
    """End the program as for a wrong argument."""
    print(why, file=sys.stderr)
    sys.exit(2)


try:
    import grpc

    from ticket_assets.serving.contract.triage_v1_pb2 import Ticket
    from ticket_assets.serving.contract.triage_v1_pb2_grpc import TriageStub
except ModuleNotFoundError as error:
    end(f"{error.name} is not installed for {sys.executable}: .venv/bin/python examples/ask_grpc.py")

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "localhost:50051"
KEY = os.environ.get("TICKET_ASSETS_KEY", "").strip()

with grpc.insecure_channel(ADDRESS) as channel:
    ticket = Ticket(
        subject="VPN drops", body="Since this morning the VPN disconnects every few minutes, I cannot work."
    )
    metadata = (("authorization", f"Bearer {KEY}"),) if KEY else ()
    try:
        answer = TriageStub(channel).Predict(ticket, metadata=metadata, timeout=30)
    except grpc.RpcError as error:
        code, said = error.code(), error.details()
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            end(f"no service answers at {ADDRESS} ({said}): `make serve` starts it")
        if code is grpc.StatusCode.UNAUTHENTICATED and not KEY:
            end("TICKET_ASSETS_KEY is not set: `make keys ARGS='add --name me --scopes predict,feedback'` prints a key")
        end(f"the service refused Predict ({code.name}): {said}")
for target in sorted(answer.targets):
    one = answer.targets[target]
    print(f"{target}: {one.label} ({one.probability:.2f}), {one.band}")
