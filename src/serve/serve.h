/* serve.h: a language model over HTTP, with OpenAI's endpoints.
 *
 * One thread talks HTTP (http.c: libmicrohttpd), one runs the engine (worker.c). A request
 * becomes a job (job.h), which both hold: the engine's thread appends text to it, the HTTP thread
 * sends that on. Connections that wait are suspended and cost nothing. */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "llm/session.h"

typedef struct serve_options {
    const char *model;    /* path */
    const char *name;     /* what /v1/models calls it */
    const char *address;  /* IPv4 to listen at */
    int port;             /* 0: any that is free */
    const char *api_key;  /* NULL: none is asked for */
    int64_t body_limit;   /* bytes of a request; beyond it 413 */
    int64_t prompt_limit; /* tokens of a prompt; 0: what the model and the cache hold */
    int64_t queue_limit;  /* completions that may wait or run; beyond it 429 */
    int connections;      /* at once */
    int idle_seconds;     /* a connection on which nothing moves for so long is closed */
    int drain_seconds;    /* what still runs so long after SIGTERM is broken off */
    llm_engine_options engine;
} serve_options;

/* Serves until SIGTERM or SIGINT; then takes no more requests, finishes those it has, and returns;
 * a second signal breaks them off. Calls `ready` with the port once it listens. */
ea_status serve_run(ea_context *ctx, const serve_options *options, void (*ready)(int port));

#endif
