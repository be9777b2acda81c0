import shutil

import pytest
import torch
from tiny_models import byte_level_tokenizer, causal, sentencepiece_style_tokenizer, t5

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


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """Directories of a Llama and a T5 that load, to be damaged."""
    directory, tokenizer = tmp_path_factory.mktemp("whole"), byte_level_tokenizer()
    for kind, model in (("llama", causal("llama", len(tokenizer))), ("t5", t5(vocab_size=len(tokenizer)))):
        model.save_pretrained(directory / kind)
        tokenizer.save_pretrained(directory / kind)
    return directory


@pytest.fixture
def copied(whole, tmp_path):
    def copy(kind):
        return shutil.copytree(whole / kind, tmp_path / kind)

    return copy
