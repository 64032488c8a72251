/* context.h: the context's insides, for the rooms of the library. */
#ifndef CORE_CONTEXT_H
#define CORE_CONTEXT_H

#include "eadem/core.h"
#include <stdbool.h>

enum { CORE_ERROR_SIZE = 512 };

/* Which implementation runs. CORE_ISA_REF is the definitions themselves. */
typedef enum core_isa {
    CORE_ISA_REF,
    CORE_ISA_GENERIC,
    CORE_ISA_NEON,
    CORE_ISA_AVX2,
    CORE_ISA_AVX512,
    CORE_ISA_COUNT
} core_isa;

struct ea_context {
    int threads;
    core_isa isa;
    ea_contract contract;
    struct core_pool *pool;
    struct core_arena *arena;
    ea_status status; /* of the last failure, whose sentence is `error` */
    char error[CORE_ERROR_SIZE];
};

/* Records the sentence and returns `status`, so that `return core_fail(…)` reads well. ctx may be
 * NULL.
 */
ea_status core_fail(ea_context *ctx, ea_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Hands a failure on unchanged. */
#define EA_TRY(expression)                   \
    do {                                     \
        ea_status try_status = (expression); \
        if (try_status != EA_OK)             \
            return try_status;               \
    } while (0)

const char *core_isa_name(core_isa isa);
bool core_isa_supported(core_isa isa);

#endif
