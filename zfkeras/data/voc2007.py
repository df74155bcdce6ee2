"""`voc2007:PATH`: PASCAL VOC 2007, 9,963 photographs, labelled test images among them.

The reading is done by voc.py, the same for both years.
"""

from zfkeras.data.sources import Source
from zfkeras.data.voc import open_voc


def open_source(rest: str) -> Source:
    """Opens VOC 2007, as `zfkeras.data.voc.open_voc` says.

    Args:
        rest: path of the folder VOC2007, of a folder VOCdevkit or the one above it, or
            of the official tar or a zip of it; or of the folder with both tars.

    Raises:
        FileNotFoundError: there is no such path.
        UsageError: it is not VOC 2007, or a part of it is missing.
    """
    return open_voc(rest, 2007)
