"""A run behind a handler as one writes it in an afternoon: FastAPI and torch, a question at a time; for serving.py."""

from __future__ import annotations

import sys
from typing import Any

import torch
import uvicorn
from fastapi import FastAPI

from nextitem.data.batches import Batch
from nextitem.runs.asking.recommend import load

run = load(sys.argv[1])
index = {str(item): place for place, item in enumerate(run.items.ids(range(1, len(run.items) + 1)), start=1)}
ids = [None, *run.items.ids(range(1, len(run.items) + 1))]
app = FastAPI()


@app.post("/recommend")
def recommend(question: dict[str, Any]) -> dict[str, Any]:
    """The answer of the one history, in the form of `nextitem serve`."""
    seen = [index[item] for item in question["histories"][0]]
    newest = seen[-run.model.max_length :] if run.model.max_length else seen
    with torch.inference_mode():
        scores = run.model.score(Batch.of(torch.tensor([newest])))[0]
        scores[[0, *seen]] = float("-inf")
        best = scores.topk(question["k"])
    return {"answers": [{"items": [ids[one] for one in best.indices.tolist()], "scores": best.values.tolist()}]}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), log_level="error")
