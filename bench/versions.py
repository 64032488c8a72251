"""How many versions do 1000 greedy completions of one prompt come in, from a server under random load?

    python bench/versions.py BUILD MODEL [COMPLETIONS [TOKENS]]      (1000 and 100)

Starts `eadem serve` with a small cache and small steps, so that sequences wait, are batched in ever other company and
give their memory up. Beside the completions come others of random lengths, prompts, temperatures and numbers, some of
which hang up early. Prints the number of versions, and what the server did.
"""
import collections
import concurrent.futures
import http.client
import json
import random
import re
import signal
import subprocess
import sys
import threading

PROMPT = "First Citizen:\nBefore we "


def ask(port, **request):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("POST", "/v1/completions", json.dumps(request), {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    if response.status != 200:
        raise SystemExit(f"{response.status}: {answer}")
    return [choice["text"] for choice in answer["choices"]]


def hang_up(port, rng):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("POST", "/v1/completions", json.dumps({"prompt": PROMPT, "max_tokens": 60, "stream": True}))
    connection.getresponse().read(rng.randrange(1, 400))
    connection.close()


def load(port, rng, stop):
    """One source of others."""
    while not stop.is_set():
        if rng.random() < 0.1:
            hang_up(port, rng)
            continue
        start = rng.randrange(len(PROMPT) - 1) if rng.random() < 0.5 else 0
        ask(port, prompt=PROMPT[start:rng.randrange(start + 1, len(PROMPT) + 1)], max_tokens=rng.randrange(1, 60),
            n=rng.randrange(1, 4), temperature=rng.choice([0, 0.5, 1.0]), seed=rng.randrange(100))


def run(port, completions, tokens):
    stop, texts = threading.Event(), []
    others = [threading.Thread(target=load, args=(port, random.Random(i), stop)) for i in range(4)]
    for thread in others:
        thread.start()
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        futures = [pool.submit(ask, port, prompt=PROMPT, max_tokens=tokens, temperature=0) for _ in range(completions)]
        for future in futures:
            texts += future.result()
    stop.set()
    for thread in others:
        thread.join()
    return collections.Counter(texts)


def main():
    build, model = sys.argv[1:3]
    completions = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    tokens = int(sys.argv[4]) if len(sys.argv) > 4 else 100
    server = subprocess.Popen([f"{build}/eadem", "serve", model, "--port", "0", "--cache", "1", "--chunk", "48"],
                              stdout=subprocess.PIPE, text=True)
    port = int(server.stdout.readline().split()[-1])
    versions = run(port, completions, tokens)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/metrics")
    metrics = connection.getresponse().read().decode()
    server.send_signal(signal.SIGTERM)
    server.wait()
    print(f"{sum(versions.values())} completions of {tokens} tokens: {len(versions)} version(s)")
    for name, value in re.findall(r"^eadem_(\S*(?:preempt|reused|computed|tokens|requests)\S*) (\d+)$", metrics, re.M):
        print(f"  {name} {value}")
    return len(versions) != 1


if __name__ == "__main__":
    sys.exit(main())
