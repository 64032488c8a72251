/* record.c: `eadem train` as a run of the ledger. */
#include "cli/record.h"
#include "cli/cli.h"
#include "eadem/run.h"
#include "ledger/json.h"
#include "ledger/params.h"
#include "ledger/run.h"
#include "train/recipe.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOT_RECORDED = 125, MAX_INPUTS = 6 };

bool cli_record_wanted(void)
{
    ledger_store *store;
    if (ea_run_active())
        return false;
    ea_status status = ledger_open(NULL, NULL, LEDGER_CREATE_IN_GIT, &store);
    if (status == EA_OK)
        ledger_close(store);
    else if (status != EA_ERR_STATE) /* a training is worth more than its record */
        fprintf(stderr, "eadem train: not recorded: %s\n", ea_error_text(NULL));
    return status == EA_OK;
}

/* The files that the recipe names, without repetition, and what is gone on from. */
static void list_inputs(const train_recipe *recipe, const cli_record_options *o,
                        const char *inputs[MAX_INPUTS + 1])
{
    const char *files[] = { recipe->train.images, recipe->train.labels, recipe->test.images,
                            recipe->test.labels };
    struct stat info;
    int count = 0;
    for (int i = 0; i < 4; i++) {
        bool known = false;
        for (int k = 0; k < count; k++)
            known |= strcmp(inputs[k], files[i]) == 0;
        if (!known)
            inputs[count++] = files[i];
    }
    if (o->resume && stat(o->out, &info) == 0)
        inputs[count++] = o->out;
    inputs[count] = NULL;
}

static ea_status record(ledger_store *store, const train_recipe *recipe,
                        const cli_record_options *o, char **argv, ledger_run_result *result)
{
    char here[PATH_MAX];
    const char *inputs[MAX_INPUTS + 1], *outputs[3] = { NULL };
    int count = 0;
    json_t *params = json_object();
    if (o->out)
        outputs[count++] = o->out;
    if (o->trace)
        outputs[count++] = o->trace;
    list_inputs(recipe, o, inputs);
    ea_status status = getcwd(here, sizeof here)
                           ? ledger_params_load(NULL, params, o->recipe)
                           : core_fail(NULL, EA_ERR_IO, "the working folder is gone");
    if (status == EA_OK)
        status = ledger_run(store,
                            &(ledger_run_options){ .argv = argv,
                                                   .inputs = inputs,
                                                   .outputs = outputs,
                                                   .params = params,
                                                   .folder = here },
                            result);
    json_decref(params);
    return status;
}

static int report(ea_status status, const ledger_run_result *result)
{
    if (status != EA_OK)
        fprintf(stderr, "eadem train: %s\n", ea_error_text(NULL));
    else
        fprintf(stderr, "eadem: run %s %s\n", result->id,
                ledger_json_string(result->record, "status"));
    return status != EA_OK && result->exit_code <= 1 ? NOT_RECORDED : result->exit_code;
}

int cli_record(const cli_record_options *o)
{
    char program[PATH_MAX];
    ledger_run_result result = { .exit_code = NOT_RECORDED };
    train_recipe recipe;
    ledger_store *store = NULL;
    char **argv = calloc((size_t)o->argc + 2, sizeof *argv);
    if (!argv || !cli_own_path(program)) {
        free(argv);
        fprintf(stderr, "eadem train: this program cannot start itself\n");
        return NOT_RECORDED;
    }
    argv[0] = program;
    memcpy(argv + 1, o->argv, (size_t)o->argc * sizeof *argv);
    if (train_recipe_read(o->recipe, &recipe) != EA_OK) { /* a wrong recipe is not worth a run */
        fprintf(stderr, "eadem train: %s\n", ea_error_text(NULL));
        free(argv);
        return CLI_FAILED;
    }
    ea_status status = ledger_open(NULL, NULL, 0, &store);
    if (status == EA_OK)
        status = record(store, &recipe, o, argv, &result);
    train_recipe_free(&recipe);
    int code = report(status, &result);
    json_decref(result.record);
    ledger_close(store);
    free(argv);
    return code;
}
