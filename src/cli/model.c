/* model.c: `eadem model …`: the model registry. */
#include "ledger/model.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/show.h"
#include "core/memory.h"
#include "ledger/checkout.h"

#include <string.h>

static void print_help(FILE *to)
{
    fprintf(
        to,
        "usage: eadem model register RUN FILE --name NAME [--note TEXT]\n"
        "       eadem model list [--json]\n"
        "       eadem model log NAME [--json]\n"
        "       eadem model promote MODEL ALIAS\n"
        "       eadem model note MODEL TEXT\n"
        "       eadem model get MODEL PATH\n"
        "       eadem model rm MODEL\n"
        "\n"
        "Named, numbered models, each an output of a run. MODEL is NAME@3, NAME@ALIAS, or NAME\n"
        "for the newest.\n"
        "\n"
        "  register  make the run's output FILE the next version: the content that the run\n"
        "            made, whatever the file holds now\n"
        "  list      all versions of all names\n"
        "  log       the versions of one name, and which were promoted when\n"
        "  promote   let ALIAS (such as production) mean this version from now on\n"
        "  get       write the model to PATH, which must not exist\n"
        "  rm        forget a version that no alias means\n");
}

typedef struct request {
    const char *name, *note;
    bool json, help;
    int count;
    char **operands;
} request;

static json_t *model_json(const ledger_model *model)
{
    char hex[LEDGER_HEX_SIZE], time[CLI_TIME_TEXT];
    return json_pack("{s:s, s:I, s:s, s:o, s:s, s:I, s:s, s:o, s:s}", "name", model->name,
                     "version", (json_int_t)model->version, "run", model->run, "path",
                     cli_json_text(model->path), "sha256", ledger_hex(&model->digest, hex), "size",
                     (json_int_t)model->size, "time", cli_time_iso(model->time, time), "note",
                     cli_json_text(model->note), "aliases", model->aliases);
}

static void print_model(const ledger_model *model)
{
    char size[CLI_SIZE_TEXT], time[CLI_TIME_TEXT], hex[LEDGER_HEX_SIZE];
    cli_print_text(stdout, model->name);
    printf("@%lld  %s  %.12s  run %.8s  %s", (long long)model->version,
           cli_size_text(model->size, size), ledger_hex(&model->digest, hex), model->run,
           cli_time_text(model->time, time));
    if (*model->aliases) {
        printf("  [");
        cli_print_text(stdout, model->aliases);
        printf("]");
    }
    printf("  ");
    cli_print_text(stdout, model->note);
    printf("\n");
}

static ea_status show_model(void *argument, const ledger_model *model)
{
    json_t *list = argument;
    if (list)
        json_array_append_new(list, model_json(model));
    else
        print_model(model);
    return EA_OK;
}

static int list(ledger_store *store, const request *asked)
{
    json_t *models = asked->json ? json_array() : NULL;
    ea_status status = ledger_model_each(store, NULL, show_model, models);
    if (status == EA_OK && models)
        cli_print_json(models);
    json_decref(models);
    return cli_result("model", status);
}

static void print_history(const json_t *history)
{
    const json_t *row;
    size_t i;
    char time[CLI_TIME_TEXT];
    json_array_foreach(history, i, row)
    {
        printf("%s  ", cli_time_text(json_integer_value(json_object_get(row, "time_ms")), time));
        cli_print_text(stdout, json_string_value(json_object_get(row, "alias")));
        printf(" is @%lld\n", (long long)json_integer_value(json_object_get(row, "version")));
    }
}

static int show_log(ledger_store *store, const request *asked)
{
    const char *name = asked->operands[0];
    ledger_model newest;
    json_t *models = asked->json ? json_array() : NULL, *history = NULL;
    ea_status status =
        ledger_model_find(store, name, &newest); /* the sentence when there is none */
    if (status == EA_OK) {
        status = ledger_model_each(store, newest.name, show_model, models);
        if (status == EA_OK)
            status = ledger_model_history(store, newest.name, &history);
        ledger_model_free(&newest);
    }
    if (status == EA_OK && models) {
        json_t *both = json_pack("{s:O, s:O}", "versions", models, "promotions", history);
        cli_print_json(both);
        json_decref(both);
    } else if (status == EA_OK) {
        print_history(history);
    }
    json_decref(models);
    json_decref(history);
    return cli_result("model", status);
}

static int register_model(ledger_store *store, const request *asked)
{
    ledger_model model;
    ea_status status = ledger_model_register(store, asked->operands[0], asked->operands[1],
                                             asked->name, asked->note, &model);
    if (status != EA_OK)
        return cli_result("model", status);
    print_model(&model);
    ledger_model_free(&model);
    return CLI_OK;
}

static ea_status get(ledger_store *store, const ledger_model *model, const char *path)
{
    return ledger_checkout(store, model->type, &model->digest, path, NULL);
}

static ea_status remove_model(ledger_store *store, const ledger_model *model, const char *unused)
{
    (void)unused;
    return ledger_model_remove(store, model);
}

/* What is done with one model and a text. */
static const struct {
    const char *name;
    int operands;
    ea_status (*run)(ledger_store *store, const ledger_model *model, const char *text);
} actions[] = { { "promote", 2, ledger_model_promote },
                { "note", 2, ledger_model_note },
                { "get", 2, get },
                { "rm", 1, remove_model } };

static int on_model(ledger_store *store, const request *asked, int action)
{
    ledger_model model;
    ea_status status = ledger_model_find(store, asked->operands[0], &model);
    if (status == EA_OK) {
        status = actions[action].run(store, &model, asked->operands[1]);
        ledger_model_free(&model);
    }
    return cli_result("model", status);
}

static int act(ledger_store *store, const request *asked, const char *name)
{
    if (strcmp(name, "list") == 0 && asked->count == 0)
        return list(store, asked);
    if (strcmp(name, "log") == 0 && asked->count == 1)
        return show_log(store, asked);
    if (strcmp(name, "register") == 0 && asked->count == 2 && asked->name)
        return register_model(store, asked);
    for (int i = 0; i < (int)(sizeof actions / sizeof actions[0]); i++)
        if (strcmp(name, actions[i].name) == 0 && asked->count == actions[i].operands)
            return on_model(store, asked, i);
    return cli_usage("model");
}

int cli_model(int argc, char **argv)
{
    request asked = { 0 };
    const cli_option options[] = { { "name", .text = &asked.name },
                                   { "note", .text = &asked.note },
                                   { "json", .flag = &asked.json },
                                   { "help", .flag = &asked.help },
                                   { 0 } };
    if (!cli_options("model", options, argc, argv, &asked.count, &asked.operands))
        return cli_usage("model");
    if (asked.help) {
        print_help(stdout);
        return CLI_OK;
    }
    if (asked.count == 0)
        return cli_usage("model");
    const char *name = asked.operands[0];
    asked.count--;
    asked.operands++;
    ledger_store *store;
    ea_status status = ledger_open(NULL, NULL, 0, &store);
    if (status != EA_OK)
        return cli_result("model", status);
    int code = act(store, &asked, name);
    ledger_close(store);
    return code;
}
