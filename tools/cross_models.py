"""cross_models.py FOLDER: makes the small random models whose answers tools/cross.sh compares between machines: every
family as a Hugging Face folder, bfloat16, and two quantised GGUF files."""
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).parent.parent
os.environ.setdefault("EADEM_BUILD", str(ROOT / "build"))
sys.path.insert(0, str(ROOT / "tests" / "llm"))
import gguf  # noqa: E402
import small_models  # noqa: E402
import test_gguf_models  # noqa: E402
import torch  # noqa: E402

folder = pathlib.Path(sys.argv[1])
for family in small_models.FAMILIES:
    small_models.make(family, folder / family)
small_models.make("qwen3", folder / "qwen3-bf16", torch.bfloat16)
for kind in ("Q8_0", "Q4_0"):
    path = folder / f"qwen3-{kind}"
    test_gguf_models.make(path, "qwen3", "qwen3", gguf.GGMLQuantizationType[kind])
    (path / "model.gguf").rename(folder / f"qwen3-{kind}.gguf")
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
