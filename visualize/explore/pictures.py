"""Arrays as PNG data URIs, which a JSON answer carries."""

import base64
import io

import numpy as np
from PIL import Image


def png(pixels: np.ndarray) -> str:
    """Encodes uint8 pixels (height, width) or (height, width, 3)."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def grey(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scales values to grey levels, `low` to black and `high` to white."""
    span = max(high - low, np.finfo(np.float32).tiny)
    return np.rint(255 * np.clip((values - low) / span, 0, 1)).astype(np.uint8)
