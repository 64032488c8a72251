/* scan.h: running sums, products and extremes on the CPU; arguments as in ref/scan.h. */
#ifndef CPU_SCAN_H
#define CPU_SCAN_H

#include "ref/scan.h"

ea_status cpu_scan(ea_context *ctx, const ref_scan_call *call);

#endif
