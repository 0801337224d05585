"""The application: a service behind its door, as ASGI has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from nextitem.serving.door import Door
from nextitem.serving.faults import answer_faults
from nextitem.serving.routes import ROUTER
from nextitem.serving.service import Service


def application(service: Service, token: str | None = None) -> FastAPI:
    """What uvicorn runs; it stops the service when it ends. With a `token`, whoever asks must send it."""

    @asynccontextmanager
    async def until_end(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.stop()

    app = FastAPI(
        title="nextitem", version=version("nextitem"), description="Which item comes next.", lifespan=until_end,
        docs_url=None, redoc_url=None,  # pages that ask other machines for scripts
    )  # fmt: skip
    app.state.service = service
    app.include_router(ROUTER)
    answer_faults(app)
    app.add_middleware(Door, limits=service.limits, token=token, meters=service.meters)
    return app
