"""Names scripts and styles of a page for its Content-Security-Policy."""

import base64
import hashlib


def policy_hash(text: str) -> str:
    """Returns the hash that allows an inline script or style of this text."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
