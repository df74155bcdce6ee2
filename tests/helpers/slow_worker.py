"""`zfkeras.train` of which worker 1 reads its images slowly, as `slow:PATH`."""

import dataclasses
import json
import os
import sys
import time

from zfkeras import train
from zfkeras.data.files.image_file import read_file
from zfkeras.data.register import register_source
from zfkeras.data.sources import folder

SECONDS = 0.7  # an image


def read_slowly(key: bytes) -> bytes:
    """Reads an image file, after a while if this is worker 1."""
    if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 1:
        time.sleep(SECONDS)
    return read_file(key)


def open_slowly(path: str):
    """Opens a folder whose training images are read slowly."""
    source = folder.open_source(path)
    train = dataclasses.replace(source.split("train"), read_key=read_slowly)
    return dataclasses.replace(source, splits={**source.splits, "train": train})


if __name__ == "__main__":
    register_source("slow", open_slowly)
    sys.exit(train.main())
