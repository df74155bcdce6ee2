import pytest

from zfkeras import UsageError, ZFNet, endpoints, register_variant, summary
from zfkeras.models.variants import rows_of


def test_a_variant_is_one_file_and_one_call(add, capsys):
    add("narrow_variant")
    model = ZFNet(num_classes=10, input_shape=(56, 56, 3), variant="narrow")
    channels = [end.channels for end in endpoints(model).values()]
    assert channels == [16, 32, 48, 48, 32, 32, 32]
    assert summary.main(["--variant", "narrow"]) == 0
    assert "conv1" in capsys.readouterr().out
    # It is no row of Table 3, though it was made of the full network.
    assert "narrow" not in [variant.name for variant in rows_of("zfnet_quarter")]


def test_what_is_no_variant_is_refused():
    with pytest.raises(UsageError) as caught:
        register_variant("zfnet")
    assert caught.value.argument == "variant"
