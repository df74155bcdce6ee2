"""The deconvnet: from a unit of a network down to the pixels that made it active."""

from zfkeras.io.extras import check_backend

check_backend()
