"""Feature inversion: find an image with the same features in a trained network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dip.api._restore import restored
from napari_dip.config import DEFAULT_FEATURES
from napari_dip.core.tasks import InvertFeatures

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import nn

    from napari_dip.config import DipConfig, Noise, Preset, Stop


def invert_features(
    image: ArrayLike,
    features: str | nn.Module = DEFAULT_FEATURES,
    *,
    layer: str = "",
    unit: int | None = None,
    noise: Noise | None = None,
    preset: Preset | None = None,
    stop: Stop | None = None,
    channel_axis: int | None = None,
    device: str | None = None,
    rng: int | None = None,
    config: DipConfig | None = None,
) -> NDArray[np.float32]:
    """Find an image with the same features in a trained network.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Image whose features are reproduced: real, finite numbers of any scale. Three
        channels (`channel_axis`) are red, green and blue; any other number of channels is
        grey images.
    features : str or torch.nn.Module
        Trained network: "efficientnet-lite0" (``pip install "napari-dip[features]"``) or
        "alexnet" (torchvision with its weights), each optionally with a layer, as in
        "alexnet:features.3"; or a module that takes (N, 3, Y, X) from 0 to 1. Default:
        "efficientnet-lite0".
    layer : str
        Layer of the module, as in its `named_modules`. Default: its output.
    unit : int, optional
        Index of a unit, or channel, of the layer, from 0. The result then maximises its
        activity, averaged over positions, and only size and intensity range of `image`
        matter. Default: all features are reproduced.
    noise : {"auto", "gaussian", "poisson", "poisson-gaussian", "laplace"}, optional
        Noise model; "auto" measures the noise level in the image. Default: that of
        `config`, "auto".
    preset : {"fast", "balanced", "paper"}, optional
        Preset of network and fit: "balanced" is better and slower than "fast", "paper" has
        the published settings. Default: that of `config`, "balanced".
    stop : {"auto", "variance", "discrepancy", "none"}, optional
        Early stopping rule. Default: that of `config`, "auto"; for this
        task it is "none", all iterations.
    channel_axis : int, optional
        Axis of `image` that holds channels, which are then fitted jointly. Default: None;
        `config.axes`, or else the number of dimensions, then defines all axes.
    device : str, optional
        Device of the fit: "auto", "cpu", "cuda", "cuda:1" or "mps". Default: that of
        `config`, "auto".
    rng : int, optional
        Seed of network weights, latent and held-out pixels. Default: that of `config`, 0.
    config : DipConfig, optional
        All other settings. Default: ``DipConfig()``.

    Returns
    -------
    inverted : ([T, [C, ]][Z, ]Y, X) ndarray of float32
        Image with the shape and the intensity range of `image`.

    Raises
    ------
    InputError
        The network is not installed, has no such layer or unit, or does not accept images
        of this size.
    UsageError
        A setting has no valid value, or the task does not support the stopping rule.
    DeviceError
        The device is missing, failed or ran out of memory.
    DivergedError
        The fit diverged.

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
    return restored(
        image,
        task,
        channel_axis,
        config,
        noise=noise,
        preset=preset,
        stop=stop,
        device=device,
        seed=rng,
    )
