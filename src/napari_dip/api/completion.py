"""What was not recorded is filled: missing pixels, or missing frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dip.api._restore import restored
from napari_dip.config import DEFAULT_KNOWN
from napari_dip.core.tasks import Inpaint, ReconstructKSpace
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike, NDArray

    from napari_dip.api._restore import Choices
    from napari_dip.config import DipConfig, Known


def inpaint(
    image: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    labels: tuple[int, ...] = (),
    inverse: bool = False,
    known: Known = DEFAULT_KNOWN,
    channel_axis: int | None = None,
    config: DipConfig | None = None,
    **choices: Unpack[Choices],
) -> NDArray[np.float32]:
    """Fill missing pixels with an untrained network.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Real numbers; pixels that are not finite are missing in any case.
    mask : (Y, X) or (...) array_like, optional
        Not 0 where pixels are missing.
    labels : tuple of int
        Only these values of the mask mark missing pixels.
    inverse : bool
        The mask marks known pixels.
    known : {"keep", "restore"}
        Whether known pixels come back as they were, or denoised.
    channel_axis, config, **choices
        As for `denoise`.

    Returns
    -------
    restored : (...) ndarray of float32
        Shape and scale of `image`.

    Raises
    ------
    InputError
        The mask does not fit, or leaves no pixel known, or none to fill.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", IJCV 128
           (2020), eq. 6.

    Examples
    --------
    >>> from napari_dip import DipConfig
    >>> mask = np.eye(16)
    >>> inpaint(np.ones((16, 16)) + mask, mask, config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    task = Inpaint(mask, labels, inverse, known)
    return restored(image, task, channel_axis, config, **choices)


def reconstruct_fourier(
    image: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    inverse: bool = False,
    maps: ArrayLike | None = None,
    config: DipConfig | None = None,
    **choices: Unpack[Choices],
) -> NDArray[np.float32]:
    """Reconstruct an image of which some frequencies were recorded, as in fast MRI.

    Parameters
    ----------
    image : ([C, ]Y, X) array_like of complex, or ([T, ][Z, ]Y, X) of real numbers
        Measured k-space, zero frequency in the middle, of one coil or of
        several; or a real image of which only the frequencies of the mask are
        believed, such as a zero-filled one.
    mask : (Y, X) or (X,) array_like, optional
        Not 0 at recorded frequencies, or columns; zero frequency in the
        middle. Of k-space, by default, where it is not 0.
    inverse : bool
        The mask is 0 where frequencies were recorded.
    maps : ([C, ]Y, X) array_like of complex, optional
        Sensitivity of each coil: one complex image is estimated, seen by all
        of them, instead of one for each.
    config, **choices
        As for `denoise`.

    Returns
    -------
    restored : ([T, ][Z, ]Y, X) ndarray of float32
        The real image; of k-space the magnitude, root sum of squares over
        coils. Recorded frequencies are as they were.

    Raises
    ------
    InputError
        The mask has another shape, or does not hold zero frequency.

    References
    ----------
    .. [1] M. Z. Darestani, R. Heckel, "Accelerated MRI with un-trained neural
           networks", IEEE Transactions on Computational Imaging 7 (2021).

    Examples
    --------
    >>> from napari_dip import DipConfig
    >>> columns = np.arange(16) % 2 == 0
    >>> reconstruct_fourier(np.eye(16), columns, config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    if np.iscomplexobj(image):
        task, zero_filled = ReconstructKSpace.of_kspace(image, mask, inverse=inverse, maps=maps)
        return restored(zero_filled, task, None, config, **choices)
    if maps is not None:
        raise InputError("Got sensitivity maps for a real image; expected complex k-space.")
    return restored(image, ReconstructKSpace(mask, inverse), None, config, **choices)
