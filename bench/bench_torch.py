"""Time of models under reproducible() against plain PyTorch, alternately in one process, and the overhead of an operation.

    python bench/bench_torch.py [--threads 2] [--rounds 3] [CASE …]

Prints the best round of each in milliseconds and their ratio. Needs the Python tests' packages (transformers).
"""

import argparse
import contextlib
import pathlib
import sys
import time

import torch
import torch.nn.functional as F

import eadem.torch as et
from eadem import ops

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "python"))
import models  # noqa: E402


def resnet_inference(batch):
    model, x = models.resnet18().eval(), torch.randn(batch, 3, 224, 224)

    def run():
        with torch.no_grad():
            model(x)
    return run


def trainer(model, optimizer, loss):
    def run():
        value = loss(model)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return run


def resnet_training(batch):
    model, x = models.resnet18(), torch.randn(batch, 3, 224, 224)
    target = torch.randint(1000, (batch,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return trainer(model, optimizer, lambda m: F.cross_entropy(m(x), target))


def bert_forward():
    import transformers

    model = transformers.BertModel(transformers.BertConfig()).eval()
    ids = torch.randint(30000, (8, 128))

    def run():
        with torch.no_grad():
            model(input_ids=ids)
    return run


def gpt2_training():
    import transformers

    model = transformers.GPT2LMHeadModel(transformers.GPT2Config())
    ids = torch.randint(50000, (4, 256))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    return trainer(model, optimizer, lambda m: m(input_ids=ids, labels=ids).loss)


def small_operations():
    """A hundred operations whose computing takes next to nothing: what is left is the dispatch."""
    x = torch.ones(1)

    def run():
        for _ in range(100):
            torch.exp(x)
    return run


CASES = {"resnet18-1": lambda: resnet_inference(1), "resnet18-16": lambda: resnet_inference(16),
         "resnet18-train-16": lambda: resnet_training(16), "bert-8x128": bert_forward,
         "gpt2-train-4x256": gpt2_training, "100-operations": small_operations}


def measure(run, rounds):
    """(plain, ours): the best of `rounds` of each, seconds, after one of each that does not count."""
    best = [float("inf")] * 2
    for number in range(rounds + 1):
        for side, mode in enumerate((contextlib.nullcontext, et.reproducible)):
            with mode():
                start = time.perf_counter()
                run()
                took = time.perf_counter() - start
            best[side] = min(best[side], took) if number else best[side]
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="CASE",
                        help=", ".join(CASES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ops.configure(threads=options.threads)
    print(f"PyTorch {torch.__version__}, {options.threads} threads, best of {options.rounds}")
    for name in options.cases:
        torch.manual_seed(0)
        plain, ours = measure(CASES[name](), options.rounds)
        print(f"{name:<20} plain {plain * 1e3:9.2f} ms   eadem {ours * 1e3:9.2f} ms   ratio {ours / plain:5.2f}", flush=True)


if __name__ == "__main__":
    main()
