/* http.c: the HTTP side of the server: connections, routes, answers. */
#include "serve/http.h"
#include "core/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char json_content[] = "application/json";

/* One HTTP request. */
typedef struct exchange {
    serve_server *server;
    llm_text body;
    bool too_large;
    serve_job *job;
    llm_text buffer; /* of a stream: what is not sent yet */
    size_t sent;
    bool done;
} exchange;

/* --- Answers -----------------------------------------------------------------------------------
 */

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status,
                                 const char *type, const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_error(serve_server *s, struct MHD_Connection *connection,
                                  unsigned status, const char *message)
{
    char *text = serve_error((int)status, message);
    atomic_fetch_add(&s->refused, 1);
    enum MHD_Result result =
        send_text(connection, status, json_content,
                  text ? text : "{\"error\":{\"message\":\"the request is not UTF-8\"}}");
    free(text);
    return result;
}

/* What a request that could not be read is answered with. */
static enum MHD_Result send_failure(serve_server *s, struct MHD_Connection *connection,
                                    ea_status status)
{
    return send_error(s, connection,
                      status == EA_ERR_MEMORY ? MHD_HTTP_INTERNAL_SERVER_ERROR
                      : status == EA_ERR_IO   ? MHD_HTTP_NOT_FOUND
                                              : MHD_HTTP_BAD_REQUEST,
                      ea_error_text(NULL));
}

static enum MHD_Result send_json(serve_server *s, struct MHD_Connection *connection, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text)
        return send_error(s, connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory");
    enum MHD_Result result = send_text(connection, MHD_HTTP_OK, json_content, text);
    free(text);
    return result;
}

static enum MHD_Result send_answer(exchange *x, struct MHD_Connection *connection)
{
    serve_server *s = x->server;
    pthread_mutex_lock(&x->job->mutex);
    bool failed = serve_job_failed(x->job);
    json_t *answer = failed ? NULL : serve_answer(x->job, s->options->name);
    pthread_mutex_unlock(&x->job->mutex);
    return failed ? send_error(s, connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
                               "the completion was broken off")
                  : send_json(s, connection, answer);
}

/* --- Waiting and streams -----------------------------------------------------------------------
 */

/* Call with the job's mutex held. */
static void suspend(serve_job *job)
{
    job->suspended = true;
    MHD_suspend_connection(job->connection);
}

void serve_wake(serve_job *job)
{
    job->suspended = false;
    MHD_resume_connection(job->connection);
}

/* libmicrohttpd asks for more of a stream. */
static ssize_t read_stream(void *argument, uint64_t position, char *out, size_t room)
{
    (void)position;
    exchange *x = argument;
    serve_job *job = x->job;
    pthread_mutex_lock(&job->mutex);
    if (x->sent == x->buffer.size && !x->done) {
        x->sent = x->buffer.size = 0;
        if (serve_stream(job, x->server->options->name, &x->buffer, &x->done) != EA_OK) {
            pthread_mutex_unlock(&job->mutex);
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
    }
    size_t left = x->buffer.size - x->sent, n = left < room ? left : room;
    if (n > 0)
        memcpy(out, x->buffer.data + x->sent, n);
    x->sent += n;
    bool wait = n == 0 && !x->done;
    if (wait)
        suspend(job);
    pthread_mutex_unlock(&job->mutex);
    return n > 0 || wait ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static enum MHD_Result send_stream(exchange *x, struct MHD_Connection *connection)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, x, NULL);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* --- Requests ----------------------------------------------------------------------------------
 */

static void name_job(exchange *x, serve_job *job, struct MHD_Connection *connection)
{
    static _Atomic uint64_t number;
    snprintf(job->id, sizeof job->id, "%s-%llu", job->kind == SERVE_CHAT ? "chatcmpl" : "cmpl",
             (unsigned long long)atomic_fetch_add(&number, 1));
    job->created = (int64_t)time(NULL);
    job->active = &x->server->active;
    job->connection = connection;
    job->socket =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    x->job = job;
}

static enum MHD_Result start_job(exchange *x, struct MHD_Connection *connection, serve_kind kind)
{
    serve_server *s = x->server;
    serve_job *job;
    if (x->too_large)
        return send_error(s, connection, MHD_HTTP_CONTENT_TOO_LARGE, "the request is too large");
    if (atomic_load(&s->draining))
        return send_error(s, connection, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is stopping");
    ea_status status =
        serve_job_read(&s->terms, kind, x->body.data ? x->body.data : "", x->body.size, &job);
    if (status != EA_OK)
        return send_failure(s, connection, status);
    if (atomic_fetch_add(&s->active, job->choice_count) + job->choice_count >
        s->options->queue_limit) {
        atomic_fetch_sub(&s->active, job->choice_count);
        serve_job_release(job);
        return send_error(s, connection, MHD_HTTP_TOO_MANY_REQUESTS,
                          "too many requests wait: try again later");
    }
    name_job(x, job, connection);
    pthread_mutex_lock(&job->mutex);
    if (!job->stream)
        suspend(job); /* before the engine can end it */
    pthread_mutex_unlock(&job->mutex);
    if (!serve_queue(s, job)) {
        for (int i = 0; i < job->choice_count; i++)
            job->choices[i].completion.finish = LLM_FINISH_FAILED;
        job->running = 0;
        if (job->suspended)
            serve_wake(job);
    }
    atomic_fetch_add(&s->requests, 1);
    return job->stream ? send_stream(x, connection) : MHD_YES;
}

static enum MHD_Result send_model(serve_server *s, struct MHD_Connection *connection, bool list)
{
    const char *name = s->options->name;
    json_t *model = json_pack("{s:s, s:s, s:i, s:s}", "id", name, "object", "model", "created", 0,
                              "owned_by", "eadem");
    return send_json(s, connection,
                     list ? json_pack("{s:s, s:[o]}", "object", "list", "data", model) : model);
}

static enum MHD_Result send_metrics(serve_server *s, struct MHD_Connection *connection)
{
    char text[4096];
    serve_metrics(s, text, sizeof text);
    return send_text(connection, MHD_HTTP_OK, "text/plain; version=0.0.4", text);
}

/* In a time that does not depend on where the two differ. */
static bool is_allowed(const serve_server *s, struct MHD_Connection *connection)
{
    if (!s->options->api_key)
        return true;
    const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    size_t size = strlen(s->options->api_key);
    if (!header || strncmp(header, "Bearer ", 7) != 0 || strlen(header + 7) != size)
        return false;
    unsigned char difference = 0;
    for (size_t i = 0; i < size; i++)
        difference |= (unsigned char)(header[7 + i] ^ s->options->api_key[i]);
    return difference == 0;
}

static enum MHD_Result send_health(serve_server *s, struct MHD_Connection *connection)
{
    return send_text(connection, MHD_HTTP_OK, json_content,
                     atomic_load(&s->draining) ? "{\"status\":\"stopping\"}"
                                               : "{\"status\":\"ok\"}");
}

static enum MHD_Result get(serve_server *s, struct MHD_Connection *connection, const char *url)
{
    if (strcmp(url, "/metrics") == 0)
        return send_metrics(s, connection);
    if (strcmp(url, "/v1/models") == 0)
        return send_model(s, connection, true);
    if (strncmp(url, "/v1/models/", 11) == 0)
        return strcmp(url + 11, s->options->name) == 0
                   ? send_model(s, connection, false)
                   : send_error(s, connection, MHD_HTTP_NOT_FOUND,
                                "there is no such model: /v1/models has the one that is here");
    return send_error(s, connection, MHD_HTTP_NOT_FOUND, "there is nothing at this address");
}

static enum MHD_Result route(exchange *x, struct MHD_Connection *connection, const char *url,
                             const char *method)
{
    static const char *const posts[] = { [SERVE_COMPLETION] = "/v1/completions",
                                         [SERVE_CHAT] = "/v1/chat/completions",
                                         [SERVE_EMBEDDING] = "/v1/embeddings" };
    serve_server *s = x->server;
    bool is_get = strcmp(method, "GET") == 0;
    if (is_get && strcmp(url, "/health") == 0)
        return send_health(s, connection);
    if (!is_allowed(s, connection))
        return send_error(s, connection, MHD_HTTP_UNAUTHORIZED, "a valid API key is needed");
    for (int kind = 0; kind <= SERVE_EMBEDDING; kind++)
        if (strcmp(url, posts[kind]) == 0)
            return strcmp(method, "POST") == 0
                       ? start_job(x, connection, (serve_kind)kind)
                       : send_error(s, connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                                    "this address takes POST");
    return is_get
               ? get(s, connection, url)
               : send_error(s, connection, MHD_HTTP_NOT_FOUND, "there is nothing at this address");
}

/* --- What libmicrohttpd calls ------------------------------------------------------------------
 */

static enum MHD_Result begin(serve_server *s, struct MHD_Connection *connection, void **state)
{
    exchange *x = core_alloc_zero(sizeof *x);
    if (!x)
        return MHD_NO;
    x->server = s;
    *state = x;
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    return length && strtoull(length, NULL, 10) > (uint64_t)s->options->body_limit
               ? send_error(s, connection, MHD_HTTP_CONTENT_TOO_LARGE, "the request is too large")
               : MHD_YES;
}

static enum MHD_Result take_body(exchange *x, const char *data, size_t *size)
{
    if (x->body.size + *size > (size_t)x->server->options->body_limit)
        x->too_large = true; /* sent without its length: read to its end, but not kept */
    else if (!x->too_large && llm_text_append(NULL, &x->body, data, *size) != EA_OK)
        return MHD_NO;
    *size = 0;
    return MHD_YES;
}

enum MHD_Result serve_on_request(void *argument, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *size, void **state)
{
    (void)version;
    exchange *x = *state;
    if (!x)
        return begin(argument, connection, state);
    if (*size > 0)
        return take_body(x, data, size);
    return x->job ? send_answer(x, connection) /* resumed */ : route(x, connection, url, method);
}

void serve_on_completed(void *argument, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode code)
{
    (void)argument, (void)connection, (void)code;
    exchange *x = *state;
    if (!x)
        return;
    if (x->job) {
        pthread_mutex_lock(&x->job->mutex);
        x->job->gone = true;
        x->job->suspended = false;
        pthread_mutex_unlock(&x->job->mutex);
        serve_job_release(x->job);
    }
    llm_text_free(&x->body);
    llm_text_free(&x->buffer);
    core_free(x);
    *state = NULL;
}
