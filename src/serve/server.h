/* server.h: what the HTTP thread and the engine's thread share. */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include "serve/job.h"
#include "serve/serve.h"

typedef struct serve_server {
    const serve_options *options;
    ea_context *ctx; /* the engine's thread's */
    llm_session session;
    llm_chat chat;
    llm_engine *engine; /* the engine's thread's */
    serve_terms terms;

    pthread_mutex_t mutex; /* over the queue and what follows */
    pthread_cond_t work;
    serve_job *first, *last;
    bool stop, abandon;
    llm_engine_state state; /* as of the last step */

    _Atomic int64_t active;   /* choices of requests that are not answered yet */
    _Atomic int64_t requests; /* that were accepted */
    _Atomic int64_t refused;
    _Atomic int64_t sampled; /* tokens */
    _Atomic bool draining;
} serve_server;

/* Hands a job to the engine's thread, which becomes a second holder; false when the server ends. */
bool serve_queue(serve_server *server, serve_job *job);
/* The engine's thread; `argument` is the server. */
void *serve_worker(void *argument);
/* Ends the worker when nothing is left to do; with `abandon` what is left fails. */
void serve_stop(serve_server *server, bool abandon);

/* The text of /metrics in `out`. */
void serve_metrics(serve_server *server, char *out, size_t size);

/* Resumes the connection of a job (http.c). Call with the job's mutex held. */
void serve_wake(serve_job *job);

#endif
