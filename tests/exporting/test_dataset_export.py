"""A data set of the hub holds the tables as they are, and the hub's own libraries read it."""

import importlib.util
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from program import answer

from glam_eval.core.files import sha256_of
from glam_eval.results import load_results, table_names

HAS = {name: importlib.util.find_spec(name) is not None for name in ("datasets", "mlcroissant")}


@pytest.fixture(scope="module")
def dataset(made_up, tmp_path_factory):
    out = tmp_path_factory.mktemp("dataset") / "out"
    done = answer("export", made_up, "--format", "huggingface", "--license", "mit", "--to", out)
    assert done.returncode == 0, done.stderr
    return out


def card(dataset):
    _, metadata, text = (dataset / "README.md").read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(metadata), text


def test_it_is_a_results_directory_with_the_same_rows(dataset, made_up):
    assert table_names(dataset) == table_names(made_up)
    for table in table_names(made_up):
        pd.testing.assert_frame_equal(load_results(dataset, table), load_results(made_up, table))


def test_a_link_among_the_results_of_others_is_not_followed(made_up, tmp_path):
    copy = tmp_path / "study"
    shutil.copytree(made_up, copy)
    (tmp_path / "secret").write_text("mine")
    (copy / "suite.json").unlink()
    (copy / "suite.json").symlink_to(tmp_path / "secret")
    done = answer("export", copy, "--format", "huggingface", "--to", tmp_path / "out")
    assert done.returncode == 2 and "is a symbolic link" in done.stderr
    assert not (tmp_path / "out").exists()


def test_its_card_names_every_table_as_a_configuration_and_shows_texts_as_they_are(dataset):
    metadata, text = card(dataset)
    files = {each["config_name"]: each["data_files"] for each in metadata["configs"]}
    assert files == {t: [{"split": "train", "path": f"{t}/{t}.parquet"}] for t in table_names(dataset)}
    assert [each["config_name"] for each in metadata["configs"] if each.get("default")] == ["episodes"]
    assert metadata["license"] == "mit" and metadata["pretty_name"] == "Mine: *& yours*"
    assert text.startswith("\n# Mine: \\*& yours\\*\n")
    assert "| `success` | bool |" in text and "```bibtex\n@software{" in text


def test_croissant_has_the_checksum_of_every_file_and_a_meaning_for_every_column(dataset):
    described = json.loads((dataset / "croissant.json").read_text("utf-8"))
    for file in described["distribution"]:
        assert file["sha256"] == sha256_of(dataset / file["contentUrl"])
    for table in described["recordSet"]:
        columns = [field["source"]["extract"]["column"] for field in table["field"]]
        assert columns == list(load_results(dataset, table["name"]).columns)
    episodes = next(table for table in described["recordSet"] if table["name"] == "episodes")
    length = next(field for field in episodes["field"] if field["name"] == "length")
    assert (length["dataType"], length["description"]) == ("cr:Int64", "steps played (steps)")


@pytest.mark.skipif(not HAS["mlcroissant"], reason="mlcroissant is not there: see the extra exchange")
def test_mlcroissant_finds_no_fault_and_reads_the_rows(dataset):
    import mlcroissant

    described = mlcroissant.Dataset(jsonld=str(dataset / "croissant.json"))
    assert not described.metadata.ctx.issues.errors and not described.metadata.ctx.issues.warnings
    for table in ("runs", "episodes", "steps"):
        expected = load_results(dataset, table)
        read = pd.DataFrame(list(described.records(table)))
        assert len(read) == len(expected)
        for column in expected.columns:
            first, wanted = read[f"{table}/{column}"].iloc[0], expected[column].iloc[0]
            if isinstance(wanted, str):
                assert first == wanted.encode()
            elif isinstance(wanted, np.ndarray):
                assert [getattr(e, "decode", lambda e=e: e)() for e in first] == list(wanted)
            else:
                assert first == wanted or (pd.isna(first) and pd.isna(wanted))


@pytest.mark.skipif(not HAS["datasets"], reason="datasets is not there: see the extra exchange")
def test_load_dataset_reads_each_configuration(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    for table in table_names(dataset):
        read = datasets.load_dataset(str(dataset), table, split="train", cache_dir=str(tmp_path))
        expected = load_results(dataset, table)
        assert read.num_rows == len(expected) and read.column_names == list(expected.columns)
        if table == "episodes":
            assert read["success"][:] == list(expected["success"])
    first = datasets.load_dataset(str(dataset), split="train", cache_dir=str(tmp_path))
    assert first.column_names == list(load_results(dataset, "episodes").columns)
