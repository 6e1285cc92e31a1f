"""`python -m services.cli.healthcheck`: exit 0 when the service in this container is ready, else 1 with the reasons.

A container's health check runs every few seconds, so this imports no more than it needs.
"""

import os
import sys
import urllib.error
import urllib.request

from shared.settings import Settings

TIMEOUT_SECONDS = 4


def main() -> str | None:
    """Ask /readyz on this machine's OPS_PORT; return None when ready, or what it or the attempt said."""
    url = f"http://127.0.0.1:{Settings.from_env(os.environ).ops_port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS):
            return None
    except urllib.error.HTTPError as refusal:
        with refusal:
            return f"{url}: {refusal.code} {refusal.read().decode(errors='replace')}"
    except OSError as trouble:
        return f"{url}: {trouble}"


if __name__ == "__main__":
    sys.exit(main())
