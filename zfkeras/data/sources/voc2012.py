"""`voc2012:PATH`: PASCAL VOC 2012, 11,540 labelled photographs of 20 classes.

The reading is done by voc.py, the same for both years.
"""

from zfkeras.data.register import Source
from zfkeras.data.sources.voc import open_voc


def open_source(rest: str) -> Source:
    """Opens VOC 2012, as `zfkeras.data.sources.voc.open_voc` says."""
    return open_voc(rest, 2012)
