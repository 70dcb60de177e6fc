"""Task: what distinguishes one inverse problem from another, and what all have in common."""

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

    from napari_dip.config import Noise, TaskName
    from napari_dip.core.operators.base import Operator


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What distinguishes one inverse problem from another; by itself, none does."""

    name: ClassVar[str]

    @property
    def preset(self) -> TaskName:
        """Whose presets are used."""
        return self.name  # type: ignore[return-value]

    def observe(self, image: Image) -> Image:
        """Return the observation: the image, with NaN where pixels are missing."""
        return image

    @property
    def dims(self) -> Literal[2, 3]:
        """Whether planes are enough, or volumes are needed."""
        return 2

    @property
    def noisy(self) -> bool:
        """Whether the task takes noise away: what it leaves of the image should look like it."""
        return False

    @property
    def adapts_to_noise(self) -> bool:
        """Whether noise that is not white may choose another latent and stopping rule."""
        return False

    @property
    def joint(self) -> bool:
        """Whether channels belong together: fitted jointly, with one intensity map."""
        return False

    @property
    def local(self) -> bool:
        """Whether a pixel of the observation shows its own place in the picture.

        Then constant planes hold no information, and can be left out of the fit.
        """
        return True

    @property
    def leaves_out_regions(self) -> bool:
        """Whether large regions of one value are no data: with noise a scene has none."""
        return self.noisy and self.local

    @property
    def tolerance(self) -> float | None:
        """How far the observation may be rounded off, in the operator's units; None for noise."""
        return None

    def operator(self, image: Image, axes: str) -> Operator:
        """Return A, from the estimate to the observation, both over "YX" or "ZYX"."""
        from napari_dip.core.operators.base import Identity

        return Identity()

    def check(self, image: Image, axes: str) -> None:
        """Raise an `InputError` if the task cannot be done over these axes of an image."""
        self.factors()
        self.observe(image)
        self.guides(image)

    def guides(self, image: Image) -> list[Image]:
        """Return the channels of another picture that helps, each of the image's shape."""
        return []

    def factors(self) -> Mapping[str, int]:
        """Return how many times more pixels the result has along an axis."""
        return {}

    @property
    def by_parts(self) -> bool:
        """Whether the result can be put together without ever having the whole image."""
        return not self.factors()

    def enlarged(self, image: Image) -> Image:
        """Return the image in the shape of a result, for where nothing is fitted."""
        return image.enlarged(self.factors())

    @property
    def rules(self) -> tuple[Stop, ...]:
        """Stopping rules that may be asked for; some tasks can do more, or less."""
        return tuple(rule for rule in get_args(Stop) if rule not in ("sure", "blocks"))

    def check_stop(self, stop: Stop) -> None:
        """Raise a `UsageError` if a stopping rule makes no sense."""
        if stop not in self.rules:
            raise UsageError(
                f"Got the stopping rule {stop} for {self.preset}; expected one of "
                f"{', '.join(self.rules)}. Leave it at auto."
            )

    def check_noise(self, noise: Noise) -> None:
        """Raise an `InputError` if a noise model makes no sense."""
        return

    def knowing(self, noise: Noise, sigma: float | None, image: Image) -> Self:
        """Return the task with what it should know of the noise, on the image's scale."""
        return self

    @property
    def known_noise(self) -> float | None:
        """Deviation of noise that need not be measured in pixels, on the image's scale."""
        return None

    def remarks(self, image: Image) -> tuple[str, ...]:
        """Return sentences for the report: what the task found out that a user should know."""
        return ()

    def final(self, image: Image) -> Image:
        """Return what the user is given of a result."""
        return image

    def merge(self, estimate: NDArray[Any], observed: NDArray[Any]) -> NDArray[Any]:
        """Return the result of a block, on the image's scale and in its order of axes.

        Both are shaped as the block's selection of the array ([C, ][Z, ]Y, X[, S]);
        `observed` has NaN where pixels are missing, and the image's size.
        """
        return estimate


def as_picture(data: Any) -> Image:
    """Take (Y, X, 3) for RGB, as everybody does who has no axes to tell."""
    if isinstance(data, Image):
        return data
    values = np.asarray(as_array(data))
    return as_image(values, "YXS" if values.ndim == 3 and values.shape[-1] in (3, 4) else None)


def colours_of(picture: Image) -> NDArray[Any]:
    """Return the samples (..., S) of a picture with an axis S, without its opacity."""
    return np.asarray(picture.data)[..., : colour_samples(picture)]


def grey_mask(data: Any) -> Image:
    """Return a mask as one value for each pixel, whatever its colours and opacity are.

    Parameters
    ----------
    data : array_like or Image
        Grey, grey with opacity (Y, X, 2), RGB or RGBA.

    Returns
    -------
    Image
        The largest of the colours; where they are the same in all pixels and the opacity
        is not, as in a mask drawn on a transparent layer, the opacity.

    Examples
    --------
    >>> opaque = np.full((8, 8), 255)
    >>> float(grey_mask(np.stack([np.eye(8), opaque], axis=-1)).data.sum())
    8.0
    """
    picture = as_picture(data)
    if len(picture.shape) == 3 and picture.shape[-1] == 2 and not picture.rgb:
        # No image is 2 pixels wide; grey with opacity has no axis of its own in an array.
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
    """Tell whether not all pixels have the same colour."""
    return bool((colours != colours.reshape(-1, colours.shape[-1])[0]).any())


def by_axis(given: float | Mapping[str, float]) -> dict[str, float]:
    """Return one number for each axis named; a single one is for Y and X."""
    numbers = given if isinstance(given, Mapping) else {"Y": given, "X": given}
    return {axis.upper(): number for axis, number in numbers.items()}
