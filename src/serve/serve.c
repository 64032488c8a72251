/* serve.c: the server from its start to its end. */
#include "serve/serve.h"
#include "serve/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTION_MEMORY = 32 << 10 };

/* By poll: with epoll, whose events come once, libmicrohttpd misses the end of a connection that
 * arrives together with the last bytes. */
static struct MHD_Daemon *listen_at(serve_server *s)
{
    const serve_options *o = s->options;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)o->port) };
    errno = EINVAL;
    if (inet_pton(AF_INET, o->address, &address.sin_addr) != 1)
        return NULL;
    return MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, (uint16_t)o->port,
        NULL, NULL, serve_on_request, s, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_NOTIFY_COMPLETED, serve_on_completed, s, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)o->connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)o->idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
}

/* A file descriptor for each connection. */
static void allow_connections(int connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Lets what runs finish, until its time is up or a second signal comes. */
static void drain(serve_server *s, struct MHD_Daemon *daemon, const sigset_t *signals)
{
    const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
    atomic_store(&s->draining, true);
    MHD_socket listening = MHD_quiesce_daemon(daemon);
    if (listening != MHD_INVALID_SOCKET)
        close(listening);
    for (int i = 0; i < s->options->drain_seconds * 100 && atomic_load(&s->active) > 0; i++)
        if (sigtimedwait(signals, NULL, &pause) > 0)
            return;
}

/* libmicrohttpd stops only when no connection is suspended: the worker's end wakes them all. */
static ea_status serve(serve_server *s, const sigset_t *signals, void (*ready)(int))
{
    pthread_t thread;
    struct MHD_Daemon *daemon = listen_at(s);
    if (!daemon)
        return core_fail(s->ctx, EA_ERR_IO, "cannot listen at %s, port %d: %s", s->options->address,
                         s->options->port, strerror(errno));
    if (pthread_create(&thread, NULL, serve_worker, s) != 0) {
        MHD_stop_daemon(daemon);
        return core_fail(s->ctx, EA_ERR_MEMORY, "no thread for the engine");
    }
    ready(MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    int signal;
    sigwait(signals, &signal);
    drain(s, daemon, signals);
    serve_stop(s, true);
    pthread_join(thread, NULL);
    MHD_stop_daemon(daemon);
    return EA_OK;
}

static ea_status open_server(serve_server *s)
{
    const serve_options *o = s->options;
    EA_TRY(llm_session_open(s->ctx, o->model, &s->session));
    EA_TRY(llm_chat_of(s->ctx, o->model, &s->chat));
    EA_TRY(llm_engine_create(s->ctx, s->session.model, &o->engine, &s->engine));
    int64_t capacity = llm_engine_capacity(s->engine), context = s->session.model->config.context;
    capacity = capacity < context ? capacity : context;
    s->terms = (serve_terms){ .session = &s->session,
                              .chat = &s->chat,
                              .model = o->name,
                              .prompt_limit = o->prompt_limit > 0 && o->prompt_limit < capacity
                                                  ? o->prompt_limit
                                                  : capacity,
                              .capacity = capacity };
    return EA_OK;
}

ea_status serve_run(ea_context *ctx, const serve_options *options, void (*ready)(int port))
{
    serve_server s = { .options = options, .ctx = ctx };
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    signal(SIGPIPE, SIG_IGN);
    allow_connections(options->connections);
    pthread_mutex_init(&s.mutex, NULL);
    pthread_cond_init(&s.work, NULL);
    ea_status status = open_server(&s);
    if (status == EA_OK)
        status = serve(&s, &signals, ready);
    llm_engine_destroy(s.engine);
    llm_session_close(&s.session);
    pthread_cond_destroy(&s.work);
    pthread_mutex_destroy(&s.mutex);
    while (sigtimedwait(&signals, NULL, &(struct timespec){ 0 }) > 0)
        ; /* a further signal asked for what has happened */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}
