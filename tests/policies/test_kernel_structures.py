"""What Python writes into C's structs lies where C reads it: any other library is refused when loaded."""

import ctypes
import shutil
from pathlib import Path

import pytest

from glam_eval.core.compiling import load_compiled
from glam_eval.core.errors import UserError
from glam_eval.policies.scoring.kernels import native
from glam_eval.policies.scoring.kernels.native import structures
from glam_eval.policies.scoring.kernels.native.library import library
from glam_eval.policies.scoring.kernels.native.structures import check_layouts

SOURCES = Path(native.__file__).parent


@pytest.fixture(autouse=True)
def _compiled():
    if library() is None:
        pytest.skip("there is no C compiler")


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """Compiles a copy of the table of layouts with a text replaced in the kernels' header."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def compile_with(old, new):
        folder = tmp_path / "changed"
        folder.mkdir()
        shutil.copy(SOURCES / "layouts.c", folder)
        text = (SOURCES / "kernels.h").read_text()
        assert old in text
        (folder / "kernels.h").write_text(text.replace(old, new, 1))
        return load_compiled(folder)

    return compile_with


def test_places_are_those_counted_by_hand():
    places = structures._layouts_in(library())
    assert places["Shape"] == (0, 5 * 8 + 8)
    assert places["Shape.lengths"] == (40, 8)
    assert places["EncoderLayer"] == (0, 48 + 2 * 8 + 2 * 4)
    assert places["DecoderLayer.epsilon"] == (48 + 4 * 8, 3 * 4)
    assert places["DecoderLayer"] == (0, 96)  # 92, to whole words
    assert places["DecoderActivations.shares"] == (80, 8)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("int64_t prompts, tokens", "int32_t prompts; int64_t tokens", "lay out Shape.prompts"),
        ("float epsilon[2];", "float epsilon[4];", "lay out EncoderLayer"),
        ("inner; /* d_model and d_ff */", "inner, more;", "lay out EncoderLayer"),
        ("int64_t states, inner;", "int64_t inner, states;", "lay out EncoderLayer.states"),
        ("float *from_inner;", "float *from_inner, *more;", "lay out DecoderWeights"),
        ("float *attended;      /*", "float *turn, *attended; /*", "lay out DecoderActivations"),
        ("#define KERNELS_ABI 1", "#define KERNELS_ABI 2", "call kernels"),
    ],
    ids=["type", "size", "field", "order", "weights", "activations", "arguments"],
)
def test_another_layout_is_refused_in_one_line(compiled, old, new, what):
    with pytest.raises(UserError, match=rf"^glam-eval's C and Python {what} differently: .*=torch$"):
        check_layouts(compiled(old, new))


def test_the_same_layout_is_taken_and_a_library_without_one_is_not(compiled):
    check_layouts(compiled("float epsilon[2];", "float  epsilon[2];"))
    with pytest.raises(UserError, match="lay out Shape differently"):
        check_layouts(ctypes.CDLL(None))
