#!/usr/bin/env bash
# Ask the service with curl: examples/ask.sh [URL]; the key is in TICKET_ASSETS_KEY.
set -euo pipefail
url=${1:-http://localhost:3000}
if ! said=$(curl --silent --show-error --max-time 30 --write-out '\n%{http_code}' "$url/predict" \
  ${TICKET_ASSETS_KEY:+-H "Authorization: Bearer $TICKET_ASSETS_KEY"} -H 'Content-Type: application/json' \
  -d '{"subject": "VPN drops", "body": "Since this morning the VPN disconnects every few minutes, I cannot work."}' 2>&1); then
  echo "no service answers at $url ($(head -n 1 <<<"$said")): \`make serve\` starts it" >&2
  exit 2
fi
status=${said##*$'\n'} answer=${said%$'\n'*}
if [ "$status" = 401 ] && [ -z "${TICKET_ASSETS_KEY:-}" ]; then
  echo "TICKET_ASSETS_KEY is not set: \`make keys ARGS='add --name me --scopes predict,feedback'\` prints a key" >&2
  exit 2
elif [ "$status" != 200 ]; then
  echo "the service refused /predict ($status): $answer" >&2
  exit 2
fi
echo "$answer"
