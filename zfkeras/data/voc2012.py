"""`voc2012:PATH`: PASCAL VOC 2012, 11,540 labelled photographs of 20 classes.

The reading is done by voc.py, the same for both years.
"""

from zfkeras.data.sources import Source
from zfkeras.data.voc import open_voc


def open_source(rest: str) -> Source:
    """Opens VOC 2012, as `zfkeras.data.voc.open_voc` says."""
    return open_voc(rest, 2012)
