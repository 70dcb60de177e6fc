"""Task: base class of all inverse problems, and helpers for masks and guide images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

import numpy as np

from napari_dip.config import Stop
from napari_dip.core.image.array_like import as_array
from napari_dip.core.image.axes import colour_samples
from napari_dip.core.image.image import Image, as_image
from napari_dip.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.config import Noise, StripesChoice, TaskName
    from napari_dip.core.operators.base import Operator


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One inverse problem: forward operator, missing pixels, and how the result is made.

    The base class has the identity as its operator.
    """

    name: ClassVar[str]
    # Ways to give what the task needs, of which a user chooses one, and their parameters. A
    # parameter of none of them belongs to the first.
    ways: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @property
    def preset(self) -> TaskName:
        """Name of the presets that the task uses."""
        return self.name  # type: ignore[return-value]

    def preset_for(self, image: Image) -> TaskName:
        """Return the name of the presets that suit an image; `preset` before it is known."""
        return self.preset

    def observe(self, image: Image) -> Image:
        """Return the observation: the image, with NaN where pixels are missing."""
        return image

    def excess_variance(self, image: Image) -> Image | None:
        """Return the variance of each pixel beyond that of the noise model, in squared units.

        None if all pixels at one intensity have the same noise.
        """
        return None

    @property
    def dims(self) -> Literal[2, 3]:
        """Dimensions of one fit: 2 for planes, 3 for volumes."""
        return 2

    @property
    def noisy(self) -> bool:
        """Whether the task removes noise; the residual is then checked for image structure."""
        return False

    @property
    def adapts_to_noise(self) -> bool:
        """Whether correlated noise may change the latent and the stopping rule."""
        return False

    @property
    def has_fixed_operator(self) -> bool:
        """Whether the operator is linear and known: nothing of it is fitted."""
        return True

    @property
    def joint(self) -> bool:
        """Whether channels must be fitted jointly, with one intensity scale for all."""
        return False

    @property
    def local(self) -> bool:
        """Whether each pixel of the observation depends only on nearby pixels of the estimate.

        Constant planes then hold no information, and the fit leaves them out.
        """
        return True

    @property
    def leaves_out_regions(self) -> bool:
        """Whether the fit leaves out large regions of one value.

        A noisy scene has no such regions, so they hold no data.
        """
        return self.noisy and self.local

    @property
    def tolerance(self) -> float | None:
        """Largest rounding error of the observation, in the operator's units; None for noise."""
        return None

    def operator(self, image: Image, axes: str) -> Operator:
        """Return the forward operator A, from the estimate to the observation.

        Parameters
        ----------
        image : Image
            Observation.
        axes : {"YX", "ZYX"}
            Axes of one fit.
        """
        from napari_dip.core.operators.base import Identity

        return Identity()

    def check(self, image: Image, axes: str) -> None:
        """Raise an `InputError` if the image or the axes of a fit do not suit the task."""
        self.factors()
        self.observe(image)
        self.guides(image)

    def guides(self, image: Image) -> list[Image]:
        """Return the channels of the guide image, each with the shape of the image."""
        return []

    def factors(self) -> Mapping[str, int]:
        """Return the magnification of the result along each axis."""
        return {}

    @property
    def by_parts(self) -> bool:
        """Whether the result can be written block by block, without the whole image in memory."""
        return not self.factors()

    def enlarged(self, image: Image) -> Image:
        """Return the image in the shape of the result, for regions that are not fitted."""
        return image.enlarged(self.factors())

    @property
    def rules(self) -> tuple[Stop, ...]:
        """Stopping rules that the task supports."""
        return tuple(rule for rule in get_args(Stop) if rule not in ("sure", "blocks"))

    def check_stop(self, stop: Stop) -> None:
        """Raise a `UsageError` if the task does not support the stopping rule."""
        if stop not in self.rules:
            raise UsageError(
                f"Got the stopping rule {stop} for {self.preset}; expected one of "
                f"{', '.join(self.rules)}. Leave it at auto."
            )

    def check_noise(self, noise: Noise) -> None:
        """Raise an `InputError` if the noise model does not apply to the task."""
        return

    def stripes_choice(self, choice: StripesChoice) -> StripesChoice:
        """Return which stripes to subtract: those of the choice, or none if the task has no noise.

        Raises
        ------
        UsageError
            The choice names a direction, and the task does not remove noise from planes.
        """
        if self.noisy and self.local:
            return choice
        if choice not in ("auto", "none"):
            raise UsageError(
                f"Got the stripes {choice} for {self.name}; expected auto or none. Denoise the "
                "image first, which removes stripes."
            )
        return "none"

    def with_noise(self, noise: Noise, sigma: float | None, image: Image) -> Self:
        """Return the task with the noise level that it needs.

        Parameters
        ----------
        noise : str
            Noise model of the configuration.
        sigma : float or None
            Standard deviation of the noise, in image units, if the user gave it.
        image : Image
            Observation, from which the task may measure the noise.
        """
        return self

    @property
    def known_noise(self) -> float | None:
        """Standard deviation of the noise, in image units, if the task has measured it."""
        return None

    def remarks(self, image: Image) -> tuple[str, ...]:
        """Return warnings for the report, as sentences."""
        return ()

    def final(self, image: Image) -> Image:
        """Return the result in the form that the user gets."""
        return image

    def merge(self, estimate: NDArray[Any], observed: NDArray[Any]) -> NDArray[Any]:
        """Combine estimate and observation into the result of one block.

        Parameters
        ----------
        estimate : ([C, ][Z, ]Y, X[, S]) array
            Estimate of the block, in image units; larger than `observed` if the task
            magnifies.
        observed : ([C, ][Z, ]Y, X[, S]) array
            Observation of the block, in image units; NaN where pixels are missing.

        Returns
        -------
        array
            Result of the block, with the shape of `estimate`.
        """
        return estimate


def as_picture(data: Any) -> Image:
    """Return an image; an array of shape (Y, X, 3) or (Y, X, 4) is RGB or RGBA."""
    if isinstance(data, Image):
        return data
    values = np.asarray(as_array(data))
    return as_image(values, "YXS" if values.ndim == 3 and values.shape[-1] in (3, 4) else None)


def colours_of(picture: Image) -> NDArray[Any]:
    """Return the colour samples (..., S) of a picture without the opacity.

    The opacity is the last sample of 2 (grey) or 4 (RGB).
    """
    return np.asarray(picture.data)[..., : colour_samples(picture)]


def grey_mask(data: Any) -> Image:
    """Return a mask with one value for each pixel, from grey values, colours or opacity.

    Parameters
    ----------
    data : array_like or Image
        Grey, grey with opacity (Y, X, 2), RGB or RGBA.

    Returns
    -------
    Image
        Largest colour sample of each pixel. If all pixels have the same colour and the
        opacity varies, as in a mask drawn on a transparent layer: the opacity.

    Examples
    --------
    >>> opaque = np.full((8, 8), 255)
    >>> float(grey_mask(np.stack([np.eye(8), opaque], axis=-1)).data.sum())
    8.0
    """
    picture = as_picture(data)
    if len(picture.shape) == 3 and picture.shape[-1] == 2 and not picture.rgb:
        # An array cannot mark its axis of samples; no mask is 2 pixels wide.
        picture = replace(picture, axes="YXS")
    if not picture.rgb:
        return picture
    colours = colours_of(picture)
    opacity = np.asarray(picture.data)[..., -1]
    drawn = (
        colours.shape[-1] < picture.shape[-1]
        and _varies(opacity[..., None])
        and not _varies(colours)
    )
    return replace(picture, data=opacity if drawn else colours.max(-1), axes=picture.axes[:-1])


def _varies(colours: NDArray[Any]) -> bool:
    """Return whether the pixels have more than one colour."""
    return bool((colours != colours.reshape(-1, colours.shape[-1])[0]).any())


def by_axis(value: float | Mapping[str, float]) -> dict[str, float]:
    """Return one number for each axis; a single number applies to Y and X."""
    numbers = value if isinstance(value, Mapping) else {"Y": value, "X": value}
    return {axis.upper(): number for axis, number in numbers.items()}
