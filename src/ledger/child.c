/* child.c: running the recorded program. */
#define _GNU_SOURCE /* posix_openpt, pipe2, spawn in a folder */
#include "ledger/child.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 1 << 16 };

/* One of the two streams: where it comes from, where it is shown, where it is kept. */
typedef struct stream {
    int source; /* −1: closed */
    int program_end;
    int shown; /* −1: not shown */
    int head, tail;
    bool terminal;
    bool lost;
    int64_t bytes;
} stream;

struct ledger_child {
    pid_t pid;
    int signals;
    sigset_t saved;
    bool ended;
    ledger_child_result result;
    stream streams[2];
};

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* --- Streams ------------------------------------------------------------------------------------
 */

static void copy_window_size(int from, int to)
{
    struct winsize size;
    if (ioctl(from, TIOCGWINSZ, &size) == 0)
        ioctl(to, TIOCSWINSZ, &size);
}

/* A terminal for the program that passes bytes on unchanged: the real one turns \n into \r\n. */
static bool open_terminal(stream *s)
{
    struct termios mode;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        return false;
    char name[128];
    int slave =
        ptsname_r(master, name, sizeof name) == 0 ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
    if (slave < 0 || tcgetattr(s->shown, &mode) != 0)
        return false;
    mode.c_oflag &= ~(tcflag_t)OPOST;
    mode.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(slave, TCSANOW, &mode);
    copy_window_size(s->shown, slave);
    s->source = master;
    s->program_end = slave;
    s->terminal = true;
    return true;
}

static bool open_stream(stream *s, int run_folder, const char *head, const char *tail)
{
    int ends[2];
    s->head = openat(run_folder, head, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    s->tail = openat(run_folder, tail, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (s->head < 0 || s->tail < 0)
        return false;
    if (s->shown >= 0 && isatty(s->shown) && open_terminal(s))
        return true;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    s->source = ends[0];
    s->program_end = ends[1];
    return true;
}

static void close_one(int *file)
{
    if (*file >= 0)
        close(*file);
    *file = -1;
}

static void close_stream(stream *s)
{
    close_one(&s->source);
    close_one(&s->program_end);
    close_one(&s->head);
    close_one(&s->tail);
}

/* Writes all, waiting when the other side is a terminal or pipe that does not block. */
static bool write_all(int file, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, data, size);
        if (written < 0 && errno == EAGAIN)
            poll(&(struct pollfd){ .fd = file, .events = POLLOUT }, 1, -1);
        else if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return true;
}

/* The first LEDGER_OUTPUT_LIMIT bytes go to the head, later ones round and round into the tail. */
static void keep(stream *s, const char *data, size_t size)
{
    while (size > 0 && !s->lost) {
        int64_t at = s->bytes < LEDGER_OUTPUT_LIMIT ? s->bytes : s->bytes % LEDGER_OUTPUT_LIMIT;
        size_t piece = (size_t)(LEDGER_OUTPUT_LIMIT - at);
        if (piece > size)
            piece = size;
        int file = s->bytes < LEDGER_OUTPUT_LIMIT ? s->head : s->tail;
        if (pwrite(file, data, piece, at) != (ssize_t)piece)
            s->lost = true;
        s->bytes += (int64_t)piece;
        data += piece;
        size -= piece;
    }
    s->bytes += (int64_t)size;
}

/* Passes on what there is; closes the stream at its end, or when nobody takes what it shows. */
static void pump(stream *s)
{
    char data[PIECE];
    ssize_t size = read(s->source, data, sizeof data);
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (size <= 0) { /* a terminal ends with EIO */
        close_one(&s->source);
        return;
    }
    bool taken = s->shown < 0 || write_all(s->shown, data, (size_t)size);
    keep(s, data, (size_t)size);
    if (!taken)
        close_one(&s->source); /* the program gets SIGPIPE, as it would without us */
}

static void drain(stream *s)
{
    while (s->source >= 0 && poll(&(struct pollfd){ .fd = s->source, .events = POLLIN }, 1, 0) == 1)
        pump(s);
}

/* --- Start --------------------------------------------------------------------------------------
 */

/* The program starts with the signals as we found them, but SIGPIPE, which we ignore. */
static int spawn(ledger_child *child, const ledger_child_options *options)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    error = posix_spawn_file_actions_addchdir_np(&actions, options->folder);
    for (int i = 0; i < 2 && !error; i++)
        error = posix_spawn_file_actions_adddup2(&actions, child->streams[i].program_end, 1 + i);
    if (!error) /* onto itself: it then stays open */
        error = posix_spawn_file_actions_adddup2(&actions, options->inherited, options->inherited);
    if (!error)
        error = posix_spawnattr_setsigmask(&attributes, &child->saved);
    if (!error)
        error = posix_spawnattr_setsigdefault(&attributes, &defaults);
    if (!error)
        error =
            posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!error)
        error = posix_spawn(&child->pid, options->program, &actions, &attributes, options->argv,
                            options->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static bool take_signals(ledger_child *child)
{
    static const int taken[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
                                 SIGUSR1, SIGUSR2, SIGCHLD, SIGWINCH };
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        sigaddset(&set, taken[i]);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, &child->saved) != 0)
        return false;
    child->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return child->signals >= 0;
}

static void child_free(ledger_child *child)
{
    for (int i = 0; i < 2; i++)
        close_stream(&child->streams[i]);
    if (child->signals >= 0) {
        struct signalfd_siginfo info; /* a Ctrl-C that ended the program must not end us as well */
        while (read(child->signals, &info, sizeof info) == sizeof info)
            ;
        close(child->signals);
        sigprocmask(SIG_SETMASK, &child->saved, NULL);
    }
    core_free(child);
}

ea_status ledger_child_start(ea_context *ctx, const ledger_child_options *options, int *exit_code,
                             ledger_child **out)
{
    static const char *const names[2][2] = { { "stdout", "stdout.tail" },
                                             { "stderr", "stderr.tail" } };
    *out = NULL;
    ledger_child *child = core_alloc_zero(sizeof *child);
    if (!child)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory to run %s", options->argv[0]);
    child->signals = -1;
    bool open = true;
    for (int i = 0; i < 2; i++)
        child->streams[i] = (stream){ -1, -1, options->shown[i], -1, -1, false, false, 0 };
    for (int i = 0; i < 2 && open; i++)
        open = open_stream(&child->streams[i], options->run_folder, names[i][0], names[i][1]);
    int error = open && take_signals(child) ? 0 : errno;
    bool ready = !error;
    if (ready) {
        child->result.started = now();
        error = spawn(child, options);
    }
    for (int i = 0; i < 2; i++)
        close_one(&child->streams[i].program_end);
    if (error) {
        child_free(child);
        *exit_code = !ready ? 125 : error == ENOENT || error == ENOTDIR ? 127 : 126;
        return core_fail(ctx, EA_ERR_IO, "cannot %s %s: %s", ready ? "run" : "keep the output of",
                         options->argv[0], strerror(error));
    }
    *out = child;
    return EA_OK;
}

/* --- Until the end ------------------------------------------------------------------------------
 */

static void reap(ledger_child *child)
{
    int status;
    if (wait4(child->pid, &status, WNOHANG, &child->result.usage) != child->pid)
        return;
    child->ended = true;
    child->result.ended = now();
    child->result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    child->result.exit_code =
        child->result.signal ? 128 + child->result.signal : WEXITSTATUS(status);
}

static void handle_signal(ledger_child *child)
{
    struct signalfd_siginfo info;
    if (read(child->signals, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGCHLD) {
        reap(child);
    } else if (info.ssi_signo == SIGWINCH) {
        for (int i = 0; i < 2; i++)
            if (child->streams[i].terminal && child->streams[i].source >= 0)
                copy_window_size(child->streams[i].shown, child->streams[i].source);
    } else if (info.ssi_code != SI_KERNEL && !child->ended) {
        kill(child->pid,
             (int)info.ssi_signo); /* the terminal's Ctrl-C reached the program itself */
    }
}

ea_status ledger_child_wait(ea_context *ctx, ledger_child *child, ledger_child_result *out)
{
    ea_status status = EA_OK;
    while (!child->ended && status == EA_OK) {
        struct pollfd files[3] = { { .fd = child->signals, .events = POLLIN } };
        for (int i = 0; i < 2; i++) /* poll() leaves negative descriptors alone */
            files[1 + i] = (struct pollfd){ .fd = child->streams[i].source, .events = POLLIN };
        if (poll(files, 3, -1) < 0 && errno != EINTR)
            status = core_fail(ctx, EA_ERR_IO, "cannot wait for the program: %s", strerror(errno));
        for (int i = 0; i < 2; i++)
            if (files[1 + i].revents)
                pump(&child->streams[i]);
        if (files[0].revents)
            handle_signal(child);
    }
    for (int i = 0; i < 2; i++) {
        drain(&child->streams[i]);
        child->result.output_bytes[i] = child->streams[i].bytes;
        child->result.output_lost |= child->streams[i].lost;
    }
    *out = child->result;
    child_free(child);
    return status;
}
