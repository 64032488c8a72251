/* doctor.c: `eadem doctor`: runs the conformance set and says which bits this machine computes. */
#include "cli/cli.h"
#include "conform/conform.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct doctor {
    const char *isa;      /* NULL: all that this machine has */
    const char *contract; /* NULL: all */
    int threads;          /* 0: 1 and 2 */
    bool print;
    bool list;
    int differing;
} doctor;

static void print_help(FILE *to)
{
    fprintf(to,
            "usage: eadem doctor [--isa NAME] [--contract NAME] [--threads N] [--list | --print]\n"
            "\n"
            "Runs every operation on fixed awkward inputs and compares the SHA-256 of the results\n"
            "with the contract's, for each instruction set of this machine and 1 and 2 threads.\n"
            "Exit code 0: all bits are the contract's. 1: some differ; each is named.\n"
            "\n"
            "  --isa NAME       this instruction set only (ref: the definitions themselves)\n"
            "  --contract NAME  chain or repdl only\n"
            "  --threads N      this number of threads only\n"
            "  --list           name the cases and run nothing\n"
            "  --print          print `contract family/case digest` lines instead of comparing;\n"
            "                   with --isa ref --threads 1 these are the golden digests\n"
            "  --help           print this help\n");
}

static void print_machine(void)
{
    char cpu[128] = "unknown CPU", line[256];
    FILE *info = fopen("/proc/cpuinfo", "r");
    while (info && fgets(line, sizeof line, info))
        if (sscanf(line, "model name : %127[^\n]", cpu) == 1)
            break;
    if (info)
        fclose(info);
#if defined(__clang__)
    const char *compiler = "clang " __clang_version__;
#else
    const char *compiler = "gcc " __VERSION__;
#endif
    bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    printf("eadem %s, %s, %s, %s-endian\n", ea_version(), compiler, cpu, little ? "little" : "big");
}

/* Runs one case and compares or prints. */
static void run_case(doctor *d, ea_context *ctx, const conform_family *family,
                     const conform_case *which, int *ran, int *equal)
{
    const char *contract = ea_contract_name(ea_context_contract(ctx));
    char digest[EA_DIGEST_HEX];
    ++*ran;
    if (conform_run(ctx, which, digest) != EA_OK) {
        fprintf(stderr, "%s %s/%s on %s: %s\n", contract, family->name, which->name,
                ea_context_isa(ctx), ea_error_text(ctx));
        return;
    }
    if (d->print) {
        printf("%s %s/%s %s\n", contract, family->name, which->name, digest);
        ++*equal;
        return;
    }
    const char *golden = conform_golden(ea_context_contract(ctx), family, which);
    if (strcmp(digest, golden) == 0)
        ++*equal;
    else
        printf("DIFFERS  %s %s/%s on %s, %d threads: got %s, expected %s\n", contract, family->name,
               which->name, ea_context_isa(ctx), ea_context_threads(ctx), digest,
               *golden ? golden : "(no golden digest)");
}

/* The whole set for one instruction set, thread count and contract. */
static bool run_set(doctor *d, const char *isa, int threads, ea_contract contract)
{
    ea_context *ctx;
    ea_context_options options = { .isa = isa, .threads = threads, .contract = contract };
    if (ea_context_create(&options, &ctx) != EA_OK) {
        fprintf(stderr, "eadem doctor: %s\n", ea_error_text(NULL));
        return false;
    }
    int ran = 0, equal = 0;
    for (int f = 0; conform_family_at(f); f++)
        for (int i = 0; i < conform_family_at(f)->count; i++)
            run_case(d, ctx, conform_family_at(f), &conform_family_at(f)->cases[i], &ran, &equal);
    if (!d->print)
        printf("%-8s %d thread%s  contract %-6s  %d of %d cases equal\n", isa, threads,
               threads > 1 ? "s" : " ", ea_contract_name(contract), equal, ran);
    d->differing += ran - equal;
    ea_context_destroy(ctx);
    return true;
}

static bool wanted(const char *only, const char *name)
{
    return !only || strcmp(only, name) == 0;
}

/* The definitions have no threads: they run once. */
static bool run_isa(doctor *d, const char *isa)
{
    int first = d->threads ? d->threads : 1;
    int last = d->threads ? d->threads : strcmp(isa, "ref") == 0 || d->print ? 1 : 2;
    for (int threads = first; threads <= last; threads++)
        for (int contract = 0; ea_contract_name((ea_contract)contract); contract++)
            if (wanted(d->contract, ea_contract_name((ea_contract)contract)) &&
                !run_set(d, isa, threads, (ea_contract)contract))
                return false;
    return true;
}

static void list_cases(void)
{
    for (int f = 0; conform_family_at(f); f++)
        for (int i = 0; i < conform_family_at(f)->count; i++)
            printf("%s/%s\n", conform_family_at(f)->name, conform_family_at(f)->cases[i].name);
}

/* Returns an exit code, or −1 to go on. */
static int parse(doctor *d, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(option, "--help") == 0) {
            print_help(stdout);
            return CLI_OK;
        } else if (strcmp(option, "--list") == 0) {
            d->list = true;
        } else if (strcmp(option, "--print") == 0) {
            d->print = true;
        } else if (strcmp(option, "--isa") == 0 && value) {
            d->isa = argv[++i];
        } else if (strcmp(option, "--contract") == 0 && value) {
            d->contract = argv[++i];
        } else if (strcmp(option, "--threads") == 0 && value && atoi(value) > 0) {
            d->threads = atoi(argv[++i]);
        } else {
            fprintf(stderr, "eadem doctor: '%s' is no option or lacks its value\n", option);
            print_help(stderr);
            return CLI_USAGE;
        }
    }
    ea_contract ignored;
    if (d->contract && ea_contract_from_name(d->contract, &ignored) != EA_OK) {
        fprintf(stderr, "eadem doctor: %s\n", ea_error_text(NULL));
        return CLI_USAGE;
    }
    return -1;
}

int cli_doctor(int argc, char **argv)
{
    doctor d = { 0 };
    int code = parse(&d, argc, argv);
    if (code >= 0)
        return code;
    if (d.list) {
        list_cases();
        return CLI_OK;
    }
    if (!d.print)
        print_machine();
    if (d.isa && !run_isa(&d, d.isa))
        return CLI_USAGE;
    for (int i = 0; !d.isa && ea_isa_available(i); i++)
        if ((!d.print || i == 0) && !run_isa(&d, ea_isa_available(i)))
            return CLI_FAILED;
    if (d.print)
        return d.differing ? CLI_FAILED : CLI_OK;
    if (d.differing) {
        printf("This machine does NOT compute the contract's bits: %d results differ.\n",
               d.differing);
        return CLI_FAILED;
    }
    printf("This machine computes the bits of contract %s.\n",
           d.contract ? d.contract : "chain and of contract repdl");
    return CLI_OK;
}
