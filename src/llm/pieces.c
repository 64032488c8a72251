/* pieces.c: the steps that normalise a text and cut it into pieces. */
#include "llm/pieces.h"
#include "core/memory.h"
#include "llm/bert_text.h"

#include <string.h>

ea_status llm_pieces_add(ea_context *ctx, llm_pieces *pieces, const char *text, size_t size,
                         bool at_start)
{
    if (size == 0)
        return EA_OK;
    EA_TRY(llm_reserve(ctx, (void **)&pieces->list, pieces->count, &pieces->capacity, 1,
                       sizeof *pieces->list));
    pieces->list[pieces->count] = (llm_piece){ pieces->text.size, size, at_start };
    EA_TRY(llm_text_append(ctx, &pieces->text, text, size));
    pieces->count++;
    return EA_OK;
}

void llm_pieces_clear(llm_pieces *pieces)
{
    pieces->text.size = 0;
    pieces->count = 0;
}

void llm_pieces_free(llm_pieces *pieces)
{
    llm_text_free(&pieces->text);
    core_free(pieces->list);
    *pieces = (llm_pieces){ 0 };
}

/* --- Bytes as characters ---------------------------------------------------------------------- */

/* GPT-2 keeps the printable characters of Latin-1 and moves the other 68 bytes to U+0100 upwards.
 */
static bool keeps_its_place(unsigned byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/* The first moved bytes are 0 to 32; then 127 to 160, then 173. */
uint32_t llm_byte_char(unsigned char byte)
{
    if (keeps_its_place(byte))
        return byte;
    return 0x100u + (byte <= 32 ? byte : byte <= 160 ? byte - 127u + 33 : 67u);
}

int llm_char_byte(uint32_t code)
{
    if (code < 0x100)
        return keeps_its_place(code) ? (int)code : -1;
    uint32_t moved = code - 0x100;
    return moved <= 32 ? (int)moved : moved <= 66 ? (int)moved - 33 + 127 : moved == 67 ? 173 : -1;
}

/* --- Steps over one piece: each appends what becomes of it to `out` --------------------------- */

typedef struct job {
    ea_context *ctx;
    const llm_step *step;
    const char *text;
    size_t size;
    bool at_start;
    llm_text *scratch;
    llm_pieces *out;
} job;

static ea_status emit(const job *j, size_t start, size_t end)
{
    return llm_pieces_add(j->ctx, j->out, j->text + start, end - start, j->at_start && start == 0);
}

static ea_status emit_scratch(const job *j)
{
    return llm_pieces_add(j->ctx, j->out, j->scratch->data, j->scratch->size, j->at_start);
}

static ea_status prepend(const job *j, const char *prefix)
{
    EA_TRY(llm_text_append(j->ctx, j->scratch, prefix, strlen(prefix)));
    EA_TRY(llm_text_append(j->ctx, j->scratch, j->text, j->size));
    return emit_scratch(j);
}

/* Appends the piece to scratch with every `from` replaced by `to`. */
static ea_status replace(const job *j, const char *from, const char *to)
{
    size_t from_size = strlen(from), to_size = strlen(to);
    for (size_t at = 0; at < j->size;) {
        if (j->size - at >= from_size && memcmp(j->text + at, from, from_size) == 0) {
            EA_TRY(llm_text_append(j->ctx, j->scratch, to, to_size));
            at += from_size;
        } else {
            EA_TRY(llm_text_append(j->ctx, j->scratch, j->text + at++, 1));
        }
    }
    return EA_OK;
}

/* A match, or what is between matches. */
static ea_status emit_part(const job *j, size_t start, size_t end, bool matched)
{
    return j->step->drop && matched != j->step->invert ? EA_OK : emit(j, start, end);
}

static ea_status split(const job *j)
{
    size_t done = 0, from = 0;
    while (from <= j->size) {
        size_t start, end;
        bool found;
        EA_TRY(
            llm_regex_next(j->ctx, j->step->regex, j->text, j->size, from, &start, &end, &found));
        if (!found)
            break;
        EA_TRY(emit_part(j, done, start, false));
        EA_TRY(emit_part(j, start, end, true));
        done = end;
        from = end;
        if (start == end) { /* an empty match: go on after the next character */
            uint32_t code;
            from += end < j->size ? (size_t)llm_utf8_read(j->text + end, j->size - end, &code) : 1;
        }
    }
    return emit_part(j, done, j->size, false);
}

static ea_status byte_chars(const job *j)
{
    for (size_t i = 0; i < j->size; i++) {
        char bytes[4];
        int size = llm_utf8_write(llm_byte_char((unsigned char)j->text[i]), bytes);
        EA_TRY(llm_text_append(j->ctx, j->scratch, bytes, (size_t)size));
    }
    return emit_scratch(j);
}

/* Cuts scratch before every `mark`. */
static ea_status cut_before(const job *j, const char *mark)
{
    const char *text = j->scratch->data;
    size_t mark_size = strlen(mark), size = j->scratch->size, done = 0;
    for (size_t at = 0; at + mark_size <= size; at++)
        if (memcmp(text + at, mark, mark_size) == 0) {
            EA_TRY(
                llm_pieces_add(j->ctx, j->out, text + done, at - done, j->at_start && done == 0));
            done = at;
        }
    return llm_pieces_add(j->ctx, j->out, text + done, size - done, j->at_start && done == 0);
}

static ea_status metaspace(const job *j)
{
    const char *mark = j->step->replacement;
    size_t mark_size = strlen(mark);
    bool has_one =
        j->text[0] == ' ' || (j->size >= mark_size && memcmp(j->text, mark, mark_size) == 0);
    bool wanted = j->step->prefix == LLM_PREFIX_ALWAYS ||
                  (j->step->prefix == LLM_PREFIX_FIRST && j->at_start);
    if (wanted && !has_one)
        EA_TRY(llm_text_append(j->ctx, j->scratch, mark, mark_size));
    EA_TRY(replace(j, " ", mark));
    return j->step->split ? cut_before(j, mark) : emit_scratch(j);
}

/* Words between white space, and every punctuation mark alone. */
static ea_status bert_split(const job *j)
{
    size_t done = 0;
    for (size_t at = 0; at < j->size;) {
        uint32_t code;
        int length = llm_utf8_read(j->text + at, j->size - at, &code);
        size_t next = at + (size_t)(length < 0 ? -length : length);
        bool space = llm_is_space(code), mark = llm_is_bert_punctuation(code);
        if (space || mark) {
            EA_TRY(emit(j, done, at));
            done = space ? next : at;
        }
        if (mark) {
            EA_TRY(emit(j, done, next));
            done = next;
        }
        at = next;
    }
    return emit(j, done, j->size);
}

static ea_status run_step(const job *j)
{
    switch (j->step->kind) {
    case LLM_STEP_NFC:
    case LLM_STEP_NFD:
    case LLM_STEP_NFKC:
    case LLM_STEP_NFKD:
        EA_TRY(llm_unicode_normalize(j->ctx, j->step->kind, j->text, j->size, j->scratch));
        return emit_scratch(j);
    case LLM_STEP_PREPEND:
        return prepend(j, j->step->text);
    case LLM_STEP_REPLACE:
        EA_TRY(replace(j, j->step->text, j->step->replacement));
        return emit_scratch(j);
    case LLM_STEP_SPLIT:
        return split(j);
    case LLM_STEP_PREFIX_SPACE:
        return j->text[0] == ' ' ? emit(j, 0, j->size) : prepend(j, " ");
    case LLM_STEP_BYTE_CHARS:
        return byte_chars(j);
    case LLM_STEP_BERT_CLEAN:
    case LLM_STEP_BERT_IDEOGRAPHS:
    case LLM_STEP_STRIP_MARKS:
    case LLM_STEP_LOWERCASE:
        EA_TRY(llm_bert_normalize(j->ctx, j->step->kind, j->text, j->size, j->scratch));
        return emit_scratch(j);
    case LLM_STEP_BERT_SPLIT:
        return bert_split(j);
    case LLM_STEP_METASPACE:
        return metaspace(j);
    }
    return core_fail(j->ctx, EA_ERR_STATE, "tokenizer step %d", (int)j->step->kind);
}

/* --- All steps -------------------------------------------------------------------------------- */

ea_status llm_steps_add(ea_context *ctx, llm_steps *steps, llm_step_kind kind, llm_step **out)
{
    if (steps->count == LLM_MAX_STEPS)
        return core_fail(ctx, EA_ERR_UNSUPPORTED, "tokenizer: more than %d steps in a sequence",
                         LLM_MAX_STEPS);
    *out = &steps->list[steps->count++];
    **out = (llm_step){ .kind = kind };
    return EA_OK;
}

static ea_status run_all(ea_context *ctx, const llm_steps *steps, llm_pieces *pieces,
                         llm_pieces *next, llm_text *scratch)
{
    for (int s = 0; s < steps->count; s++) {
        llm_pieces_clear(next);
        for (size_t i = 0; i < pieces->count; i++) {
            const llm_piece *piece = &pieces->list[i];
            scratch->size = 0;
            job j = { ctx,         &steps->list[s], pieces->text.data + piece->start,
                      piece->size, piece->at_start, scratch,
                      next };
            EA_TRY(run_step(&j));
        }
        llm_pieces swap = *pieces;
        *pieces = *next;
        *next = swap;
    }
    return EA_OK;
}

ea_status llm_steps_run(ea_context *ctx, const llm_steps *steps, llm_pieces *pieces)
{
    llm_pieces next = { 0 };
    llm_text scratch = { 0 };
    ea_status status = run_all(ctx, steps, pieces, &next, &scratch);
    llm_pieces_free(&next);
    llm_text_free(&scratch);
    return status;
}

void llm_steps_free(llm_steps *steps)
{
    for (int i = 0; i < steps->count; i++) {
        core_free(steps->list[i].text);
        core_free(steps->list[i].replacement);
        llm_regex_free(steps->list[i].regex);
    }
    steps->count = 0;
}
