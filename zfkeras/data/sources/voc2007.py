"""`voc2007:PATH`: PASCAL VOC 2007, 9,963 photographs, labelled test images among them.

The reading is done by voc.py, the same for both years.
"""

from zfkeras.data.register import Source
from zfkeras.data.sources.voc import open_voc


def open_source(rest: str) -> Source:
    """Opens VOC 2007, as `zfkeras.data.sources.voc.open_voc` says."""
    return open_voc(rest, 2007)
