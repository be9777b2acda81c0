"""Arrays that go to a device together come apart there as they were."""

import numpy as np
import torch

from glam_eval.policies.scoring.transfer import _in_one, transferred

ARRAYS = [np.arange(6).reshape(2, 3), np.zeros(0, np.int64), np.array([2**40]), np.arange(4)]


def test_each_keeps_its_numbers_and_its_shape():
    cpu = torch.device("cpu")
    for sent in (transferred(ARRAYS, cpu), _in_one([torch.from_numpy(each) for each in ARRAYS], cpu)):
        assert [tuple(each.shape) for each in sent] == [(2, 3), (0,), (1,), (4,)]
        assert all(np.array_equal(each.numpy(), array) for each, array in zip(sent, ARRAYS, strict=True))


def test_they_go_in_one():
    one, *others = _in_one([torch.from_numpy(each) for each in ARRAYS], torch.device("cpu"))
    assert {each.untyped_storage().data_ptr() for each in others} == {one.untyped_storage().data_ptr()}
