/* The ledger's run half: what `eadem run` adds to a command in a repository of 10000 files (beside
 * git status, which it needs), reporting, 100000 runs asked with filters, and a million trace
 * records compared. Usage: bench_runs [PATH of eadem]; works in a temporary folder. */
#define _GNU_SOURCE
#include "bench_peak.h"
#include "core/memory.h"
#include "eadem/run.h"
#include "ledger/runs.h"
#include "ledger/scratch.h"
#include "ledger/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 10000, RUNS = 100000, REPORTS = 10000, STEPS = 10000, TENSORS = 100, TRIES = 15 };

static void check(ea_status status)
{
    if (status != EA_OK) {
        fprintf(stderr, "bench_runs: %s\n", ea_error_text(NULL));
        exit(1);
    }
}

static void shell(const char *command)
{
    if (system(command) != 0) {
        fprintf(stderr, "bench_runs: failed: %s\n", command);
        exit(1);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Prints the best and the median of a command's times, and returns the median. */
static double time_command(const char *name, const char *command)
{
    double times[TRIES];
    shell(command);
    for (int i = 0; i < TRIES; i++) {
        double start = bench_now();
        shell(command);
        times[i] = bench_now() - start;
    }
    qsort(times, TRIES, sizeof times[0], by_value);
    printf("  %-44s best %7.1f ms  median %7.1f ms\n", name, times[0] * 1e3,
           times[TRIES / 2] * 1e3);
    return times[TRIES / 2];
}

static void bench_overhead(const char *eadem)
{
    char command[PATH_MAX + 64];
    printf("a command in a repository of %d files\n", FILES);
    shell("git init -q . && for d in $(seq 100); do mkdir d$d; for f in $(seq 100); do "
          "echo $d $f >d$d/f$f; done; done && git add . && "
          "git -c gc.auto=0 -c maintenance.auto=false -c user.name=b -c "
          "user.email=b@example.org commit -qm b && sync -f . && "
          "sleep 1.1 && git status >/dev/null"); /* no fsync waits for the files made just now */
    double bare = time_command("true", "true");
    time_command("git status", "git --no-optional-locks status --porcelain=v2 >/dev/null");
    snprintf(command, sizeof command, "'%s' run --quiet -- true", eadem);
    double run = time_command("eadem run -- true", command);
    printf("  added: %.1f ms (at most 50 wanted)\n", (run - bare) * 1e3);
}

static void bench_report(void)
{
    setenv("EADEM_RUN_DIR", ".", 1);
    double start = bench_now();
    for (int i = 0; i < REPORTS; i++)
        check(ea_run_log(NULL, i, "loss", 1.0 / (i + 1)));
    double seconds = bench_now() - start;
    printf("%d metrics by ea_run_log: %.1f ms, %.1f us each\n", REPORTS, seconds * 1e3,
           seconds / REPORTS * 1e6);
    unsetenv("EADEM_RUN_DIR");
}

/* --- 100000 runs --------------------------------------------------------------------------------
 */

static void add_run(ledger_store *store, int i)
{
    char id[LEDGER_RUN_ID], lr[32], seed[16];
    snprintf(id, sizeof id, "%016llx", (unsigned long long)i * 0x9e3779b97f4a7c15u);
    snprintf(lr, sizeof lr, "%g", (i * 7919 % RUNS) / 1e6);
    snprintf(seed, sizeof seed, "%d", i % 10);
    json_t *record = json_pack(
        "{s:s, s:s, s:s, s:s, s:[s, s], s:{s:s, s:s}, s:{s:{s:s, s:i}}, s:[s], s:{s:I, s:I}, s:i}",
        "format", LEDGER_RECORD_FORMAT, "id", id, "status", i % 20 ? "finished" : "failed", "name",
        i % 2 ? "lenet" : "resnet", "command", "python", "train.py", "params", "lr", lr, "seed",
        seed, "metrics", "loss", "last", i % 3 ? "0x1p-2" : "0x1.8p-3", "count", 1, "tags",
        i % 100 ? "sweep" : "best", "times", "started", (json_int_t)i * 1000000000, "ended",
        (json_int_t)i * 1000000000 + 500000000, "exit", i % 20 ? 0 : 1);
    check(ledger_record_save(store, record));
    json_decref(record);
}

static ea_status count_row(void *argument, const ledger_run_row *row)
{
    (void)row;
    ++*(int64_t *)argument;
    return EA_OK;
}

static void ask(const char *name, const ledger_runs_question *question)
{
    double best = 1e9;
    int64_t rows = 0;
    for (int i = 0; i < TRIES; i++) {
        ledger_store *store;
        double start = bench_now();
        rows = 0;
        check(ledger_open(NULL, ".", 0, &store));
        check(ledger_runs_each(store, question, count_row, &rows));
        ledger_close(store);
        double seconds = bench_now() - start;
        best = seconds < best ? seconds : best;
    }
    printf("  %-44s %7.1f ms, %lld rows\n", name, best * 1e3, (long long)rows);
}

static void bench_questions(void)
{
    ledger_store *store;
    mkdir(".eadem", 0777);
    check(ledger_open(NULL, ".", LEDGER_CREATE, &store));
    for (int i = 0; i < RUNS;) {
        check(ledger_begin(store));
        for (int k = 0; k < 10000; k++)
            add_run(store, i++);
        check(ledger_commit(store));
    }
    ledger_close(store);
    printf("%d runs, opening included (at most 100 ms wanted)\n", RUNS);
    const char *many[] = { "lr>0.05", NULL }, *few[] = { "lr>0.0999", NULL },
               *two[] = { "lr>0.05", "loss<0.2", NULL }, *none[] = { "lr>9", NULL },
               *text[] = { "seed=3", NULL }, *best[] = { "best", NULL };
    ask("newest 100", &(ledger_runs_question){ .limit = 100 });
    ask("lr>0.05 (half of them), newest 100",
        &(ledger_runs_question){ .where = many, .limit = 100 });
    ask("lr>0.0999 (a thousandth), newest 100",
        &(ledger_runs_question){ .where = few, .limit = 100 });
    ask("lr>9 (none)", &(ledger_runs_question){ .where = none, .limit = 100 });
    ask("lr>0.05, loss<0.2", &(ledger_runs_question){ .where = two, .limit = 100 });
    ask("seed=3, by lr, largest 100",
        &(ledger_runs_question){ .where = text, .sort = "-lr", .limit = 100 });
    ask("tag best, status failed",
        &(ledger_runs_question){ .tags = best, .status = "failed", .limit = 100 });
    ask("lr>0.05, all of them", &(ledger_runs_question){ .where = many });
}

/* --- A million records --------------------------------------------------------------------------
 */

static void write_trace(const char *path)
{
    ea_trace *trace;
    char name[64];
    check(ea_trace_create(NULL, path, "bench", NULL, &trace));
    for (uint64_t step = 0; step < STEPS; step++)
        for (int t = 0; t < TENSORS; t++) {
            snprintf(name, sizeof name, "layers.%d.attention.query.weight", t);
            check(ea_trace_bytes(trace, step, EA_TRACE_PARAMETER, name, &step, sizeof step));
        }
    check(ea_trace_close(trace));
}

static void bench_trace(void)
{
    double start = bench_now(), best = 1e9;
    write_trace("a.trace");
    double written = bench_now() - start;
    write_trace("b.trace");
    for (int i = 0; i < 5; i++) {
        ledger_trace *a, *b;
        ledger_trace_difference difference;
        start = bench_now();
        check(ledger_trace_open(NULL, "a.trace", &a));
        check(ledger_trace_open(NULL, "b.trace", &b));
        check(ledger_trace_compare(a, b, &difference));
        double seconds = bench_now() - start;
        best = seconds < best ? seconds : best;
        if (difference.outcome != LEDGER_TRACES_SAME || difference.equal != STEPS * TENSORS)
            exit(1);
        ledger_trace_close(a);
        ledger_trace_close(b);
    }
    printf("%d trace records: written in %.2f s, two such traces compared in %.3f s (1 s wanted)\n",
           STEPS * TENSORS, written, best);
}

int main(int argc, char **argv)
{
    char eadem[PATH_MAX];
    ledger_scratch scratch;
    if (!realpath(argc > 1 ? argv[1] : "build/eadem", eadem)) {
        fprintf(stderr, "bench_runs: there is no %s\n", argc > 1 ? argv[1] : "build/eadem");
        return 1;
    }
    check(ledger_scratch_make(NULL, &scratch));
    if (chdir(scratch.path) != 0)
        return 1;
    bench_overhead(eadem);
    shell("rm -rf .eadem .git d*");
    bench_report();
    bench_questions();
    bench_trace();
    ledger_scratch_remove(&scratch);
    return 0;
}
