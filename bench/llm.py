"""Language models beside their peers, in one run: python bench/llm.py BUILD MODEL [MODEL ...]

MODEL is a Hugging Face folder or a .gguf file. Each goes through build/bench_llm; a folder also through transformers, a
.gguf file through llama.cpp: the environment variable EADEM_LLAMA names its source folder, EADEM_LLAMA_LIB the folder of
its libraries (else build/bin in it). Options: THREADS, PROMPT, TOKENS and BATCHES ("1 8") as environment variables."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

THREADS, PROMPT, TOKENS = (int(os.environ.get(k, v)) for k, v in (("THREADS", 2), ("PROMPT", 512), ("TOKENS", 16)))
BATCHES = list(map(int, os.environ.get("BATCHES", "1 2 4 8 16").split()))


def run(title, command, **options):
    print(f"{title}", flush=True)
    subprocess.run(list(map(str, command)), check=True, **options)


def llama(folder, models):
    if not models:
        return
    if not folder:
        print("llama.cpp is left out: EADEM_LLAMA does not name its folder")
        return
    root = pathlib.Path(folder)
    library = os.environ.get("EADEM_LLAMA_LIB", root / "build" / "bin")
    with tempfile.TemporaryDirectory() as here:
        peer = pathlib.Path(here) / "peer"
        source = pathlib.Path(__file__).with_name("peer_llama.c")
        subprocess.run(["cc", "-O2", f"-I{root}/include", f"-I{root}/ggml/include", source, "-o", peer, f"-L{library}",
                        f"-Wl,-rpath,{library}", "-lllama", "-lggml", "-lggml-base"], check=True)
        for model in models:
            run(f"llama.cpp, {model.name}", [peer, model, THREADS, PROMPT, TOKENS, *BATCHES])


def transformers_peer(model):
    """In a process of its own, so that memory and threads are its own."""
    import torch
    import transformers
    torch.set_num_threads(THREADS)
    begin = time.monotonic()
    dtype = {"float32": torch.float32}.get(os.environ.get("DTYPE"), torch.bfloat16)
    net = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=dtype).eval()
    with torch.inference_mode():
        def step(ids, cache=None):
            return net(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        random = torch.Generator().manual_seed(1)
        ids = torch.randint(1000, (1, 8), generator=random)
        step(ids)
        print(f"first token          {time.monotonic() - begin:8.2f} s")
        for batch in BATCHES:
            out = step(torch.randint(1000, (batch, 8), generator=random))
            begin = time.monotonic()
            for _ in range(TOKENS):
                out = step(out.logits[:, -1].argmax(-1, keepdim=True), out.past_key_values)
            print(f"decode, batch {batch:3}    {batch * TOKENS / (time.monotonic() - begin):8.2f} tokens/s", flush=True)
        prompt = torch.randint(1000, (1, PROMPT), generator=random)
        begin = time.monotonic()
        step(prompt)
        print(f"prefill {PROMPT:4}         {PROMPT / (time.monotonic() - begin):8.2f} tokens/s")


def main():
    if sys.argv[1] == "--transformers":
        transformers_peer(sys.argv[2])
        return
    build, models = pathlib.Path(sys.argv[1]), [pathlib.Path(m) for m in sys.argv[2:]]
    for model in models:
        run(f"eadem, {model.name}", [build / "bench_llm", model, THREADS, PROMPT, TOKENS, *BATCHES])
    llama(os.environ.get("EADEM_LLAMA"), [m for m in models if m.suffix == ".gguf"])
    for model in models:
        for dtype in ("bfloat16", "float32") if model.is_dir() else ():
            run(f"transformers, {model.name}, {dtype}", [sys.executable, __file__, "--transformers", model],
                env=dict(os.environ, DTYPE=dtype))


if __name__ == "__main__":
    main()
