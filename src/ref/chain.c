/* chain.c: the contraction rule (docs/contract.md, Contraction). */
#include "ref/ref.h"

#include <math.h>

void ref_chain_begin(ref_chain *chain, ea_contract contract)
{
    ref_chain_begin_blocks(chain, contract == EA_CONTRACT_CHAIN ? 1024 : INT64_MAX);
}

void ref_chain_begin_blocks(ref_chain *chain, int64_t length)
{
    *chain = (ref_chain){ .length = length, .first = true };
}

static void close_block(ref_chain *chain)
{
    chain->total = chain->first ? chain->block : chain->total + chain->block;
    chain->first = false;
    chain->block = 0;
    chain->terms = 0;
}

void ref_chain_add(ref_chain *chain, float x, float y)
{
    if (chain->terms == chain->length)
        close_block(chain);
    chain->block = fmaf(x, y, chain->block);
    chain->terms++;
}

float ref_chain_end(ref_chain *chain)
{
    close_block(chain);
    return chain->total;
}
