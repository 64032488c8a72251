/* gpt.c: a small GPT (Radford et al. 2019) over bytes learns a text, and is saved as a Hugging Face
 * folder, which `transformers` loads and `eadem serve` serves.
 *
 *     gzip -dc data/tinyshakespeare/input.txt.gz | gpt FOLDER [STEPS [BATCH]]
 *
 * Trains for STEPS batches of BATCH pieces (600 and 16) of the text on standard input, the last
 * tenth of which is kept to test it. Prints the digest of the model.
 */
#include <eadem/eadem.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { VOCAB = 256, CONTEXT = 128, WIDTH = 128, HEADS = 4, LAYERS = 4, TEST_BATCHES = 20 };
enum { NORM1, QKV, PROJECTION, NORM2, UP, DOWN, PARTS }; /* modules of a layer */
enum { TOKENS, POSITIONS, FINAL_NORM, FIRST_LAYER, MODULES = FIRST_LAYER + LAYERS * PARTS };

#define TRY(call)                       \
    do {                                \
        if ((status = (call)) != EA_OK) \
            goto done;                  \
    } while (0)

typedef struct gpt {
    ea_context *ctx;
    ea_module *parts[MODULES], *net;
    const unsigned char *text;
    int64_t train, size; /* bytes to train with, and all */
    int64_t batch;
    DLTensor *ids, *next, *positions, *starts;
} gpt;

/* --- The model -------------------------------------------------------------------------------- */

static ea_module *make_part(ea_context *ctx, int i)
{
    if (i == TOKENS) /* both the embedding and, tied to it, the output */
        return ea_nn_linear(ctx, WIDTH, VOCAB, &(ea_nn_linear_options){ .no_bias = 1 });
    if (i == POSITIONS)
        return ea_nn_linear(ctx, WIDTH, CONTEXT, &(ea_nn_linear_options){ .no_bias = 1 });
    int part = i == FINAL_NORM ? NORM1 : (i - FIRST_LAYER) % PARTS;
    return part == QKV          ? ea_nn_linear(ctx, WIDTH, 3 * WIDTH, NULL)
           : part == PROJECTION ? ea_nn_linear(ctx, WIDTH, WIDTH, NULL)
           : part == UP         ? ea_nn_linear(ctx, WIDTH, 4 * WIDTH, NULL)
           : part == DOWN       ? ea_nn_linear(ctx, 4 * WIDTH, WIDTH, NULL)
                                : ea_nn_layer_norm(ctx, WIDTH, 1e-5);
}

/* Hugging Face's name of a module. */
static void name_part(int i, char name[64])
{
    static const char *const outer[] = { "wte", "wpe", "ln_f" };
    static const char *const inner[] = { "ln_1", "attn.c_attn", "attn.c_proj",
                                         "ln_2", "mlp.c_fc",    "mlp.c_proj" };
    if (i < FIRST_LAYER)
        snprintf(name, 64, "transformer.%s", outer[i]);
    else
        snprintf(name, 64, "transformer.h.%d.%s", (i - FIRST_LAYER) / PARTS,
                 inner[(i - FIRST_LAYER) % PARTS]);
}

/* GPT-2's start: normal weights, narrower where they add to the residual; biases are zero. */
static ea_status initialise(gpt *g, ea_generator *generator)
{
    ea_generator room;
    for (int i = 0; i < MODULES; i++) {
        char name[64];
        name_part(i, name);
        int part = (i - FIRST_LAYER) % PARTS;
        bool adds = i >= FIRST_LAYER && (part == PROJECTION || part == DOWN);
        ea_parameter *weight = ea_module_parameter(g->parts[i], 0);
        if (weight->value->ndim != 2)
            continue;
        /* 0.02/√(2·LAYERS) */
        ea_status status = ea_normal(g->ctx, ea_generator_named(generator, name, &room), 0,
                                     adds ? 0.0070710678 : 0.02, weight->value);
        if (status != EA_OK)
            return status;
    }
    return EA_OK;
}

static const int exchanged[] = { 0, 2, 1, 3 }; /* heads and places */

/* [batch, CONTEXT, WIDTH] to [batch, HEADS, CONTEXT, WIDTH / HEADS] */
static ea_var *split_heads(ea_var *qkv, int which, int64_t batch)
{
    ea_var *part = ea_var_narrow(qkv, 2, which * WIDTH, WIDTH);
    part = ea_var_reshape(part, 4, (int64_t[]){ batch, CONTEXT, HEADS, WIDTH / HEADS });
    return ea_var_permute(part, exchanged, 4);
}

static ea_var *attend(gpt *g, ea_module **layer, ea_var *x)
{
    ea_var *qkv = ea_module_forward(layer[QKV], ea_module_forward(layer[NORM1], x));
    ea_var *mixed = ea_var_attention(split_heads(qkv, 0, g->batch), split_heads(qkv, 1, g->batch),
                                     split_heads(qkv, 2, g->batch), NULL,
                                     &(ea_attention_options){ .causal = 1 });
    mixed = ea_var_reshape(ea_var_permute(mixed, exchanged, 4), 3,
                           (int64_t[]){ g->batch, CONTEXT, WIDTH });
    return ea_var_add(x, ea_module_forward(layer[PROJECTION], mixed));
}

static ea_var *feed_forward(ea_module **layer, ea_var *x)
{
    ea_var *up = ea_module_forward(layer[UP], ea_module_forward(layer[NORM2], x));
    ea_var *inner = ea_var_point(EA_FN_GELU_TANH, &up, NULL);
    return ea_var_add(x, ea_module_forward(layer[DOWN], inner));
}

/* The loss of the batch in ids and next. */
static ea_var *forward(gpt *g, ea_tape *tape)
{
    ea_var *tokens = ea_var_parameter(tape, ea_module_parameter(g->parts[TOKENS], 0));
    ea_var *positions = ea_var_parameter(tape, ea_module_parameter(g->parts[POSITIONS], 0));
    ea_var *x = ea_var_add(ea_var_embedding(tokens, g->ids, -1),
                           ea_var_embedding(positions, g->positions, -1));
    for (int i = 0; i < LAYERS; i++) {
        ea_module **layer = g->parts + FIRST_LAYER + i * PARTS;
        x = feed_forward(layer, attend(g, layer, x));
    }
    ea_var *logits =
        ea_module_forward(g->parts[TOKENS], ea_module_forward(g->parts[FINAL_NORM], x));
    logits = ea_var_reshape(logits, 2, (int64_t[]){ g->batch * CONTEXT, VOCAB });
    return ea_var_cross_entropy(logits, g->next, EA_REDUCE_MEAN);
}

/* --- Training --------------------------------------------------------------------------------- */

/* Pieces of text at random places of [begin, end). */
static ea_status draw_batch(gpt *g, ea_generator *generator, int64_t begin, int64_t end)
{
    ea_status status = ea_random_integers(g->ctx, generator, begin, end - CONTEXT, g->starts);
    const int64_t *starts = g->starts->data;
    int64_t *ids = g->ids->data, *next = g->next->data;
    for (int64_t i = 0; status == EA_OK && i < g->batch * CONTEXT; i++) {
        const unsigned char *at = g->text + starts[i / CONTEXT] + i % CONTEXT;
        ids[i] = at[0];
        next[i] = at[1];
    }
    return status;
}

static ea_status train(gpt *g, ea_tape *tape, ea_optimizer *adamw, int steps)
{
    ea_status status = EA_OK;
    ea_generator seed, generator;
    ea_schedule schedule = {
        .kind = EA_SCHEDULE_COSINE, .lr = 1e-3, .min_lr = 1e-4, .warmup = 100, .steps = steps
    };
    ea_generator_seed(&seed, EA_GENERATOR_PHILOX, 1);
    ea_generator_named(&seed, "batches", &generator);
    for (int step = 1; step <= steps; step++) {
        TRY(draw_batch(g, &generator, 0, g->train));
        ea_tape_begin(tape);
        ea_var *loss = forward(g, tape);
        ea_optimizer_zero_grad(adamw);
        ea_optimizer_set_lr(adamw, ea_schedule_lr(&schedule, step - 1));
        TRY(ea_backward(tape, loss));
        TRY(ea_optimizer_step(adamw));
        if (step % 50 == 0 || step == steps)
            printf("step %d  loss %.4f\n", step, (double)ea_var_item(loss));
        fflush(stdout);
    }
done:
    return status;
}

static ea_status test(gpt *g, ea_tape *tape, int batches)
{
    ea_status status = EA_OK;
    ea_generator generator;
    double sum = 0;
    ea_generator_seed(&generator, EA_GENERATOR_PHILOX, 2);
    for (int i = 0; i < batches; i++) {
        TRY(draw_batch(g, &generator, g->train, g->size));
        ea_tape_begin_no_grad(tape);
        sum += (double)ea_var_item(forward(g, tape));
        TRY(ea_tape_status(tape));
    }
    printf("loss on unseen text %.4f\n", sum / batches);
done:
    return status;
}

/* --- Saving ----------------------------------------------------------------------------------- */

/* The character that stands for a byte in GPT-2's vocabularies, as JSON. */
static void write_byte_character(FILE *file, int byte)
{
    bool kept = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    int moved = byte <= 32 ? byte : byte <= 160 ? byte - 127 + 33 : 67;
    fprintf(file, "\"\\u%04x\": %d%s", kept ? byte : 0x100 + moved, byte, byte < 255 ? ", " : "");
}

static void write_tokenizer(FILE *file)
{
    fputs("{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, \"added_tokens\": [], "
          "\"normalizer\": null, \"post_processor\": null, \"pre_tokenizer\": {\"type\": "
          "\"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": "
          "false}, \"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
          "\"trim_offsets\": true, \"use_regex\": false}, \"model\": {\"type\": \"BPE\", "
          "\"dropout\": null, \"unk_token\": null, \"continuing_subword_prefix\": null, "
          "\"end_of_word_suffix\": null, \"fuse_unk\": false, \"byte_fallback\": false, "
          "\"merges\": [], \"vocab\": {",
          file);
    for (int byte = 0; byte < 256; byte++)
        write_byte_character(file, byte);
    fputs("}}}\n", file);
}

static void write_config(FILE *file)
{
    fprintf(
        file,
        "{\"model_type\": \"gpt2\", \"architectures\": [\"GPT2LMHeadModel\"], \"dtype\": "
        "\"float32\", \"vocab_size\": %d, \"n_positions\": %d, \"n_embd\": %d, \"n_layer\": %d, "
        "\"n_head\": %d, \"activation_function\": \"gelu_new\", \"layer_norm_epsilon\": 1e-05, "
        "\"tie_word_embeddings\": true, \"bos_token_id\": null, \"eos_token_id\": null}\n",
        VOCAB, CONTEXT, WIDTH, LAYERS, HEADS);
}

static void write_tokenizer_config(FILE *file)
{
    fputs("{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}\n", file);
}

static ea_status write_file(const char *folder, const char *name, void (*write)(FILE *file))
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file)
        return EA_ERR_IO;
    write(file);
    return fclose(file) == 0 ? EA_OK : EA_ERR_IO;
}

/* GPT-2's matrices are [in, out] in files, but its tables are as here. */
static ea_status save_weights(gpt *g, const char *folder)
{
    enum { MOST = 2 * MODULES };
    static ea_named_tensor tensors[MOST];
    static DLTensor views[MOST];
    static char names[MOST][EA_NAME_SIZE];
    static int64_t sizes[MOST][2][2];
    char path[1024], name[64];
    int count = 0;
    for (int i = 0; i < MODULES; i++) {
        ea_parameter *p;
        name_part(i, name);
        for (int k = 0; (p = ea_module_parameter(g->parts[i], k)); k++, count++) {
            bool bias = k > 0;
            snprintf(names[count], EA_NAME_SIZE, "%s.%s", name, bias ? "bias" : "weight");
            views[count] = *p->value;
            if (i >= FIRST_LAYER && views[count].ndim == 2) {
                int64_t out = views[count].shape[0], in = views[count].shape[1];
                memcpy(sizes[count], (int64_t[2][2]){ { in, out }, { 1, in } }, sizeof sizes[0]);
                views[count].shape = sizes[count][0];
                views[count].strides = sizes[count][1];
            }
            tensors[count] = (ea_named_tensor){ names[count], &views[count] };
        }
    }
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    ea_metadata format = { "format", "pt" };
    return ea_safetensors_save(g->ctx, path, tensors, count, &format, 1);
}

static ea_status save(gpt *g, const char *folder)
{
    mkdir(folder, 0777); /* where it cannot be, writing will say so */
    ea_status status = save_weights(g, folder);
    if (status == EA_OK)
        status = write_file(folder, "config.json", write_config);
    if (status == EA_OK)
        status = write_file(folder, "tokenizer.json", write_tokenizer);
    if (status == EA_OK)
        status = write_file(folder, "tokenizer_config.json", write_tokenizer_config);
    return status;
}

/* --- All -------------------------------------------------------------------------------------- */

static ea_status prepare(gpt *g)
{
    ea_status status = EA_OK;
    for (int i = 0; i < MODULES; i++)
        if (!(g->parts[i] = make_part(g->ctx, i)))
            TRY(ea_error_status(g->ctx));
    if (!(g->net = ea_nn_sequential_of(g->ctx, MODULES, g->parts)))
        TRY(ea_error_status(g->ctx));
    TRY(ea_tensor_new(g->ctx, EA_INT64, 2, (int64_t[]){ g->batch, CONTEXT }, &g->ids));
    TRY(ea_tensor_new(g->ctx, EA_INT64, 1, (int64_t[]){ g->batch * CONTEXT }, &g->next));
    TRY(ea_tensor_new(g->ctx, EA_INT64, 1, (int64_t[]){ g->batch }, &g->starts));
    TRY(ea_tensor_new(g->ctx, EA_INT64, 1, (int64_t[]){ CONTEXT }, &g->positions));
    for (int64_t i = 0; i < CONTEXT; i++)
        ((int64_t *)g->positions->data)[i] = i;
done:
    return status;
}

static ea_status run(gpt *g, const char *folder, int steps)
{
    ea_status status = EA_OK;
    ea_tape *tape = NULL;
    ea_optimizer *adamw = NULL;
    ea_generator generator;
    char digest[EA_DIGEST_HEX];
    TRY(prepare(g));
    ea_generator_seed(&generator, EA_GENERATOR_PHILOX, 1);
    TRY(initialise(g, &generator));
    adamw = ea_optimizer_adam(
        g->ctx, g->net, &(ea_adam_options){ .beta2 = 0.99, .weight_decay = 0.1, .decoupled = 1 });
    if (!adamw)
        TRY(ea_error_status(g->ctx));
    TRY(ea_tape_create(g->ctx, &tape));
    TRY(train(g, tape, adamw, steps));
    TRY(test(g, tape, steps < TEST_BATCHES ? steps : TEST_BATCHES));
    TRY(ea_module_digest(g->net, digest));
    printf("model %s\n", digest);
    TRY(save(g, folder));
done:
    ea_tape_destroy(tape);
    ea_optimizer_destroy(adamw);
    ea_module_destroy(g->net);
    ea_tensor_free(g->ids);
    ea_tensor_free(g->next);
    ea_tensor_free(g->starts);
    ea_tensor_free(g->positions);
    return status;
}

int main(int argc, char **argv)
{
    enum { MOST = 64 << 20 };
    int steps = argc > 2 ? atoi(argv[2]) : 600;
    gpt g = { .batch = argc > 3 ? atoi(argv[3]) : 16 };
    unsigned char *text = malloc(MOST);
    g.size = text ? (int64_t)fread(text, 1, MOST, stdin) : 0;
    g.text = text;
    g.train = g.size / 10 * 9;
    if (argc < 2 || steps < 1 || g.batch < 1 || g.size < 20 * CONTEXT) {
        fprintf(stderr, "usage: gpt FOLDER [STEPS [BATCH]] < TEXT (of %d bytes or more)\n",
                20 * CONTEXT);
        free(text);
        return 2;
    }
    ea_status status = ea_context_create(NULL, &g.ctx);
    if (status == EA_OK)
        status = run(&g, argv[1], steps);
    if (status != EA_OK)
        fprintf(stderr, "gpt: %s\n", ea_error_text(g.ctx));
    ea_context_destroy(g.ctx);
    free(text);
    return status != EA_OK;
}
