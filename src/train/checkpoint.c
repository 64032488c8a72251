/* checkpoint.c: a checkpoint is checkpoint.json and the two safetensors files that it names. It is
 * renamed into place after they are, so it never names a file that is not whole. */
#include "train/checkpoint.h"

#include "core/context.h"
#include "eadem/io.h"
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FORMAT = 1, MAX_MANIFEST = 1 << 20, MAX_PATH = 4096, FILE_NAME = 64 };

static const char manifest_name[] = "checkpoint.json";

typedef struct file_names {
    char model[FILE_NAME];
    char optimizer[FILE_NAME];
} file_names;

static file_names names_of(int64_t step)
{
    file_names names;
    snprintf(names.model, FILE_NAME, "model-%09lld.safetensors", (long long)step);
    snprintf(names.optimizer, FILE_NAME, "optimizer-%09lld.safetensors", (long long)step);
    return names;
}

static ea_status path_in_folder(const train_session *s, const char *name, char path[MAX_PATH])
{
    if (snprintf(path, MAX_PATH, "%s/%s", s->options->out, name) >= MAX_PATH)
        return core_fail(s->ctx, EA_ERR_ARGUMENT, "--out: the path is longer than %d bytes",
                         MAX_PATH - 1);
    return EA_OK;
}

/* --- Cleaning -------------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* A file that only a checkpoint can have made, and that is no part of the one of `keep`. */
static bool is_leftover(const char *name, const file_names *keep)
{
    bool temporary = name[0] == '.' && ends_with(name, ".tmp");
    const char *base = temporary ? name + 1 : name;
    bool ours = starts_with(base, "model-") || starts_with(base, "optimizer-") ||
                starts_with(base, manifest_name);
    if (temporary)
        return ours;
    return ours && ends_with(name, ".safetensors") && strcmp(name, keep->model) != 0 &&
           strcmp(name, keep->optimizer) != 0;
}

/* Removes leftovers of other steps. What cannot be removed does no harm. */
static void clean_folder(const train_session *s, int64_t keep_step)
{
    file_names keep = names_of(keep_step);
    DIR *folder = opendir(s->options->out);
    struct dirent *entry;
    char path[MAX_PATH];
    while (folder && (entry = readdir(folder)))
        if (is_leftover(entry->d_name, &keep) && path_in_folder(s, entry->d_name, path) == EA_OK)
            unlink(path);
    if (folder)
        closedir(folder);
}

/* --- Saving ---------------------------------------------------------------------------------- */

typedef ea_parameter *(*nth_tensor)(void *owner, int index);

static ea_parameter *nth_of_model(void *owner, int index)
{
    return ea_module_parameter(owner, index);
}

static ea_parameter *nth_of_optimizer(void *owner, int index)
{
    return ea_optimizer_state(owner, index);
}

/* Writes all tensors of `owner` into one file, and their digest into `hex`. */
static ea_status save_tensors(train_session *s, const char *name, nth_tensor nth, void *owner,
                              char hex[EA_DIGEST_HEX])
{
    char path[MAX_PATH];
    EA_TRY(path_in_folder(s, name, path));
    int count = 0;
    while (nth(owner, count))
        count++;
    ea_named_tensor *named = core_alloc((size_t)count * sizeof *named);
    const DLTensor **tensors = core_alloc((size_t)count * sizeof *tensors);
    ea_status status = EA_OK;
    if (!named || !tensors)
        status = core_fail(s->ctx, EA_ERR_MEMORY, "no memory for a list of %d tensors", count);
    for (int i = 0; status == EA_OK && i < count; i++) {
        ea_parameter *parameter = nth(owner, i);
        tensors[i] = parameter->value;
        named[i] = (ea_named_tensor){ parameter->name, parameter->value };
    }
    if (status == EA_OK)
        status = ea_digest_many(s->ctx, tensors, count, hex);
    if (status == EA_OK)
        status = ea_safetensors_save(s->ctx, path, named, count, NULL, 0);
    core_free(named);
    core_free(tensors);
    return status;
}

static void write_hex(const unsigned char *bytes, size_t size, char *hex)
{
    for (size_t i = 0; i < size; i++)
        sprintf(hex + 2 * i, "%02x", bytes[i]);
}

static json_t *hex_u64(uint64_t value)
{
    return json_sprintf("%016llx", (unsigned long long)value);
}

static json_t *generator_json(const ea_generator *generator)
{
    if (generator->kind == EA_GENERATOR_PHILOX)
        return json_pack("{s:s, s:o, s:o, s:o}", "kind", "philox", "seed",
                         hex_u64(generator->u.philox.seed), "stream",
                         hex_u64(generator->u.philox.stream), "position",
                         hex_u64(generator->u.philox.position));
    unsigned char state[EA_MT19937_STATE_BYTES];
    char hex[2 * EA_MT19937_STATE_BYTES + 1];
    ea_mt19937_save(&generator->u.mt19937, state);
    write_hex(state, sizeof state, hex);
    return json_pack("{s:s, s:s}", "kind", "mt19937", "state", hex);
}

/* The bits of a double. */
static json_t *hex_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return hex_u64(bits);
}

/* The state of a schedule that follows the losses. */
static json_t *plateau_json(const train_session *s)
{
    const ea_plateau *p = &s->plateau;
    return json_pack("{s:o, s:b, s:o, s:I, s:I, s:o, s:I}", "lr", hex_double(p->lr), "started",
                     p->started, "best", hex_double(p->best), "bad", (json_int_t)p->bad, "cooling",
                     (json_int_t)p->cooling, "loss_sum", hex_double(s->loss_sum), "loss_count",
                     (json_int_t)s->loss_count);
}

static json_t *manifest_json(train_session *s, const file_names *names, const char *model_digest,
                             const char *optimizer_digest)
{
    ea_loader_position at = ea_loader_tell(s->loader);
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:{s:s, s:s}, s:{s:s, s:s}, s:o, "
                     "s:{s:I, s:I, s:i, s:o}}",
                     "format", FORMAT, "eadem", ea_version(), "contract",
                     ea_contract_name(ea_context_contract(s->ctx)), "recipe", s->recipe->digest,
                     "initial_model", s->initial, "step", (json_int_t)s->step, "epoch",
                     (json_int_t)s->epoch, "inside_epoch", s->inside, "model", "file", names->model,
                     "digest", model_digest, "optimizer", "file", names->optimizer, "digest",
                     optimizer_digest, "generator", generator_json(&s->generator), "loader",
                     "epoch", (json_int_t)at.epoch, "next", (json_int_t)at.next, "generator",
                     (int)at.generator, "seed", hex_u64(at.seed));
}

static ea_status save_manifest(train_session *s, const file_names *names, const char *model_digest,
                               const char *optimizer_digest)
{
    char path[MAX_PATH];
    EA_TRY(path_in_folder(s, manifest_name, path));
    json_t *manifest = manifest_json(s, names, model_digest, optimizer_digest);
    if (manifest && s->recipe->on_plateau &&
        json_object_set_new(manifest, "plateau", plateau_json(s)) != 0) {
        json_decref(manifest);
        manifest = NULL;
    }
    char *text = manifest ? json_dumps(manifest, JSON_INDENT(2)) : NULL;
    ea_status status = text ? io_write_file(s->ctx, path, text, strlen(text))
                            : core_fail(s->ctx, EA_ERR_MEMORY, "no memory for %s", path);
    free(text);
    json_decref(manifest);
    return status;
}

static ea_status save_files(train_session *s)
{
    char model_digest[EA_DIGEST_HEX], optimizer_digest[EA_DIGEST_HEX];
    file_names names = names_of(s->step);
    EA_TRY(save_tensors(s, names.model, nth_of_model, s->model, model_digest));
    EA_TRY(save_tensors(s, names.optimizer, nth_of_optimizer, s->optimizer, optimizer_digest));
    return save_manifest(s, &names, model_digest, optimizer_digest);
}

ea_status train_checkpoint_save(train_session *s)
{
    ea_status status = save_files(s);
    if (status == EA_OK)
        s->saved_step = s->step;
    clean_folder(s, s->saved_step);
    return status;
}

/* --- Reading the manifest -------------------------------------------------------------------- */

typedef struct manifest {
    char path[MAX_PATH];
    json_t *json; /* NULL: there is no checkpoint */
} manifest;

static ea_status read_manifest(train_session *s, manifest *out)
{
    out->json = NULL;
    EA_TRY(path_in_folder(s, manifest_name, out->path));
    if (access(out->path, F_OK) != 0 && errno == ENOENT)
        return EA_OK;
    char *text;
    size_t size;
    json_error_t problem;
    EA_TRY(io_read_file(s->ctx, out->path, MAX_MANIFEST, &text, &size));
    out->json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    core_free(text);
    if (!out->json)
        return core_fail(s->ctx, EA_ERR_FORMAT, "%s:%d: %s", out->path, problem.line, problem.text);
    return EA_OK;
}

static ea_status manifest_error(train_session *s, const manifest *m, const char *key)
{
    return core_fail(s->ctx, EA_ERR_FORMAT, "%s: '%s' is missing or wrong", m->path, key);
}

static bool get_int(const json_t *object, const char *key, int64_t max, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 0 && *out <= max;
}

static bool get_u64(const json_t *object, const char *key, uint64_t *out)
{
    const char *text = json_string_value(json_object_get(object, key));
    char *end = NULL;
    *out = text && strlen(text) == 16 ? strtoull(text, &end, 16) : 0;
    return end && *end == 0;
}

static bool get_text(const json_t *object, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && (size_t)snprintf(out, size, "%s", text) < size;
}

static bool read_hex(const char *hex, unsigned char *bytes, size_t size)
{
    if (!hex || strlen(hex) != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        char pair[3] = { hex[2 * i], hex[2 * i + 1], 0 };
        char *end;
        bytes[i] = (unsigned char)strtoul(pair, &end, 16);
        if (*end)
            return false;
    }
    return true;
}

static bool read_generator(train_session *s, const json_t *object)
{
    char kind[16] = "";
    ea_generator *generator = &s->generator;
    get_text(object, "kind", kind, sizeof kind);
    if (generator->kind == EA_GENERATOR_PHILOX)
        return strcmp(kind, "philox") == 0 && get_u64(object, "seed", &generator->u.philox.seed) &&
               get_u64(object, "stream", &generator->u.philox.stream) &&
               get_u64(object, "position", &generator->u.philox.position);
    unsigned char state[EA_MT19937_STATE_BYTES];
    return strcmp(kind, "mt19937") == 0 &&
           read_hex(json_string_value(json_object_get(object, "state")), state, sizeof state) &&
           ea_mt19937_load(s->ctx, state, &generator->u.mt19937) == EA_OK;
}

/* --- Loading --------------------------------------------------------------------------------- */

/* Refuses a checkpoint whose bits this training would not have made. */
static ea_status check_same_training(train_session *s, const manifest *m)
{
    int64_t format;
    char recipe[EA_DIGEST_HEX], contract[32];
    const char *mine = ea_contract_name(ea_context_contract(s->ctx));
    if (!get_int(m->json, "format", INT32_MAX, &format))
        return manifest_error(s, m, "format");
    if (format != FORMAT)
        return core_fail(s->ctx, EA_ERR_UNSUPPORTED, "%s: format %lld: this version reads %d",
                         m->path, (long long)format, FORMAT);
    if (!get_text(m->json, "contract", contract, sizeof contract))
        return manifest_error(s, m, "contract");
    if (strcmp(contract, mine) != 0)
        return core_fail(s->ctx, EA_ERR_STATE,
                         "%s was made under contract %s and this training is under %s: the bits "
                         "would be neither's; give --contract %s or another --out",
                         m->path, contract, mine, contract);
    if (!get_text(m->json, "recipe", recipe, sizeof recipe))
        return manifest_error(s, m, "recipe");
    if (strcmp(recipe, s->recipe->digest) != 0)
        return core_fail(s->ctx, EA_ERR_STATE,
                         "%s was made by another recipe (SHA-256 %.12s…) than %s (%.12s…): give "
                         "that recipe, or another --out",
                         m->path, recipe, s->recipe->path, s->recipe->digest);
    return EA_OK;
}

static ea_status copy_tensors(train_session *s, const char *path, const ea_tensor_file *file,
                              nth_tensor nth, void *owner)
{
    ea_parameter *parameter;
    for (int i = 0; (parameter = nth(owner, i)); i++) {
        const DLTensor *saved = ea_tensor_file_find(file, parameter->name);
        if (!saved)
            return core_fail(s->ctx, EA_ERR_FORMAT, "%s: has no tensor %s", path, parameter->name);
        EA_TRY(ea_copy(s->ctx, saved, parameter->value));
    }
    return EA_OK;
}

static ea_status check_digest(train_session *s, const char *path, nth_tensor nth, void *owner,
                              const char *wanted)
{
    int count = 0;
    while (nth(owner, count))
        count++;
    const DLTensor **tensors = core_alloc((size_t)count * sizeof *tensors);
    if (!tensors)
        return core_fail(s->ctx, EA_ERR_MEMORY, "no memory for a list of %d tensors", count);
    for (int i = 0; i < count; i++)
        tensors[i] = nth(owner, i)->value;
    char hex[EA_DIGEST_HEX];
    ea_status status = ea_digest_many(s->ctx, tensors, count, hex);
    core_free(tensors);
    if (status == EA_OK && strcmp(hex, wanted) != 0)
        return core_fail(s->ctx, EA_ERR_FORMAT,
                         "%s: the tensors' digest is %.12s…, saved as %.12s…", path, hex, wanted);
    return status;
}

static ea_status load_tensors(train_session *s, const manifest *m, const char *key, nth_tensor nth,
                              void *owner)
{
    const json_t *entry = json_object_get(m->json, key);
    char name[FILE_NAME], digest[EA_DIGEST_HEX], path[MAX_PATH];
    if (!get_text(entry, "file", name, sizeof name) || strchr(name, '/') ||
        !get_text(entry, "digest", digest, sizeof digest))
        return manifest_error(s, m, key);
    EA_TRY(path_in_folder(s, name, path));
    ea_tensor_file *file;
    EA_TRY(ea_safetensors_open(s->ctx, path, &file));
    ea_status status = copy_tensors(s, path, file, nth, owner);
    ea_tensor_file_close(file);
    EA_TRY(status);
    return check_digest(s, path, nth, owner, digest);
}

static ea_status load_position(train_session *s, const manifest *m)
{
    const json_t *loader = json_object_get(m->json, "loader");
    ea_loader_position at;
    int64_t generator;
    const json_t *inside = json_object_get(m->json, "inside_epoch");
    if (!get_int(m->json, "step", INT64_MAX, &s->step))
        return manifest_error(s, m, "step");
    if (!get_int(m->json, "epoch", INT64_MAX, &s->epoch))
        return manifest_error(s, m, "epoch");
    if (!json_is_boolean(inside))
        return manifest_error(s, m, "inside_epoch");
    s->inside = json_is_true(inside);
    if (!get_int(loader, "epoch", INT64_MAX, &at.epoch) ||
        !get_int(loader, "next", INT64_MAX, &at.next) ||
        !get_int(loader, "generator", 1, &generator) || !get_u64(loader, "seed", &at.seed))
        return manifest_error(s, m, "loader");
    at.generator = (ea_generator_kind)generator;
    return s->inside ? ea_loader_seek(s->loader, &at) : EA_OK;
}

static bool get_double(const json_t *object, const char *key, double *out)
{
    uint64_t bits;
    if (!get_u64(object, key, &bits))
        return false;
    memcpy(out, &bits, sizeof bits);
    return true;
}

static ea_status load_plateau(train_session *s, const manifest *m)
{
    const json_t *saved = json_object_get(m->json, "plateau");
    const json_t *started = json_object_get(saved, "started");
    ea_plateau *p = &s->plateau;
    if (!s->recipe->on_plateau)
        return EA_OK;
    if (!get_double(saved, "lr", &p->lr) || !json_is_boolean(started) ||
        !get_double(saved, "best", &p->best) || !get_int(saved, "bad", INT64_MAX, &p->bad) ||
        !get_int(saved, "cooling", INT64_MAX, &p->cooling) ||
        !get_double(saved, "loss_sum", &s->loss_sum) ||
        !get_int(saved, "loss_count", INT64_MAX, &s->loss_count))
        return manifest_error(s, m, "plateau");
    p->started = json_is_true(started);
    if (!(p->lr >= 0 && p->lr <= s->recipe->plateau.lr))
        return manifest_error(s, m, "plateau");
    return EA_OK;
}

static ea_status load_session(train_session *s, const manifest *m)
{
    EA_TRY(check_same_training(s, m));
    EA_TRY(load_tensors(s, m, "model", nth_of_model, s->model));
    EA_TRY(load_tensors(s, m, "optimizer", nth_of_optimizer, s->optimizer));
    if (!get_text(m->json, "initial_model", s->initial, sizeof s->initial))
        return manifest_error(s, m, "initial_model");
    if (!read_generator(s, json_object_get(m->json, "generator")))
        return manifest_error(s, m, "generator");
    EA_TRY(load_position(s, m));
    EA_TRY(load_plateau(s, m));
    s->saved_step = s->step;
    return EA_OK;
}

ea_status train_checkpoint_load(train_session *s)
{
    manifest m;
    EA_TRY(read_manifest(s, &m));
    if (!m.json)
        return EA_OK;
    ea_status status = load_session(s, &m);
    json_decref(m.json);
    return status;
}

ea_status train_checkpoint_open(train_session *s)
{
    manifest m;
    int64_t step = -1;
    EA_TRY(io_make_folder(s->ctx, s->options->out));
    if (access(s->options->out, W_OK | X_OK) != 0)
        return core_fail(s->ctx, EA_ERR_IO, "%s: cannot be written: %s", s->options->out,
                         strerror(errno));
    EA_TRY(read_manifest(s, &m));
    if (m.json)
        get_int(m.json, "step", INT64_MAX, &step);
    bool refused = m.json && !s->options->resume;
    json_decref(m.json);
    if (refused)
        return core_fail(s->ctx, EA_ERR_STATE,
                         "%s holds a checkpoint of step %lld: give --resume to go on from it, or "
                         "another folder",
                         s->options->out, (long long)step);
    clean_folder(s, step);
    return EA_OK;
}
