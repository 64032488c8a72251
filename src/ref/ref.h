/* ref.h: the definitions. One naive scalar function an operation, in the file of its family; each
 * spells out every rounding and its order, for each contract. No threads, no intrinsics, no
 * blocking. Arguments are already checked (src/op), shapes agree, inputs are broadcast.
 */
#ifndef REF_REF_H
#define REF_REF_H

#include "core/view.h"

/* matmul.c: a [..., m, k], b [..., k, n], out [..., m, n] with equal leading dimensions; bias is
 * NULL or expanded to out's shape. */
ea_status ref_matmul(ea_context *ctx, const ea_view *a, const ea_view *b, const ea_view *bias,
                     const ea_view *out);

/* One contraction, the rule of docs/contract.md: chain of fused multiply-adds over k = 0 … n−1. The
 * caller feeds terms in order and takes the result once. */
typedef struct ref_chain {
    float total;
    float block;
    int64_t terms;  /* in the current block */
    int64_t length; /* terms a block has */
    bool first;     /* no block has been added to total yet */
} ref_chain;

void ref_chain_begin(ref_chain *chain, ea_contract contract);
void ref_chain_add(ref_chain *chain, float x, float y);
float ref_chain_end(ref_chain *chain);

#endif
