import keras
import pytest


@pytest.fixture
def channels_first():
    """Keras's global setting, as ~/.keras/keras.json may have it."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format(before)
