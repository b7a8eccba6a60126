"""Settings of the server, read from ``services/NAME.toml`` like any recipe."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated

import msgspec

from ragqa import home, recipe
from ragqa.cores import n_cores
from ragqa.errors import RecipeError
from ragqa.recipe import NaturalInt, NonNegative, PositiveInt
from ragqa.serve.key_file import DEFAULT_PATH

MCP_PATH = "/mcp"
"""Where MCP is served over HTTP."""
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request, and all of them together, may take.

    Attributes
    ----------
    connections
        Most connections at once. One more takes the place of one that has no request under way, or gets 503.
    head_bytes
        Longest head of a request, its first line and its headers (431).
    head_seconds
        Within this time the head of a request must have arrived (408).
    body_bytes
        Longest request body; a longer one is refused with 413 while it is read.
    chat_body_bytes
        The same on OpenAI's routes, whose clients send the whole conversation with its images each time, and where
        texts are checked.
    question_characters
        Longest question (422).
    k
        Most documents that one search returns.
    threads
        Questions worked on at once; 0 means one for each processor core, and two more for each process of a cluster
        that reranks or reads.
    waiting
        Requests that may wait for a thread; one more gets 503 with Retry-After, and so does one that would have to
        wait too long for ``request_seconds``.
    body_seconds
        Within this time a request body must have arrived (408).
    send_seconds
        A client that takes nothing of its response for so long is cut off.
    request_seconds
        A request that takes longer, waiting included, gets 504.
    check_seconds
        The same for checking a text, of which each claim takes as long as a question.
    generator_seconds
        A generator that takes longer is given up, and the extractive reader answers instead, marked as degraded.
    generating
        Questions that generators may write about at once; one more gets 503.
    drain_seconds
        How long a server that was told to stop lets requests finish.
    follow_seconds
        How often it looks for updates of its indexes; SIGHUP makes it look at once.
    """

    connections: PositiveInt = 1_000
    head_bytes: PositiveInt = 32_768
    head_seconds: Seconds = 10.0
    body_bytes: PositiveInt = 65_536
    chat_body_bytes: PositiveInt = 8_388_608
    question_characters: PositiveInt = 2_000
    k: PositiveInt = 100
    threads: NaturalInt = 0
    waiting: NaturalInt = 128
    body_seconds: Seconds = 10.0
    send_seconds: Seconds = 30.0
    request_seconds: Seconds = 60.0
    check_seconds: Seconds = 600.0
    generator_seconds: Seconds = 45.0
    generating: PositiveInt = 64
    drain_seconds: PositiveInt = 30
    follow_seconds: Seconds = 5.0

    def n_threads(self) -> int:
        """The number of worker threads, resolved."""
        return self.threads or n_cores()

    def shared_by(self, n_processes: int) -> "Limits":
        """The limits of one of several processes, so that all together keep these, with two threads each at least.

        >>> Limits(threads=4, waiting=9).shared_by(2).waiting
        5
        """
        own = {name: -(-getattr(self, name) // n_processes) for name in ("connections", "waiting", "generating")}
        n_threads = self.n_threads()
        # With two threads or more, each process keeps one free of the key that asks most.
        return replace(self, threads=max(min(2, n_threads), -(-n_threads // n_processes)), **own)


@dataclass(frozen=True, slots=True)
class Security:
    """Who may use the server.

    Attributes
    ----------
    keys_file
        The keys, as ``ragqa keys`` writes them; under ``RAGQA_HOME`` where it is not absolute. The default file need
        not be there: then everybody on this machine is let in.
    allow_without_keys
        Listen beyond this machine though there are no keys.
    allowed_hosts
        Values of the Host header that are answered besides the names of this machine, while there are no keys:
        without this check any web page could reach a local server by pointing a name of its own at it.
    proxies
        Addresses or networks (10.0.0.0/8) of reverse proxies. From them alone ``X-Forwarded-For`` is believed, which
        tells the client's address for the log.
    """

    keys_file: str = DEFAULT_PATH
    allow_without_keys: bool = False
    allowed_hosts: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Logs:
    """What is written into the logs. ``questions``: the text of each question; by default only its length."""

    questions: bool = False


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit trail: one JSON line for each request for data, with the key's name and the documents that it was told.

    Attributes
    ----------
    to
        A file, which only its owner can read; ``log`` for the log; "" for nowhere.
    questions
        Whether the line has the text of the question.
    """

    to: str = ""
    questions: bool = False


@dataclass(frozen=True, slots=True)
class Traces:
    """Traces for OpenTelemetry. ``endpoint``: where an OTLP receiver listens on HTTP; "" for no traces."""

    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class WebPage:
    """The web page. ``history``: browsers may keep questions, for whoever asks for it; False for shared machines."""

    history: bool = True


@dataclass(frozen=True, slots=True)
class Watching:
    """What clients may have watched.

    Attributes
    ----------
    keys
        Names of the keys that may; none by default.
    most
        Watched things of one key.
    """

    keys: tuple[str, ...] = ()
    most: PositiveInt = 100


@dataclass(frozen=True, slots=True)
class Cluster:
    """Machines that search the indexes, and rerank and read what is found; see ``docs/cluster.md``.

    Attributes
    ----------
    ray
        HOST:PORT of a Ray cluster, or ``local``; "" searches in this process.
    shards
        Into how many shards each index is cut, at most as many as it has segments; 0: one for each node.
    replicas
        Processes for each shard.
    shard_seconds
        A shard that has not answered within this time is left out, and the answer says so.
    rerankers, readers
        Processes of the cluster that rerank and that read, at most: one each, and more while questions wait; 0: this
        process does it.
    cpus_each
        Processors that each of them takes.
    reranker_gpus
        GPUs that each reranker takes, for cross-encoders; a part of one lets several share it.
    """

    ray: str = ""
    shards: NaturalInt = 0
    replicas: PositiveInt = 1
    shard_seconds: Seconds = 5.0
    rerankers: NaturalInt = 0
    readers: NaturalInt = 0
    cpus_each: PositiveInt = 1
    reranker_gpus: NonNegative = 0.0

    @property
    def n_ahead(self) -> int:
        """Questions that may be with rerankers and readers at once: two for each of them."""
        return 2 * (self.rerankers + self.readers)


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """A server: where it listens, which indexes it serves (the first is the default), and within which limits.

    ``overrides`` are ``table.key=value`` strings for the recipe of every index. ``workers`` processes share the work.
    """

    description: str = ""
    host: str = "127.0.0.1"
    port: Port = 8000
    workers: PositiveInt = 1
    indexes: tuple[str, ...] = ("sample",)
    overrides: tuple[str, ...] = ()
    limits: Limits = Limits()
    security: Security = Security()
    logs: Logs = Logs()
    audit: Audit = Audit()
    traces: Traces = Traces()
    page: WebPage = WebPage()
    watch: Watching = Watching()
    cluster: Cluster = Cluster()

    def resolved_limits(self) -> Limits:
        """The limits with as many threads as keep the rerankers and readers of the cluster busy, unless told."""
        n_ahead = self.cluster.n_ahead if not self.limits.threads else 0
        return replace(self.limits, threads=self.limits.n_threads() + n_ahead)


def load(name: str, overrides: Sequence[str] = ()) -> ServeSettings:
    """The settings ``services/NAME.toml`` with overrides.

    An override whose first part is a key of these settings (``limits.waiting=10``) changes them; any other
    (``answer.n_documents=5``) is kept for the recipes of the indexes.

    Raises
    ------
    UsageError
        There are no settings of that name.
    RecipeError
        An unknown key, a value that is not allowed, or no index.
    """
    own_keys = {field.name for field in fields(ServeSettings)}
    own = [text for text in overrides if text.partition("=")[0].partition(".")[0].strip() in own_keys]
    for_recipes = tuple(text for text in overrides if text not in own)
    settings = recipe.load(home.recipe_path("services", name), ServeSettings, own)
    if not settings.indexes:
        raise RecipeError("indexes is empty; name at least one index to serve, for example: sample")
    return replace(settings, overrides=settings.overrides + for_recipes)
