/* tokenizer_json.c: reading tokenizer.json (Hugging Face's `tokenizers`). */
#include "core/memory.h"
#include "llm/json.h"
#include "llm/tokenizer_parts.h"

#include <string.h>

static const char what[] = "tokenizer.json";
enum { FILE_LIMIT = 256 << 20 };

/* A component's handler: its type name and what it does with the tokenizer. */
typedef ea_status (*component_reader)(ea_context *ctx, llm_tokenizer *t, const json_t *json);
typedef struct component {
    const char *type;
    component_reader read;
} component;

/* Hands a component to the reader of its type; null is nothing. */
static ea_status read_component(ea_context *ctx, llm_tokenizer *t, const json_t *json,
                                const char *role, const component *known, size_t count)
{
    if (!json || json_is_null(json))
        return EA_OK;
    const char *type;
    EA_TRY(llm_json_string(ctx, what, json, "type", &type));
    for (size_t i = 0; type && i < count; i++)
        if (strcmp(known[i].type, type) == 0)
            return known[i].read(ctx, t, json);
    return core_fail(ctx, EA_ERR_UNSUPPORTED, "%s: %s of type '%s' is not supported", what, role,
                     type ? type : "(none)");
}

static ea_status read_list(ea_context *ctx, llm_tokenizer *t, const json_t *json, const char *key,
                           component_reader read)
{
    const json_t *list = json_object_get(json, key), *item;
    size_t i;
    if (!json_is_array(list))
        return core_fail(ctx, EA_ERR_FORMAT, "%s: '%s' must be a list", what, key);
    json_array_foreach(list, i, item) EA_TRY(read(ctx, t, item));
    return EA_OK;
}

static ea_status required_string(ea_context *ctx, const json_t *json, const char *key,
                                 const char **out)
{
    EA_TRY(llm_json_string(ctx, what, json, key, out));
    return *out ? EA_OK : core_fail(ctx, EA_ERR_FORMAT, "%s: '%s' is missing", what, key);
}

static ea_status copy_string(ea_context *ctx, const char *text, char **out)
{
    *out = core_strdup(text);
    return *out ? EA_OK : core_fail(ctx, EA_ERR_MEMORY, "no memory for a tokenizer");
}

static ea_status read_copy(ea_context *ctx, const json_t *json, const char *key, char **out)
{
    const char *text;
    EA_TRY(required_string(ctx, json, key, &text));
    return copy_string(ctx, text, out);
}

/* {"String": …} or {"Regex": …} */
static ea_status read_pattern(ea_context *ctx, const json_t *json, const char **text, bool *literal)
{
    const json_t *pattern = json_object_get(json, "pattern");
    EA_TRY(llm_json_string(ctx, what, pattern, "String", text));
    *literal = *text != NULL;
    return *text ? EA_OK : required_string(ctx, pattern, "Regex", text);
}

/* --- Normaliser --------------------------------------------------------------------------------
 */

static ea_status read_normalizer(ea_context *ctx, llm_tokenizer *t, const json_t *json);

static ea_status read_normalizers(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    return read_list(ctx, t, json, "normalizers", read_normalizer);
}

static ea_status read_form(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    const char *name = json_string_value(json_object_get(json, "type"));
    llm_step_kind kind = strcmp(name, "NFC") == 0    ? LLM_STEP_NFC
                         : strcmp(name, "NFD") == 0  ? LLM_STEP_NFD
                         : strcmp(name, "NFKC") == 0 ? LLM_STEP_NFKC
                                                     : LLM_STEP_NFKD;
    llm_step *step;
    return llm_steps_add(ctx, &t->normalizer, kind, &step);
}

static ea_status read_prepend(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    llm_step *step;
    EA_TRY(llm_steps_add(ctx, &t->normalizer, LLM_STEP_PREPEND, &step));
    return read_copy(ctx, json, "prepend", &step->text);
}

static ea_status read_replace(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    const char *text;
    bool literal;
    llm_step *step;
    EA_TRY(read_pattern(ctx, json, &text, &literal));
    if (!literal || !*text)
        return core_fail(ctx, EA_ERR_UNSUPPORTED,
                         "%s: a Replace normalizer with pattern '%s' is not supported", what, text);
    EA_TRY(llm_steps_add(ctx, &t->normalizer, LLM_STEP_REPLACE, &step));
    EA_TRY(copy_string(ctx, text, &step->text));
    return read_copy(ctx, json, "content", &step->replacement);
}

static ea_status add_step(ea_context *ctx, llm_steps *steps, llm_step_kind kind)
{
    llm_step *step;
    return llm_steps_add(ctx, steps, kind, &step);
}

static ea_status read_lowercase(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    (void)json;
    return add_step(ctx, &t->normalizer, LLM_STEP_LOWERCASE);
}

/* Accents go with lower case unless the file says otherwise. */
static ea_status read_bert_normalizer(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    bool clean, ideographs, lower, strip;
    const json_t *accents = json_object_get(json, "strip_accents");
    EA_TRY(llm_json_bool(ctx, what, json, "clean_text", true, &clean));
    EA_TRY(llm_json_bool(ctx, what, json, "handle_chinese_chars", true, &ideographs));
    EA_TRY(llm_json_bool(ctx, what, json, "lowercase", true, &lower));
    strip = json_is_boolean(accents) ? json_is_true(accents) : lower;
    if (clean)
        EA_TRY(add_step(ctx, &t->normalizer, LLM_STEP_BERT_CLEAN));
    if (ideographs)
        EA_TRY(add_step(ctx, &t->normalizer, LLM_STEP_BERT_IDEOGRAPHS));
    if (strip) {
        EA_TRY(add_step(ctx, &t->normalizer, LLM_STEP_NFD));
        EA_TRY(add_step(ctx, &t->normalizer, LLM_STEP_STRIP_MARKS));
    }
    return lower ? add_step(ctx, &t->normalizer, LLM_STEP_LOWERCASE) : EA_OK;
}

static const component normalizers[] = {
    { "BertNormalizer", read_bert_normalizer },
    { "Lowercase", read_lowercase },
    { "Sequence", read_normalizers },
    { "NFC", read_form },
    { "NFD", read_form },
    { "NFKC", read_form },
    { "NFKD", read_form },
    { "Prepend", read_prepend },
    { "Replace", read_replace },
};

static ea_status read_normalizer(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    return read_component(ctx, t, json, "a normalizer", normalizers,
                          sizeof normalizers / sizeof *normalizers);
}

/* --- Pre-tokenizer -----------------------------------------------------------------------------
 */

static const char gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static ea_status read_pre_tokenizer(ea_context *ctx, llm_tokenizer *t, const json_t *json);

static ea_status read_pre_tokenizers(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    return read_list(ctx, t, json, "pretokenizers", read_pre_tokenizer);
}

static ea_status read_byte_level(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    bool prefix_space, use_regex;
    llm_step *step;
    EA_TRY(llm_json_bool(ctx, what, json, "add_prefix_space", true, &prefix_space));
    EA_TRY(llm_json_bool(ctx, what, json, "use_regex", true, &use_regex));
    if (prefix_space)
        EA_TRY(llm_steps_add(ctx, &t->pre_tokenizer, LLM_STEP_PREFIX_SPACE, &step));
    if (use_regex) {
        EA_TRY(llm_steps_add(ctx, &t->pre_tokenizer, LLM_STEP_SPLIT, &step));
        EA_TRY(llm_regex_compile(ctx, gpt2_pattern, false, &step->regex));
    }
    return llm_steps_add(ctx, &t->pre_tokenizer, LLM_STEP_BYTE_CHARS, &step);
}

static ea_status read_split(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    const char *pattern, *behavior;
    bool literal;
    llm_step *step;
    EA_TRY(read_pattern(ctx, json, &pattern, &literal));
    EA_TRY(required_string(ctx, json, "behavior", &behavior));
    EA_TRY(llm_steps_add(ctx, &t->pre_tokenizer, LLM_STEP_SPLIT, &step));
    step->drop = strcmp(behavior, "Removed") == 0;
    if (!step->drop && strcmp(behavior, "Isolated") != 0)
        return core_fail(ctx, EA_ERR_UNSUPPORTED, "%s: Split behavior '%s' is not supported", what,
                         behavior);
    EA_TRY(llm_json_bool(ctx, what, json, "invert", false, &step->invert));
    return llm_regex_compile(ctx, pattern, literal, &step->regex);
}

/* Older files have add_prefix_space instead of prepend_scheme. */
static ea_status read_prefix(ea_context *ctx, const json_t *json, llm_prefix *out)
{
    static const char *const names[] = { "never", "first", "always" };
    const char *scheme;
    bool prefix_space;
    EA_TRY(llm_json_bool(ctx, what, json, "add_prefix_space", true, &prefix_space));
    EA_TRY(llm_json_string(ctx, what, json, "prepend_scheme", &scheme));
    *out = prefix_space ? LLM_PREFIX_ALWAYS : LLM_PREFIX_NEVER;
    for (int i = 0; scheme && i < 3; i++)
        if (strcmp(scheme, names[i]) == 0) {
            *out = (llm_prefix)i;
            return EA_OK;
        }
    return scheme ? core_fail(ctx, EA_ERR_UNSUPPORTED, "%s: prepend_scheme '%s' is not supported",
                              what, scheme)
                  : EA_OK;
}

static ea_status read_metaspace(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    llm_step *step;
    EA_TRY(llm_steps_add(ctx, &t->pre_tokenizer, LLM_STEP_METASPACE, &step));
    EA_TRY(read_copy(ctx, json, "replacement", &step->replacement));
    if (!*step->replacement)
        return core_fail(ctx, EA_ERR_FORMAT, "%s: Metaspace needs a replacement", what);
    EA_TRY(llm_json_bool(ctx, what, json, "split", true, &step->split));
    return read_prefix(ctx, json, &step->prefix);
}

static ea_status read_bert_split(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    (void)json;
    return add_step(ctx, &t->pre_tokenizer, LLM_STEP_BERT_SPLIT);
}

static const component pre_tokenizers[] = {
    { "BertPreTokenizer", read_bert_split }, { "Sequence", read_pre_tokenizers },
    { "ByteLevel", read_byte_level },        { "Split", read_split },
    { "Metaspace", read_metaspace },
};

static ea_status read_pre_tokenizer(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    return read_component(ctx, t, json, "a pre_tokenizer", pre_tokenizers,
                          sizeof pre_tokenizers / sizeof *pre_tokenizers);
}

/* --- Post-processor ----------------------------------------------------------------------------
 */

static ea_status read_post_processor(ea_context *ctx, llm_tokenizer *t, const json_t *json);

static ea_status read_post_processors(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    return read_list(ctx, t, json, "processors", read_post_processor);
}

/* As a post-processor it only moves offsets, which are not used here. */
static ea_status read_nothing(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    (void)ctx, (void)t, (void)json;
    return EA_OK;
}

static ea_status append_template_ids(ea_context *ctx, const json_t *template, const char *name,
                                     llm_ids *ids)
{
    const json_t *token = json_object_get(json_object_get(template, "special_tokens"), name);
    const json_t *list = json_object_get(token, "ids"), *id;
    size_t i;
    if (!json_is_array(list))
        return core_fail(ctx, EA_ERR_FORMAT, "%s: the template's token '%s' has no ids", what,
                         name);
    json_array_foreach(list, i, id)
    {
        if (!json_is_integer(id) || json_integer_value(id) < 0 ||
            json_integer_value(id) >= LLM_MAX_TOKENS)
            return core_fail(ctx, EA_ERR_FORMAT, "%s: the template's token '%s' has a wrong id",
                             what, name);
        EA_TRY(llm_ids_append(ctx, ids, (int32_t)json_integer_value(id)));
    }
    return EA_OK;
}

static ea_status read_template(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    const json_t *single = json_object_get(json, "single"), *item;
    bool seen = false;
    size_t i;
    if (!json_is_array(single) || t->before.count > 0 || t->after.count > 0)
        return core_fail(ctx, EA_ERR_UNSUPPORTED,
                         "%s: more than one template, or one without a 'single' list", what);
    json_array_foreach(single, i, item)
    {
        const json_t *special = json_object_get(item, "SpecialToken");
        const char *name;
        if (!special) {
            if (seen || !json_object_get(item, "Sequence"))
                return core_fail(ctx, EA_ERR_UNSUPPORTED,
                                 "%s: a template that is not one sequence with tokens around it",
                                 what);
            seen = true;
            continue;
        }
        EA_TRY(required_string(ctx, special, "id", &name));
        EA_TRY(append_template_ids(ctx, json, name, seen ? &t->after : &t->before));
    }
    return EA_OK;
}

/* {"cls": ["[CLS]", 101], "sep": ["[SEP]", 102]} */
static ea_status read_bert_processing(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    const json_t *cls = json_array_get(json_object_get(json, "cls"), 1);
    const json_t *sep = json_array_get(json_object_get(json, "sep"), 1);
    int64_t first = json_integer_value(cls), last = json_integer_value(sep);
    if (!json_is_integer(cls) || !json_is_integer(sep) || first < 0 || last < 0 ||
        first >= LLM_MAX_TOKENS || last >= LLM_MAX_TOKENS || t->before.count > 0)
        return core_fail(ctx, EA_ERR_FORMAT, "%s: BertProcessing needs 'cls' and 'sep' with ids",
                         what);
    EA_TRY(llm_ids_append(ctx, &t->before, (int32_t)first));
    return llm_ids_append(ctx, &t->after, (int32_t)last);
}

static const component post_processors[] = {
    { "BertProcessing", read_bert_processing },
    { "Sequence", read_post_processors },
    { "ByteLevel", read_nothing },
    { "TemplateProcessing", read_template },
};

static ea_status read_post_processor(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    return read_component(ctx, t, json, "a post_processor", post_processors,
                          sizeof post_processors / sizeof *post_processors);
}

/* --- Decoder -----------------------------------------------------------------------------------
 */

static ea_status read_decoder(ea_context *ctx, llm_tokenizer *t, const json_t *json);

static ea_status read_decoders(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    return read_list(ctx, t, json, "decoders", read_decoder);
}

static ea_status read_byte_decoder(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    (void)ctx, (void)json;
    t->decoding = LLM_DECODE_BYTE_CHARS;
    return EA_OK;
}

static ea_status set_mark(ea_context *ctx, llm_tokenizer *t, const char *mark)
{
    if (!*mark || t->mark)
        return core_fail(ctx, EA_ERR_UNSUPPORTED,
                         "%s: a decoder that replaces nothing, or more than one text", what);
    t->decoding = LLM_DECODE_PIECES;
    return copy_string(ctx, mark, &t->mark);
}

static ea_status read_replace_decoder(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    const char *text, *content;
    bool literal;
    EA_TRY(read_pattern(ctx, json, &text, &literal));
    EA_TRY(required_string(ctx, json, "content", &content));
    if (!literal || strcmp(content, " ") != 0)
        return core_fail(ctx, EA_ERR_UNSUPPORTED,
                         "%s: a Replace decoder of '%s' by '%s' is not supported", what, text,
                         content);
    return set_mark(ctx, t, text);
}

static ea_status read_metaspace_decoder(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    const char *mark;
    llm_prefix prefix;
    EA_TRY(required_string(ctx, json, "replacement", &mark));
    EA_TRY(read_prefix(ctx, json, &prefix));
    t->drop_first = prefix != LLM_PREFIX_NEVER;
    return set_mark(ctx, t, mark);
}

static ea_status read_byte_fallback(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    (void)ctx, (void)json;
    t->byte_pieces = true;
    return EA_OK;
}

static ea_status read_strip(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    const char *content;
    int64_t start, stop;
    EA_TRY(required_string(ctx, json, "content", &content));
    EA_TRY(llm_json_int(ctx, what, json, "start", 0, 0, 1024, &start));
    EA_TRY(llm_json_int(ctx, what, json, "stop", 0, 0, 1024, &stop));
    if (strcmp(content, " ") != 0 || stop != 0)
        return core_fail(ctx, EA_ERR_UNSUPPORTED, "%s: a Strip decoder of '%s' at the end", what,
                         content);
    t->strip = (int)start;
    return EA_OK;
}

static ea_status read_word_decoder(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    const char *prefix;
    EA_TRY(required_string(ctx, json, "prefix", &prefix));
    EA_TRY(llm_json_bool(ctx, what, json, "cleanup", true, &t->cleanup));
    t->decoding = LLM_DECODE_WORDS;
    return t->word_piece.prefix && strcmp(t->word_piece.prefix, prefix) == 0
               ? EA_OK
               : core_fail(ctx, EA_ERR_UNSUPPORTED,
                           "%s: a WordPiece decoder whose prefix is not the model's", what);
}

static const component decoders[] = {
    { "WordPiece", read_word_decoder },
    { "Sequence", read_decoders },
    { "ByteLevel", read_byte_decoder },
    { "Replace", read_replace_decoder },
    { "Metaspace", read_metaspace_decoder },
    { "ByteFallback", read_byte_fallback },
    { "Fuse", read_nothing },
    { "Strip", read_strip },
};

static ea_status read_decoder(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    return read_component(ctx, t, json, "a decoder", decoders, sizeof decoders / sizeof *decoders);
}

/* The decoder is byte characters, or a mark with what goes around it; anything else is refused. */
static ea_status check_decoder(ea_context *ctx, const llm_tokenizer *t)
{
    bool pieces = t->mark != NULL;
    bool extras = t->byte_pieces || t->strip > 0;
    if (t->decoding == LLM_DECODE_WORDS && !pieces && !extras)
        return EA_OK;
    if (t->decoding == (pieces ? LLM_DECODE_PIECES : LLM_DECODE_BYTE_CHARS) && (pieces || !extras))
        return EA_OK;
    return core_fail(ctx, EA_ERR_UNSUPPORTED, "%s: this combination of decoders is not supported",
                     what);
}

/* --- Model -------------------------------------------------------------------------------------
 */

static ea_status read_vocab(ea_context *ctx, llm_tokenizer *t, json_t *vocab)
{
    const char *token;
    json_t *id;
    if (!json_is_object(vocab))
        return core_fail(ctx, EA_ERR_FORMAT, "%s: the model has no vocabulary", what);
    json_object_foreach(vocab, token, id)
    {
        if (!json_is_integer(id))
            return core_fail(ctx, EA_ERR_FORMAT, "%s: token '%s' has no integer id", what, token);
        EA_TRY(llm_vocab_add(ctx, &t->bpe.vocab, token, strlen(token), json_integer_value(id)));
    }
    return EA_OK;
}

/* The two halves of a merge: "a b" or ["a", "b"]. */
static bool merge_halves(const json_t *merge, const char *half[2], size_t size[2])
{
    if (json_is_array(merge) && json_array_size(merge) == 2) {
        for (size_t i = 0; i < 2; i++) {
            half[i] = json_string_value(json_array_get(merge, i));
            size[i] = json_string_length(json_array_get(merge, i));
        }
        return half[0] && half[1];
    }
    const char *text = json_string_value(merge), *space = text ? strchr(text, ' ') : NULL;
    if (!space || strchr(space + 1, ' '))
        return false;
    half[0] = text;
    size[0] = (size_t)(space - text);
    half[1] = space + 1;
    size[1] = strlen(space + 1);
    return true;
}

static ea_status read_merge(ea_context *ctx, llm_tokenizer *t, const json_t *json, uint32_t rank,
                            llm_text *joined)
{
    const char *half[2];
    size_t size[2];
    if (!merge_halves(json, half, size))
        return core_fail(ctx, EA_ERR_FORMAT, "%s: merge %u is not a pair of tokens", what, rank);
    joined->size = 0;
    EA_TRY(llm_text_append(ctx, joined, half[0], size[0]));
    EA_TRY(llm_text_append(ctx, joined, half[1], size[1]));
    const llm_vocab *vocab = &t->bpe.vocab;
    llm_merge merge = { llm_vocab_find(vocab, half[0], size[0]),
                        llm_vocab_find(vocab, half[1], size[1]), rank,
                        llm_vocab_find(vocab, joined->data, joined->size) };
    if (merge.left < 0 || merge.right < 0 || merge.result < 0)
        return core_fail(ctx, EA_ERR_FORMAT,
                         "%s: merge %u makes '%.*s', and the vocabulary lacks it or its parts",
                         what, rank, (int)joined->size, joined->data);
    return llm_merges_add(ctx, &t->bpe.merges, merge);
}

static ea_status read_merges(ea_context *ctx, llm_tokenizer *t, const json_t *merges)
{
    if (!json_is_array(merges))
        return core_fail(ctx, EA_ERR_FORMAT, "%s: the model has no merges", what);
    llm_text joined = { 0 };
    ea_status status = EA_OK;
    for (size_t i = 0; status == EA_OK && i < json_array_size(merges); i++)
        status = read_merge(ctx, t, json_array_get(merges, i), (uint32_t)i, &joined);
    llm_text_free(&joined);
    return status;
}

/* Model options that change tokens and that no supported family uses. */
static ea_status refuse_options(ea_context *ctx, const json_t *model)
{
    static const char *const affixes[] = { "continuing_subword_prefix", "end_of_word_suffix" };
    for (int i = 0; i < 2; i++) {
        const char *affix;
        EA_TRY(llm_json_string(ctx, what, model, affixes[i], &affix));
        if (affix && *affix)
            return core_fail(ctx, EA_ERR_UNSUPPORTED, "%s: %s '%s' is not supported", what,
                             affixes[i], affix);
    }
    double dropout;
    EA_TRY(llm_json_real(ctx, what, model, "dropout", 0, &dropout));
    return dropout == 0 ? EA_OK
                        : core_fail(ctx, EA_ERR_UNSUPPORTED, "%s: dropout %g is not supported",
                                    what, dropout);
}

static ea_status read_word_piece(ea_context *ctx, llm_tokenizer *t, const json_t *model)
{
    const char *unknown;
    EA_TRY(read_vocab(ctx, t, json_object_get(model, "vocab")));
    EA_TRY(read_copy(ctx, model, "continuing_subword_prefix", &t->word_piece.prefix));
    EA_TRY(required_string(ctx, model, "unk_token", &unknown));
    EA_TRY(llm_json_int(ctx, what, model, "max_input_chars_per_word", 100, 1, 1 << 20,
                        &t->word_piece.longest));
    t->word_piece.unknown = llm_vocab_find(&t->bpe.vocab, unknown, strlen(unknown));
    return t->word_piece.unknown != LLM_NO_TOKEN
               ? EA_OK
               : core_fail(ctx, EA_ERR_FORMAT, "%s: unk_token '%s' is not in the vocabulary", what,
                           unknown);
}

static ea_status read_model(ea_context *ctx, llm_tokenizer *t, const json_t *model)
{
    const char *type, *unknown;
    EA_TRY(llm_json_string(ctx, what, model, "type", &type));
    if (type && strcmp(type, "WordPiece") == 0)
        return read_word_piece(ctx, t, model);
    if (!json_is_object(model) || (type && strcmp(type, "BPE") != 0))
        return core_fail(ctx, EA_ERR_UNSUPPORTED, "%s: a model of type '%s' is not supported", what,
                         type ? type : "(none)");
    EA_TRY(refuse_options(ctx, model));
    EA_TRY(llm_json_bool(ctx, what, model, "fuse_unk", false, &t->bpe.fuse_unknown));
    EA_TRY(llm_json_bool(ctx, what, model, "byte_fallback", false, &t->bpe.byte_fallback));
    EA_TRY(llm_json_bool(ctx, what, model, "ignore_merges", false, &t->bpe.ignore_merges));
    EA_TRY(read_vocab(ctx, t, json_object_get(model, "vocab")));
    EA_TRY(llm_json_string(ctx, what, model, "unk_token", &unknown));
    t->bpe.unknown =
        unknown ? llm_vocab_find(&t->bpe.vocab, unknown, strlen(unknown)) : LLM_NO_TOKEN;
    if (unknown && t->bpe.unknown == LLM_NO_TOKEN)
        return core_fail(ctx, EA_ERR_FORMAT, "%s: unk_token '%s' is not in the vocabulary", what,
                         unknown);
    return read_merges(ctx, t, json_object_get(model, "merges"));
}

/* --- Added tokens ------------------------------------------------------------------------------
 */

static ea_status read_added_token(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    llm_added token = { 0 };
    int64_t id;
    const char *content;
    EA_TRY(required_string(ctx, json, "content", &content));
    EA_TRY(llm_json_int(ctx, what, json, "id", -1, 0, LLM_MAX_TOKENS - 1, &id));
    EA_TRY(llm_json_bool(ctx, what, json, "special", false, &token.special));
    EA_TRY(llm_json_bool(ctx, what, json, "single_word", false, &token.single_word));
    EA_TRY(llm_json_bool(ctx, what, json, "lstrip", false, &token.lstrip));
    EA_TRY(llm_json_bool(ctx, what, json, "rstrip", false, &token.rstrip));
    EA_TRY(llm_json_bool(ctx, what, json, "normalized", !token.special, &token.normalized));
    token.size = strlen(content);
    int32_t in_vocab = llm_vocab_find(&t->bpe.vocab, content, token.size);
    token.id = in_vocab == LLM_NO_TOKEN ? (int32_t)id : in_vocab;
    char *copy = core_strdup(content);
    if (!copy)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for an added token");
    token.content = copy;
    ea_status status = llm_tokenizer_add(ctx, t, &token);
    core_free(copy);
    return status;
}

/* --- All of it ---------------------------------------------------------------------------------
 */

static ea_status read_tokenizer(ea_context *ctx, llm_tokenizer *t, const json_t *json)
{
    EA_TRY(read_model(ctx, t, json_object_get(json, "model")));
    EA_TRY(read_normalizer(ctx, t, json_object_get(json, "normalizer")));
    EA_TRY(read_pre_tokenizer(ctx, t, json_object_get(json, "pre_tokenizer")));
    EA_TRY(read_post_processor(ctx, t, json_object_get(json, "post_processor")));
    if (!json_is_object(json_object_get(json, "decoder")))
        return core_fail(ctx, EA_ERR_UNSUPPORTED, "%s: it has no decoder", what);
    EA_TRY(read_decoder(ctx, t, json_object_get(json, "decoder")));
    EA_TRY(check_decoder(ctx, t));
    if (json_object_get(json, "added_tokens"))
        EA_TRY(read_list(ctx, t, json, "added_tokens", read_added_token));
    return llm_tokenizer_finish(ctx, t);
}

ea_status llm_tokenizer_from_json(ea_context *ctx, const char *json, size_t size,
                                  llm_tokenizer **out)
{
    json_t *parsed;
    *out = NULL;
    EA_TRY(llm_json_parse(ctx, what, json, size, &parsed));
    llm_tokenizer *t = core_alloc_zero(sizeof *t);
    ea_status status = t ? read_tokenizer(ctx, t, parsed)
                         : core_fail(ctx, EA_ERR_MEMORY, "no memory for a tokenizer");
    json_decref(parsed);
    if (status == EA_OK)
        *out = t;
    else
        llm_tokenizer_free(t);
    return status;
}

ea_status llm_tokenizer_open(ea_context *ctx, const char *path, llm_tokenizer **out)
{
    char *bytes;
    size_t size;
    *out = NULL;
    EA_TRY(llm_read_file(ctx, path, FILE_LIMIT, &bytes, &size));
    ea_status status = llm_tokenizer_from_json(ctx, bytes, size, out);
    core_free(bytes);
    return status;
}
