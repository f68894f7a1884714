#!/usr/bin/env bash
# Ask the service with curl: examples/ask.sh [URL]; the key is in TICKET_ASSETS_KEY.
set -euo pipefail
curl --silent --show-error --fail-with-body "${1:-http://localhost:3000}/predict" \
  -H "Authorization: Bearer ${TICKET_ASSETS_KEY:-}" -H 'Content-Type: application/json' \
  -d '{"subject": "VPN drops", "body": "Since this morning the VPN disconnects every few minutes, I cannot work."}'
echo
