/* fsck.c: `eadem fsck`: is the store whole? */
#include "ledger/fsck.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/show.h"

static void print_help(FILE *to)
{
    fprintf(to, "usage: eadem fsck\n"
                "\n"
                "Reads everything in .eadem: the database, every object's content against its\n"
                "SHA-256, and whether all that runs, data and models refer to is there.\n"
                "Exit code 0: whole. 1: damaged; each problem is named. 2: wrong usage.\n");
}

static void print_problem(void *argument, const char *problem)
{
    (void)argument;
    printf("DAMAGED  ");
    cli_print_text(stdout, problem);
    printf("\n");
}

static int check(ledger_store *store)
{
    ledger_health health;
    char size[CLI_SIZE_TEXT];
    cli_progress progress = cli_progress_begin("checking");
    ledger_on_progress(store, cli_progress_add, &progress);
    ea_status status = ledger_fsck(store, print_problem, NULL, &health);
    cli_progress_end(&progress);
    if (status != EA_OK)
        return cli_result("fsck", status);
    printf("%lld objects in %lld packs, %s, %lld references: %lld problems\n",
           (long long)health.objects, (long long)health.packs, cli_size_text(health.bytes, size),
           (long long)health.references, (long long)health.problems);
    if (health.leftovers)
        printf("%lld files of interrupted or running writers; eadem gc removes what is left over\n",
               (long long)health.leftovers);
    return health.problems ? CLI_FAILED : CLI_OK;
}

int cli_fsck(int argc, char **argv)
{
    bool help = false;
    const cli_option options[] = { { "help", .flag = &help }, { 0 } };
    int count;
    char **operands;
    if (!cli_options("fsck", options, argc, argv, &count, &operands) || count)
        return cli_usage("fsck");
    if (help) {
        print_help(stdout);
        return CLI_OK;
    }
    ledger_store *store;
    ea_status status = ledger_open(NULL, NULL, 0, &store);
    if (status != EA_OK)
        return cli_result("fsck", status);
    int code = check(store);
    ledger_close(store);
    return code;
}
