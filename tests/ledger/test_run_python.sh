#!/usr/bin/env bash
# python/eadem/run.py: exact values, threads, forked workers, crashes; silent outside a run.
set -eu
root=$(pwd)
. "$(dirname "$0")/shell.sh"
cat >"$log/program.py" <<END
import importlib.util, os, signal, sys, threading
spec = importlib.util.spec_from_file_location("run", "$root/python/eadem/run.py")
run = importlib.util.module_from_spec(spec); spec.loader.exec_module(run)
if not run.active():
    run.log({"x": 1.0}); sys.exit(0)
run.param({"lr": 0.1, "note": "tab\there\nand \\\\ ü"})
run.log({"tenth": 0.1, "tiny": 5e-324, "minus": -0.0, "inf": float("inf"), "big": 2**62, "flag": True}, step=0)
threads = [threading.Thread(target=lambda: [run.log({"thread": float(i)}, step=i) for i in range(500)]) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
if os.fork() == 0:
    run.log({"child": 1}); os._exit(0)
os.wait()
for bad in ({"x": "text"}, {"": 1}):
    try:
        run.log(bad); sys.exit("accepted " + repr(bad))
    except (TypeError, ValueError):
        pass
run.log({"last": 7}, step=9)
os.kill(os.getpid(), signal.SIGKILL)
END
expect 0 python3 "$log/program.py"
expect 137 "$eadem" run --quiet -- python3 "$log/program.py"
"$eadem" runs last --json >"$log/record.json"
python3 - "$log/record.json" <<'END'
import json, sys
r = json.load(open(sys.argv[1])); m = r["metrics"]
exact = {"tenth": 0.1, "tiny": 5e-324, "inf": float("inf")}
for key, value in exact.items():
    assert float.fromhex(m[key]["last"]) == value, m[key]
assert m["minus"]["last"].startswith("-0x0"), m["minus"]
assert m["big"]["last"] == 2**62 and m["flag"]["last"] == 1
assert m["thread"]["count"] == 2000 and "damaged_reports" not in r
assert m["child"]["last"] == 1 and m["last"]["last"] == 7 and m["last"]["step"] == 9
assert r["params"]["lr"] == "0.1" and r["params"]["note"] == "tab\there\nand \\ ü", r["params"]
END
# Started by something else: the Python is known all the same.
expect 3 "$eadem" run --quiet -- sh -c "python3 '$log/program.py'; exit 3"
[ "$("$eadem" runs last --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["environment"]["python"]["path"])')" = \
    "$(python3 -c 'import sys; print(sys.executable)')" ] || fail "Python behind a shell"
echo "python: all passed"
