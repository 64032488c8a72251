/* conform.c: running a case, and the digests it is held against. */
#include "conform/conform.h"
#include "conform/families.h"
#include "conform/state.h"
#include "core/memory.h"

#include <stdio.h>

static const conform_family *const families[] = {
    &conform_aggregate, &conform_attention, &conform_conv,      &conform_elementwise,
    &conform_grid,      &conform_index,     &conform_loss,      &conform_matmul,
    &conform_nll,       &conform_norm,      &conform_optim,     &conform_order,
    &conform_point,     &conform_pool,      &conform_recurrent, &conform_reduce,
    &conform_resample,  &conform_row_norm,  &conform_softmax,   &conform_sparse,
};

const conform_family *conform_family_at(int index)
{
    int count = sizeof families / sizeof families[0];
    return index < count ? families[index] : NULL;
}

ea_status conform_run(ea_context *ctx, const conform_case *which, char hex[EA_DIGEST_HEX])
{
    conform c = { .ctx = ctx };
    which->run(&c);
    if (c.status == EA_OK)
        c.status = ea_digest_many(ctx, c.emitted, c.emitted_count, hex);
    else
        core_fail(ctx, c.status, "%s", c.error);
    for (int i = 0; i < c.made_count; i++) {
        core_free(c.made[i]->owned);
        core_free(c.made[i]);
    }
    return c.status;
}

const char *conform_golden(ea_contract contract, const conform_family *family,
                           const conform_case *which)
{
    char name[160];
    int length = snprintf(name, sizeof name, "%s %s/%s ", ea_contract_name(contract), family->name,
                          which->name);
    for (int i = 0; conform_golden_lines[i]; i++)
        if (strncmp(conform_golden_lines[i], name, (size_t)length) == 0)
            return conform_golden_lines[i] + length;
    return "";
}
