/* log, sine and cosine of the generators against mpmath: every rounding is the right one. */
#include "random/precise.h"
#include "test.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *golden;

static int set_up(void **state)
{
    (void)state;
    golden = json_load_file(EADEM_SOURCE_DIR "/tests/golden/precise.json", 0, NULL);
    return golden == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static double field(json_t *row, size_t i)
{
    return strtod(json_string_value(json_array_get(row, i)), NULL);
}

static void expect(json_t *row, size_t i, random_pair got)
{
    double as_double = field(row, i), as_float = field(row, i + 1);
    if (got.high != as_double || random_pair_float(got) != as_float)
        fail_msg("of %s: %a, %a: expected %a, %a", json_string_value(json_array_get(row, 0)),
                 got.high, random_pair_float(got), as_double, as_float);
}

static void test_log(void **state)
{
    (void)state;
    json_t *row;
    size_t i;
    json_array_foreach(json_object_get(golden, "log"), i, row)
        expect(row, 1, random_log(field(row, 0)));
    assert_true(i > 500);
}

static void test_sincos(void **state)
{
    (void)state;
    json_t *row;
    size_t i;
    json_array_foreach(json_object_get(golden, "sincos"), i, row)
    {
        random_pair sine, cosine;
        random_sincos(field(row, 0), &sine, &cosine);
        expect(row, 1, sine);
        expect(row, 3, cosine);
    }
    assert_true(i > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_log), cmocka_unit_test(test_sincos) };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
