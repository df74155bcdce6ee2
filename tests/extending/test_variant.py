import pytest

from zfkeras import UsageError, ZFNet, endpoints, register_variant, summary


def test_a_variant_is_one_file_and_one_call(add, capsys):
    add("narrow_variant")
    model = ZFNet(num_classes=10, input_shape=(56, 56, 3), variant="narrow")
    channels = [end.channels for end in endpoints(model).values()]
    assert channels == [16, 32, 48, 48, 32, 32, 32]
    assert summary.main(["--variant", "narrow"]) == 0
    assert "conv1" in capsys.readouterr().out


def test_what_is_no_variant_is_refused():
    with pytest.raises(UsageError) as caught:
        register_variant("zfnet")
    assert caught.value.argument == "variant"
