"""A collection as a run: what it says it left out, and which stored demonstrations are taken."""

import pytest

from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.core.errors import UserError
from glam_eval.execution.demonstrations import (
    DemonstrationsRun,
    collected_demonstrations,
    describe_demonstrations,
)
from glam_eval.execution.owed import is_collected
from glam_eval.execution.study import log_file
from glam_eval.results import compact


@pytest.fixture
def config():
    world = {"level": "GoToLocalS5N2", "remembered": 1}
    settings = {"source": "random", "transitions": 100, "environments": 4, "environment": world}
    return DemonstrationsConfig.parse(settings, "test")


def collect(config, out):
    told = []
    DemonstrationsRun(config, "", out, "cpu", told.append, lambda: False).carry_out()
    return told


def test_what_failed_is_said_while_collecting_and_in_the_log(config, tmp_path):
    told = collect(config, tmp_path)
    said = log_file(tmp_path, config.run_id).read_text().strip()
    failed, _, ended, *_ = said.split()
    assert said == f"{failed} of {ended} episodes failed: their {25 * int(failed)} steps are left out"
    assert told[-1].phase == f"collecting, {said}"
    assert told[-1].success == 1 - int(failed) / int(ended)
    assert len(collected_demonstrations(tmp_path, config.run_id)) == told[-1].frames == 100


def test_nothing_is_said_of_who_never_fails(config, tmp_path):
    config = config.changed(source="bot")
    assert collect(config, tmp_path)[-1].phase == "collecting"
    assert not log_file(tmp_path, config.run_id).exists()


def test_a_flipped_bit_of_demonstrations_is_never_learned_from(config, tmp_path):
    collect(config, tmp_path)
    file = tmp_path / "demonstrations" / f"{config.run_id}.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 4
    file.write_bytes(content)
    readings = (
        lambda: collected_demonstrations(tmp_path, config.run_id),
        lambda: is_collected(tmp_path, config),
        lambda: describe_demonstrations(tmp_path),
    )
    for read in readings:
        with pytest.raises(UserError, match=r"s0\.parquet is damaged: its checksum is wrong"):
            read()


def test_compaction_leaves_demonstrations_alone(config, tmp_path):
    collect(config, tmp_path)
    (tmp_path / "suite.json").touch()
    compact(tmp_path)
    assert [file.name for file in (tmp_path / "demonstrations").iterdir()] == [f"{config.run_id}.parquet"]
    assert is_collected(tmp_path, config)


def test_fewer_than_were_wanted_are_not_all(config, tmp_path):
    collect(config, tmp_path)
    assert is_collected(tmp_path, config)
    assert not is_collected(tmp_path, config.changed(seed=1))
    fewer = DemonstrationsConfig.parse({**config.model_dump(), "transitions": 60}, "test")
    collect(fewer, tmp_path)
    stored = tmp_path / "demonstrations"
    (stored / f"{fewer.run_id}.parquet").rename(stored / f"{config.run_id}.parquet")
    assert not is_collected(tmp_path, config)
