"""Ask the service over HTTP, then say what was right: python examples/ask.py [URL]; the key is in TICKET_ASSETS_KEY."""

import json
import os
import sys
import urllib.request

URL = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3000"
KEY = os.environ.get("TICKET_ASSETS_KEY", "")


def post(path: str, message: dict) -> dict:
    """One request; the answer as JSON's values."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    request = urllib.request.Request(URL + path, json.dumps(message).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


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
