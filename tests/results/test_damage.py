"""Files are sealed: one flipped bit anywhere is an error that names the file, or changes nothing."""

import random

import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from tables import finish, rows, zeros

from glam_eval.core.comparison_records import ComparisonRecord
from glam_eval.core.errors import UserError
from glam_eval.results import RunTables, compact, load_results, write_table
from glam_eval.results.files import read_file, write_file

TRIALS = 200
END = 64  # the seal, the footer's end and its length, which few random positions would hit


@pytest.fixture(params=["written", "merged", "compacted"])
def stored(request, tmp_path, episode):
    """A file of episodes of each kind that there is."""
    shifts = ["none", "new_nouns"]
    many = [
        episode(scene_seed=i, episode_return=i / 7, actions=f"{i:b}", shift=shifts[i % 2]) for i in range(300)
    ]
    if request.param == "written":
        return write_table(tmp_path, "episodes", many, "all")
    tables = RunTables(tmp_path, "r0")
    tables.write("episodes", "1", many[:100])
    tables.write("episodes", "2", many[100:])
    tables.merge()
    if request.param == "merged":
        return tmp_path / "episodes" / "r0.parquet"
    finish(tmp_path, "r0")
    compact(tmp_path)
    return tmp_path / "episodes" / "episodes.parquet"


def test_a_flipped_bit_is_an_error_or_changes_nothing(stored):
    out, content, whole = stored.parent.parent, stored.read_bytes(), rows(stored.parent.parent)
    draw = random.Random(0)
    positions = draw.sample(range(len(content)), TRIALS) + list(range(len(content) - END, len(content)))
    errors = 0
    for position in positions:
        flipped = bytearray(content)
        flipped[position] ^= 1 << draw.randrange(8)
        stored.write_bytes(flipped)
        try:
            read = rows(out)
        except UserError as error:
            assert f"{stored} is damaged" in str(error), position
            errors += 1
        else:
            pd.testing.assert_frame_equal(read, whole, check_exact=True)
    assert errors > 0.9 * len(positions)
    stored.write_bytes(content)
    assert rows(out).equals(whole)


def test_bytes_lost_or_added_are_an_error(stored):
    out, content = stored.parent.parent, stored.read_bytes()
    middle = len(content) // 2
    for damaged in (content[:-1], content[1:], content + b"\0", content[:middle] + b"\0" + content[middle:]):
        stored.write_bytes(damaged)
        with pytest.raises(UserError, match=f"{stored.name} is damaged"):
            load_results(out)


def test_others_read_sealed_files_and_we_read_theirs(stored, tmp_path):
    whole = rows(stored.parent.parent)
    assert pd.read_parquet(stored).equals(whole)
    assert pyarrow.dataset.dataset(stored).to_table().to_pandas().equals(whole)
    theirs = tmp_path / "theirs.parquet"
    whole.to_parquet(theirs, index=False)
    assert read_file(theirs).to_pandas().equals(whole)


def test_pages_have_checksums_that_any_reader_can_verify(tmp_path):
    file = tmp_path / "a.parquet"
    write_file(file, pa.table({"value": pa.array(range(10_000))}))
    column = pq.ParquetFile(file).metadata.row_group(0).column(0)
    content = bytearray(file.read_bytes())
    content[column.data_page_offset + column.total_compressed_size // 4] ^= 1
    file.write_bytes(content)
    with pytest.raises(OSError, match="CRC checksum"):
        pq.read_table(file, page_checksum_verification=True)


def test_a_long_footer_is_sealed_too(tmp_path):
    file = tmp_path / "wide.parquet"
    wide = pa.table({f"column {number} {'x' * 300}": [number] for number in range(2_000)})
    write_file(file, wide)
    assert read_file(file).equals(wide)
    content = bytearray(file.read_bytes())
    content[-2_000] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match="checksum is wrong"):
        read_file(file)


def test_damaged_comparisons_are_derived_and_so_made_anew(tmp_path):
    target = write_table(tmp_path, "comparisons", [zeros(ComparisonRecord)], "comparisons")
    target.write_bytes(target.read_bytes()[:-9])
    write_table(tmp_path, "comparisons", [zeros(ComparisonRecord, estimate=0.25)], "comparisons")
    assert load_results(tmp_path, "comparisons").estimate.tolist() == [0.25]
