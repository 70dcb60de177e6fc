"""What `napari-dip TASK` asks beyond the configuration, and the task that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from napari_dip.cli.options import Flag, by_axis
from napari_dip.config import (
    DEFAULT_FACTOR,
    DEFAULT_KERNEL,
    DEFAULT_KNOWN,
    DEFAULT_LOSS,
    DEFAULT_OPTICS,
    REFRACTIVE_INDEX,
    BatchTask,
    JpegLoss,
    Kernel,
    Known,
    Optics,
)
from napari_dip.errors import UsageError

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image
    from napari_dip.core.tasks import Task
    from napari_dip.core.tasks.spec import TaskSpec


GuideFile = Annotated[
    Path,
    Parameter(help="Image file of the same Y and X: a flash photograph, or a brighter channel."),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class InpaintOptions:
    """Which pixels are missing.

    Parameters
    ----------
    mask
        Image file, painted where pixels are missing; of one plane, or of all.
    labels
        Only these values of the mask mark missing pixels (default: all but 0).
    inverse
        The mask is painted where pixels are known.
    known
        Known pixels come back as they were, or denoised.
    """

    mask: Path | None = None
    labels: Annotated[tuple[int, ...], Parameter(negative="", show_default=False)] = ()
    inverse: Flag = False
    known: Known = DEFAULT_KNOWN

    def spec(self) -> TaskSpec:
        return _spec(
            "inpaint",
            {"mask": self.mask},
            labels=self.labels,
            inverse=self.inverse,
            known=self.known,
        )

    def task(self) -> Task:
        return self.spec().build(read)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SuperResolveOptions:
    """How an image was sampled.

    Parameters
    ----------
    factor
        How many times more pixels: 4, or y=2,x=4; z=4 for planes between those of a stack.
    kernel
        What low-passed the image before it was sampled; box for a camera that bins.
    """

    factor: str = str(DEFAULT_FACTOR)
    kernel: Kernel = DEFAULT_KERNEL

    def spec(self) -> TaskSpec:
        factor = by_axis("factor", self.factor, int)
        return _spec("super-resolve", {}, factor=factor, kernel=self.kernel)

    def task(self) -> Task:
        return self.spec().build(read)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DeconvolveOptions:
    """What is known of the blur.

    Parameters
    ----------
    psf
        Image file of a point; of three dimensions, whole volumes are deconvolved. It is
        resampled to the voxel size of the image.
    psf_voxel_size
        Voxel size of the PSF [micrometre], in place of the file's: 0.1, or z=0.1,y=0.05,x=0.05.
    sigma
        Standard deviation of a Gaussian blur [pixels]: 1.5, or z=2,y=1,x=1.
    na
        Numerical aperture of the objective.
    wavelength
        Of the emitted light [micrometre].
    refractive_index
        Of the immersion medium.
    optics
        Theory that the PSF is computed by; vectorial for a high numerical aperture, with the
        extra psf.
    refine_psf
        The Gaussian's width is a guess, refined along each axis during the fit.
    """

    psf: Path | None = None
    psf_voxel_size: str | None = None
    sigma: str | None = None
    na: float | None = None
    wavelength: float | None = None
    refractive_index: float = REFRACTIVE_INDEX
    optics: Optics = DEFAULT_OPTICS
    refine_psf: Flag = False

    def spec(self) -> TaskSpec:
        return _spec(
            "deconvolve",
            {"psf": self.psf},
            self._voxel_size(),
            sigma=None if self.sigma is None else by_axis("sigma", self.sigma, float),
            na=self.na,
            wavelength=self.wavelength,
            refractive_index=self.refractive_index,
            refine_psf=self.refine_psf,
            optics=self.optics,
        )

    def task(self) -> Task:
        return self.spec().build(read)

    def _voxel_size(self) -> dict[str, float] | None:
        text = self.psf_voxel_size
        if self.psf is None or text is None:
            return None
        size = by_axis("psf-voxel-size", text, float)
        sizes = size if isinstance(size, dict) else {"y": size, "x": size}
        if not all(0 < one < inf for one in sizes.values()):
            raise UsageError(f"Got --psf-voxel-size {text}; expected sizes above 0 [micrometre].")
        return sizes


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """Any task, with the options that some have.

    Parameters
    ----------
    name
        What is to be done; its own options as for the command of that name.
    missing
        Which pixels are missing; of fourier, mask and inverse say which frequencies.
    sampling
        How the image was sampled.
    blur
        What is known of the blur.
    """

    name: Annotated[BatchTask, Parameter(name="--task")] = "denoise"
    missing: InpaintOptions = InpaintOptions()
    sampling: SuperResolveOptions = SuperResolveOptions()
    blur: DeconvolveOptions = DeconvolveOptions()
    guide: GuideFile | None = None

    def spec(self) -> TaskSpec:
        match self.name:
            case "inpaint":
                return self.missing.spec()
            case "super-resolve":
                return self.sampling.spec()
            case "deconvolve":
                return self.blur.spec()
            case "guided":
                return _spec("guided", {"picture": self.guide})
            case "fourier":
                missing = self.missing
                return _spec("fourier", {"mask": missing.mask}, inverse=missing.inverse)
            case _:
                return _spec(self.name, {})


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class JpegOptions:
    """What counts of a decoded JPEG.

    Parameters
    ----------
    loss
        Coefficients: of the cosine transform, in steps of their quantisation; bins: only those
        that leave the bin they were rounded to. Both need the JPEG file. Plain: pixels. Auto:
        coefficients of a JPEG file, else plain.
    """

    loss: JpegLoss = DEFAULT_LOSS

    def task(self, image: Path) -> Task:
        from napari_dip.core.tasks import RemoveJpeg
        from napari_dip.io.images import read_quantisation

        return RemoveJpeg(read_quantisation(image), self.loss)


def read(path: Path) -> Image:
    """Read an image that a task needs."""
    from napari_dip.io.images import read_image

    return read_image(path)


def read_given(path: Path | None) -> Image | None:
    """Read an image that a task may need, if there is one."""
    return None if path is None else read(path)


def _spec(
    name: BatchTask,
    pictures: Mapping[str, Path | None],
    voxel_size: Mapping[str, float] | None = None,
    **parameters: Any,
) -> TaskSpec:
    """Return a task of these parameters, and of the pictures that there are."""
    from napari_dip.core.tasks.spec import PictureFile, TaskSpec

    files = {
        name: PictureFile(path, voxel_size) for name, path in pictures.items() if path is not None
    }
    return TaskSpec(name, {**files, **parameters})
