"""Fields that earlier versions wrote: their defaults are ignored, other values are refused."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from napari_dip.config import DipConfig


def earlier(**fields):
    """Return the JSON of a configuration with fields of an earlier version."""
    return json.dumps({"fit": {"max_iterations": 7, **fields}})


def test_ignores_removed_fields_at_their_defaults():
    text = earlier(feature_weight=0.0, features="efficientnet-lite0")
    config = DipConfig.model_validate_json(text)
    assert config == DipConfig.model_validate_json(earlier())
    assert config.fit.max_iterations == 7


@pytest.mark.parametrize("field", [{"feature_weight": 0.5}, {"features": "dinov2"}])
def test_refuses_removed_fields_with_other_values(field):
    (name,) = field
    with pytest.raises(ValidationError, match=name):
        DipConfig.model_validate_json(earlier(**field))
