/* kernels_gemm.h: the inner loops of contractions (src/cpu/gemm.c).
 *
 * A tile of output elements is held in registers, GEMM_ROWS rows of GEMM_VECTORS vectors. Every
 * lane is one element's chain of fused multiply-adds over ascending k; no sum is ever split.
 */

/* As many accumulators as the register file holds beside one row of b and one element of a. */
#if VF_LANES == 16
enum { GEMM_ROWS = 14, GEMM_VECTORS = 2 };
#elif VF_LANES == 8
enum { GEMM_ROWS = 6, GEMM_VECTORS = 2 };
#elif defined(__aarch64__)
enum { GEMM_ROWS = 8, GEMM_VECTORS = 3 };
#else
enum { GEMM_ROWS = 4, GEMM_VECTORS = 2 };
#endif

enum { GEMM_COLUMNS = GEMM_VECTORS * VF_LANES };

#ifdef __clang__
#define GEMM_UNROLL _Pragma("clang loop unroll(full)")
#define GEMM_REPEAT _Pragma("clang loop unroll_count(4)")
#else
#define GEMM_UNROLL _Pragma("GCC unroll 28")
#define GEMM_REPEAT _Pragma("GCC unroll 4")
#endif
#define GEMM_INLINE static inline __attribute__((always_inline))

/* Fetches what the tile at `to` will write and the one below it will read, `rows` rows. */
GEMM_INLINE void gemm_fetch(const int rows, const float *to, int64_t row_size)
{
    GEMM_UNROLL
    for (int i = 0; i < rows; i++)
        __builtin_prefetch(to + i * row_size + GEMM_COLUMNS - 1, 1);
}

/* Fetches group g's share of the next panel of b: all at once would wait for memory. */
GEMM_INLINE void gemm_fetch_next(const cpu_gemm_panel *p, int64_t g)
{
    if (!p->next)
        return;
    int64_t share = (p->terms + p->groups - 1) / p->groups, k = g * share;
    int64_t end = k + share < p->terms ? k + share : p->terms;
    for (; k < end; k++)
        __builtin_prefetch(p->next + k * p->next_k + GEMM_COLUMNS - 1, 0, 2);
}

/* One term of `lines` chains of `vectors` vectors; a copy of its row of b in `keep`, if not NULL.
 */
GEMM_INLINE void gemm_step(const int rows, const int lines, const int vectors, const float *a,
                           int64_t a_line, int64_t a_group, const float *b, float *keep,
                           vf sum[][GEMM_VECTORS])
{
    vf y[GEMM_VECTORS];
    GEMM_UNROLL
    for (int j = 0; j < vectors; j++)
        y[j] = vf_load(b + j * VF_LANES);
    if (keep) {
        GEMM_UNROLL
        for (int j = 0; j < vectors; j++)
            vf_store(keep + j * VF_LANES, y[j]);
    }
    GEMM_UNROLL
    for (int i = 0; i < lines; i++) {
        vf x = vf_set(a[i / rows * a_group + i % rows * a_line]);
        GEMM_UNROLL
        for (int j = 0; j < vectors; j++)
            sum[i][j] = vf_fma(x, y[j], sum[i][j]);
    }
}

/* `terms` terms of the chains, four in a round of the loop: counting and jumping after each would
 * be a tenth of all instructions, which is felt where two threads share a core. The compiler is to
 * repeat the loop's body as it is: of four terms written out it makes more than the registers
 * hold. */
GEMM_INLINE void gemm_terms(const int rows, const int lines, const int vectors, const float *a,
                            int64_t a_line, int64_t a_k, int64_t a_group, const float *b,
                            int64_t b_k, float *keep, int64_t terms, vf sum[][GEMM_VECTORS])
{
    GEMM_REPEAT
    for (int64_t k = 0; k < terms; k++, a += a_k, b += b_k)
        gemm_step(rows, lines, vectors, a, a_line, a_group, b,
                  keep ? keep + k * GEMM_COLUMNS : NULL, sum);
}

/* `groups`, `rows` and `vectors` of a tile are constants at every call, so that the loops over rows
 * and vectors unroll and `sum` stays in registers.
 *
 * Adds chains of p->block terms to `total`, and the last, which may be shorter. */
GEMM_INLINE void gemm_chains(const int groups, const int rows, const int vectors, const float *a,
                             int64_t a_line, int64_t a_k, const float *b, int64_t b_k, float *keep,
                             const cpu_gemm_panel *p, float *total)
{
    const int lines = groups * rows;
    for (int64_t k = 0, terms; k < p->terms; k += terms) {
        terms = p->terms - k < p->block ? p->terms - k : p->block;
        vf sum[2 * GEMM_ROWS][GEMM_VECTORS];
        GEMM_UNROLL
        for (int i = 0; i < lines; i++)
            GEMM_UNROLL
        for (int j = 0; j < vectors; j++)
            sum[i][j] = vf_zero();
        gemm_terms(rows, lines, vectors, a + k * a_k, a_line, a_k, p->a_group, b + k * b_k, b_k,
                   keep ? keep + k * GEMM_COLUMNS : NULL, terms, sum);
        GEMM_UNROLL
        for (int i = 0; i < lines; i++)
            GEMM_UNROLL
        for (int j = 0; j < vectors; j++) {
            float *to = total + i * GEMM_COLUMNS + j * VF_LANES;
            vf_store(to, vf_add(vf_load(to), sum[i][j]));
        }
    }
}

/* The part of one chain. */
GEMM_INLINE void gemm_part(const int groups, const int rows, const int vectors, const float *a,
                           int64_t a_line, int64_t a_k, const float *b, int64_t b_k, float *keep,
                           const cpu_gemm_panel *p, const float *start, const float *total,
                           float *out)
{
    vf sum[2 * GEMM_ROWS][GEMM_VECTORS];
    const int lines = groups * rows;
    GEMM_UNROLL
    for (int i = 0; i < lines; i++)
        GEMM_UNROLL
    for (int j = 0; j < vectors; j++)
        sum[i][j] = start ? vf_load(start + i * p->start_row + j * VF_LANES) : vf_zero();
    if (start)
        gemm_fetch(lines, start + lines * p->start_row, p->start_row);
    gemm_terms(rows, lines, vectors, a, a_line, a_k, p->a_group, b, b_k, keep, p->terms, sum);
    GEMM_UNROLL
    for (int i = 0; i < lines; i++)
        GEMM_UNROLL
    for (int j = 0; j < vectors; j++) {
        vf s = sum[i][j];
        if (total)
            s = vf_add(vf_load(total + i * p->total_row + j * VF_LANES), s);
        vf_store(out + i * p->out_row + j * VF_LANES, s);
    }
}

/* A tile from row `row` of the panel on. The totals of several chains rest beside one another: rows
 * of the result may be a power of two apart, where a cache holds only a few of them. They begin at
 * −0, to which every first chain is added without a change. */
GEMM_INLINE void gemm_tile(const int groups, const int rows, const int vectors, const bool first,
                           int64_t a_line, int64_t a_k, const float *b, int64_t b_k,
                           const cpu_gemm_panel *p, const float *a, int64_t row)
{
    const int lines = groups * rows;
    const float *start = p->start ? p->start + row * p->start_row : NULL;
    const float *total = p->total ? p->total + row * p->total_row : NULL;
    float *out = p->out + row * p->out_row, *keep = first ? p->keep : NULL;
    gemm_fetch(lines, out, p->out_row);
    if (p->terms <= p->block) {
        gemm_part(groups, rows, vectors, a, a_line, a_k, b, b_k, keep, p, start, total, out);
        return;
    }
    _Alignas(64) float rest[2 * GEMM_ROWS * GEMM_COLUMNS];
    GEMM_UNROLL
    for (int i = 0; i < lines; i++)
        GEMM_UNROLL
    for (int j = 0; j < vectors; j++)
        vf_store(rest + i * GEMM_COLUMNS + j * VF_LANES,
                 total ? vf_load(total + i * p->total_row + j * VF_LANES) : vf_set(-0.0f));
    gemm_chains(groups, rows, vectors, a, a_line, a_k, b, b_k, keep, p, rest);
    GEMM_UNROLL
    for (int i = 0; i < lines; i++)
        GEMM_UNROLL
    for (int j = 0; j < vectors; j++)
        vf_store(out + i * p->out_row + j * VF_LANES,
                 vf_load(rest + i * GEMM_COLUMNS + j * VF_LANES));
}

/* The first group, which keeps the rows of b. */
GEMM_INLINE void gemm_first_group(const int rows, const cpu_gemm_panel *p)
{
    gemm_fetch_next(p, 0);
    gemm_tile(1, rows, GEMM_VECTORS, true, p->a_line, p->a_k, p->b, p->b_k, p, p->a, 0);
}

/* The others. */
GEMM_INLINE void gemm_other_groups(const int rows, int64_t a_line, int64_t a_k, const float *b,
                                   int64_t b_k, const cpu_gemm_panel *p)
{
    const float *a = p->a + p->a_group;
    for (int64_t g = 1; g < p->groups; g++, a += p->a_group) {
        gemm_fetch_next(p, g);
        gemm_tile(1, rows, GEMM_VECTORS, false, a_line, a_k, b, b_k, p, a, g * rows);
    }
}

/* One vector of columns: two groups at a time, for one alone has too few chains to keep the
 * multipliers busy. */
GEMM_INLINE void gemm_narrow_groups(const int rows, const cpu_gemm_panel *p)
{
    const float *a = p->a;
    int64_t g = 0;
    for (; g + 2 <= p->groups; g += 2, a += 2 * p->a_group)
        gemm_tile(2, rows, 1, false, p->a_line, p->a_k, p->b, p->b_k, p, a, g * rows);
    if (g < p->groups)
        gemm_tile(1, rows, 1, false, p->a_line, p->a_k, p->b, p->b_k, p, a, g * rows);
}

/* Small functions: in large ones compilers do not keep the chains in registers. */
#define GEMM_SMALL static __attribute__((noinline)) void
#define GEMM_HEIGHT(n)                                                                \
    GEMM_SMALL gemm_first_##n(const cpu_gemm_panel *p)                                \
    {                                                                                 \
        gemm_first_group(n, p);                                                       \
    }                                                                                 \
    GEMM_SMALL gemm_packed_##n(const cpu_gemm_panel *p, const float *b)               \
    {                                                                                 \
        gemm_other_groups(n, 1, n, b, GEMM_COLUMNS, p);                               \
    }                                                                                 \
    GEMM_SMALL gemm_lines_##n(const cpu_gemm_panel *p, const float *b)                \
    {                                                                                 \
        gemm_other_groups(n, p->a_line, 1, b, GEMM_COLUMNS, p);                       \
    }                                                                                 \
    GEMM_SMALL gemm_strided_##n(const cpu_gemm_panel *p, const float *b, int64_t b_k) \
    {                                                                                 \
        gemm_other_groups(n, p->a_line, p->a_k, b, b_k, p);                           \
    }                                                                                 \
    GEMM_SMALL gemm_narrow_##n(const cpu_gemm_panel *p)                               \
    {                                                                                 \
        gemm_narrow_groups(n, p);                                                     \
    }                                                                                 \
    static void gemm_groups_##n(const cpu_gemm_panel *p)                              \
    {                                                                                 \
        const float *b = p->keep ? p->keep : p->b;                                    \
        int64_t b_k = p->keep ? GEMM_COLUMNS : p->b_k;                                \
        gemm_first_##n(p);                                                            \
        if (b_k == GEMM_COLUMNS && p->a_line == 1 && p->a_k == n)                     \
            gemm_packed_##n(p, b);                                                    \
        else if (b_k == GEMM_COLUMNS && p->a_k == 1)                                  \
            gemm_lines_##n(p, b);                                                     \
        else                                                                          \
            gemm_strided_##n(p, b, b_k);                                              \
    }
#if VF_LANES == 16
#define GEMM_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif defined(__aarch64__)
#define GEMM_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#elif VF_LANES == 8
#define GEMM_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#define GEMM_HEIGHTS(X) X(1) X(2) X(3) X(4)
#endif
GEMM_HEIGHTS(GEMM_HEIGHT)
#undef GEMM_HEIGHT

static void gemm_panel(const cpu_gemm_panel *p)
{
    switch (p->height) {
#define GEMM_HEIGHT(n)          \
    case n:                     \
        if (p->narrow)          \
            gemm_narrow_##n(p); \
        else                    \
            gemm_groups_##n(p); \
        break;
        GEMM_HEIGHTS(GEMM_HEIGHT)
#undef GEMM_HEIGHT
    }
}

/* --- Packing ---------------------------------------------------------------------------------- */

/* Stores the row of one k, `wide` ≤ VF_LANES elements. A whole vector may be stored where the
 * panel's `room` elements from here on are more: they are written later. */
GEMM_INLINE void gemm_store_row(float *to, vf row, int wide, int64_t room)
{
    if (wide == VF_LANES || room >= VF_LANES)
        vf_store(to, row);
    else
        vf_store_n(to, row, wide);
}

/* One k of a panel: `left` ≤ width elements, zero above. */
GEMM_INLINE void gemm_copy_row(const float *from, int left, int width, int64_t room, float *to)
{
    for (int i = 0; i < width; i += VF_LANES) {
        int wide = width - i < VF_LANES ? width - i : VF_LANES;
        vf row =
            left - i >= VF_LANES ? vf_load(from + i) : vf_load_n(from + i, left > i ? left - i : 0);
        gemm_store_row(to + i, row, wide, room - i);
    }
}

/* Panels of `width` lines, `panel` elements apart, from lines whose elements for one k are
 * neighbours: to[p·panel + k·width + i] = from[k·stride + p·width + i] for p·width + i < lines,
 * zero above. Some k at a time, so that a panel is written in runs of cache lines: one line here
 * and one there would wait for memory at each. */
static void gemm_pack_copy(const float *from, int64_t stride, int64_t lines, int width,
                           int64_t terms, int64_t panel, float *to)
{
    const int64_t run = 4;
    for (int64_t first = 0; first < terms; first += run, from += run * stride, to += run * width) {
        int64_t rows = terms - first < run ? terms - first : run;
        float *at = to;
        for (int64_t line = 0; line < lines; line += width, at += panel) {
            int left = lines - line < width ? (int)(lines - line) : width;
            for (int64_t k = 0; k < rows; k++)
                gemm_copy_row(from + k * stride + line, left, width, (terms - first - k) * width,
                              at + k * width);
        }
    }
}

/* `count` ≤ VF_LANES terms of a stored line from term k on, zeros above. */
GEMM_INLINE vf gemm_load(const ref_quant format, const unsigned char *line, int64_t k, int count)
{
    uint16_t halves[VF_LANES] = { 0 };
    if (format == REF_QUANT_F32)
        return count < VF_LANES ? vf_load_n((const float *)line + k, count)
                                : vf_load((const float *)line + k);
    line += 2 * k;
    if (count < VF_LANES)
        memcpy(halves, line, 2 * (size_t)count);
    const uint16_t *p = count < VF_LANES ? halves : (const uint16_t *)line;
    return format == REF_QUANT_F16 ? vf_load_f16(p) : vf_load_bf16(p);
}

/* --- Squares: the same terms of VF_LANES stored lines, as vectors with a lane for each line ----
 *
 * What is transposed are words of 32 bits, which hold one term or several; a vector of terms is
 * then taken out of a vector of words.
 */

/* Terms of a square. */
#define GEMM_TERMS(format) ((format) == REF_QUANT_BF16 ? 2 * VF_LANES : VF_LANES)
#define GEMM_TERM_SIZE(format) ((format) == REF_QUANT_F32 ? 4 : 2)

/* Terms k … of VF_LANES lines, as words. */
GEMM_INLINE void gemm_read(const ref_quant format, const unsigned char *line, int64_t stride,
                           int64_t k, vf words[VF_LANES])
{
    GEMM_UNROLL
    for (int i = 0; i < VF_LANES; i++, line += stride)
        words[i] = format == REF_QUANT_BF16 ? vf_load((const float *)(line + 2 * k))
                                            : gemm_load(format, line, k, VF_LANES);
    vf_transpose(words);
}

/* Term t of the square. */
GEMM_INLINE vf gemm_term(const ref_quant format, const vf words[VF_LANES], int t)
{
    bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    if (format != REF_QUANT_BF16)
        return words[t];
    vi word = vf_bits(words[t / 2]);
    return vi_float((t % 2 == 0) == little ? vi_shl(word, 16)
                                           : vi_and(word, vi_set((int32_t)0xffff0000)));
}

/* --- Packing stored lines ---------------------------------------------------------------------
 */

/* Fetches VF_LANES lines' bytes 256 after byte `at` of `bytes`, past the end the next panel's first
 * ones, as data that need not stay in the caches: what was packed is not read again, and would
 * take the place of the packed. */
GEMM_INLINE void gemm_fetch_lines(const unsigned char *from, int64_t stride, int64_t at,
                                  int64_t bytes, int width)
{
    from += at + 256 < bytes ? at + 256 : width * stride + at + 256 - bytes;
    for (int i = 0; i < VF_LANES; i++, from += stride)
        __builtin_prefetch(from, 0, 0);
}

/* `wide` ≤ VF_LANES lines of one panel. `lines` are left in memory: more than `wide` belong to the
 * next panel, which is written later. `alone`: these are the first lines of the panel, so that a
 * whole vector reaches only what is still to be written. */
GEMM_INLINE void gemm_pack_group(const ref_quant format, const unsigned char *from, int64_t stride,
                                 int64_t lines, int wide, int width, int64_t terms, bool alone,
                                 float *to)
{
    const int step = GEMM_TERMS(format), size = GEMM_TERM_SIZE(format);
    int64_t k = 0;
    for (; lines >= VF_LANES && (alone || wide == VF_LANES) && k + step <= terms;
         k += step, to += step * width) {
        vf words[VF_LANES];
        if (size * k % 64 == 0)
            gemm_fetch_lines(from, stride, size * k, size * terms, width);
        gemm_read(format, from, stride, k, words);
        GEMM_UNROLL
        for (int t = 0; t < step; t++)
            vf_store(to + t * width, gemm_term(format, words, t));
    }
    for (; k < terms; k += VF_LANES, to += VF_LANES * width) {
        int deep = terms - k < VF_LANES ? (int)(terms - k) : VF_LANES;
        vf rows[VF_LANES];
        for (int i = 0; i < VF_LANES; i++)
            rows[i] = i >= lines ? vf_zero() : gemm_load(format, from + i * stride, k, deep);
        vf_transpose(rows);
        for (int i = 0; i < deep; i++)
            gemm_store_row(to + i * width, rows[i], wide, alone ? (terms - k - i) * width : 0);
    }
}

GEMM_INLINE void gemm_pack_format(const ref_quant format, const unsigned char *from, int64_t stride,
                                  int64_t k, int64_t lines, int width, int64_t terms, int64_t panel,
                                  float *to)
{
    from += GEMM_TERM_SIZE(format) * k;
    for (int64_t line = 0; line < lines; line += width, to += panel) {
        for (int i = 0; i < width; i += VF_LANES) {
            int wide = width - i < VF_LANES ? width - i : VF_LANES;
            gemm_pack_group(format, from + (line + i) * stride, stride, lines - line - i, wide,
                            width, terms, i == 0, to + i);
        }
    }
}

/* The same from lines whose terms are neighbours: from[(p·width + i)·stride + k]. */
static void gemm_pack_transpose(const float *from, int64_t stride, int64_t lines, int width,
                                int64_t terms, int64_t panel, float *to)
{
    gemm_pack_format(REF_QUANT_F32, (const unsigned char *)from, 4 * stride, 0, lines, width, terms,
                     panel, to);
}

static void gemm_pack_lines(const ref_lines *from, int64_t k, int64_t lines, int width,
                            int64_t terms, int64_t panel, float *to)
{
    switch (from->format) {
#define GEMM_PACK(format)                                                                          \
    case format:                                                                                   \
        gemm_pack_format(format, from->data, from->line_bytes, k, lines, width, terms, panel, to); \
        break;
        GEMM_PACK(REF_QUANT_F16)
        GEMM_PACK(REF_QUANT_BF16)
#undef GEMM_PACK
    default:
        gemm_pack_format(REF_QUANT_F32, from->data, from->line_bytes, k, lines, width, terms, panel,
                         to);
    }
}

/* --- Few rows: every element of b is used once or a few times, so b is read in place -------------
 */

/* out[j] = fma chain over `terms` ≤ GEMM_STREAMS rows of b, begun at out[j], or at +0. */
enum { GEMM_STREAMS = 8 };

GEMM_INLINE void gemm_stream(const int terms, const float *x, const float *b, int64_t b_k,
                             int64_t columns, bool fresh, float *out)
{
    vf scale[GEMM_STREAMS];
    GEMM_UNROLL
    for (int k = 0; k < terms; k++)
        scale[k] = vf_set(x[k]);
    int64_t j = 0;
    for (; j + VF_LANES <= columns; j += VF_LANES) {
        vf sum = fresh ? vf_zero() : vf_load(out + j);
        GEMM_UNROLL
        for (int k = 0; k < terms; k++)
            sum = vf_fma(scale[k], vf_load(b + k * b_k + j), sum);
        vf_store(out + j, sum);
    }
    if (j < columns) {
        int rest = (int)(columns - j);
        vf sum = fresh ? vf_zero() : vf_load_n(out + j, rest);
        GEMM_UNROLL
        for (int k = 0; k < terms; k++)
            sum = vf_fma(scale[k], vf_load_n(b + k * b_k + j, rest), sum);
        vf_store_n(out + j, sum, rest);
    }
}

/* One row of a times b with neighbouring columns, into out, from +0. */
static void gemm_row(const float *a, int64_t a_k, const float *b, int64_t b_k, int64_t terms,
                     int64_t columns, float *out)
{
    for (int64_t k = 0; k < terms; k += GEMM_STREAMS) {
        float x[GEMM_STREAMS];
        int streams = terms - k < GEMM_STREAMS ? (int)(terms - k) : GEMM_STREAMS;
        for (int i = 0; i < streams; i++)
            x[i] = a[(k + i) * a_k];
        if (streams == GEMM_STREAMS)
            gemm_stream(GEMM_STREAMS, x, b + k * b_k, b_k, columns, k == 0, out);
        else
            for (int i = 0; i < streams; i++)
                gemm_stream(1, x + i, b + (k + i) * b_k, b_k, columns, k + i == 0, out);
    }
}

/* One row of a times up to GEMM_DOTS·VF_LANES columns of b whose terms are neighbours, from +0. */
enum { GEMM_DOTS = VF_LANES > 8 ? 2 : 4 };

/* Fetches the terms of the lines that come after those at hand, line after line: many short streams
 * from memory are slow. */
typedef struct gemm_ahead {
    const unsigned char *line;
    int64_t stride, at, bytes; /* of the part of a line that is needed */
} gemm_ahead;

GEMM_INLINE void gemm_fetch_ahead(gemm_ahead *ahead, const int bytes)
{
    for (int i = 0; i < bytes; i += 64) {
        __builtin_prefetch(ahead->line + ahead->at, 0, 2);
        ahead->at += 64;
        if (ahead->at >= ahead->bytes) {
            ahead->at = 0;
            ahead->line += ahead->stride;
        }
    }
}

/* Squares side by side, so that their chains overlap. Returns how many terms it took. */
GEMM_INLINE int64_t gemm_dots_squares(const ref_quant format, const float *a, const ref_lines *b,
                                      int64_t first, int64_t terms, vf sum[GEMM_DOTS])
{
    const int step = GEMM_TERMS(format), lines = GEMM_DOTS * VF_LANES;
    const int size = GEMM_TERM_SIZE(format);
    gemm_ahead ahead = { .line = b->data + lines * b->line_bytes + size * first,
                         .stride = b->line_bytes,
                         .bytes = size * terms };
    int64_t k = 0;
    for (; k + step <= terms; k += step) {
        vf words[GEMM_DOTS][VF_LANES];
        gemm_fetch_ahead(&ahead, lines * size * step);
        for (int g = 0; g < GEMM_DOTS; g++)
            gemm_read(format, b->data + g * VF_LANES * b->line_bytes, b->line_bytes, first + k,
                      words[g]);
        GEMM_UNROLL
        for (int t = 0; t < step; t++) {
            vf x = vf_set(a[k + t]);
            GEMM_UNROLL
            for (int g = 0; g < GEMM_DOTS; g++)
                sum[g] = vf_fma(x, gemm_term(format, words[g], t), sum[g]);
        }
    }
    return k;
}

/* The rest of a chain, from term k on, `left` ≤ VF_LANES columns. */
GEMM_INLINE vf gemm_dots_rest(const ref_quant format, const float *a, const unsigned char *line,
                              int64_t stride, int left, int64_t k, int64_t terms, vf sum)
{
    for (int64_t at = 0; at < terms; at += VF_LANES) {
        int deep = terms - at < VF_LANES ? (int)(terms - at) : VF_LANES;
        vf rows[VF_LANES];
        for (int i = 0; i < VF_LANES; i++)
            rows[i] = gemm_load(format, line + (i < left ? i : left - 1) * stride, k + at, deep);
        vf_transpose(rows);
        for (int i = 0; i < deep; i++)
            sum = vf_fma(vf_set(a[at + i]), rows[i], sum);
    }
    return sum;
}

GEMM_INLINE void gemm_dots_format(const ref_quant format, const float *a, const ref_lines *b,
                                  int64_t first, int64_t terms, int columns, float *out)
{
    const int64_t stride = b->line_bytes;
    vf sum[GEMM_DOTS];
    for (int g = 0; g < GEMM_DOTS; g++)
        sum[g] = vf_zero();
    int64_t k =
        columns == GEMM_DOTS * VF_LANES ? gemm_dots_squares(format, a, b, first, terms, sum) : 0;
    for (int g = 0; g * VF_LANES < columns; g++) {
        int left = columns - g * VF_LANES < VF_LANES ? columns - g * VF_LANES : VF_LANES;
        sum[g] = gemm_dots_rest(format, a + k, b->data + g * VF_LANES * stride, stride, left,
                                first + k, terms - k, sum[g]);
        vf_store_n(out + g * VF_LANES, sum[g], left);
    }
}

static void gemm_dots(const float *a, const ref_lines *b, int64_t k, int64_t terms, int columns,
                      float *out)
{
    switch (b->format) {
#define GEMM_DOTS_OF(format)                                    \
    case format:                                                \
        gemm_dots_format(format, a, b, k, terms, columns, out); \
        break;
        GEMM_DOTS_OF(REF_QUANT_F16)
        GEMM_DOTS_OF(REF_QUANT_BF16)
#undef GEMM_DOTS_OF
    default:
        gemm_dots_format(REF_QUANT_F32, a, b, k, terms, columns, out);
    }
}
