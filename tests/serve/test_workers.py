"""Bounded work: how many run, how many wait, and what becomes of the rest."""

import asyncio
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragqa.serve.workers import BusyError, Workers, owner
from ragqa.stages import Cancel, QuestionCancelledError


@settings(max_examples=25, deadline=None)
@given(n_threads=st.integers(1, 4), n_waiting=st.integers(0, 5), n_jobs=st.integers(1, 15))
def test_every_job_runs_once_or_is_refused_at_once(n_threads: int, n_waiting: int, n_jobs: int) -> None:
    door = threading.Event()
    ran: list[int] = []
    at_once: list[int] = []

    async def all_jobs() -> list[object]:
        workers = Workers(n_threads, n_waiting)

        def job(number: int) -> int:
            door.wait(10)
            at_once.append(workers.running)
            ran.append(number)
            return number

        tasks = [asyncio.create_task(workers.run(lambda _, number=number: job(number), 10)) for number in range(n_jobs)]
        await asyncio.sleep(0.01)
        door.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        assert (workers.running, workers.waiting) == (0, 0)
        workers.close()
        return outcomes

    outcomes = asyncio.run(all_jobs())

    done = [outcome for outcome in outcomes if not isinstance(outcome, BusyError)]
    assert sorted(ran) == sorted(done)
    assert len(done) == min(n_jobs, n_threads + n_waiting)
    assert max(at_once) <= n_threads


def test_a_text_that_took_long_does_not_have_questions_refused() -> None:
    async def answer_after_a_long_check() -> str:
        workers = Workers(1, 10)
        loop, later = asyncio.get_running_loop(), [0.0]
        now = loop.time
        loop.time = lambda: now() + later[0]  # type: ignore[method-assign]
        for _ in range(20):
            await workers.run(lambda _: None, 20.0)
        await workers.run(lambda _: later.__setitem__(0, 300.0), 600.0)

        door = threading.Event()
        first = asyncio.create_task(workers.run(lambda _: door.wait(10), 20.0))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(workers.run(lambda _: "answered", 20.0))
        await asyncio.sleep(0.01)
        door.set()
        await first
        workers.close()
        return await second

    assert asyncio.run(answer_after_a_long_check()) == "answered"


def test_what_cannot_be_done_in_time_is_refused_at_once_and_what_does_not_get_its_turn_is_refused_too() -> None:
    async def outcomes() -> tuple[list[object], int]:
        workers = Workers(1, 100)
        door = threading.Event()
        first = asyncio.create_task(workers.run(lambda _: door.wait(10), 10))
        await asyncio.sleep(0.01)
        tasks = [asyncio.create_task(workers.run(lambda _: None, 2.5)) for _ in range(10)]
        await asyncio.sleep(0.01)
        n_waiting = workers.waiting
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert not first.done()
        door.set()
        await first
        assert (workers.running, workers.waiting) == (0, 0)
        workers.close()
        return found, n_waiting

    found, n_waiting = asyncio.run(outcomes())

    assert n_waiting == 2
    assert [type(one) for one in found] == [BusyError] * 10


def test_a_refusal_tells_when_to_come_back() -> None:
    async def refused() -> BusyError:
        workers = Workers(1, 0)
        door = threading.Event()
        first = asyncio.create_task(workers.run(lambda _: door.wait(10), 10))
        await asyncio.sleep(0.01)
        with pytest.raises(BusyError) as caught:
            await workers.run(lambda _: None, 10)
        door.set()
        await first
        workers.close()
        return caught.value

    assert 1 <= asyncio.run(refused()).retry_after_seconds <= 60


def test_a_job_that_is_given_up_learns_of_it_and_frees_its_thread() -> None:
    gave_up = threading.Event()

    def job(cancel: Cancel) -> None:
        try:
            while True:
                cancel.check()
        except QuestionCancelledError:
            gave_up.set()
            raise

    async def given_up_then_next() -> str:
        workers = Workers(1, 1)
        with pytest.raises(TimeoutError):
            await workers.run(job, 0.05)
        result = await workers.run(lambda _: "next", 10)
        workers.close()
        return result

    assert asyncio.run(given_up_then_next()) == "next"
    assert gave_up.is_set()


def test_what_a_job_raises_reaches_who_waits() -> None:
    def job(_: Cancel) -> None:
        raise LookupError("gone")

    async def run() -> None:
        workers = Workers(1, 1)
        with pytest.raises(LookupError, match="gone"):
            await workers.run(job, 10)
        workers.close()

    asyncio.run(run())


def test_a_job_that_is_given_up_is_under_way_until_its_thread_ends() -> None:
    async def given_up() -> None:
        workers = Workers(1, 0)
        door = threading.Event()
        with pytest.raises(TimeoutError):
            await workers.run(lambda _: door.wait(10), 0.05)
        left = workers.under_way()
        assert len(left) == 1
        door.set()
        while workers.under_way():
            await asyncio.sleep(0.01)
        assert await workers.run(lambda _: 7, 10) == 7
        assert not left & workers.under_way()
        workers.close()

    asyncio.run(given_up())


def test_owners_take_turns_and_none_gets_the_last_thread_while_another_is_about() -> None:
    begun: list[str] = []

    async def asked() -> list[str]:
        workers = Workers(2, 20)
        doors = {name: threading.Semaphore(0) for name in ("greedy", "patient")}

        async def one(name: str) -> None:
            def job(_: Cancel) -> None:
                begun.append(name)
                doors[name].acquire(timeout=10)

            owner.set(name)
            await workers.run(job, 20)

        first = asyncio.create_task(one("patient"))
        await asyncio.sleep(0.05)
        doors["patient"].release()
        await first
        many = [asyncio.create_task(one("greedy")) for _ in range(6)]
        await asyncio.sleep(0.05)
        assert begun == ["patient", "greedy"], "one thread is kept free"
        some = [asyncio.create_task(one("patient")) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert begun[2:] == ["patient"]
        doors["patient"].release(5)
        await asyncio.gather(*some)
        doors["greedy"].release(10)
        await asyncio.gather(*many)
        assert (workers.running, workers.waiting) == (0, 0)
        workers.close()
        return begun

    order = asyncio.run(asked())

    assert order == ["patient", "greedy", "patient", "patient", *["greedy"] * 5]


def test_one_owner_alone_has_every_thread() -> None:
    async def most() -> int:
        workers = Workers(3, 20)
        door = threading.Event()
        jobs = [asyncio.create_task(workers.run(lambda _: door.wait(10), 20)) for _ in range(8)]
        await asyncio.sleep(0.05)
        running = workers.running
        door.set()
        await asyncio.gather(*jobs)
        workers.close()
        return running

    assert asyncio.run(most()) == 3


def test_a_turn_that_comes_in_the_moment_in_which_its_owner_leaves_goes_to_the_next() -> None:
    async def result_of_the_next() -> str:
        workers = Workers(1, 5)
        door = threading.Event()
        first = asyncio.create_task(workers.run(lambda _: door.wait(10), 20))
        await asyncio.sleep(0.01)
        leaving = asyncio.create_task(workers.run(lambda _: "left", 20))
        await asyncio.sleep(0.01)
        door.set()
        time.sleep(0.2)
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(first, leaving, return_exceptions=True)
        assert (workers.running, workers.waiting, workers.full) == (0, 0, False)
        found = await workers.run(lambda _: "next", 1)
        workers.close()
        return found

    assert asyncio.run(result_of_the_next()) == "next"


def test_who_leaves_the_line_gives_its_place_up() -> None:
    async def left() -> tuple[int, int]:
        workers = Workers(1, 5)
        door = threading.Event()
        first = asyncio.create_task(workers.run(lambda _: door.wait(10), 20))
        await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(workers.run(lambda _: None, 20)) for _ in range(3)]
        await asyncio.sleep(0.01)
        waiting[1].cancel()
        await asyncio.sleep(0.01)
        n_waiting = workers.waiting
        door.set()
        waiting[0].cancel()  # perhaps in the moment in which its turn comes
        await asyncio.gather(first, *waiting, return_exceptions=True)
        await asyncio.sleep(0.05)
        workers.close()
        return n_waiting, workers.waiting + workers.running

    assert asyncio.run(left()) == (2, 0)
