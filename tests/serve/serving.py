"""A server of a small model, for the tests."""
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import openai

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "llm"))
import small_models  # noqa: E402

EADEM = pathlib.Path(os.environ["EADEM_BUILD"]) / "eadem"
CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" \
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"


class Server:
    def __init__(self, folder, *options):
        self.process = subprocess.Popen([EADEM, "serve", folder, "--port", "0", "--name", "tiny", *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening"), self.process.stderr.read()
        self.port = int(line.split()[-1])
        self.clients = {}

    def client(self, key="none"):
        if key not in self.clients:
            self.clients[key] = openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key=key, max_retries=0,
                                              timeout=120)
        return self.clients[key]

    def raw(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, data

    def metric(self, name):
        text = self.raw("GET", "/metrics")[1].decode()
        return int(re.search(rf"^eadem_{name} (\d+)$", text, re.M).group(1))

    def memory(self):
        """Resident MiB."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def make_folder(path, template=CHATML):
    small_models.make("qwen3", path)
    if template:
        (path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    return path


def generate(folder, prompt, n, *options):
    out = subprocess.run([EADEM, "generate", folder, "-p", prompt, "-n", str(n), "--json", *map(str, options)],
                         capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]
