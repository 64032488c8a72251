"""The package's types: mypy finds nothing, and all that is public has them."""

import importlib
import inspect
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PUBLIC = ["eadem.ops", "eadem.run", "eadem.torch", "eadem.torch.functional", "eadem.torch.optim", "eadem.torch.repdl.ops",
          "eadem.torch.repdl.optim", "eadem.torch.repdl.utils", "eadem.torch.repdl.nn.functional"]


def test_mypy():
    cache = pathlib.Path(os.environ.get("EADEM_BUILD", "build"), "mypy").resolve()
    done = subprocess.run([sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", "--cache-dir", cache],
                          cwd=ROOT / "python", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def callables(module):
    for name in getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")]):
        thing = getattr(module, name)
        if inspect.isfunction(thing) and not hasattr(thing, "__signature__"):  # functions of eadem.ops' tables: Callable[..., Array]
            yield name, thing
        elif inspect.isclass(thing) and thing.__module__.startswith("eadem"):
            yield from ((f"{name}.{m}", f) for m, f in vars(thing).items()
                        if inspect.isfunction(f) and (not m.startswith("_") or m in ("__init__", "__enter__", "__exit__", "__call__")))


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_has_types(name):
    module = importlib.import_module(name)
    for label, function in callables(module):
        if not (function.__module__ or "").startswith("eadem"):
            continue
        signature = inspect.signature(function)
        untyped = [p.name for p in signature.parameters.values() if p.annotation is p.empty and p.name != "self"]
        assert not untyped and signature.return_annotation is not signature.empty, f"{name}.{label}: {untyped or 'its result'}"


def test_the_package_says_that_it_has_types():
    assert (ROOT / "python" / "eadem" / "py.typed").exists()
