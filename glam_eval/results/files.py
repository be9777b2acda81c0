"""One Parquet file: replaced atomically, sealed by a checksum, verified when read."""

import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from glam_eval.core.errors import UserError
from glam_eval.core.files import write_bytes_atomically

# Levels of zstd, by the studies in results/: 9 takes two to three times as long to write as 1 and saves 4%;
# 15 takes three times as long again and saves another 3%; the time to read is that of 1 for all.
QUICK, COMPACT = 1, 9

# Before Parquet's footer, where readers look for nothing: this text, then the CRC-32 of all other bytes.
# Parquet's own checksums cover pages alone, and leave their headers and the footer unprotected.
_SEAL = b"glam-eval:crc32:"
_CHECKSUM_BYTES = 4
_FOOTER_TAIL_BYTES = 8  # the footer's length in four bytes, then "PAR1"
_TAIL_BYTES = 2**18  # where a seal is looked for at least, should the footer's length be what is damaged


def write_file(target: Path, data: pa.Table, level: int = QUICK) -> None:
    """Write a table as a Parquet file that appears complete or not at all, in place of one of that name.

    Args:
        target: The file; its directory is made if need be.
        data: Its rows.
        level: Level of zstd.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(data, sink, compression="zstd", compression_level=level, write_page_checksum=True)
    write_bytes_atomically(target, _sealed(sink.getvalue().to_pybytes()))


def read_file(
    file: Path,
    columns: Sequence[str] | None = None,
    required: Sequence[str] = (),
    dictionary: Sequence[str] = (),
    use_threads: bool = True,
) -> pa.Table:
    """Return a Parquet file's rows, its checksums verified.

    Args:
        file: The file, ours or anyone's: where there is no seal, only pages' checksums can be verified.
        columns: Names of the columns to read, all by default.
        required: Names of columns that must be there.
        dictionary: Names of text columns to read as dictionaries, where they are there: little memory where
            texts repeat.
        use_threads: Whether columns are decoded in parallel; not where files are.

    Raises:
        UserError: The file is damaged, or lacks a column; the message names it.
        FileNotFoundError: It is gone.
    """
    try:
        source = _verified(file)
        # Files of before a column was added lack it.
        known = set(pq.read_schema(source).names) if dictionary else set()
        as_dictionaries = [name for name in dictionary if name in known]
        with pq.ParquetFile(
            source, read_dictionary=as_dictionaries, page_checksum_verification=True
        ) as parquet:
            names = parquet.schema_arrow.names
            missing = [name for name in required if name not in names]
            if not missing:
                return parquet.read(columns, use_threads=use_threads)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{file} is damaged: {first_line(error)}") from error
    raise UserError(f"{file} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")


def concatenate(tables: Sequence[pa.Table], folder: Path) -> pa.Table:
    """Return the rows of several files as one table without metadata; missing columns are null.

    Raises:
        UserError: Two files hold different types in a column; the message names their ``folder``.
    """
    try:
        whole = pa.concat_tables(tables, promote_options="permissive").unify_dictionaries()
    except pa.ArrowException as error:
        raise UserError(f"the files of {folder} don't fit together: {first_line(error)}") from error
    return whole.replace_schema_metadata(None)  # an index that pandas may have stored is no column of ours


def first_line(error: BaseException) -> str:
    """Return an error's message in one line, or its type where it has none."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _sealed(content: bytes) -> bytes:
    footer = len(content) - _FOOTER_TAIL_BYTES - int.from_bytes(content[-8:-4], "little")
    checksum = zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "little")
    return b"".join((content[:footer], _SEAL, checksum, content[footer:]))


def _verified(file: Path) -> Path | pa.BufferReader:
    """Return what to read a file from; raises an OSError if it has a seal that is not that of its content."""
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(size - _FOOTER_TAIL_BYTES, 0))
        footer = int.from_bytes(stream.read(4), "little")
        tail = max(size - max(_TAIL_BYTES, footer + 2 * _FOOTER_TAIL_BYTES + len(_SEAL)), 0)
        stream.seek(tail)
        found = stream.read().rfind(_SEAL)
        if found < 0:
            return file
        stream.seek(0)
        content = stream.read()
    start = tail + found
    end = start + len(_SEAL) + _CHECKSUM_BYTES
    view = memoryview(content)
    checksum = zlib.crc32(view[end:], zlib.crc32(view[:start]))
    if checksum != int.from_bytes(view[end - _CHECKSUM_BYTES : end], "little"):
        raise OSError("its checksum is wrong")
    return pa.BufferReader(content)
