"""Exit 0 when the service in this container says it is ready, else 1 with its reasons: the container's health check."""

import os
import sys
import urllib.error
import urllib.request

URL = f"http://127.0.0.1:{os.environ.get('OPS_PORT', '9464')}/readyz"

try:
    with urllib.request.urlopen(URL, timeout=4) as answer:  # noqa: S310 - the URL is our own
        answer.read()
except urllib.error.HTTPError as refusal:
    sys.exit(f"{refusal.code}: {refusal.read().decode(errors='replace')}")
except OSError as trouble:
    sys.exit(f"{URL}: {trouble}")
