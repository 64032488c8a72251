/* The vector primitives of neon. */
#include "cpu/isa/simd_neon.h"

#include "simd_laws.h"

int main(void)
{
    return run_simd_laws("neon");
}
