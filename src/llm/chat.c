/* chat.c: recognising a chat format and writing it. */
#include "llm/chat.h"
#include "core/memory.h"
#include "llm/gguf.h"
#include "llm/json.h"
#include "llm/model_files.h"

#include <string.h>
#include <unistd.h>

enum { TEMPLATE_LIMIT = 16 << 20 };

static const char what[] = "messages";

/* --- Recognising -------------------------------------------------------------------------------
 */

static const char *find(const char *text, size_t size, const char *part)
{
    size_t length = strlen(part);
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(text + i, part, length) == 0)
            return text + i;
    return NULL;
}

/* The quoted text of the template around `part`, or `part` itself. */
static void find_literal(const char *text, size_t size, const char *part, char out[16])
{
    const char *at = find(text, size, part), *begin = at, *end = at + strlen(part);
    while (begin > text && begin[-1] == ' ')
        begin--;
    while (end < text + size && *end == ' ')
        end++;
    bool quoted = begin > text && end < text + size && strchr("\"'", *end) && *end &&
                  begin[-1] == *end && end - begin < 16;
    begin = quoted ? begin : at;
    size_t length = quoted ? (size_t)(end - begin) : strlen(part);
    memcpy(out, begin, length);
    out[length] = 0;
}

/* The versions of Mistral's template differ in spaces and in where the system's message goes. */
static llm_chat recognise_mistral(const char *text, size_t size)
{
    llm_chat chat = { .kind = LLM_CHAT_MISTRAL };
    find_literal(text, size, "[INST]", chat.open);
    find_literal(text, size, "[/INST]", chat.close);
    chat.space_before_answer = find(text, size, "\" \" + message") ||
                               find(text, size, "' ' + message") ||
                               find(text, size, "\" \" ~ message");
    chat.space_after_answer =
        find(text, size, "eos_token + ' '") || find(text, size, "eos_token + \" \"");
    chat.system_at_first_user = find(text, size, "loop.first") != NULL;
    return chat;
}

llm_chat llm_chat_recognise(const char *text, size_t size)
{
    static const struct {
        const char *mark, *name;
    } others[] = { { "<<SYS>>", "Llama 2" },
                   { "<start_of_turn>", "Gemma" },
                   { "<|assistant|>", "Phi or Zephyr" },
                   { "<|START_OF_TURN_TOKEN|>", "Command" },
                   { "<|start|>", "Harmony" },
                   { "<\xef\xbd\x9c", "DeepSeek" },
                   { "### Instruction", "Alpaca" },
                   { "USER:", "Vicuna" },
                   { "<|header_start|>", "Llama 4" } };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (find(text, size, others[i].mark))
            return (llm_chat){ .kind = LLM_CHAT_UNKNOWN, .unknown = others[i].name };
    if (find(text, size, "<|im_start|>") && find(text, size, "<|im_end|>"))
        return (llm_chat){ .kind = LLM_CHAT_CHATML };
    if (find(text, size, "<|start_header_id|>") && find(text, size, "<|eot_id|>"))
        return (llm_chat){ .kind = LLM_CHAT_LLAMA3 };
    if (find(text, size, "[INST]") && find(text, size, "[/INST]"))
        return recognise_mistral(text, size);
    return (llm_chat){ .kind = LLM_CHAT_UNKNOWN };
}

static ea_status of_gguf(ea_context *ctx, const char *model, llm_chat *out)
{
    llm_gguf gguf;
    llm_gguf_text text;
    EA_TRY(llm_gguf_open(ctx, model, &gguf));
    ea_status status = llm_gguf_string(ctx, &gguf, "tokenizer.chat_template", &text);
    if (status == EA_OK && text.data)
        *out = llm_chat_recognise(text.data, text.size);
    llm_gguf_free(&gguf);
    return status;
}

static ea_status of_file(ea_context *ctx, const char *folder, const char *name, llm_chat *out)
{
    char path[LLM_PATH_SIZE], *bytes;
    size_t size;
    EA_TRY(llm_join_path(ctx, folder, name, path));
    if (access(path, F_OK) != 0)
        return EA_OK;
    EA_TRY(llm_read_file(ctx, path, TEMPLATE_LIMIT, &bytes, &size));
    ea_status status = EA_OK;
    if (llm_ends_with(name, ".json")) {
        json_t *json;
        const char *template = NULL;
        status = llm_json_parse(ctx, path, bytes, size, &json);
        if (status == EA_OK)
            template = json_string_value(json_object_get(json, "chat_template"));
        if (template)
            *out = llm_chat_recognise(template, strlen(template));
        json_decref(json);
    } else {
        *out = llm_chat_recognise(bytes, size);
    }
    core_free(bytes);
    return status;
}

ea_status llm_chat_of(ea_context *ctx, const char *model, llm_chat *out)
{
    *out = (llm_chat){ .kind = LLM_CHAT_NONE };
    if (!llm_is_folder(model))
        return of_gguf(ctx, model, out);
    EA_TRY(of_file(ctx, model, "chat_template.jinja", out));
    return out->kind == LLM_CHAT_NONE ? of_file(ctx, model, "tokenizer_config.json", out) : EA_OK;
}

/* --- Writing -----------------------------------------------------------------------------------
 */

/* Text that is appended piece after piece; NULL ends the list. */
static ea_status append_all(ea_context *ctx, llm_text *out, const char *const *parts)
{
    for (; *parts; parts++)
        EA_TRY(llm_text_append(ctx, out, *parts, strlen(*parts)));
    return EA_OK;
}

typedef struct message {
    const char *role, *content;
} message;

static ea_status read_message(ea_context *ctx, const json_t *messages, size_t i, message *out)
{
    const json_t *json = json_array_get(messages, i);
    if (!json_is_object(json))
        return core_fail(ctx, EA_ERR_ARGUMENT, "message %zu must be an object", i);
    EA_TRY(llm_json_string(ctx, what, json, "role", &out->role));
    EA_TRY(llm_json_string(ctx, what, json, "content", &out->content));
    if (!out->role || !out->content)
        return core_fail(ctx, EA_ERR_ARGUMENT, "message %zu needs a role and a content", i);
    bool known = strcmp(out->role, "system") == 0 || strcmp(out->role, "user") == 0 ||
                 strcmp(out->role, "assistant") == 0;
    return known ? EA_OK
                 : core_fail(ctx, EA_ERR_ARGUMENT,
                             "message %zu: role '%.40s': it must be system, user or assistant", i,
                             out->role);
}

static ea_status append_chatml(ea_context *ctx, const json_t *messages, llm_text *out)
{
    for (size_t i = 0; i < json_array_size(messages); i++) {
        message m;
        EA_TRY(read_message(ctx, messages, i, &m));
        EA_TRY(append_all(ctx, out,
                          (const char *const[]){ "<|im_start|>", m.role, "\n", m.content,
                                                 "<|im_end|>\n", NULL }));
    }
    return append_all(ctx, out, (const char *const[]){ "<|im_start|>assistant\n", NULL });
}

static ea_status append_llama3(ea_context *ctx, const json_t *messages, llm_text *out)
{
    static const char space[] = " \t\r\n\v\f";
    EA_TRY(append_all(ctx, out, (const char *const[]){ "<|begin_of_text|>", NULL }));
    for (size_t i = 0; i < json_array_size(messages); i++) {
        message m;
        EA_TRY(read_message(ctx, messages, i, &m));
        size_t start = strspn(m.content, space), end = strlen(m.content);
        while (end > start && strchr(space, m.content[end - 1]))
            end--;
        EA_TRY(append_all(
            ctx, out,
            (const char *const[]){ "<|start_header_id|>", m.role, "<|end_header_id|>\n\n", NULL }));
        EA_TRY(llm_text_append(ctx, out, m.content + start, end - start));
        EA_TRY(append_all(ctx, out, (const char *const[]){ "<|eot_id|>", NULL }));
    }
    return append_all(
        ctx, out,
        (const char *const[]){ "<|start_header_id|>assistant<|end_header_id|>\n\n", NULL });
}

/* User and assistant take turns; a system message may come first and joins a user's. */
static ea_status append_mistral(ea_context *ctx, const llm_chat *chat, const json_t *messages,
                                llm_text *out)
{
    message m, system = { NULL, NULL };
    size_t count = json_array_size(messages), first = 0;
    EA_TRY(read_message(ctx, messages, 0, &m));
    if (strcmp(m.role, "system") == 0) {
        system = m;
        first = 1;
    }
    EA_TRY(append_all(ctx, out, (const char *const[]){ "<s>", NULL }));
    for (size_t i = first; i < count; i++) {
        bool user = (i - first) % 2 == 0;
        EA_TRY(read_message(ctx, messages, i, &m));
        if (strcmp(m.role, user ? "user" : "assistant") != 0)
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "message %zu: role '%.40s': Mistral's user and assistant take turns",
                             i, m.role);
        bool with_system = system.content && i == (chat->system_at_first_user ? first : count - 1);
        if (user)
            EA_TRY(append_all(ctx, out,
                              (const char *const[]){ chat->open, with_system ? system.content : "",
                                                     with_system ? "\n\n" : "", m.content,
                                                     chat->close, NULL }));
        else
            EA_TRY(append_all(ctx, out,
                              (const char *const[]){ chat->space_before_answer ? " " : "",
                                                     m.content, "</s>",
                                                     chat->space_after_answer ? " " : "", NULL }));
    }
    return (count - first) % 2 == 1
               ? EA_OK
               : core_fail(ctx, EA_ERR_ARGUMENT, "the last message must be the user's");
}

ea_status llm_chat_text(ea_context *ctx, const llm_chat *chat, const json_t *messages,
                        llm_text *out)
{
    if (chat->kind == LLM_CHAT_NONE)
        return core_fail(ctx, EA_ERR_UNSUPPORTED,
                         "the model has no chat template: use /v1/completions");
    if (chat->kind == LLM_CHAT_UNKNOWN)
        return core_fail(ctx, EA_ERR_UNSUPPORTED,
                         "the model's chat template is %s, not ChatML, Llama 3's or Mistral's: use "
                         "/v1/completions",
                         chat->unknown ? chat->unknown : "of an unknown kind");
    if (!json_is_array(messages) || json_array_size(messages) == 0)
        return core_fail(ctx, EA_ERR_ARGUMENT, "'messages' must be a list of at least one message");
    return chat->kind == LLM_CHAT_CHATML   ? append_chatml(ctx, messages, out)
           : chat->kind == LLM_CHAT_LLAMA3 ? append_llama3(ctx, messages, out)
                                           : append_mistral(ctx, chat, messages, out);
}
