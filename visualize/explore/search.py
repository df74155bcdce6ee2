"""The search for each channel's strongest images, in the background."""

import logging
import threading
from collections.abc import Sequence

import numpy as np

from visualize.deconvnet.deconvnet import Deconvnet
from visualize.figures.features.top_features import LayerFeatures, layer_features
from visualize.strongest.distinct import count_to_scan, one_per_photograph
from visualize.strongest.searched_images import SearchedImages
from visualize.strongest.top_activations import Strongest, TopActivations
from zfkeras.errors import RunError
from zfkeras.io.progress import Progress, Stopped
from zfkeras.models.classifier import Classifier

_TOP = 9
_log = logging.getLogger(__name__)


class StrongestSearch:
    """Passes once over the images when it is first asked; later answers are at hand."""

    def __init__(
        self,
        classifier: Classifier,
        layers: Sequence[int | str],
        images: SearchedImages,
        batch_size: int,
    ):
        count = count_to_scan(images.source, _TOP)
        self._finder = TopActivations(classifier, layers, count)
        self._images, self._batch_size = images, batch_size
        self.progress = Progress(images.split.num_examples)
        self._found: dict[int | str, Strongest] = {}
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begins the pass in a thread, if it has not begun."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._scan, daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Ends the pass; waits for the batch under way."""
        self.progress.stops = True
        if self._thread is not None:
            self._thread.join()

    def is_finished(self) -> bool:
        """Whether the answer is there; raises what the pass has raised."""
        if self._error is not None:
            raise RunError(f"the search for strong activations: {self._error}")
        return bool(self._found)

    def features(
        self, deconvnet: Deconvnet, layer: int | str, channel: int
    ) -> LayerFeatures:
        """Rereads and projects the strongest activations of one channel."""
        return layer_features(
            self._finder,
            deconvnet,
            layer,
            self._found[layer],
            np.array([channel]),
            self._images.split,
        )

    def class_name(self, label: int) -> str | None:
        """Names the class of an image that was found."""
        return self._images.source.class_names[label] if label >= 0 else None

    def _scan(self):
        try:
            found = self._finder.scan(
                self._images.split,
                batch_size=self._batch_size,
                bad_images=self._images.bad_images,
                show_progress=self.progress,
            )
            self._found = {
                layer: one_per_photograph(strongest, _TOP, self._images)
                for layer, strongest in found.items()
            }
        except Stopped:
            pass
        except Exception as err:  # of the thread: the page shall say it
            _log.warning("the search for strong activations failed: %s", err)
            self._error = err
