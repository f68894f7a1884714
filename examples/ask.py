"""Ask the service over HTTP, then say what was right: python examples/ask.py [URL]; the key is in TICKET_ASSETS_KEY."""

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from typing import NoReturn

URL = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3000"
KEY = os.environ.get("TICKET_ASSETS_KEY", "").strip()


def post(path: str, message: dict) -> dict:
    """One request; the answer as JSON's values. Where there is none, the program ends with a line that says why."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {KEY}"} if KEY else {})
    try:
        request = urllib.request.Request(URL + path, json.dumps(message).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)
    except urllib.error.HTTPError as refused:
        with refused:
            said = refused.read().decode(errors="replace")
        if refused.code == 401 and not KEY:
            end("TICKET_ASSETS_KEY is not set: `make keys ARGS='add --name me --scopes predict,feedback'` prints a key")
        end(f"the service refused {path} ({refused.code}): {said.strip()}")
    except (OSError, ValueError, http.client.HTTPException) as error:
        end(f"no service answers at {URL} ({getattr(error, 'reason', error)}): `make serve` starts it")


def end(why: str) -> NoReturn:
    """End the program as for a wrong argument."""
    print(why, file=sys.stderr)
    sys.exit(2)


answer = post(
    "/predict",
    {
        "subject": "VPN drops",
        "body": "Since this morning the VPN disconnects every few minutes, I cannot work.",
        "id": "INC-4711",
    },
)
for target, one in answer["targets"].items():
    print(f"{target}: {one['label']} ({one['probability']:.2f}), {one['band']}")

labels = {target: one["label"] for target, one in answer["targets"].items()}
receipt = post("/feedback", {"prediction_id": answer["prediction_id"], "labels": labels, "reviewer": "anna"})
print(f"feedback {receipt['state']}")
