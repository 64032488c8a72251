"""What a result may depend on besides the code: a record to keep beside it."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from typing import Any, Dict

import torch

import eadem
from eadem._context import current

_VARIABLES = ("EADEM_ISA", "EADEM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "MKL_CBWR",
              "ATEN_CPU_CAPABILITY", "PYTHONHASHSEED", "CUBLAS_WORKSPACE_CONFIG", "CUDA_VISIBLE_DEVICES",
              "NVIDIA_TF32_OVERRIDE")


def _cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _git_state():
    def git(*words):
        return subprocess.run(("git",) + words, capture_output=True, text=True, check=True).stdout.strip()
    try:
        return {"commit": git("rev-parse", "HEAD"), "modified": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return None


def _gpus():
    if not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def _gpu_driver():
    try:
        with open("/proc/driver/nvidia/version", encoding="utf-8") as lines:
            return lines.readline().strip()
    except OSError:
        return None


def environment() -> Dict[str, Any]:
    """A dictionary of plain values: Python, packages, PyTorch's build, CPU, instruction sets, threads, GPUs and
    their driver (None where there is none), relevant environment variables (an allowlist) and the git state of the working folder (None outside one).
    """
    context = current()
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "eadem": {"version": eadem.__version__, "isa": context.isa, "isas": list(eadem.isas),
                  "threads": context.threads, "contract": context.contract},
        "torch": {"version": torch.__version__, "threads": torch.get_num_threads(),
                  "cpu_capability": torch.backends.cpu.get_cpu_capability(),
                  "cuda": torch.version.cuda, "build": torch.__config__.show()},
        "gpus": _gpus(),
        "gpu_driver": _gpu_driver(),
        "packages": {d.metadata["Name"]: d.version for d in metadata.distributions()},
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
        "git": _git_state(),
    }
