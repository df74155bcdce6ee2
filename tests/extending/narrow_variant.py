"""Adds a variant with a quarter of the filters of zfnet_quarter."""

import dataclasses

from zfkeras import register_variant
from zfkeras.models.variants import find_variant

base = find_variant("zfnet_quarter")
stages = {
    number: dataclasses.replace(stage, filters=stage.filters // 4)
    for number, stage in base.stages.items()
}
register_variant(
    dataclasses.replace(
        base, name="narrow", stages=stages, fully_connected={6: 32, 7: 32}
    )
)
