"""Parameters of tasks, from which command line and form are made."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from napari_dip.core.tasks import TASKS
from napari_dip.core.tasks.parameters import Kind, parameters_of

ALL = [
    pytest.param(task, name, one, id=f"{task.name}-{name}")
    for task in TASKS.values()
    for name, one in parameters_of(task).items()
]


@pytest.mark.parametrize(("task", "name", "parameter"), ALL)
def test_parameter_is_described_in_sentences(task, name, parameter):
    assert parameter.kind in get_args(Kind)
    assert parameter.label[0].isupper()
    assert parameter.description[0].isupper()
    assert parameter.description.endswith(".")
    assert "--" not in parameter.description


@pytest.mark.parametrize(("task", "name", "parameter"), ALL)
def test_default_is_one_of_the_choices_and_within_the_limits(task, name, parameter):
    (default,) = (one.default for one in fields(task) if one.name == name)
    if parameter.kind == "choice":
        assert default in parameter.choices
    elif parameter.kind in ("number", "integer") and default is not None:
        assert parameter.minimum is None or default >= parameter.minimum
        assert parameter.maximum is None or default <= parameter.maximum
        assert parameter.above is None or default > parameter.above


def test_fields_that_only_programs_set_are_no_parameters():
    assert list(parameters_of(TASKS["fourier"])) == ["mask", "inverse"]
