/* The vector primitives of avx512. */
#include "cpu/isa/simd_avx512.h"

#include "simd_laws.h"

int main(void)
{
    return run_simd_laws("avx512");
}
