"""The engine: who waits together is answered together, and nobody has another's answer or error."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from torch import Tensor

from nextitem.errors import InputError
from nextitem.models.towers import ItemTower
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.asking.recommendation import Recommendation
from nextitem.serving.engine import BusyError, Engine
from nextitem.serving.questions import Question


@pytest.fixture
def batches() -> list[int]:
    return []


@pytest.fixture
def engine(loaded: Run, batches: list[int]) -> Iterator[Engine]:
    engine = Engine(loaded, waiting=100, saw=batches.append)
    yield engine
    engine.stop()


def asked_of(history: list[str]) -> Question:
    return Question(histories=[list(history)], k=5)


async def behind(engine: Engine, questions: list[Question]) -> list[list[Recommendation] | BaseException]:
    """What is answered to questions that came while the thread was at work."""
    gate = Event()
    first = asyncio.ensure_future(engine.call(lambda run: gate.wait()))
    await asyncio.sleep(0)
    asked = [asyncio.ensure_future(engine.recommend(one)) for one in questions]
    await asyncio.sleep(0.05)
    gate.set()
    found = await asyncio.gather(*asked, return_exceptions=True)
    await first
    return found


def test_what_waits_is_one_batch(engine: Engine, batches: list[int], loaded: Run, histories: list[list[str]]) -> None:
    found = asyncio.run(behind(engine, [asked_of(one) for one in histories[:20]]))
    assert batches == [20]
    for (one,), wanted in zip(found, loaded.recommend(histories[:20], 5), strict=True):  # type: ignore[misc]
        assert one.items == wanted.items


def test_without_batches_each_is_by_itself(loaded: Run, batches: list[int], histories: list[list[str]]) -> None:
    engine = Engine(loaded, batched=False, saw=batches.append)
    asyncio.run(behind(engine, [asked_of(one) for one in histories[:5]]))
    engine.stop()
    assert batches == [1] * 5


def test_questions_of_other_rules_are_other_batches(engine: Engine, batches: list[int], loaded: Run) -> None:
    asked = [
        Question(histories=[["i1"]], k=2),
        Question(histories=[["i1"]], k=3),
        Question(histories=[["i2"]], k=2),
        Question(histories=[["i1"]], k=2, exclude=["i5"]),
        Question(users=["u1"], k=2),
    ]
    found = asyncio.run(behind(engine, asked))
    assert sorted(batches) == [1, 1, 1, 2]
    assert [len(one[0].items) for one in found] == [2, 3, 2, 2, 2]  # type: ignore[index]
    assert found[4] == loaded.recommend(users=["u1"], k=2)


def test_a_bad_question_among_others_has_its_error_alone(engine: Engine, loaded: Run) -> None:
    asked = [Question(histories=[[item]], k=2) for item in ("i1", "zz", "i2")]
    first, second, third = asyncio.run(behind(engine, asked))
    assert isinstance(second, InputError)
    assert str(second).startswith("history 0 has 1 item ids")
    wanted = loaded.recommend([["i1"], ["i2"]], 2)
    assert [one[0].items for one in (first, third)] == [one.items for one in wanted]  # type: ignore[index]


def test_the_vectors_of_items_are_worked_out_once(
    folder: Path, histories: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = load(folder)
    wanted, times, kind = run.recommend(histories[:3], 5), list[int](), type(run.model)
    assert issubclass(kind, ItemTower)
    vectors = kind.item_vectors

    def counted(model: ItemTower) -> Tensor:
        times.append(1)
        return vectors(model)

    monkeypatch.setattr(kind, "item_vectors", counted)
    engine = Engine(run)
    for history, one in zip(histories, wanted, strict=False):
        assert asyncio.run(engine.recommend(asked_of(history)))[0].items == one.items
    engine.stop()
    assert len(times) == 1


def test_a_fault_of_ours_reaches_who_asked_and_the_thread_goes_on(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(run: Run) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(engine.call(broken))
    assert "could not be answered" in caplog.text
    assert asyncio.run(engine.call(lambda run: 5)) == 5


def test_more_than_may_wait_are_refused_but_for_what_is_ours(loaded: Run) -> None:
    engine, gate = Engine(loaded, waiting=2), Event()

    async def many() -> list[object]:
        first = asyncio.ensure_future(engine.call(lambda run: gate.wait()))
        await asyncio.sleep(0.05)
        rest = [asyncio.ensure_future(engine.call(lambda run: 1)) for _ in range(3)]
        rest += [asyncio.ensure_future(engine.call(lambda run: 2, is_ours=True))]
        await asyncio.sleep(0.05)
        gate.set()
        found = await asyncio.gather(*rest, return_exceptions=True)
        await first
        return list(found)

    found = asyncio.run(many())
    engine.stop()
    assert [found[0], found[1], found[3]] == [1, 1, 2]
    assert isinstance(found[2], BusyError)


def test_what_waits_is_answered_before_the_end(loaded: Run) -> None:
    engine, gate = Engine(loaded), Event()

    async def ended() -> list[int]:
        first = asyncio.ensure_future(engine.call(lambda run: gate.wait()))
        rest = [asyncio.ensure_future(engine.call(lambda run, n=n: n)) for n in range(5)]  # type: ignore[misc]
        await asyncio.sleep(0.05)
        stopping = asyncio.get_running_loop().run_in_executor(None, engine.stop)
        gate.set()
        await first
        found = await asyncio.gather(*rest)
        await stopping
        return list(found)

    assert asyncio.run(ended()) == [0, 1, 2, 3, 4]


def test_a_run_that_cannot_get_ready_is_told_and_the_thread_goes_on(
    folder: Path, loaded: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other, engine = load(folder), Engine(loaded)

    def full() -> None:
        raise MemoryError("no room for the vectors")

    monkeypatch.setattr(other.model, "ready", full)
    wanted = asyncio.run(engine.recommend(asked_of(["i1"])))
    engine.run = other
    for _ in range(2):
        with pytest.raises(MemoryError):
            asyncio.run(asyncio.wait_for(engine.recommend(asked_of(["i1"])), 20))
    assert "no room for the vectors" in caplog.text
    engine.run = loaded
    assert asyncio.run(asyncio.wait_for(engine.recommend(asked_of(["i1"])), 20)) == wanted
    engine.stop()


def test_what_nobody_waits_for_any_more_is_not_computed(engine: Engine, batches: list[int]) -> None:
    async def gone() -> None:
        gate = Event()
        first = asyncio.ensure_future(engine.call(lambda run: gate.wait()))
        asked = [asyncio.ensure_future(engine.recommend(asked_of(["i1"]))) for _ in range(3)]
        await asyncio.sleep(0.05)
        asked[1].cancel()
        await asyncio.sleep(0.05)
        gate.set()
        found = await asyncio.gather(first, *asked, return_exceptions=True)
        assert isinstance(found[2], asyncio.CancelledError)

    asyncio.run(gone())
    assert batches == [2]


def test_who_comes_after_the_end_is_told(loaded: Run) -> None:
    engine = Engine(loaded)
    engine.stop()
    with pytest.raises(BusyError, match="the service ends"):
        asyncio.run(asyncio.wait_for(engine.call(lambda run: 1), 20))


def test_it_is_tidied_while_nobody_asks(loaded: Run) -> None:
    tidied = Event()
    engine = Engine(loaded, tidy=tidied.set, every=0.05)
    assert tidied.wait(20)
    engine.stop()
