/* Every allocation of a short training, from the recipe to the last checkpoint, fails in turn: an
 * error with a sentence, no leak (the address sanitizer watches), and nothing half-written. */
#include "core/memory.h"
#include "test.h"
#include "train/train.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/eadem-faults-XXXXXX";

static void path_of(const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s", folder, name);
}

/* Removes what is in the output folder and tells how many files there were. */
static int empty_output(void)
{
    char out[256], path[512];
    int count = 0;
    struct dirent *entry;
    path_of("out", out);
    DIR *dir = opendir(out);
    while (dir && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            snprintf(path, sizeof path, "%s/%s", out, entry->d_name);
            assert_int_equal(unlink(path), 0);
            count++;
        }
    if (dir)
        closedir(dir);
    return count;
}

static ea_status short_training(void)
{
    char path[256], out[256];
    path_of("recipe.yaml", path);
    path_of("out", out);
    train_recipe recipe;
    train_result result;
    ea_status status = train_recipe_read(path, &recipe);
    if (status != EA_OK)
        return status;
    train_options options = { .threads = 2, .max_steps = 2, .out = out };
    status = train_run(&recipe, &options, &result);
    train_recipe_free(&recipe);
    return status;
}

static void test_every_allocation_of_a_training_may_fail(void **state)
{
    (void)state;
    assert_int_equal(short_training(), EA_OK);
    assert_int_equal(empty_output(), 3);
    int64_t n = 1;
    bool failed;
    do {
        core_alloc_fail_at(n);
        ea_status status = short_training();
        failed = core_alloc_count() >= n;
        core_alloc_fail_at(0);
        int files = empty_output();
        if (failed) {
            if (status != EA_ERR_MEMORY || !*ea_error_text(NULL))
                fail_msg("allocation %lld: %s: %s", (long long)n, ea_status_name(status),
                         ea_error_text(NULL));
            assert_true(files == 0 || files == 3); /* 3: it failed after the last checkpoint */
        }
        n++;
    } while (failed);
    assert_true(n > 100);
}

static int start(void **state)
{
    (void)state;
    char command[512];
    if (!mkdtemp(folder))
        return 1;
    snprintf(command, sizeof command, "python3 %s/tests/train/make_data.py %s", EADEM_SOURCE_DIR,
             folder);
    return system(command);
}

static int finish(void **state)
{
    (void)state;
    char command[512];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_of_a_training_may_fail),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
