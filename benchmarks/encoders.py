"""Speed and agreement of the encoder's runtimes on real tickets, all measured in turn in one run.

Run: python benchmarks/encoders.py FILE COLUMN [--tickets 400] [--rounds 3]

FILE is a Parquet file of tickets, COLUMN its text. Prints tickets per second (the best of the rounds), the ratio to
sentence-transformers, the milliseconds of one ticket by itself (median) and the smallest cosine against
sentence-transformers. Folders of encoders are made in a temporary place.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import pandas as pd

from ticket_assets.features.agreement import smallest_cosine
from ticket_assets.features.distillation import distil
from ticket_assets.features.encoder import Encoder, OnnxEncoder
from ticket_assets.features.encoder_folder import openvino_folder
from ticket_assets.features.encoder_runtimes import load_encoder
from ticket_assets.features.onnx_export import export_encoder, packaged_model_folder
from ticket_assets.features.reference_encoder import SentenceTransformersEncoder
from ticket_assets.tickets.cleaning import ticket_text

REFERENCE = "sentence-transformers f32"


def encoders(root: Path, threads: int) -> dict[str, Encoder]:
    """Name to encoder, the reference first."""
    import torch

    torch.set_num_threads(threads)
    onnx = export_encoder(packaged_model_folder(), root)
    folders = {"onnx f32": onnx}
    for precision in ("f32", "bf16"):
        folders[f"openvino {precision}"] = openvino_folder(onnx, precision, lambda folder: None)
    folders["static 256"] = distil(OnnxEncoder.load(onnx, threads), onnx, 256, lambda done, total: None)
    found: dict[str, Encoder] = {REFERENCE: SentenceTransformersEncoder(packaged_model_folder())}
    batched = f"{REFERENCE}, batches of 32"
    found[batched] = SentenceTransformersEncoder(packaged_model_folder(), batch_size=32)
    return found | {name: load_encoder(folder, threads) for name, folder in folders.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("column")
    parser.add_argument("--tickets", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    table = pd.read_parquet(arguments.file).sample(arguments.tickets, random_state=1)
    texts = [ticket_text("", body) for body in table[arguments.column]]
    with tempfile.TemporaryDirectory() as root:
        compared = encoders(Path(root), arguments.threads)
        rates: dict[str, list[float]] = {name: [] for name in compared}
        cpu: dict[str, list[float]] = {name: [] for name in compared}
        for encoder in compared.values():
            encoder.encode(texts[:8])
        for _ in range(arguments.rounds):
            for name, encoder in compared.items():
                begun, worked = time.perf_counter(), time.process_time()
                encoder.encode(texts)
                rates[name].append(len(texts) / (time.perf_counter() - begun))
                cpu[name].append(1000 * (time.process_time() - worked) / len(texts))
        reference, baseline = compared[REFERENCE], max(rates[REFERENCE])
        for name, encoder in compared.items():
            alone = []
            for text in texts[:30]:
                begun = time.perf_counter()
                encoder.encode([text])
                alone.append(1000 * (time.perf_counter() - begun))
            same = encoder.dimensions == reference.dimensions
            cosine = f"{smallest_cosine(reference, encoder, texts):.6f}" if same else "another space"
            print(
                f"{name:42} {max(rates[name]):8.1f} tickets/s  x{max(rates[name]) / baseline:6.2f}  "
                f"cpu {min(cpu[name]):6.2f} ms  one {statistics.median(alone):6.2f} ms  cosine {cosine}",
                flush=True,
            )


if __name__ == "__main__":
    main()
