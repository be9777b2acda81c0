"""Options of a batch system as they are typed."""

import pytest

from glam_eval.config.launching import SlurmConfig, with_options
from glam_eval.core.errors import UserError


def test_numbers_are_typed_like_words():
    given = with_options(
        SlurmConfig(mem="4G"), ["group=0,warning=115", "gres=gpu:1,shard:2,parallel=4", "time=30"]
    )
    assert given == SlurmConfig(mem="4G", group=0.0, warning=115, gres="gpu:1,shard:2", parallel=4, time="30")
    assert with_options(given, ["group=2.5"]).group == 2.5


@pytest.mark.parametrize("option", ["group=many", "warning=1.5", "warning=0", "parallel=-1"])
def test_what_is_no_such_number_is_refused_by_name(option):
    with pytest.raises(UserError, match=f"--slurm: {option.partition('=')[0]} = "):
        with_options(SlurmConfig(), [option])
