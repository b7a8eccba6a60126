"""Runs of other systems: imported they are runs like any other, and what is wrong with a file is told."""

import json
from pathlib import Path

import pytest

from ragqa.errors import RagqaError, SourceError, UsageError
from ragqa.evaluate.compare.pairs import common_measures, compare_runs
from ragqa.evaluate.report.page import write_report
from ragqa.evaluate.runs.export import export_run
from ragqa.evaluate.runs.imported import import_run
from ragqa.evaluate.runs.load import load_run
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run

OPTIONS = {"A": "statins", "B": "aspirin", "C": "insulin", "D": "heparin"}


def assert_all_ties(paths: list[Path], measures: int) -> None:
    loaded = [load_run(path) for path in paths]
    names = common_measures(loaded)
    assert len(names) >= measures
    for pair in compare_runs(loaded, names, n_resamples=200).pairs:
        assert (pair.comparison.wins, pair.comparison.losses, pair.comparison.p_value) == (0, 0, 1.0)


def test_an_own_trec_run_imported_again_is_a_tie_on_every_measure(small_beir: Path, tmp_path: Path) -> None:
    request = Request("beir", data=small_beir)
    own = run(Request("beir", data=small_beir, recipe="bm25-anserini"))[0]
    exported = export_run(own.path, "trec", tmp_path / "run.trec")

    foreign = import_run(exported.path, request, label="theirs")

    assert foreign.metrics.metrics == own.metrics.metrics
    assert_all_ties([own.path, foreign.path], measures=4)
    assert import_run(exported.path, request, label="theirs").path == foreign.path
    page, _ = write_report([own.path, foreign.path], tmp_path / "page")
    assert "theirs" in page.read_text()


@pytest.mark.parametrize(("setting", "measures"), [("A", 1), ("B", 3)])
def test_an_own_submission_imported_again_is_a_tie(
    sample_home: Path, tmp_path: Path, setting: str, measures: int
) -> None:
    row = {"body": "Do statins help?", "documents": ["http://www.ncbi.nlm.nih.gov/pubmed/1"], "ideal_answer": ["Yes."]}
    snippet = {"document": "http://www.ncbi.nlm.nih.gov/pubmed/1", "text": "Statins lowered mortality in this trial."}
    places = {"beginSection": "abstract", "endSection": "abstract"}
    snippet |= {**places, "offsetInBeginSection": 0, "offsetInEndSection": 40}
    rows = [
        {**row, "id": f"q{number}", "type": kind, "exact_answer": answer, "snippets": [snippet]}
        for number, (kind, answer) in enumerate(
            [("yesno", "yes"), ("yesno", "no"), ("factoid", [["statins"]]), ("list", [["statins"], ["aspirin"]])]
        )
    ]
    (tmp_path / "gold.json").write_text(json.dumps({"questions": rows}))
    request = Request("bioasq", data=tmp_path / "gold.json", setting=setting)
    own = run(Request("bioasq", data=tmp_path / "gold.json", setting=setting, index="sample", out=tmp_path / "own"))[0]
    exported = export_run(own.path, "bioasq")

    foreign = import_run(exported.path, request)

    loaded = [load_run(own.path), load_run(foreign.path)]
    names = [name for name in common_measures(loaded) if "document" in name or "snippet" in name or "citation" in name]
    if setting == "A":
        names = [name for name in names if "citation" not in name]
    else:
        names = [name for name in common_measures(loaded) if name not in names]
    found = [pair for pair in compare_runs(loaded, names, n_resamples=200).pairs if _is_in_format(pair)]
    assert len(found) >= measures
    assert {(pair.comparison.wins, pair.comparison.losses, pair.comparison.p_value) for pair in found} == {(0, 0, 1.0)}


def _is_in_format(pair: object) -> bool:
    """Statements and probabilities have no place in a submission."""
    name = pair.comparison.measure  # type: ignore[attr-defined]
    return not name.startswith(("alce", "brier", "ece", "span", "statements", "citation"))


def test_mirages_predictions_are_read_as_its_parser_does(tmp_path: Path) -> None:
    question = {"question": "Which drug lowers cholesterol?", "options": OPTIONS, "answer": "A"}
    (tmp_path / "mirage.json").write_text(json.dumps({"medqa": {f"{n:04}": question for n in range(4)}}))
    folder = tmp_path / "theirs" / "medqa"
    folder.mkdir(parents=True)
    for number, text in enumerate(['{"answer_choice": "A"}', "B", "I cannot tell"]):
        (folder / f"test_{number:04}.json").write_text(json.dumps([text]))
    request = Request("mirage", data=tmp_path / "mirage.json")

    first = import_run(tmp_path / "theirs", request)

    assert first.metrics.metrics["accuracy"] == 0.25
    assert first.metrics.metrics["mirage_accuracy"] == 0.75
    assert any("1 questions are missing" in note for note in first.metrics.notes)
    export_run(first.path, "mirage", tmp_path / "again")
    again = import_run(tmp_path / "again", request, label="again")
    assert_all_ties([first.path, again.path], measures=3)


class TestWhatIsWrongWithAFile:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "empty"),
            (b"q1 Q0 d1 1 2.0 tag\nq1 Q0 d2 2", "line 2: 4 columns"),
            (b"q1 Q0 d1 1 2.0 tag\r\nq1 Q0 d1 2 1.0 tag\r\n", "line 2: query 'q1' names the document 'd1' again"),
            (b"q1 Q0 d\xff 1 2.0 tag\n", "not UTF-8"),
            (b"other Q0 d1 1 2.0 tag\n", "none of the 20 questions"),
            (b'{"questions": []}', "columns"),
        ],
    )
    def test_it_is_told_and_nothing_is_left(
        self, small_beir: Path, tmp_path: Path, content: bytes, message: str
    ) -> None:
        (tmp_path / "bad.trec").write_bytes(content)
        with pytest.raises((SourceError, UsageError), match=message):
            import_run(tmp_path / "bad.trec", Request("beir", data=small_beir, out=tmp_path / "out"))
        assert not (tmp_path / "out").exists()
        assert not list(tmp_path.glob("*.building"))

    def test_ids_that_are_not_of_the_corpus_and_questions_of_another_set_are_told(
        self, small_beir: Path, tmp_path: Path
    ) -> None:
        lines = [f"q{n} Q0 PMID{n} 1 2.0 tag\n" for n in range(19)] + ["other Q0 d1 1 2.0 tag\n"]
        (tmp_path / "other.trec").write_text("".join(lines))
        notes = import_run(tmp_path / "other.trec", Request("beir", data=small_beir)).metrics.notes
        assert any("are the run's document ids those of the corpus" in note for note in notes)
        assert any("1 questions are missing" in note for note in notes)
        assert any("1 questions of the imported file are not in the task" in note for note in notes)

    def test_another_file_under_the_same_label_is_refused(self, small_beir: Path, tmp_path: Path) -> None:
        for name in ("one", "two"):
            (tmp_path / name).write_text(f"q1 Q0 d1 1 {len(name)}.0 tag\nq1 Q0 d{name} 2 1.0 tag\n")
        request = Request("beir", data=small_beir)
        import_run(tmp_path / "one", request, label="theirs")
        with pytest.raises(UsageError, match="give another --label"):
            import_run(tmp_path / "two", request, label="theirs")

    def test_a_task_without_a_form_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(RagqaError):
            import_run(tmp_path, Request("healthver", data=tmp_path))


def test_runs_of_different_depth_are_compared_only_where_the_depth_does_not_matter(
    small_beir: Path, tmp_path: Path
) -> None:
    (tmp_path / "run.trec").write_text("".join(f"q{n} Q0 d{n} 1 2.0 tag\n" for n in range(20)))
    shallow, deep = (
        load_run(import_run(tmp_path / "run.trec", Request("beir", data=small_beir, n_hits=n), label=f"to {n}").path)
        for n in (10, 100)
    )
    assert compare_runs([shallow, deep], ["nDCG@10"]).pairs[0].comparison.p_value == 1.0
    for measure in ("AP@100", "R@100"):
        with pytest.raises(UsageError, match=rf"{measure} depends on how many hits are kept.*at most 10"):
            compare_runs([shallow, deep], [measure])
