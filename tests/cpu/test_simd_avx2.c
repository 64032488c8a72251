/* The vector primitives of avx2. */
#include "cpu/isa/simd_avx2.h"

#include "simd_laws.h"

int main(void)
{
    return run_simd_laws("avx2");
}
