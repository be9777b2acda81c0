"""What can be done to a directory of a model."""

import json

import torch
from safetensors.torch import load_file, save_file


def change(directory, file="config.json", **values):
    """Set values of a JSON file; None takes a value away."""
    path = directory / file
    present = json.loads(path.read_text()) if path.exists() else {}
    kept = {name: value for name, value in (present | values).items() if value is not None}
    path.write_text(json.dumps(kept))


def weights(directory, alter, name="model.safetensors"):
    file = directory / name
    state = load_file(file)
    alter(state)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, file)


def pickled(directory, alter=lambda state: None, save=torch.save):
    """Weights as ``pytorch_model.bin``."""
    state = load_file(directory / "model.safetensors")
    alter(state)
    (directory / "model.safetensors").unlink()
    save(state, directory / "pytorch_model.bin")


def cut(file, size):
    file.write_bytes(file.read_bytes()[:size])


def indexed(directory, **places):
    (directory / "model.safetensors").rename(directory / "model-1.safetensors")
    change(directory, "model.safetensors.index.json", weight_map=places)


def fill(name, value):
    return lambda d: weights(d, lambda state: state[name].view(-1)[3:4].fill_(value))


def rename(old, new):
    return lambda d: weights(d, lambda state: state.update({new: state.pop(old)}))


def put(name, tensor):
    return lambda d: weights(d, lambda state: state.update({name: tensor}))


def remove(*names):
    return lambda d: [(d / name).unlink() for name in names]


def text(name, content):
    return lambda d: (d / name).write_text(content)
