"""Routes: the places of a service, and what is asked and answered at each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from nextitem.errors import InputError
from nextitem.runs.asking.influence import Influenced
from nextitem.runs.asking.recommend import Run
from nextitem.runs.asking.recommendation import Recommendation
from nextitem.serving.engine import BusyError
from nextitem.serving.limits import refuse_more
from nextitem.serving.meters import KIND
from nextitem.serving.page import html, policy
from nextitem.serving.questions import SESSION, Answers, Fault, Met, Question, Why
from nextitem.serving.service import Service
from nextitem.serving.sessions import Stand
from nextitem.serving.shelf import Shelf

ROUTER = APIRouter()
FAULTS: dict[int | str, dict[str, Any]] = {
    400: {"model": Fault, "description": "No JSON."},
    401: {"model": Fault, "description": "Without the token."},
    413: {"model": Fault, "description": "A body that is too large."},
    422: {"model": Fault, "description": "A rule is broken, which the sentence names."},
    429: {"model": Fault, "description": "More than the rate, or than the sessions that are kept."},
    503: {"model": Fault, "description": "Too many requests wait for the model."},
}
CANNOT: dict[int | str, dict[str, Any]] = {409: {"model": Fault, "description": "This run cannot do it."}}
ABSENT: dict[int | str, dict[str, Any]] = {404: {"model": Fault, "description": "There is no such session."}}
Count = Annotated[int, Query(ge=1, le=1_000_000)]
Name = Annotated[str, Path(pattern=SESSION, description="What you call the session.")]
Found = TypeVar("Found")


def service_of(request: Request) -> Service:
    """The service that the application is of."""
    service: Service = request.app.state.service
    return service


async def aside(service: Service, work: Callable[[], Found], pool: Executor | None = None) -> Found:
    """Off the road of recommendations, which wait for nothing else; raises BusyError where too many wait."""
    if service.num_aside >= service.limits.waiting:
        raise BusyError(f"{service.num_aside:,} requests wait beside the model, as many as may; ask again in a second")
    service.num_aside += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(pool or service.aside, work)
    finally:
        service.num_aside -= 1


@ROUTER.post("/recommend", response_model=Answers, responses=FAULTS)
async def recommend(question: Question, request: Request) -> Response:
    """The next items of histories, or of users by what the run keeps of them: what `Run.recommend` gives."""
    service = service_of(request)
    question.refuse_beyond(service.limits)
    if question.ann is None:
        question = question.model_copy(update={"ann": service.opening.ann})
    found = await service.engine.recommend(question)
    told = [answer_of(service.shelf, one, question.titles) for one in found]
    return JSONResponse({"answers": told, "run": service.opening.name})


@ROUTER.get("/similar", responses=FAULTS)
async def similar(
    request: Request,
    item: str | None = None,
    user: str | None = None,
    k: Count = 10,
    by: Literal["vectors", "counts"] = "vectors",
) -> Response:
    """The items nearest to an item, or the users nearest to a user, by the model's vectors or by counts of what both
    have in common."""
    service = service_of(request)
    service.limits.refuse_k(k)
    if user is not None and item is None:
        return JSONResponse(asdict(await aside(service, partial(service.run.similar_users, user, k, by))))
    if item is None or user is not None:
        raise InputError("similar needs an item, or a user, and not both: /similar?item=50 or /similar?user=196")
    found = await aside(service, partial(service.run.similar, item, k, by))
    return JSONResponse(asdict(found) | {"titles": service.shelf.titles(found.items)})


@ROUTER.get("/explain", responses=FAULTS | CANNOT)
async def explain(
    request: Request,
    user: str,
    item: Annotated[list[str] | None, Query(max_length=100)] = None,
    k: Annotated[int, Query(ge=1, le=100)] = 3,
    paths: Annotated[int, Query(ge=1, le=100)] = 5,
) -> Response:
    """By which paths of the knowledge graph items are recommended to a user of the run's data."""
    service = service_of(request)
    found = await aside(service, partial(service.explain, user, item, k, paths), service.explaining)
    told = [asdict(one) | {"texts": [str(reason) for reason in one.reasons]} for one in found]
    return JSONResponse({"explanations": told, "titles": service.shelf.titles([one.item for one in found])})


@ROUTER.post("/explain", responses=FAULTS)
async def influences(why: Why, request: Request) -> Response:
    """Which items of a history brought a recommendation: what its score loses when each is taken out, or by attention
    the share that the model's last attention takes of each."""
    service = service_of(request)
    why.refuse_beyond(service.limits)

    def work(run: Run) -> list[Influenced]:
        beside = why.model_dump(include={"user", "times", "at", "ratings", "k", "by"})
        return run.explain(why.history, why.items, **beside)

    found = await service.engine.call(work)
    items = dict.fromkeys([*(one.item for one in found), *(part.item for one in found for part in one.influences)])
    titles = service.shelf.titles(list(items))
    told = None if titles is None else dict(zip(map(str, items), titles, strict=True))
    return JSONResponse({"explanations": [asdict(one) for one in found], "titles": told})


@ROUTER.post("/sessions/{name}/items", responses=FAULTS | CANNOT)
async def add_to_session(name: Name, met: Met, request: Request) -> Response:
    """Take in what a session met, and give its next items; a session that is not there begins."""
    service = service_of(request)
    service.limits.refuse_k(met.k)
    refuse_more("items", met.items, service.limits.history, "send them in several requests")

    def work(run: Run) -> Stand:
        service.follow(run)
        return service.sessions.add(run, name, met.items, met.k, not met.keep_seen)

    return stand_of(service, name, await service.engine.call(work))


@ROUTER.get("/sessions/{name}/items", responses=FAULTS | CANNOT | ABSENT)
async def look_at_session(name: Name, request: Request, k: Count = 10, keep_seen: bool = False) -> Response:
    """What a session met, and its next items."""
    service = service_of(request)
    service.limits.refuse_k(k)

    def work(run: Run) -> Stand | None:
        service.follow(run)
        return service.sessions.look(run, name, k, not keep_seen)

    found = await service.engine.call(work)
    if found is None:
        raise absent(name, service)
    return stand_of(service, name, found)


@ROUTER.delete("/sessions/{name}/items", responses=FAULTS | CANNOT | ABSENT)
async def end_session(name: Name, request: Request) -> Response:
    """Forget a session."""
    service = service_of(request)

    def work(run: Run) -> bool:
        service.follow(run)
        return service.sessions.end(name)

    if not await service.engine.call(work):
        raise absent(name, service)
    return JSONResponse({"session": name, "ended": True})


@ROUTER.get("/items", responses=FAULTS)
async def items(request: Request, q: Annotated[str, Query(max_length=200)] = "", k: Count = 10) -> Response:
    """Items whose id or title has the text in it; without a text the first ones. The most popular come first, where
    the run keeps histories."""
    service = service_of(request)
    service.limits.refuse_k(k)
    shelf = service.shelf
    found = shelf.run.items.ids(await aside(service, partial(shelf.find, q, k)))
    return JSONResponse({"items": found, "titles": shelf.titles(found)})


@ROUTER.get("/titles", responses=FAULTS)
async def titles(request: Request, item: Annotated[list[str], Query(max_length=1000)]) -> Response:
    """What items are called, and which of them the run knows."""
    shelf = service_of(request).shelf
    known = [one in shelf.run.items for one in item]
    return JSONResponse({"items": item, "known": known, "titles": shelf.titles(item)})


@ROUTER.get("/card", responses=FAULTS)
async def card(request: Request) -> Response:
    """What the run is of: data, protocol, figures, limits, and what can be asked."""
    return JSONResponse(service_of(request).card)


@ROUTER.post("/reload", responses=FAULTS | CANNOT)
async def reload(request: Request) -> Response:
    """Open what stands at the run's place now; it answers once it proved whole, else the one from before goes on."""
    service = service_of(request)
    run, seconds = await aside(service, service.reload)
    await service.engine.call(lambda run: service.sessions.hand_over(), is_ours=True)
    return JSONResponse({"run": service.opening.name, "items": len(run.items), "seconds": round(seconds, 3)})


@ROUTER.get("/healthz")
async def is_alive() -> Response:
    """Whether the process answers."""
    return JSONResponse({"status": "alive"})


@ROUTER.get("/readyz", responses={503: {"model": Fault, "description": "It ends."}})
async def is_ready(request: Request) -> Response:
    """Whether it takes questions."""
    is_so = service_of(request).is_ready
    return JSONResponse({"status": "ready"} if is_so else {"error": "the service ends"}, 200 if is_so else 503)


@ROUTER.get("/metrics", responses=FAULTS | CANNOT)
async def metrics(request: Request) -> Response:
    """For Prometheus."""
    way_out = "count at the proxy before them, or serve with --workers 1"
    service_of(request).workers.refuse_many("each counts what it answers", way_out)
    return Response(service_of(request).meters.text(), media_type=KIND)


@ROUTER.get("/", response_class=HTMLResponse)
async def page() -> Response:
    """A page to try the run with."""
    return HTMLResponse(html(), headers={"Content-Security-Policy": policy(), "Cache-Control": "no-cache"})


def answer_of(shelf: Shelf, found: Recommendation, with_titles: bool) -> dict[str, Any]:
    """With keys as `Answer` has them."""
    titles = shelf.titles(found.items) if with_titles else None
    return {
        "items": found.items, "scores": found.scores, "titles": titles, "skipped": found.skipped,
        "problem": found.problem, "source": found.source,
    }  # fmt: skip


def stand_of(service: Service, name: str, found: Stand) -> Response:
    """A session as it stands."""
    answer = answer_of(service.shelf, found.answer, with_titles=True)
    return JSONResponse({"session": name, "is_new": found.is_new, "items": found.items, "answer": answer})


def absent(name: str, service: Service) -> HTTPException:
    """There is no such session."""
    minutes = service.limits.expiry / 60
    told = f"there is no session {name}; one that nobody asks for {minutes:g} minutes is forgotten"
    return HTTPException(404, f"{told}: send all its items anew")
