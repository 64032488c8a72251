/* families.h: the families of cases, one a file. */
#ifndef CONFORM_FAMILIES_H
#define CONFORM_FAMILIES_H

#include "conform/conform.h"

extern const conform_family conform_attention;
extern const conform_family conform_aggregate;
extern const conform_family conform_conv;
extern const conform_family conform_elementwise;
extern const conform_family conform_grid;
extern const conform_family conform_index;
extern const conform_family conform_loss;
extern const conform_family conform_matmul;
extern const conform_family conform_nll;
extern const conform_family conform_norm;
extern const conform_family conform_optim;
extern const conform_family conform_order;
extern const conform_family conform_point;
extern const conform_family conform_pool;
extern const conform_family conform_recurrent;
extern const conform_family conform_reduce;
extern const conform_family conform_resample;
extern const conform_family conform_row_norm;
extern const conform_family conform_softmax;
extern const conform_family conform_sparse;

/* Lines "contract family/case digest", then NULL; made from tests/golden/conformance.txt. */
extern const char *const conform_golden_lines[];

#endif
