/* chat.h: messages to the text that a chat model was trained on. The format is recognised from the
 * model's template, which is not run: ChatML, Llama 3 and Mistral are known; others are refused. */
#ifndef LLM_CHAT_H
#define LLM_CHAT_H

#include "llm/utf8.h"

#include <jansson.h>

typedef enum llm_chat_kind {
    LLM_CHAT_NONE, /* the model has no template */
    LLM_CHAT_UNKNOWN,
    LLM_CHAT_CHATML,
    LLM_CHAT_LLAMA3,
    LLM_CHAT_MISTRAL
} llm_chat_kind;

typedef struct llm_chat {
    llm_chat_kind kind;
    const char *unknown; /* what an unknown template looks like, if that is known */
    /* Mistral's template in its versions: */
    char open[16], close[16];  /* around a user's message: "[INST] " and " [/INST]" … */
    bool space_before_answer;  /* " " before what the assistant said */
    bool space_after_answer;   /* "</s> " instead of "</s>" after it */
    bool system_at_first_user; /* the system's message goes into the first user's, not the last's */
} llm_chat;

/* The format of a folder (chat_template.jinja, tokenizer_config.json) or a .gguf file. */
ea_status llm_chat_of(ea_context *ctx, const char *model, llm_chat *out);
/* The format that a template writes. */
llm_chat llm_chat_recognise(const char *template, size_t size);

/* Appends messages, a list of {"role", "content"}, and the beginning of the answer. Errors:
 * EA_ERR_UNSUPPORTED (no known format), EA_ERR_ARGUMENT (messages that the format has not). */
ea_status llm_chat_text(ea_context *ctx, const llm_chat *chat, const json_t *messages,
                        llm_text *out);

#endif
