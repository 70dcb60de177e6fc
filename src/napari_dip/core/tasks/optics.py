"""Optics of a deconvolution: values of the user, then of the file, then defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from napari_dip.config import DEFAULT_OPTICS, DEFAULT_PINHOLE, REFRACTIVE_INDEX
from napari_dip.core.image.acquisition import Acquisition
from napari_dip.core.operators.psf.kernel import spacing_in_micrometers
from napari_dip.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_dip.config import Microscope, Optics
    from napari_dip.core.image.image import Image
    from napari_dip.core.operators.psf.microscope import Setup

# Half width of a wide-field PSF of volumes, at most one over this of the image: more costs time.
_WIDEST = 4
# Kinds of microscopes whose PSF depends on the excitation and on the pinhole.
_WITH_PINHOLE = ("confocal", "spinning-disk")


@dataclass(frozen=True, slots=True)
class GivenOptics:
    """Optics that the user gives; None or "auto" for what comes from elsewhere.

    Attributes
    ----------
    na : float or None
        Numerical aperture of the objective.
    wavelength, wavelength_excitation : float or None
        Wavelengths of the emitted and of the exciting light [micrometre].
    refractive_index : float or None
        Refractive index of the immersion medium.
    microscope : str
        "auto" or a kind of microscope.
    pinhole : float or None
        Diameter of the pinhole [Airy units].
    sheet_thickness : float or None
        Full width at half maximum of the light sheet [micrometre].
    optics : {"scalar", "vectorial"}
        Diffraction theory.
    specimen_index : float or None
        Refractive index of the specimen.
    depth_of_first_plane : float or None
        Depth of the first plane below the cover glass [micrometre].
    """

    na: float | None = None
    wavelength: float | None = None
    wavelength_excitation: float | None = None
    refractive_index: float | None = None
    microscope: Microscope | Literal["auto"] = "auto"
    pinhole: float | None = None
    sheet_thickness: float | None = None
    optics: Optics = DEFAULT_OPTICS
    specimen_index: float | None = None
    depth_of_first_plane: float | None = None

    @property
    def any(self) -> bool:
        """Whether the user gives an aperture or a wavelength."""
        given = (self.na, self.wavelength, self.wavelength_excitation)
        return any(value is not None for value in given)


@dataclass(frozen=True, slots=True)
class FoundOptics:
    """Optics, and where they come from.

    Attributes
    ----------
    setup : Setup
        Complete optics.
    from_file : mapping of str to value
        Values of the file, by their name in words.
    remarks : tuple of str
        Sentences for the report.
    """

    setup: Setup
    from_file: dict[str, Any]
    remarks: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        """Values by the name of the parameter of a deconvolution."""
        return {
            "microscope": self.setup.microscope,
            "na": self.setup.na,
            "wavelength": self.setup.emission,
            "wavelength_excitation": self.setup.excitation,
            "refractive_index": self.setup.refractive_index,
            "pinhole": self.setup.pinhole,
        }


def file_gives_optics(acquisition: Acquisition | None) -> bool:
    """Return whether NA and a wavelength are known from the file."""
    if acquisition is None or acquisition.na is None:
        return False
    return any(channel.emission or channel.excitation for channel in acquisition.channels)


def optics_in_file(acquisition: Acquisition) -> dict[str, Any]:
    """Return numbers of a file by the name of the parameter, None where they are not known.

    Examples
    --------
    >>> from napari_dip.core.image.acquisition import Acquisition
    >>> optics_in_file(Acquisition(1.4))["na"]
    1.4
    """
    return {
        "na": acquisition.na,
        "wavelength": acquisition.wavelength("emission"),
        "wavelength_excitation": acquisition.wavelength("excitation"),
        "refractive_index": acquisition.refractive_index,
    }


def find_optics(given: GivenOptics, acquisition: Acquisition | None) -> FoundOptics:
    """Return the optics of an image.

    Parameters
    ----------
    given : GivenOptics
        Values of the user.
    acquisition : Acquisition or None
        Optics of the file of the image.

    Raises
    ------
    InputError
        NA or the wavelength is not known.

    Examples
    --------
    >>> from napari_dip.core.image.acquisition import Acquisition, ChannelOptics
    >>> file = Acquisition(1.2, 1.33, (ChannelOptics(0.52, 0.488, "confocal"),))
    >>> find_optics(GivenOptics(wavelength=0.6), file).setup.emission
    0.6
    """
    from napari_dip.core.operators.psf.microscope import Setup

    from_file: dict[str, Any] = {}

    def known(value: Any, words: str, in_file: Any, unit: str = "") -> Any:
        if value is not None or in_file is None:
            return value
        from_file[words] = f"{in_file:.4g}{unit}" if isinstance(in_file, float) else in_file
        return in_file

    file = acquisition or Acquisition()
    kind = None if given.microscope == "auto" else given.microscope
    microscope: Any = known(kind, "microscope", file.microscope) or "widefield"
    na = known(given.na, "NA", file.na)
    index = known(given.refractive_index, "refractive index", file.refractive_index)
    emission, excitation = given.wavelength, given.wavelength_excitation
    if microscope != "two-photon":
        emission = known(emission, "emission", file.wavelength("emission"), " µm")
    if microscope in (*_WITH_PINHOLE, "two-photon"):
        excitation = known(excitation, "excitation", file.wavelength("excitation"), " µm")
    needed = excitation if microscope == "two-photon" else emission
    if na is None or needed is None:
        light = "wavelength of excitation" if microscope == "two-photon" else "wavelength"
        raise InputError(f"Got NA {na} and {light} {needed}; expected both, or neither.")
    remarks = _file_remarks(from_file, file)
    if kind is None and microscope == "light-sheet" and given.sheet_thickness is None:
        microscope = "widefield"
        remarks.append(
            "The thickness of the light sheet is not known; the PSF is that of a wide-field "
            "microscope, which is too deep."
        )
    if microscope in _WITH_PINHOLE:
        remarks += _assumptions(excitation, given.pinhole)
        excitation = emission if excitation is None else excitation
    setup = Setup(
        na,
        REFRACTIVE_INDEX if index is None else index,
        microscope,
        emission,
        excitation,
        DEFAULT_PINHOLE if given.pinhole is None else given.pinhole,
        given.sheet_thickness,
        given.optics,
        given.specimen_index,
        given.depth_of_first_plane or 0.0,
    )
    return FoundOptics(setup, from_file, tuple(remarks))


def computed_psf(given: GivenOptics, image: Image, axes: str) -> NDArray[np.float32]:
    """Return the PSF of the optics of an image, with one dimension for each axis.

    Parameters
    ----------
    given : GivenOptics
        Optics of the user; others come from the file of the image.
    image : Image
        Image with the voxel size.
    axes : str
        "YX" or "ZYX".
    """
    from napari_dip.core.operators.psf.microscope import microscope_psf

    setup = find_optics(given, image.acquisition).setup
    return microscope_psf(setup, **grid_of_psf(image, axes))


def grid_of_psf(image: Image, axes: str) -> dict[str, Any]:
    """Return voxel size, planes and width of a PSF, as arguments of `microscope_psf`."""
    sizes = [image.shape[image.axes.index(axis)] for axis in axes]
    planes = 2 * (sizes[0] // 2) + 1 if "Z" in axes else 1
    widest = (sizes[-2] // _WIDEST, sizes[-1] // _WIDEST) if "Z" in axes else (0, 0)
    spacing = spacing_in_micrometers(image, axes)
    return {"voxel_size": spacing, "planes": planes, "widest": widest}


def _assumptions(excitation: float | None, pinhole: float | None) -> list[str]:
    sentences = []
    if excitation is None:
        sentences.append(
            "The wavelength of excitation is not known; that of emission is used, which makes the "
            "PSF slightly too wide."
        )
    if pinhole is None:
        sentences.append(f"The pinhole is assumed to be {DEFAULT_PINHOLE:g} Airy unit wide.")
    return sentences


def _file_remarks(from_file: dict[str, Any], file: Acquisition) -> list[str]:
    if not from_file:
        return []
    values = ", ".join(f"{words} {value}" for words, value in from_file.items())
    sentences = [f"The PSF uses optics from the file of the image: {values}."]
    for words in ("emission", "excitation"):
        if words in from_file and len({getattr(channel, words) for channel in file.channels}) > 1:
            sentences.append(
                f"The channels differ in {words}; all get one PSF, for the mean. Restore each "
                "channel on its own for a PSF of its own."
            )
            break
    return sentences
