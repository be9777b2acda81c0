"""Devices by name, and whether torch need be loaded to count them."""

import ctypes

import pytest
import torch

from glam_eval.core.errors import UserError
from glam_eval.core.surroundings import torch_built_for
from glam_eval.policies import devices


def test_what_torch_says_of_itself_is_read_without_it():
    built_for = torch_built_for()
    assert built_for == {"cuda": torch.version.cuda or "", "hip": torch.version.hip or ""}
    assert not (devices._sees_none(built_for) and torch.cuda.device_count())


@pytest.mark.parametrize(
    ("built_for", "driver", "none"),
    [
        ({"cuda": "", "hip": ""}, True, True),
        ({"cuda": "13.0", "hip": ""}, True, False),
        ({"cuda": "13.0", "hip": ""}, False, True),
        ({"cuda": "", "hip": "7.0"}, False, False),
        ({"cuda": ""}, False, False),  # it doesn't say all
        (None, False, False),
    ],
)
def test_torch_is_asked_unless_it_is_sure_to_see_no_gpu(monkeypatch, built_for, driver, none):
    def load(name):
        if not driver:
            raise OSError(f"{name}: no such file")

    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(devices.sys, "platform", "linux")
    assert devices._sees_none(built_for) == none


def test_devices_that_are_not_there_are_named(monkeypatch):
    monkeypatch.setattr(devices, "_count_gpus", lambda: 2)
    assert devices.available_devices("auto") == devices.available_devices("cuda") == ["cuda:0", "cuda:1"]
    assert devices.available_devices("cuda:1") == ["cuda:1"]
    with pytest.raises(UserError, match="no device 'cuda:2' here: choose cpu, cuda:0, cuda:1"):
        devices.available_devices("cuda:2")
    monkeypatch.setattr(devices, "_count_gpus", lambda: 0)
    assert devices.available_devices("auto") == ["cpu"]
    with pytest.raises(UserError, match="unknown device 'gpu'"):
        devices.available_devices("gpu")
