/* fp.h: the floating-point environment that the contract asks for: round to nearest, subnormals
 * kept, no traps. Every door enters it and gives the caller's back; every pool thread runs in it.
 */
#ifndef CORE_FP_H
#define CORE_FP_H

#include <float.h>

#if !defined(FLT_EVAL_METHOD) || FLT_EVAL_METHOD != 0
#error \
    "Eadem needs float expressions evaluated in float (FLT_EVAL_METHOD 0); on 32-bit x86 use -msse2 -mfpmath=sse"
#endif

#if defined(__x86_64__)

#include <xmmintrin.h>

typedef unsigned core_fp;

static inline core_fp core_fp_enter(void)
{
    core_fp saved = _mm_getcsr();
    _mm_setcsr(0x1f80); /* all exceptions masked, nearest, no FTZ, no DAZ */
    return saved;
}

static inline void core_fp_leave(core_fp saved)
{
    _mm_setcsr(saved);
}

#elif defined(__aarch64__)

#include <stdint.h>

typedef uint64_t core_fp;

static inline core_fp core_fp_enter(void)
{
    core_fp saved;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    __asm__ volatile("msr fpcr, %0" : : "r"((core_fp)0));
    return saved;
}

static inline void core_fp_leave(core_fp saved)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(saved));
}

#elif defined(__powerpc64__) && defined(__ALTIVEC__)

#include <fenv.h>

/* AltiVec has a mode of its own, in VSCR. Linux starts every thread with its "non-Java" bit set:
 * subnormals are flushed by vmaddfp and kin, which gcc makes of plain C when it vectorises. */
typedef struct core_fp {
    fenv_t scalar;
    __vector unsigned vscr;
} core_fp;

static inline core_fp core_fp_enter(void)
{
    core_fp saved;
    fegetenv(&saved.scalar);
    fesetenv(FE_DFL_ENV);
    __asm__ volatile("mfvscr %0" : "=v"(saved.vscr));
    __asm__ volatile("mtvscr %0" : : "v"((__vector unsigned){ 0, 0, 0, 0 }) : "memory");
    return saved;
}

static inline void core_fp_leave(core_fp saved)
{
    __asm__ volatile("mtvscr %0" : : "v"(saved.vscr) : "memory");
    fesetenv(&saved.scalar);
}

#else

#include <fenv.h>

typedef fenv_t core_fp;

static inline core_fp core_fp_enter(void)
{
    core_fp saved;
    fegetenv(&saved);
    fesetenv(FE_DFL_ENV);
    return saved;
}

static inline void core_fp_leave(core_fp saved)
{
    fesetenv(&saved);
}

#endif
#endif
