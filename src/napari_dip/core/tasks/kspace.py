"""ReconstructKSpace: reconstruct an image from part of its frequencies, as in fast MRI."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_dip.core.image.image import Image, finite_mask
from napari_dip.core.tasks.base import Task, grey_mask
from napari_dip.core.tasks.parameters import described
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from napari_dip.config import Noise
    from napari_dip.core.operators import kspace

# Quantiles between which the intensity range of an image is measured.
_BULK = (0.005, 0.995)


@dataclass(frozen=True, slots=True, eq=False)
class ReconstructKSpace(Task):
    """y = m F x, where m is 1 at recorded frequencies (ConvDecoder; IEEE TCI 2021).

    Attributes
    ----------
    mask : (Y, X) or (X,) array_like or Image
        Mask, not 0 at recorded frequencies or columns; zero frequency is in the middle
        and must be recorded.
    inverse : bool
        Whether the mask is 0 at recorded frequencies instead.
    paired : bool
        Whether the channels of the image are real and imaginary part of each coil in
        turn; otherwise images are real.
    maps : (C, Y, X) array_like of complex, optional
        Sensitivity map of each coil. One complex image is then estimated for all coils.
    noise : float, optional
        Standard deviation of the noise in the real and in the imaginary part of the
        recorded frequencies, in image units; None keeps the recorded values exactly.
    measured : bool
        Whether `noise` was measured in the recorded frequencies.
    """

    name = "fourier"
    mask: Any = field(
        default=None,
        metadata=described(
            "image",
            "Mask",
            "Image that is not 0 at recorded frequencies, zero frequency in the middle; by default "
            "all frequencies at which k-space is not 0.",
            labelled=True,
        ),
    )
    inverse: bool = field(
        default=False,
        metadata=described(
            "flag", "Mask is inverse", "The mask is 0 at recorded frequencies instead."
        ),
    )
    paired: bool = False
    maps: Any = None
    noise: float | None = None
    measured: bool = False

    @classmethod
    def of_kspace(
        cls,
        kspace: ArrayLike,
        mask: ArrayLike | Image | None = None,
        *,
        inverse: bool = False,
        maps: ArrayLike | None = None,
    ) -> tuple[Self, Image]:
        """Return the task and the zero-filled image of complex k-space.

        Parameters
        ----------
        kspace : ([C, ]Y, X) array_like of complex
            K-space of one plane, of one coil or several; zero frequency in the middle.
            The Fourier transform is unitary.
        mask : (Y, X) or (X,) array_like or Image, optional
            Mask, not 0 at recorded frequencies; by default the frequencies at which
            k-space is not 0.
        inverse : bool
            Whether the mask is 0 at recorded frequencies instead.
        maps : ([C, ]Y, X) array_like of complex, optional
            Sensitivity map of each coil, with the origin of the image in the middle; 0
            outside the object.

        Returns
        -------
        task : ReconstructKSpace
            Task with the mask and the maps.
        image : (2 C, Y, X) Image
            Zero-filled images, real and imaginary part of each coil in turn.

        Examples
        --------
        >>> kspace = np.fft.fftshift(np.fft.fft2(np.eye(8), norm="ortho"))
        >>> task, image = ReconstructKSpace.of_kspace(kspace)
        >>> image.axes, image.shape, bool(np.allclose(task.final(image).data, np.eye(8)))
        ('CYX', (2, 8, 8), True)
        """
        values = np.asarray(kspace)
        if values.ndim not in (2, 3) or values.dtype.kind != "c" or 0 in values.shape:
            raise InputError(
                f"Got k-space of shape {values.shape} and type {values.dtype}; expected complex "
                "numbers of one plane: ([coils, ]Y, X)."
            )
        if not np.isfinite(values).all():
            raise InputError("Got k-space with NaN or infinite numbers; expected all finite.")
        coils = values.reshape(-1, *values.shape[-2:])
        recorded = (coils != 0).any(axis=0) if mask is None else mask
        sensitivity = None if maps is None else _as_maps(maps, coils.shape)
        task = cls(recorded, inverse, paired=True, maps=sensitivity)
        sampled = task.sampled(coils.shape[-2:])
        images = np.fft.ifft2(np.fft.ifftshift(coils, (-2, -1)) * sampled, norm="ortho")
        # Zero frequency is in the middle of k-space, so the image origin is in its middle, too.
        images = np.fft.fftshift(images, (-2, -1))
        pairs = np.stack([images.real, images.imag], axis=1).reshape(-1, *coils.shape[-2:])
        return task, Image(pairs, "CYX")

    @property
    def local(self) -> bool:
        return False

    @property
    def joint(self) -> bool:
        return self.paired

    def sampled(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return the recorded frequencies as a mask (Y, X) with zero frequency at [0, 0]."""
        if self.mask is None:
            raise InputError("Got no mask; expected one that marks the recorded frequencies.")
        painted = (as_mask(self.mask) != 0) != self.inverse
        if painted.ndim == 1:
            painted = np.broadcast_to(painted, (shape[0], painted.size))
        if painted.shape != tuple(shape):
            raise InputError(
                f"Got a mask of shape {painted.shape} for planes of {shape[0]} x {shape[1]}; "
                "expected the same shape, one entry for each frequency."
            )
        sampled = np.fft.ifftshift(painted)
        if not sampled[0, 0]:
            raise InputError(
                "Got a mask whose middle, zero frequency, was not recorded; expected it to be "
                "recorded. Choose inverse if the mask is 0 at recorded frequencies; move zero "
                "frequency to the middle if it is in a corner."
            )
        return np.asarray(sampled)

    def check(self, image: Image, axes: str) -> None:
        if not image.axes.endswith("YX"):
            raise InputError(
                f"Got an image with the axes {image.axes}; expected grey planes, Y and X last."
            )
        if not finite_mask(np.asarray(image.data)).all():
            raise InputError(
                "Got NaN or infinite pixels; expected all finite, because each frequency depends "
                "on all pixels."
            )
        self.sampled(image.shape[-2:])

    def observe(self, image: Image) -> Image:
        """Return the zero-filled image: frequencies that were not recorded are 0."""
        self.check(image, "YX")
        values = np.asarray(image.data, dtype=np.float64)
        return image if self.paired else image.with_data(self._recorded_part(values))

    @property
    def by_parts(self) -> bool:
        return False

    def operator(self, image: Image, axes: str) -> kspace.KSpace:
        return self._transform(image.shape[-2:])

    def merge(self, estimate: NDArray[Any], observed: NDArray[Any]) -> NDArray[Any]:
        """Replace frequencies of the estimate by the recorded ones, unless they are noisy.

        With maps, the coils may contradict each other; the estimate then moves towards
        the mean of their corrections.
        """
        if self.noise is not None:
            return estimate
        transform = self._transform(observed.shape[-2:])
        image, seen = _tensor(estimate), _tensor(observed)
        correction = seen - transform.recorded_part(transform.coil_images(image))
        consistent = image + transform.combined(correction)
        return np.asarray(consistent[0].numpy(), dtype=estimate.dtype)

    def enlarged(self, image: Image) -> Image:
        """Return the zero-filled image; with maps, the coils are combined."""
        if self.maps is None:
            return image
        combined = self._transform(image.shape[-2:]).combined(_tensor(image.data))
        return image.with_data(combined[0].numpy())

    def check_noise(self, noise: Noise) -> None:
        if noise in ("poisson", "poisson-gaussian"):
            raise InputError(
                f"Got the noise model {noise} for k-space; expected auto, gaussian or laplace, "
                "because k-space does not count photons. Leave the noise model at auto."
            )

    def with_noise(self, noise: Noise, sigma: float | None, image: Image) -> Self:
        if noise == "laplace" or self.noise is not None:
            return self
        if noise == "gaussian" and sigma:
            return replace(self, noise=sigma)
        found = self._measured_noise(image)
        return self if found is None else replace(self, noise=found, measured=True)

    @property
    def known_noise(self) -> float | None:
        return self.noise

    def remarks(self, image: Image) -> tuple[str, ...]:
        if not self.measured:
            return ()
        return (
            f"The outermost frequencies contain noise with a standard deviation of "
            f"{self.noise:.4g}, so the result does not reproduce the recorded frequencies exactly. "
            "If this is not noise, choose the noise model gaussian with a smaller standard "
            "deviation.",
        )

    def final(self, image: Image) -> Image:
        """Return the magnitude of complex images: root sum of squares over coils."""
        if not self.paired:
            return image
        axis = image.axes.index("C")
        magnitude = np.sqrt((np.asarray(image.data) ** 2).sum(axis=axis))
        return Image(magnitude, image.axes.replace("C", ""))

    def _transform(self, shape: tuple[int, ...]) -> kspace.KSpace:
        import torch

        from napari_dip.core.operators import kspace

        sampled = torch.from_numpy(self.sampled(shape))
        maps = None if self.maps is None else torch.from_numpy(self.maps)
        return kspace.KSpace(sampled, paired=self.paired, maps=maps, noisy=self.noise is not None)

    def _measured_noise(self, image: Image) -> float | None:
        """Return the standard deviation of the noise, or None without clear noise."""
        from napari_dip.core.operators.kspace import noise_floor

        self.check(image, "YX")
        planes = _tensor(image.data)
        spectrum, recorded = self._transform(image.shape[-2:]).measured(planes, planes)
        darkest, brightest = np.quantile(np.asarray(self.final(image).data), _BULK)
        return noise_floor(spectrum, recorded, float(brightest - darkest))

    def _recorded_part(self, values: NDArray[Any]) -> NDArray[Any]:
        transform = self._transform(values.shape[-2:])
        return np.asarray(transform.recorded_part(_tensor(values))[0])


def _tensor(values: ArrayLike) -> Tensor:
    """Return a copy of the values as a tensor of float64, (1, ..., Y, X)."""
    import torch

    return torch.from_numpy(np.array(values, dtype=np.float64))[None]


def _as_maps(maps: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.complex64]:
    values = np.asarray(maps)
    if values.ndim == 2:
        values = values[None]
    if values.shape != shape or values.dtype.kind not in "fc":
        raise InputError(
            f"Got sensitivity maps of shape {values.shape} and type {values.dtype} for k-space of "
            f"shape {shape}; expected the same shape, one complex map for each coil."
        )
    if not np.isfinite(values).all() or not values.any():
        raise InputError("Got sensitivity maps that are 0 or not finite; expected finite ones.")
    return values.astype(np.complex64)


def as_mask(mask: Any) -> NDArray[Any]:
    """Return a mask as an array without axes of length 1; (X,) stays one-dimensional."""
    values = mask if np.ndim(mask) == 1 else grey_mask(mask).data
    values = np.asarray(values)
    return np.squeeze(values) if values.ndim > 2 else values
