"""Chat formats recognised from templates write what the template writes when `transformers` runs it; others are refused
by name."""
import json
import pathlib
import sys

import openai
import pytest
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from serving import CHATML, Server, make_folder  # noqa: E402

LLAMA3 = """{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' \
+ message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}\
{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}\
{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"""
MISTRAL_1 = """{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}\
{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}\
{{ message['content'] + eos_token + ' ' }}{% endif %}{% endfor %}"""
MISTRAL_3 = """{%- if messages[0]["role"] == "system" %}{%- set system_message = messages[0]["content"] %}\
{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}{{- bos_token }}\
{%- for message in loop_messages %}{%- if message["role"] == "user" %}{%- if loop.last and system_message is defined %}\
{{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}{%- else %}\
{{- "[INST] " + message["content"] + "[/INST]" }}{%- endif %}{%- else %}{{- " " + message["content"] + eos_token }}\
{%- endif %}{%- endfor %}"""
MISTRAL_FIRST = MISTRAL_3.replace("loop.last", "loop.first").replace('"[/INST]"', '" [/INST]"').replace('"[INST] "',
                                                                                                      '" [INST] "')
NEMO = MISTRAL_3.replace('"[INST] "', '"[INST]"').replace('" " + message', "message")

TALK = [{"role": "user", "content": "hello there "}, {"role": "assistant", "content": "hi"},
        {"role": "user", "content": "the cat?"}]
SYSTEM = [{"role": "system", "content": "be kind"}]
KNOWN = {"chatml": CHATML, "llama3": LLAMA3, "mistral 1": MISTRAL_1, "mistral 3": MISTRAL_3,
         "mistral first": MISTRAL_FIRST, "nemo": NEMO}


def render(folder, template, messages):
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    tokenizer.bos_token = "<|begin_of_text|>" if "start_header" in template else "<s>"
    tokenizer.eos_token = "</s>"
    return tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=True)


@pytest.mark.parametrize("name", KNOWN)
def test_format_is_the_templates(name, tmp_path):
    folder = make_folder(tmp_path, KNOWN[name])
    server = Server(folder)
    ask = dict(model="tiny", max_tokens=8, temperature=0)
    for messages in [TALK[:1], TALK] + ([] if name == "mistral 1" else [SYSTEM + TALK[:1], SYSTEM + TALK]):
        text = render(folder, KNOWN[name], messages)
        got = server.client().chat.completions.create(messages=messages, logprobs=True, **ask)
        plain = server.client().completions.create(prompt=text, logprobs=0, **ask)
        assert got.usage.prompt_tokens == plain.usage.prompt_tokens, text
        assert got.choices[0].message.content == plain.choices[0].text
        assert [t.logprob for t in got.choices[0].logprobs.content] == plain.choices[0].logprobs.token_logprobs
    if "mistral" in name:
        with pytest.raises(openai.BadRequestError, match="take turns"):
            server.client().chat.completions.create(messages=TALK[:1] * 2, model="tiny")
    assert server.stop() == 0


def test_others_are_refused_by_name(tmp_path):
    folder = make_folder(tmp_path, None)
    for template, sentence in ((None, "has no chat template"), ("{{ '<start_of_turn>' }}", "is Gemma, not ChatML"),
                               ("[INST] <<SYS>> [/INST]", "is Llama 2,"), ("{{ messages }}", "of an unknown kind")):
        (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
        server = Server(folder)
        with pytest.raises(openai.BadRequestError, match=sentence):
            server.client().chat.completions.create(messages=TALK[:1], model="tiny")
        assert server.stop() == 0
