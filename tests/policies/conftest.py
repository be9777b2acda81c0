import pytest
import torch
from tiny_models import sentencepiece_style_tokenizer

from glam_eval.policies import load_model


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def nano():
    return load_model("t5-nano-scratch", seed=3)


@pytest.fixture(scope="session")
def metaspace_tokenizer():
    return sentencepiece_style_tokenizer()
