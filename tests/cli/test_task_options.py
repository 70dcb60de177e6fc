"""Options of the tasks, made from the descriptions of their parameters."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from cyclopts import App, CycloptsError

from napari_dip.cli.main import app
from napari_dip.cli.task_options import task_spec, with_options_of, with_options_of_all
from napari_dip.config import BatchTask
from napari_dip.core.tasks import TASKS
from napari_dip.core.tasks.parameters import default_of, parameters_of
from napari_dip.core.tasks.spec import PictureFile, TaskSpec


def parse(decorate, *words):
    """Return what a command with these options gets."""
    parser, found = App(), []

    def command(*, task=None):
        found.append(task)
        return 0

    parser.default(decorate(command))
    parser(list(words), exit_on_error=False, print_error=False, result_action="return_value")
    return found[0]


def read(task, *words):
    return task_spec(parse(with_options_of(task), *words), task)


def read_any(*words):
    return task_spec(parse(with_options_of_all, *words))


def options_of(command):
    return {argument.names[0]: argument for argument in app[command].assemble_argument_collection()}


PARAMETERS = [
    pytest.param(task, name, parameter, id=f"{task}-{name}")
    for task in TASKS
    for name, parameter in parameters_of(TASKS[task]).items()
]


@pytest.mark.parametrize(("task", "name", "parameter"), PARAMETERS)
def test_every_parameter_of_a_task_is_an_option_with_its_default(task, name, parameter):
    option = options_of(task)[f"--{(parameter.option or name).replace('_', '-')}"]
    default = default_of(TASKS[task], name)
    expected = str(default) if parameter.by_axis and default is not None else default
    assert option.field_info.default == expected
    assert option.required is parameter.required
    assert option.parameter.help.startswith(parameter.description.removesuffix("."))
    assert parameter.unit in option.parameter.help


def test_a_batch_has_the_options_of_its_tasks_but_requires_none():
    options = options_of("batch")
    for task in set(get_args(BatchTask)) - {"dejpeg"}:
        own = options_of(task).keys() - options_of("denoise").keys() - {"--maps"}
        assert own <= options.keys()
        assert not any(options[name].required for name in own)
    assert "inpaint: " in options["--mask"].parameter.help
    assert "fourier: " in options["--mask"].parameter.help


def test_without_options_a_task_has_its_defaults():
    assert read("denoise") == TaskSpec("denoise")
    assert read("deconvolve") == TaskSpec("deconvolve")
    assert read_any() == TaskSpec("denoise")


def test_images_become_files():
    assert read("guided", "--guide", "g.tif").parameters == {"picture": PictureFile(Path("g.tif"))}
    psf = read("deconvolve", "--psf", "p.tif", "--psf-voxel-size", "z=0.3,y=0.1,x=0.2")
    assert psf.parameters["psf"] == PictureFile(Path("p.tif"), {"z": 0.3, "y": 0.1, "x": 0.2})
    psf = read("deconvolve", "--psf", "p.tif", "--psf-voxel-size", "0.1")
    assert psf.parameters["psf"].voxel_size == {"y": 0.1, "x": 0.1}


@pytest.mark.parametrize(
    ("words", "task", "name", "value"),
    [
        ("--factor 3", "super-resolve", "factor", 3),
        ("--factor y=2,x=4", "super-resolve", "factor", {"y": 2, "x": 4}),
        ("--along-z fit", "super-resolve", "along_z", "fit"),
        ("--sigma 2", "deconvolve", "sigma", 2.0),
        ("--refine-psf", "deconvolve", "refine_psf", True),
        ("--labels 1 3", "inpaint", "labels", (1, 3)),
        ("--labels 1 --labels 3", "inpaint", "labels", (1, 3)),
        ("--known restore", "inpaint", "known", "restore"),
        ("--unit 0", "invert-features", "unit", 0),
        ("--features alexnet:3", "invert-features", "features", "alexnet:3"),
    ],
)
def test_a_value_is_read_by_the_kind_of_its_parameter(words, task, name, value):
    assert read(task, *words.split()).parameters[name] == value
    if task in get_args(BatchTask):
        assert read_any("--task", task, *words.split()).parameters[name] == value


@pytest.mark.parametrize(
    "words",
    ["deconvolve --na 0", "deconvolve --refractive-index 0.9", "deconvolve --wavelength -1",
     "invert-features --unit -1", "inpaint --known both", "guided"],
)  # fmt: skip
def test_a_value_outside_its_limits_is_refused(words):
    task, *options = words.split()
    with pytest.raises(CycloptsError, match=f"--{'guide' if task == 'guided' else options[0][2:]}"):
        read(task, *options)


def test_a_batch_ignores_the_options_of_other_tasks():
    assert read_any("--task", "guided", "--guide", "g.tif", "--factor", "3").parameters == {
        "picture": PictureFile(Path("g.tif"))
    }
