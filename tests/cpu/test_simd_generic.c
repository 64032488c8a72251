/* The vector primitives of generic. */
#include "cpu/isa/simd_generic.h"

#include "simd_laws.h"

int main(void)
{
    return run_simd_laws("generic");
}
