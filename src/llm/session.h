/* session.h: a model with its tokenizer and what ends a text: all that a command needs. */
#ifndef LLM_SESSION_H
#define LLM_SESSION_H

#include "llm/engine.h"
#include "llm/tokenizer.h"

typedef struct llm_session {
    llm_model *model;
    llm_tokenizer *tokenizer;
    llm_ids stop; /* tokens that end a text: generation_config.json, config.json, or GGUF */
} llm_session;

/* `path` must outlive the session. llm_session_close() takes a zeroed one. */
ea_status llm_session_open(ea_context *ctx, const char *path, llm_session *out);
void llm_session_close(llm_session *session);

#endif
