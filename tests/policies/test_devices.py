"""Devices by name, and whether torch need be loaded to count them."""

import ctypes

import pytest
import torch

from glam_eval.core.errors import UserError
from glam_eval.core.surroundings import torch_built_for
from glam_eval.policies import devices
from glam_eval.policies.devices import room_for_activations
from glam_eval.policies.models.estimate import nodes_at_once, tokens_at_once


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


def test_activations_may_take_half_of_what_weights_leave_of_a_gpu(monkeypatch):
    class Properties:
        total_memory = 10_000

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Properties)
    learns, frozen = torch.nn.Parameter(torch.zeros(100)), torch.nn.Parameter(torch.zeros(50), False)
    # 4 bytes and a copy of 2 each; a gradient and two moments, 12, of those that learn.
    assert room_for_activations(torch.device("cuda:0"), [learns, frozen]) == (10_000 - 100 * 18 - 50 * 6) // 2
    assert room_for_activations(torch.device("cuda:0"), [torch.nn.Parameter(torch.zeros(1000))]) == 0
    assert room_for_activations(torch.device("cpu"), [learns]) is None


def test_a_gpu_computes_as_many_tokens_at_once_as_it_has_room_for():
    small = 512, 8  # FLAN-T5-small's states and layers
    assert tokens_at_once(*small) == 2304 and nodes_at_once(*small) == 1367
    assert tokens_at_once(*small, room=0) == 2304
    assert tokens_at_once(*small, room=32 * 2**30) == 2**27 // (512 * 8)
    assert nodes_at_once(*small, room=32 * 2**30) == tokens_at_once(*small, room=32 * 2**30)
