/* kernels.c: which kernels a context runs on. */
#include "cpu/isa/isa.h"

const cpu_kernels *cpu_kernels_of(const ea_context *ctx)
{
    switch (ctx->isa) {
#if defined(__x86_64__)
    case CORE_ISA_AVX2:
        return &cpu_kernels_avx2;
    case CORE_ISA_AVX512:
        return &cpu_kernels_avx512;
#elif defined(__aarch64__)
    case CORE_ISA_NEON:
        return &cpu_kernels_neon;
#endif
    default:
        return &cpu_kernels_generic;
    }
}
