/* Recipes of eadem train. */
#include "fuzz.h"
#include "train/recipe.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    train_recipe recipe;
    if (train_recipe_parse("folder/r.yaml", data, size, &recipe) != EA_OK) {
        if (!strstr(ea_error_text(NULL), "r.yaml"))
            abort();
        return 0;
    }
    if (!recipe.train.images || !recipe.test.labels || recipe.batch < 1 || recipe.classes < 1)
        abort();
    train_recipe_free(&recipe);
    return 0;
}
