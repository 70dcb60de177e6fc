from __future__ import annotations

import pytest
from pydantic import ValidationError

from napari_dip.cli.options import Options
from napari_dip.config import CompleteConfig, DipConfig


@pytest.mark.parametrize("model", [DipConfig, Options])
def test_accepts_the_former_name_of_the_rule_sure(model):
    assert model(stop="risk").stop == "sure"
    assert model.model_validate_json('{"stop": "risk"}').stop == "sure"


def test_refuses_an_unknown_stopping_rule():
    with pytest.raises(ValidationError, match="sure"):
        DipConfig(stop="danger")


def test_a_complete_configuration_has_the_fields_and_json_of_a_given_one():
    config = DipConfig(preset="fast", max_iterations=7)
    complete = config.complete()
    assert (complete.fit.max_iterations, complete.max_iterations, complete.dims) == (7, 7, 2)
    assert list(CompleteConfig.model_fields) == list(DipConfig.model_fields)
    read = DipConfig.model_validate_json(complete.model_dump_json())
    assert read == complete
    assert hash(read) == hash(complete)
    assert read != config
