/* worker.c: the engine's thread: takes jobs from the queue, runs steps, notices clients that left.
 */
#include "serve/server.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { WATCH_MILLISECONDS = 50 };

typedef struct worker {
    serve_server *server;
    serve_job *jobs; /* that run, or have ended since the last look */
    int64_t watched; /* when clients were last looked for, in milliseconds */
} worker;

/* --- The queue ---------------------------------------------------------------------------------
 */

bool serve_queue(serve_server *server, serve_job *job)
{
    pthread_mutex_lock(&server->mutex);
    bool open = !server->stop;
    if (open) {
        serve_job_hold(job);
        if (server->last)
            server->last->next = job;
        else
            server->first = job;
        server->last = job;
        pthread_cond_signal(&server->work);
    }
    pthread_mutex_unlock(&server->mutex);
    return open;
}

void serve_stop(serve_server *server, bool abandon)
{
    pthread_mutex_lock(&server->mutex);
    server->stop = true;
    server->abandon = server->abandon || abandon;
    pthread_cond_signal(&server->work);
    pthread_mutex_unlock(&server->mutex);
}

/* Waits for work; false when the server ends. */
static bool take_jobs(serve_server *s, bool busy, serve_job **jobs, bool *abandon)
{
    pthread_mutex_lock(&s->mutex);
    s->state = llm_engine_read_state(s->engine);
    while (!busy && !s->first && !s->stop)
        pthread_cond_wait(&s->work, &s->mutex);
    *jobs = s->first;
    s->first = s->last = NULL;
    *abandon = s->abandon;
    bool go = busy || *jobs || !s->stop;
    pthread_mutex_unlock(&s->mutex);
    return go;
}

/* --- Choices -----------------------------------------------------------------------------------
 */

/* A whole answer waits for all of its choices. */
static void tell_connection(serve_job *job)
{
    if (job->suspended && (job->stream || job->running == 0))
        serve_wake(job);
}

static void on_event(void *argument, const llm_event *event)
{
    serve_choice *choice = argument;
    serve_job *job = choice->job;
    pthread_mutex_lock(&job->mutex);
    llm_completion_take(NULL, &choice->completion, event); /* a failure shows in its `finish` */
    if (event->embedding)
        memcpy(choice->embedding, event->embedding, (size_t)job->hidden * sizeof(float));
    if (event->finish != LLM_FINISH_NOT) {
        choice->sequence = NULL;
        choice->ended = true;
        job->running--;
    }
    tell_connection(job);
    pthread_mutex_unlock(&job->mutex);
}

static void start_choice(serve_server *s, serve_job *job, int i)
{
    serve_choice *choice = &job->choices[i];
    const llm_ids *prompt = &job->prompts[i / job->samples];
    bool embed = job->kind == SERVE_EMBEDDING;
    llm_request request = { .prompt = prompt->data,
                            .prompt_count = (int64_t)prompt->count,
                            .max_tokens = job->max_tokens,
                            .sampling = job->sampling,
                            .sample = (uint64_t)(i % job->samples),
                            .stop_tokens = s->session.stop.data,
                            .stop_count = s->session.stop.count,
                            .top_count = job->top_count,
                            .prompt_log_probabilities = job->echo && job->log_probabilities,
                            .embed = embed,
                            .on_event = on_event,
                            .argument = choice };
    int64_t room = s->terms.capacity - request.prompt_count;
    request.max_tokens = request.max_tokens < room ? request.max_tokens : room;
    if (llm_engine_add(s->engine, &request, &choice->sequence) != EA_OK)
        on_event(choice, &(llm_event){ .finish = LLM_FINISH_FAILED });
}

static void start_jobs(worker *w, serve_job *jobs)
{
    while (jobs) {
        serve_job *job = jobs;
        jobs = job->next;
        job->next = w->jobs;
        w->jobs = job;
        for (int i = 0; i < job->choice_count; i++)
            start_choice(w->server, job, i);
    }
}

/* --- Clients that left -------------------------------------------------------------------------
 */

/* libmicrohttpd does not look at suspended connections. */
static bool has_left(const serve_job *job)
{
    char byte;
    return job->suspended && recv(job->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Cancels what nobody waits for. Call with the job's mutex held. */
static void cancel_choices(serve_job *job)
{
    for (int i = 0; i < job->choice_count; i++)
        if (job->choices[i].sequence)
            llm_sequence_cancel(job->choices[i].sequence);
}

static void sweep_jobs(worker *w)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t time = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    bool watch = time - w->watched >= WATCH_MILLISECONDS;
    w->watched = watch ? time : w->watched;
    for (serve_job **at = &w->jobs; *at;) {
        serve_job *job = *at;
        pthread_mutex_lock(&job->mutex);
        job->gone = job->gone || (watch && has_left(job));
        if (job->gone)
            cancel_choices(job);
        bool ended = job->running == 0;
        pthread_mutex_unlock(&job->mutex);
        if (ended) {
            *at = job->next;
            for (int i = 0; i < job->choice_count; i++)
                atomic_fetch_add(&w->server->sampled, job->choices[i].completion.sampled);
            serve_job_release(job);
        } else {
            at = &job->next;
        }
    }
}

void *serve_worker(void *argument)
{
    worker w = { .server = argument };
    serve_server *s = w.server;
    serve_job *jobs;
    bool abandon;
    for (bool busy = false; take_jobs(s, busy, &jobs, &abandon);) {
        start_jobs(&w, jobs);
        if (abandon)
            llm_engine_abandon(s->engine);
        if (llm_engine_step(s->engine, &busy) != EA_OK)
            llm_engine_abandon(s->engine);
        sweep_jobs(&w);
    }
    return NULL;
}
