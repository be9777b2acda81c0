"""Two studies on one page, and how a study is cited."""

import json
import re
import shutil

import pytest
from program import answer
from report_files import written
from synthetic_study import make_study
from test_report_contents import Tags

from glam_eval.config.loading import load_suite
from glam_eval.core.errors import UserError
from glam_eval.execution.study import write_suite
from glam_eval.figures import Study
from glam_eval.library import Study as Whole
from glam_eval.report import build_beside, build_report
from glam_eval.report.citation import TITLE, cite, command_of, results_hash


def test_the_page_lies_beside_the_first_and_refers_to_nothing_outside(two, beside):
    assert beside == two[0].parent / "first-beside-second.html"
    tags = Tags(beside.read_text(encoding="utf-8"))
    assert all(reference.startswith(("#", "data:")) for reference in tags.references)
    assert len(tags.ids) == len(set(tags.ids))
    assert {"#" + i for i in tags.ids} >= {r for r in tags.references if r.startswith("#")}
    assert {f"figure-{letter}-generalization" for letter in "AB"} <= set(tags.ids)


def test_the_page_says_what_differs_in_success_and_settings_and_what_one_has_alone(beside):
    text = beside.read_text(encoding="utf-8")
    assert "&lt;i&gt;Mine&lt;/i&gt; &amp; yours" in text and "<i>Mine" not in text
    plain = re.sub(r"<[^>]+>", "", text)
    assert re.search(r"GFlan-T5 t5-nano, no change \(generalization\): 87% in A, 0% in B, -87 \[", plain)
    assert "<td>ppo.clip</td><td>0.2</td><td>0.4</td>" in text
    assert "Agents of A alone: GFlan-T5 t5-pico." in plain


def test_the_command_writes_it_where_it_is_told(two, tmp_path, monkeypatch):
    monkeypatch.setattr("glam_eval.report.build.FIGURES", ())
    done = answer("report", two[0], "--beside", two[1], "--out", tmp_path / "both.html")
    assert done.returncode == 0 and "no data" not in done.stdout
    assert (tmp_path / "both.html").stat().st_size > 10_000
    copied = shutil.copytree(two[0], tmp_path / "first")  # others read the page of the two themselves
    assert Whole(copied).report(beside=two[1]) == tmp_path / "first-beside-second.html"
    assert "names another" not in answer("report", two[0], "--out", tmp_path / "x.html").stdout
    with pytest.raises(UserError, match="beside itself"):
        build_beside(two[0], two[0].parent / "." / "first")


def test_whoever_has_the_same_episodes_has_the_same_hash_however_they_are_stored(two, tmp_path):
    tables = make_study(conditions=4, scenes=20)
    known = results_hash(Study.of(tables))
    shuffled = tables["episodes"].sample(frac=1, random_state=0)
    split = shutil.copytree(two[0], tmp_path / "split")
    (split / "episodes/all.parquet").unlink()
    for number in (0, 1):
        shuffled.iloc[number::2].to_parquet(split / f"episodes/{number}.parquet")
    assert Whole(split).citation.results == known
    lost = tables["episodes"].copy()
    lost.loc[lost.index[0], "success"] ^= True
    assert results_hash(Study.of({**tables, "episodes": lost})) != known


def test_a_citation_names_command_version_and_hashes(tmp_path):
    cited = cite(
        Study.of(make_study(conditions=2, seeds=3, scenes=8)),
        "50% & $x$",
        "glam-eval run-suite quick --seeds 3",
    )
    assert cited.version == "0.1.0 (adc670f)"
    assert (
        r"study 50\% \& \$x\$" in cited.bibtex
        and r"\texttt{glam-eval run-suite quick -{}-seeds 3}" in cited.bibtex
    )
    assert all(f" {value}" in cited.bibtex for value in (cited.settings, cited.results))
    assert re.fullmatch(r"[0-9a-f]{16}", cited.results) and cited.results in cited.sentence
    theirs = cite(Study.of({"episodes": make_study(conditions=2)["episodes"]}))
    assert (theirs.command, theirs.settings) == ("", "unknown")


def test_the_title_is_that_of_the_citation_file(request):
    assert f'\ntitle: "{TITLE}"\n' in (request.config.rootpath / "CITATION.cff").read_text()


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ([], "glam-eval run-suite quick"),
        (["seeds=3"], "glam-eval run-suite quick --seeds 3"),
        (["ppo.learning_rate=1e-3"], "glam-eval run-suite quick.toml"),
    ],
)
def test_the_command_is_that_of_the_suite_that_ships_only_where_the_settings_are_its(
    chosen, expected, tmp_path
):
    write_suite(tmp_path, load_suite("quick", chosen))
    assert command_of(tmp_path) == expected


def test_others_tables_have_no_command_and_no_name_gets_into_one(tmp_path):
    assert command_of(tmp_path) == ""
    (tmp_path / "suite.json").write_text(json.dumps({"name": "a; rm -r ~", "settings": {}, "seeds": 1}))
    assert command_of(tmp_path) == "glam-eval run-suite SUITE.toml"


def test_the_report_says_how_it_is_cited(tmp_path, monkeypatch):
    monkeypatch.setattr("glam_eval.report.build.FIGURES", ())
    directory = written(tmp_path / "study", make_study(conditions=2, seeds=3, scenes=8))
    write_suite(directory, load_suite("quick"))
    text = build_report(directory).read_text(encoding="utf-8")
    assert '<a href="#cite">' in text and '<pre class="citation">glam-eval run-suite quick</pre>' in text
    assert Whole(directory).citation.results in text
