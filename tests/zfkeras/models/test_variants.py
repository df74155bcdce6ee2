import dataclasses

import pytest

from zfkeras.models.variants import VARIANTS

# Table 3 of the paper: train top-1, validation top-1, validation top-5, in percent.
TABLE_3 = {
    "alexnet": (35.1, 40.5, 18.1),
    "alexnet_without_3_4": (41.8, 45.4, 22.1),
    "alexnet_without_7": (27.4, 40.0, 18.4),
    "alexnet_without_6_7": (27.4, 44.8, 22.4),
    "alexnet_without_3_4_6_7": (71.1, 71.3, 50.1),
    "alexnet_fc2048": (40.3, 41.7, 18.8),
    "alexnet_fc8192": (26.8, 40.0, 18.1),
    "zfnet": (33.1, 38.4, 16.5),
    "zfnet_fc2048": (38.2, 40.2, 17.6),
    "zfnet_fc8192": (22.0, 38.8, 17.0),
    "zfnet_b": (18.8, 37.5, 16.0),
    "zfnet_b_fc8192": (10.0, 38.3, 16.9),
}
FULL = ("zfnet", "alexnet")
QUARTER = ("zfnet_quarter", "alexnet_quarter")
CHANGES = (
    "",
    "_without_3_4",
    "_without_7",
    "_without_6_7",
    "_without_3_4_6_7",
    "_b",
)


def test_every_change_stands_at_both_scales():
    full = {base + change for base in FULL for change in CHANGES}
    full |= {base + fc for base in FULL for fc in ("_fc2048", "_fc8192", "_b_fc8192")}
    quarter = {base + change for base in QUARTER for change in CHANGES}
    quarter |= {
        base + fc for base in QUARTER for fc in ("_fc512", "_fc2048", "_b_fc2048")
    }
    assert set(VARIANTS) == full | quarter | {"zfnet_half"}


@pytest.mark.parametrize("base", [*FULL, *QUARTER])
def test_removed_layers_are_gone_and_nothing_else_changes(base):
    whole = VARIANTS[base]
    for change in CHANGES[1:5]:
        removed = {int(n) for n in change.removeprefix("_without_").split("_")}
        variant = VARIANTS[base + change]
        for field in ("stages", "fully_connected"):
            kept = {n: v for n, v in getattr(whole, field).items() if n not in removed}
            assert getattr(variant, field) == kept


@pytest.mark.parametrize(
    ("name", "middle"),
    [("zfnet_b", (512, 1024, 512)), ("zfnet_quarter_b", (256, 512, 256))],
)
def test_variant_b_widens_the_middle_and_nothing_else(name, middle):
    wide, base = VARIANTS[name], VARIANTS[name.removesuffix("_b")]
    assert tuple(wide.stages[n].filters for n in (3, 4, 5)) == middle
    for number, stage in wide.stages.items():
        filters = base.stages[number].filters
        assert dataclasses.replace(stage, filters=filters) == base.stages[number]
    assert wide.fully_connected == base.fully_connected


def test_the_rows_of_table_3_and_only_they_have_the_papers_errors():
    rows = {name: v.paper for name, v in VARIANTS.items() if v.paper}
    found = {
        name: (row.train_top1_error, row.top1_error, row.top5_error)
        for name, row in rows.items()
    }
    assert found.keys() == TABLE_3.keys()
    for name, percent in TABLE_3.items():
        assert found[name] == pytest.approx([p / 100 for p in percent], abs=1e-12)
