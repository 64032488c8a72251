/* train.c: `eadem train RECIPE.yaml`: trains by a recipe, shows how it goes, prints the digests. */
#include "train/train.h"
#include "cli/cli.h"
#include "cli/record.h"
#include "eadem/run.h"
#include "io/nearest.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { INTERRUPTED = 130, LINE_EVERY = 100, BAR_WIDTH = 24 };

static const char help[] =
    "usage: eadem train RECIPE.yaml [OPTION ...]\n\n"
    "Trains the model that the recipe describes, tests it, and prints four lines: the digests of\n"
    "the initial and of the trained model, the accuracy on the test images, and the digest of the\n"
    "logits. They are the same on every machine and for every number of threads. How it goes is\n"
    "shown on standard error. docs/recipes.md explains recipes.\n\n"
    "  --threads N        threads to compute with (default: EADEM_THREADS, else all cores)\n"
    "  --contract NAME    chain or repdl (default: the recipe's)\n"
    "  --isa NAME         instruction set (default: EADEM_ISA, else the best)\n"
    "  --epochs N         instead of the recipe's\n"
    "  --max-steps N      stop training after N steps in all\n"
    "  --out DIR          write checkpoints there\n"
    "  --every N          steps between checkpoints, instead of the recipe's\n"
    "  --resume           go on from the checkpoint in DIR; start when there is none\n"
    "  --trace FILE       write a digest of every tensor of every step (docs/trace.md)\n"
    "  --no-record        do not record a run; else one is recorded wherever the project has a\n"
    "                     ledger or is a git work tree (docs/runs.md)\n"
    "  --help             print this help\n\n"
    "Exit code: 0 trained, 1 failed, 2 wrong usage, 130 interrupted (after a checkpoint, with\n"
    "--out).\n";

/* --- Arguments ------------------------------------------------------------------------------- */

static int usage_error(const char *format, const char *word)
{
    fprintf(stderr, "eadem train: ");
    fprintf(stderr, format, word);
    fprintf(stderr, ": see eadem train --help\n");
    return CLI_USAGE;
}

static bool whole_number(const char *text, int64_t max, int64_t *out)
{
    char *end;
    *out = strtoll(text, &end, 10);
    return *text && !*end && *out >= 1 && *out <= max;
}

typedef struct arguments {
    const char *recipe;
    train_options options;
    int64_t threads;
    bool help, no_record;
} arguments;

/* An option with a value: a number when `number` is set, else a text. */
typedef struct valued_option {
    const char *name;
    int64_t *number;
    int64_t max;
    const char **text;
} valued_option;

static int unknown_option(const char *word)
{
    static const char *const names[] = { "--threads",   "--contract",  "--isa",   "--epochs",
                                         "--max-steps", "--out",       "--every", "--resume",
                                         "--trace",     "--no-record", "--help",  NULL };
    const char *nearest = io_nearest(word, names);
    if (!nearest)
        return usage_error("unknown option '%s'", word);
    fprintf(stderr, "eadem train: unknown option '%s': did you mean '%s'?\n", word, nearest);
    return CLI_USAGE;
}

static int read_valued(const valued_option *option, const char *value)
{
    if (!value)
        return usage_error("%s needs a value", option->name);
    if (option->text) {
        *option->text = value;
        return *value ? CLI_OK : usage_error("%s is empty", option->name);
    }
    return whole_number(value, option->max, option->number)
               ? CLI_OK
               : usage_error("%s needs a whole number of 1 or more", option->name);
}

static int read_arguments(int argc, char **argv, arguments *out)
{
    const valued_option valued[] = {
        { "--threads", &out->threads, 1024, NULL },
        { "--epochs", &out->options.epochs, 1000000000, NULL },
        { "--max-steps", &out->options.max_steps, INT64_MAX, NULL },
        { "--every", &out->options.every, INT64_MAX, NULL },
        { "--contract", NULL, 0, &out->options.contract },
        { "--isa", NULL, 0, &out->options.isa },
        { "--out", NULL, 0, &out->options.out },
        { "--trace", NULL, 0, &out->options.trace },
    };
    for (int i = 1; i < argc; i++) {
        const valued_option *option = NULL;
        for (size_t k = 0; k < sizeof valued / sizeof valued[0]; k++)
            if (strcmp(argv[i], valued[k].name) == 0)
                option = &valued[k];
        int code = CLI_OK;
        if (option) {
            code = read_valued(option, i + 1 < argc ? argv[i + 1] : NULL);
            i++;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            out->help = true;
        } else if (strcmp(argv[i], "--resume") == 0) {
            out->options.resume = true;
        } else if (strcmp(argv[i], "--no-record") == 0) {
            out->no_record = true;
        } else if (argv[i][0] == '-') {
            code = unknown_option(argv[i]);
        } else if (out->recipe) {
            code = usage_error("one recipe at a time, not also '%s'", argv[i]);
        } else {
            out->recipe = argv[i];
        }
        if (code != CLI_OK)
            return code;
    }
    ea_contract contract;
    out->options.threads = (int)out->threads;
    if (out->help)
        return CLI_OK;
    if (!out->recipe)
        return usage_error("give a %s", "recipe");
    if (out->options.resume && !out->options.out)
        return usage_error("%s needs --out, the folder of the checkpoint", "--resume");
    if (out->options.contract && ea_contract_from_name(out->options.contract, &contract) != EA_OK)
        return usage_error("%s", ea_error_text(NULL));
    return CLI_OK;
}

/* --- Showing how it goes --------------------------------------------------------------------- */

typedef struct display {
    bool terminal;
    bool shown;         /* a bar stands on the current line */
    int64_t first_step; /* the first step that this process did, less one */
    double start, drawn;
} display;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void draw_bar(display *d, const train_progress *p, double rate)
{
    char bar[3 * BAR_WIDTH + 1] = "";
    int full = (int)(p->step * BAR_WIDTH / (p->steps ? p->steps : 1));
    for (int i = 0; i < BAR_WIDTH; i++)
        strcat(bar, i < full ? "█" : "░");
    double left = rate > 0 ? (double)(p->steps - p->step) / rate : 0;
    fprintf(stderr, "\r\033[Kepoch %lld/%lld %s %lld/%lld  %.0f steps/s  %d:%02d left  loss %.4f",
            (long long)p->epoch, (long long)p->epochs, bar, (long long)p->step, (long long)p->steps,
            rate, (int)left / 60, (int)left % 60, (double)p->loss);
    d->shown = true;
}

static void end_bar(display *d)
{
    if (d->shown)
        fputc('\n', stderr);
    d->shown = false;
}

static void show(void *argument, const train_progress *p)
{
    display *d = argument;
    if (!p->testing) /* a report that is lost must not end the training */
        ea_run_log(NULL, p->step, "loss", (double)p->loss);
    double now = seconds();
    bool last = p->step == p->steps;
    if (p->testing) {
        end_bar(d);
        return;
    }
    if (d->start == 0) {
        d->start = d->drawn = now; /* a bar before the second step would know no rate */
        d->first_step = p->step;
    }
    double elapsed = now - d->start;
    double rate = elapsed > 0 ? (double)(p->step - d->first_step) / elapsed : 0;
    if (d->terminal) {
        if (now - d->drawn < 0.1 && !last)
            return;
        d->drawn = now;
        draw_bar(d, p, rate);
    } else if (p->step % LINE_EVERY == 0 || last) {
        fprintf(stderr, "epoch %lld/%lld  step %lld/%lld  loss %.4f  %.0f steps/s\n",
                (long long)p->epoch, (long long)p->epochs, (long long)p->step, (long long)p->steps,
                (double)p->loss, rate);
    }
}

/* The shortest decimal number that reads back as x, as Python prints it. */
static void print_fraction(double x)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    printf("%s%s\n", text, strpbrk(text, ".en") ? "" : ".0");
}

static void print_result(const train_result *result)
{
    printf("Hash of the initial model: %s\n", result->initial);
    printf("Hash of the trained model: %s\n", result->trained);
    printf("Test accuracy of the model on the %lld test images: ", (long long)result->tested);
    print_fraction(result->tested ? (double)result->correct / (double)result->tested : 0);
    printf("Hash of the logits: %s\n", result->logits);
    ea_run_log_integer(NULL, result->step, "correct", result->correct);
}

/* --- Running --------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static int interrupted_result(const arguments *args, const train_result *result)
{
    if (result->saved)
        fprintf(stderr,
                "eadem train: interrupted after step %lld; the checkpoint is in %s: go on with "
                "--resume\n",
                (long long)result->step, args->options.out);
    else
        fprintf(stderr, "eadem train: interrupted after step %lld; nothing was saved%s\n",
                (long long)result->step,
                args->options.out ? "" : ": --out DIR would have kept a checkpoint");
    return INTERRUPTED;
}

static int train(arguments *args)
{
    display d = { .terminal = isatty(STDERR_FILENO) };
    args->options.stop = &interrupted;
    if (!args->options.trace)
        args->options.trace = getenv("EADEM_TRACE");
    args->options.report = show;
    args->options.argument = &d;
    train_recipe recipe;
    train_result result = { .stopped = false };
    ea_status status = train_recipe_read(args->recipe, &recipe);
    if (status == EA_OK) {
        status = train_run(&recipe, &args->options, &result);
        train_recipe_free(&recipe);
    }
    end_bar(&d);
    if (status != EA_OK) {
        fprintf(stderr, "eadem train: %s\n", ea_error_text(NULL));
        return CLI_FAILED;
    }
    if (result.stopped)
        return interrupted_result(args, &result);
    print_result(&result);
    return CLI_OK;
}

int cli_train(int argc, char **argv)
{
    arguments args = { .recipe = NULL };
    int code = read_arguments(argc, argv, &args);
    if (code != CLI_OK)
        return code;
    if (args.help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (!args.no_record && cli_record_wanted())
        return cli_record(&(cli_record_options){ .argv = argv,
                                                 .argc = argc,
                                                 .recipe = args.recipe,
                                                 .out = args.options.out,
                                                 .trace = args.options.trace,
                                                 .resume = args.options.resume });
    struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = SA_RESETHAND };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error like a full disk, not a crash */
    return train(&args);
}
