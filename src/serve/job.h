/* job.h: one request on its way through the server. */
#ifndef SERVE_JOB_H
#define SERVE_JOB_H

#include "llm/chat.h"
#include "llm/completion.h"
#include "llm/session.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

enum { SERVE_MAX_CHOICES = 128, SERVE_MAX_TOP = 20 };

typedef enum serve_kind { SERVE_COMPLETION, SERVE_CHAT, SERVE_EMBEDDING } serve_kind;

struct serve_job;

/* One of the completions of a request: sample `index % samples` of prompt `index / samples`. */
typedef struct serve_choice {
    struct serve_job *job;
    llm_sequence *sequence; /* the engine's thread only; NULL before and after */
    llm_completion completion;
    float *embedding; /* [hidden], of an embedding */
    bool ended;
    size_t bytes_sent, tokens_sent; /* of a stream */
    bool role_sent, end_sent;
} serve_choice;

typedef struct serve_job {
    pthread_mutex_t mutex; /* over the choices and what follows */
    int holders;           /* the connection and the engine's thread */
    bool gone;             /* the client has left */
    int running;           /* choices that have not ended */
    bool suspended;        /* the connection waits to be resumed */
    void *connection;      /* MHD's */
    int socket;            /* valid while suspended */

    /* Fixed once the request is read: */
    serve_kind kind;
    bool stream, usage, echo, base64;
    bool log_probabilities;
    int top_count;
    llm_ids *prompts;
    int prompt_count, samples, choice_count;
    int64_t max_tokens;
    llm_sampling sampling;
    llm_bias *bias;
    llm_stops stops;
    serve_choice *choices;
    char id[48];
    int64_t created;
    int64_t hidden;          /* length of an embedding */
    _Atomic int64_t *active; /* the server's count of choices, which this job's are part of */
    struct serve_job *next;  /* in the queue, or in the engine's thread's list */
} serve_job;

/* What a request is read with. */
typedef struct serve_terms {
    const llm_session *session;
    const llm_chat *chat;
    const char *model;    /* the name that requests may give */
    int64_t prompt_limit; /* tokens */
    int64_t capacity;     /* tokens of prompt and completion that the cache holds */
} serve_terms;

/* Reads a request's JSON. Errors are the client's, but for EA_ERR_MEMORY: EA_ERR_FORMAT,
 * EA_ERR_ARGUMENT, EA_ERR_UNSUPPORTED; EA_ERR_IO: no such model. The sentence is
 * ea_error_text(NULL). */
ea_status serve_job_read(const serve_terms *terms, serve_kind kind, const char *body, size_t size,
                         serve_job **out);
void serve_job_hold(serve_job *job);
/* One holder less; the last frees it. */
void serve_job_release(serve_job *job);

/* The whole answer as JSON, or the next part of a stream ("data: …\n\n") appended to `out`; *done
 * when it was the last. Call with the mutex held. NULL: no memory. */
json_t *serve_answer(const serve_job *job, const char *model);
ea_status serve_stream(serve_job *job, const char *model, llm_text *out, bool *done);
/* Did a choice fail for want of memory? */
bool serve_job_failed(const serve_job *job);
/* OpenAI's error object, as text to free(); NULL: no memory. */
char *serve_error(int http_status, const char *message);

#endif
