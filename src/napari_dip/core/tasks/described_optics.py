"""Descriptions of the parameters of optics, for users."""

from __future__ import annotations

from typing import get_args

from napari_dip.config import REFRACTIVE_INDEX, Microscope, Optics
from napari_dip.core.tasks.parameters import described

MICROSCOPE = described(
    "choice",
    "Microscope",
    "Kind of microscope of a computed PSF; auto is that of the file, or else wide field.",
    choices={
        "auto": "automatic",
        **{name: name.replace("-", " ") for name in get_args(Microscope)},
    },
)
NA = described(
    "number",
    "NA",
    "Numerical aperture of the objective, below the refractive index.",
    minimum=0.05,
    maximum=1.7,
)
WAVELENGTH = described(
    "number", "Wavelength", "Wavelength of the emitted light.", unit="micrometre", above=0
)
WAVELENGTH_EXCITATION = described(
    "number",
    "Excitation",
    "Wavelength of the exciting light, for a confocal, spinning disk or two-photon microscope.",
    unit="micrometre",
    above=0,
    only_for={"microscope": ("confocal", "spinning-disk", "two-photon")},
)
PINHOLE = described(
    "number",
    "Pinhole",
    "Diameter of the pinhole of a confocal or spinning disk microscope; 1 if not given.",
    unit="Airy units",
    minimum=0,
    hint="1",
    only_for={"microscope": ("confocal", "spinning-disk")},
)
SHEET_THICKNESS = described(
    "number",
    "Sheet thickness",
    "Full width at half maximum of the light sheet of a light-sheet microscope.",
    unit="micrometre",
    above=0,
    only_for={"microscope": ("light-sheet",)},
)
IMMERSION_INDEX = described(
    "number",
    "Refractive index",
    "Refractive index of the immersion medium; 1.518 if neither given nor in the file.",
    minimum=1,
    maximum=2,
    hint=f"{REFRACTIVE_INDEX}",
)
OPTICS = described(
    "choice",
    "Optics",
    "Theory of the computed PSF; vectorial for a high NA, needs the extra psf.",
    choices={name: name for name in get_args(Optics)},
)
SPECIMEN_INDEX = described(
    "number",
    "Specimen index",
    "Refractive index of the specimen, such as 1.33 for water; in volumes, the PSF then changes "
    "with depth.",
    minimum=1,
    maximum=2,
    only_for={"optics": ("scalar",)},
    volumes=True,
)
DEPTH_OF_FIRST_PLANE = described(
    "number",
    "First depth",
    "Depth of the first plane below the cover glass, as the stage shows it; 0 if not given. Later "
    "planes are deeper.",
    unit="micrometre",
    minimum=0,
    maximum=1000,
    hint="0",
    only_for={"optics": ("scalar",)},
    volumes=True,
)
