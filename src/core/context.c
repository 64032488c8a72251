/* context.c: making a context, its error text, and the choice of instruction set. */
#include "core/context.h"
#include "core/memory.h"
#include "core/pool.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_THREADS = 1024 };

static _Thread_local char thread_error[CORE_ERROR_SIZE];
static _Thread_local ea_status thread_status;

ea_status core_fail(ea_context *ctx, ea_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ctx ? ctx->error : thread_error, CORE_ERROR_SIZE, format, arguments);
    va_end(arguments);
    *(ctx ? &ctx->status : &thread_status) = status;
    return status;
}

const char *ea_error_text(const ea_context *ctx)
{
    return ctx ? ctx->error : thread_error;
}

ea_status ea_error_status(const ea_context *ctx)
{
    return ctx ? ctx->status : thread_status;
}

const char *ea_status_name(ea_status status)
{
    switch (status) {
    case EA_OK:
        return "ok";
    case EA_ERR_ARGUMENT:
        return "argument";
    case EA_ERR_SHAPE:
        return "shape";
    case EA_ERR_DTYPE:
        return "dtype";
    case EA_ERR_DEVICE:
        return "device";
    case EA_ERR_MEMORY:
        return "memory";
    case EA_ERR_IO:
        return "io";
    case EA_ERR_FORMAT:
        return "format";
    case EA_ERR_UNSUPPORTED:
        return "unsupported";
    case EA_ERR_NUMERIC:
        return "numeric";
    case EA_ERR_STATE:
        return "state";
    }
    return "unknown";
}

const char *ea_version(void)
{
    return EADEM_VERSION;
}

/* --- Contracts -------------------------------------------------------------------------------- */

static const char *const contract_names[] = { "chain", "repdl" };

const char *ea_contract_name(ea_contract contract)
{
    return (unsigned)contract <= EA_CONTRACT_REPDL ? contract_names[contract] : NULL;
}

ea_status ea_contract_from_name(const char *name, ea_contract *out)
{
    for (int i = 0; i <= EA_CONTRACT_REPDL; i++)
        if (name && strcmp(name, contract_names[i]) == 0) {
            *out = (ea_contract)i;
            return EA_OK;
        }
    return core_fail(NULL, EA_ERR_ARGUMENT,
                     "unknown contract '%s': the contracts are chain and repdl",
                     name ? name : "(null)");
}

/* --- Instruction sets ------------------------------------------------------------------------- */

static const char *const isa_names[CORE_ISA_COUNT] = { "ref", "generic", "neon", "avx2", "avx512" };

const char *core_isa_name(core_isa isa)
{
    return isa_names[isa];
}

#if defined(__x86_64__)
/* Half-precision conversions; __builtin_cpu_supports has no name for them under clang 16. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

bool core_isa_supported(core_isa isa)
{
    switch (isa) {
    case CORE_ISA_REF:
    case CORE_ISA_GENERIC:
        return true;
#if defined(__aarch64__)
    case CORE_ISA_NEON:
        return true;
#endif
#if defined(__x86_64__)
    case CORE_ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
#if defined(EADEM_EMULATE_AVX512)
    case CORE_ISA_AVX512:
        return core_isa_supported(CORE_ISA_AVX2);
#else
    case CORE_ISA_AVX512:
        return core_isa_supported(CORE_ISA_AVX2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512bw");
#endif
#endif
    default:
        return false;
    }
}

const char *ea_isa_available(int index)
{
    for (int isa = 0; isa < CORE_ISA_COUNT; isa++)
        if (core_isa_supported((core_isa)isa) && index-- == 0)
            return isa_names[isa];
    return NULL;
}

static ea_status isa_error(const char *source, const char *name, const char *what)
{
    char possible[96] = "";
    for (int i = 0; ea_isa_available(i); i++) {
        strcat(possible, i ? ", " : "");
        strcat(possible, ea_isa_available(i));
    }
    return core_fail(NULL, EA_ERR_ARGUMENT, "%s '%.40s' is %s: this machine has %s", source, name,
                     what, possible);
}

static ea_status choose_isa(const char *name, core_isa *out)
{
    const char *source = "instruction set";
    if (!name || !*name) {
        name = getenv("EADEM_ISA");
        source = "EADEM_ISA";
    }
    if (!name || !*name) {
        for (int isa = 0; isa < CORE_ISA_COUNT; isa++)
            if (core_isa_supported((core_isa)isa))
                *out = (core_isa)isa;
        return EA_OK;
    }
    for (int isa = 0; isa < CORE_ISA_COUNT; isa++)
        if (strcmp(name, isa_names[isa]) == 0) {
            *out = (core_isa)isa;
            return core_isa_supported((core_isa)isa)
                       ? EA_OK
                       : isa_error(source, name, "not supported here");
        }
    return isa_error(source, name, "unknown");
}

/* --- Threads ---------------------------------------------------------------------------------- */

static ea_status choose_threads(int wanted, int *out)
{
    const char *text = getenv("EADEM_THREADS");
    if (wanted == 0 && text && *text) {
        char *end;
        errno = 0;
        long value = strtol(text, &end, 10);
        if (errno || *end || value < 1 || value > MAX_THREADS)
            return core_fail(NULL, EA_ERR_ARGUMENT,
                             "EADEM_THREADS '%.40s' is not a thread count: give 1 to %d", text,
                             MAX_THREADS);
        wanted = (int)value;
    }
    if (wanted == 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        wanted = online < 1 ? 1 : online > MAX_THREADS ? MAX_THREADS : (int)online;
    }
    if (wanted < 1 || wanted > MAX_THREADS)
        return core_fail(NULL, EA_ERR_ARGUMENT,
                         "threads is %d: give 1 to %d, or 0 for the machine's", wanted,
                         MAX_THREADS);
    *out = wanted;
    return EA_OK;
}

/* --- Life ------------------------------------------------------------------------------------- */

ea_status ea_context_create(const ea_context_options *options, ea_context **out)
{
    static const ea_context_options defaults;
    *out = NULL;
    if (!options)
        options = &defaults;
    if (!ea_contract_name(options->contract))
        return core_fail(NULL, EA_ERR_ARGUMENT, "contract %d is none", (int)options->contract);
    int threads = 1;
    core_isa isa = CORE_ISA_GENERIC;
    EA_TRY(choose_threads(options->threads, &threads));
    EA_TRY(choose_isa(options->isa, &isa));

    ea_context *ctx = core_alloc(sizeof *ctx);
    if (!ctx)
        return core_fail(NULL, EA_ERR_MEMORY, "no memory for a context");
    memset(ctx, 0, sizeof *ctx);
    ctx->threads = threads;
    ctx->isa = isa;
    ctx->contract = options->contract;
    ctx->arena = core_arena_create();
    ctx->pool = core_pool_create(threads, options->run_workers, options->host);
    if (!ctx->arena || !ctx->pool) {
        ea_context_destroy(ctx);
        return core_fail(NULL, EA_ERR_MEMORY, "no memory or threads for a context of %d threads",
                         threads);
    }
    *out = ctx;
    return EA_OK;
}

void ea_context_destroy(ea_context *ctx)
{
    if (!ctx)
        return;
    core_pool_destroy(ctx->pool);
    core_arena_destroy(ctx->arena);
    core_free(ctx);
}

int ea_context_threads(const ea_context *ctx)
{
    return ctx->threads;
}

const char *ea_context_isa(const ea_context *ctx)
{
    return isa_names[ctx->isa];
}

ea_contract ea_context_contract(const ea_context *ctx)
{
    return ctx->contract;
}

ea_status ea_context_set_contract(ea_context *ctx, ea_contract contract)
{
    if (!ea_contract_name(contract))
        return core_fail(ctx, EA_ERR_ARGUMENT, "contract %d is none", (int)contract);
    ctx->contract = contract;
    return EA_OK;
}
