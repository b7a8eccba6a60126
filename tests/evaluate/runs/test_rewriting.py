"""Questions rewritten by a model behind a real server: what is used, what is not, and going on after a break."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ragqa.errors import EndpointError, SourceError, UsageError
from ragqa.evaluate.runs.rewriting import rewrite
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.rewritten import read_rewritten, rewritten
from ragqa.recipe import EndpointSettings

REPLIES = {
    "Does drug A help 20 patients?": "Are 20 patients\nhelped by drug A?",
    "Does drug B help 30 patients?": "Are patients helped by drug B?",
    "Does drug C help?": "",
    "Does drug D help?": "Does drug D help?",
    "Does drug E help?": "word " * 200,
}


class Model(BaseHTTPRequestHandler):
    """Replies as REPLIES says; after ``server.n_left`` replies it refuses."""

    def do_GET(self):
        self._send(200, {"object": "list", "data": [{"id": "writer", "object": "model", "max_model_len": 4096}]})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/tokenize"):
            self._send(404, {})
            return
        text = asked["messages"][0]["content"].rsplit("Text: ", 1)[1].strip()
        self.server.before_reply()
        with self.server.lock:
            self.server.n_left -= 1
            refused = self.server.n_left < 0
            self.server.asked.append(text)
        if refused:
            self._send(400, {"error": {"message": "no more"}})
            return
        message = {"role": "assistant", "content": REPLIES[text]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self._send(200, {"id": "1", "object": "chat.completion", "created": 0, "model": "writer", "choices": [choice]})

    def _send(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as running:
        running.lock, running.n_left, running.asked = threading.Lock(), 100, []
        running.before_reply = lambda: None
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def endpoint(server, **changes):
    base_url = f"http://127.0.0.1:{server.server_port}/v1"
    return EndpointSettings(base_url, **({"model": "writer", "max_tokens": 512, "in_flight": 1} | changes))


@pytest.fixture
def data(tmp_path):
    """PubMedQA's own form with the questions of REPLIES."""
    rows = {
        str(number): {
            "QUESTION": text, "CONTEXTS": ["It did."], "LABELS": ["RESULTS"], "MESHES": [], "YEAR": "2001",
            "final_decision": "yes", "LONG_ANSWER": "Yes.", "reasoning_required_pred": "yes",
            "reasoning_free_pred": "yes",
        }
        for number, text in enumerate(REPLIES, start=1)
    }  # fmt: skip
    path = tmp_path / "ori_pqal.json"
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture
def questions(data):
    (task,) = load_tasks("pubmedqa", data)
    return task.questions


def test_what_is_no_question_any_more_is_not_used_and_told(server, questions, tmp_path):
    found = rewrite(questions, "paraphrase", endpoint(server), tmp_path / "p.jsonl")
    assert (found.n_questions, found.n_changed) == (5, 1)
    assert found.problems == {"a number is lost": 1, "empty": 1, "too long": 1, "unchanged": 1}
    rows = read_rewritten(tmp_path / "p.jsonl")
    assert rows["1"].text == "Are 20 patients helped by drug A?"
    assert rows["2"].text == rows["2"].original == "Does drug B help 30 patients?"
    assert (rows["1"].manner, rows["1"].writer, len(rows["1"].prompt_sha256)) == ("paraphrase", "writer", 64)


def test_a_broken_off_writing_is_gone_on_with(server, questions, tmp_path):
    path, server.n_left = tmp_path / "p.jsonl", 3
    with pytest.raises(EndpointError):
        rewrite(questions, "paraphrase", endpoint(server), path)
    assert len(read_rewritten(path)) == 2
    with path.open("ab") as file:
        file.write(b'{"id": "5", "orig')
    server.n_left = 100
    found = rewrite(questions, "paraphrase", endpoint(server), path)
    assert (found.n_before, found.n_questions) == (2, 5)
    assert server.asked.count(questions[0].text) == 1


def test_two_at_once_do_not_write_one_file(server, questions, tmp_path):
    path, second = tmp_path / "new" / "p.jsonl", []

    def begin_another():
        server.before_reply = lambda: None
        try:
            rewrite(questions, "paraphrase", endpoint(server), path)
        except UsageError as error:
            second.append(str(error))

    server.before_reply = begin_another
    found = rewrite(questions, "paraphrase", endpoint(server), path)

    assert second == [f"another process is writing {path}; wait for it, or give another file with --out"]
    assert (found.n_before, found.n_questions) == (0, 5)
    assert len(server.asked) == len(read_rewritten(path)) == 5
    again = rewrite(questions, "paraphrase", endpoint(server), path)
    assert (again.n_before, len(server.asked)) == (5, 5)


def test_another_manner_or_writer_is_not_mixed_in(server, questions, tmp_path):
    rewrite(questions, "paraphrase", endpoint(server), tmp_path / "p.jsonl")
    with pytest.raises(UsageError, match="was written otherwise"):
        rewrite(questions, "distract", endpoint(server), tmp_path / "p.jsonl")
    with pytest.raises(UsageError, match="was written otherwise"):
        rewrite(questions, "paraphrase", endpoint(server, model="other"), tmp_path / "p.jsonl")
    with pytest.raises(UsageError, match=r"must end with \.jsonl"):
        rewrite(questions, "paraphrase", endpoint(server), tmp_path / "p.json")


def test_the_task_is_asked_with_the_new_words(server, data, questions, tmp_path):
    rewrite(questions, "paraphrase", endpoint(server), tmp_path / "p.jsonl")
    tasks = load_tasks("pubmedqa", data)
    (task,) = rewritten(tasks, tmp_path / "p.jsonl")
    assert [new.text != old.text for new, old in zip(task.questions, questions, strict=True)] == [True] + [False] * 4
    assert task.questions[0].label == "yes"
    assert task.counts["n_changed"] == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"id": "9", "original": "x", "text": "y"}'], "no question 9"),
        (['{"id": "1", "original": "x", "text": "y"}'], "made from other texts"),
        (['{"id": "1", "original": "Does drug A help 20 patients?", "text": "z"}'] * 2, "line 2: the question '1' is"),
        (['{"id": "1", "text": "z"}'], "line 1: .*'original'|line 1: .*original"),
        (['{"id": "1", "orig'], "line 1: "),
        (['{"id": "3", "original": "Does drug C help?", "text": "Does drug C help?"}'], "changes none of 5"),
        ([], "is empty"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(data, tmp_path, lines, message):
    path = tmp_path / "p.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(SourceError, match=message):
        rewritten(load_tasks("pubmedqa", data), path)
