"""A server whose model is one of `transformers`: what is stored is what the model writes."""

import threading

import pytest
import torch
from chat_run import carry_out, planned
from local_server import ChatServer, completion
from tiny_models import byte_level_tokenizer, causal

from glam_eval.results import load_results

TEMPLATE = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
LENGTH = 6


class Served:
    """A tiny Llama with random weights behind its own chat template; one request at a time."""

    def __init__(self):
        self.tokenizer = byte_level_tokenizer()
        self.tokenizer.chat_template = TEMPLATE
        self.model = causal("llama", len(self.tokenizer), max_position_embeddings=8192)
        self.lock = threading.Lock()

    def tokens(self, messages):
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return self.tokenizer(text, return_tensors="pt")["input_ids"]

    @torch.no_grad()
    def __call__(self, messages):
        read = self.tokens(messages)
        with self.lock:
            written = self.model.generate(read, max_new_tokens=LENGTH, do_sample=False)[0, read.shape[1] :]
        text = self.tokenizer.decode(written, skip_special_tokens=True)
        return completion(text, "length", prompt_tokens=read.shape[1], completion_tokens=len(written))


@pytest.mark.slow
def test_what_is_stored_is_what_the_model_writes(tmp_path):
    served = Served()
    with ChatServer(served) as server:
        carry_out(planned(server.url, 2, ("none",), window=2, in_flight=2), tmp_path)
    requests = load_results(tmp_path, "requests")
    asked = {body["seed"]: body["messages"] for body in server.bodies}
    assert len(asked) == len(requests) == load_results(tmp_path, "episodes")["length"].sum()
    written = sorted(served(messages)["choices"][0]["message"]["content"] for messages in asked.values())
    assert sorted(requests["answer"].astype(str)) == written
    assert sorted(requests["prompt_tokens"]) == sorted(
        served.tokens(each).shape[1] for each in asked.values()
    )
    assert (requests["completion_tokens"] <= LENGTH).all() and set(requests["finish"].astype(str)) == {
        "length"
    }
