/* gc.c: `eadem gc`: frees the space of what nothing refers to. */
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/show.h"
#include "ledger/fsck.h"

#include <stdlib.h>

static void print_help(FILE *to)
{
    fprintf(to,
            "usage: eadem gc [--dry-run] [--wait SECONDS]\n"
            "\n"
            "Removes the content that no run, data version, model or feature refers to, rewrites\n"
            "packs that are a tenth garbage, merges small packs, and removes what interrupted\n"
            "writers left.\n"
            "\n"
            "  --dry-run       say what would go and change nothing\n"
            "  --wait SECONDS  how long to wait for writers (default 10)\n");
}

static int collect(ledger_store *store, bool dry_run, int seconds)
{
    ledger_garbage garbage;
    char size[CLI_SIZE_TEXT];
    ea_status status = ledger_collect(store, dry_run, seconds, &garbage);
    if (status != EA_OK)
        return cli_result("gc", status);
    printf("%s%lld objects of %s", dry_run ? "would remove " : "removed ",
           (long long)garbage.objects, cli_size_text(garbage.bytes, size));
    if (!dry_run)
        printf("; %lld packs removed, %lld rewritten", (long long)garbage.packs_removed,
               (long long)garbage.packs_rewritten);
    printf("; %lld files left over by interrupted writers\n", (long long)garbage.leftovers);
    return CLI_OK;
}

int cli_gc(int argc, char **argv)
{
    bool help = false, dry_run = false;
    const char *wait = "10";
    const cli_option options[] = {
        { "help", .flag = &help }, { "dry-run", .flag = &dry_run }, { "wait", .text = &wait }, { 0 }
    };
    int count;
    char **operands, *end;
    if (!cli_options("gc", options, argc, argv, &count, &operands) || count)
        return cli_usage("gc");
    if (help) {
        print_help(stdout);
        return CLI_OK;
    }
    long seconds = strtol(wait, &end, 10);
    if (*end || end == wait || seconds < 0 || seconds > 86400) {
        fprintf(stderr, "eadem gc: --wait is '%s': give 0 to 86400 seconds\n", wait);
        return CLI_USAGE;
    }
    ledger_store *store;
    ea_status status = ledger_open(NULL, NULL, 0, &store);
    if (status != EA_OK)
        return cli_result("gc", status);
    int code = collect(store, dry_run, (int)seconds);
    ledger_close(store);
    return code;
}
