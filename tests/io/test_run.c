/* test_run.c: reports from C: exact in every locale, one line each, errors said. */
#include "test.h"

#include "core/memory.h"
#include "io/run.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER "test_run.tmp"

/* Every double comes back from its text, and the text is printf's %a where that is canonical. */
static void test_hex_is_exact(void **state)
{
    (void)state;
    static const double special[] = {
        0, -0.0, 1, -1, 0.1, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e-310
    };
    char text[IO_HEX_DOUBLE], by_printf[64];
    uint64_t bits = 1;
    for (int i = 0; i < 100000; i++) {
        double x;
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&x, &bits, sizeof x);
        if (i < 9)
            x = special[i];
        if (isnan(x) || isinf(x))
            continue;
        io_hex_double(x, text);
        double back = strtod(text, NULL);
        assert_memory_equal(&back, &x, sizeof x);
        if (fabs(x) >= 2.2250738585072014e-308 || x == 0) {
            snprintf(by_printf, sizeof by_printf, "%a", x);
            assert_string_equal(text, by_printf);
        }
    }
    assert_string_equal(io_hex_double(NAN, text), "nan");
    assert_string_equal(io_hex_double(-INFINITY, text), "-inf");
}

static size_t read_report(char *out, size_t size)
{
    FILE *file = fopen(FOLDER "/report", "r");
    assert_non_null(file);
    size_t used = fread(out, 1, size - 1, file);
    out[used] = 0;
    fclose(file);
    return used;
}

static void test_lines(void **state)
{
    (void)state;
    char text[4096], key[64], value[64];
    long long step, when;
    unsetenv("EADEM_RUN_DIR");
    assert_false(ea_run_active());
    assert_int_equal(ea_run_log(NULL, 1, "x", 1), EA_OK);
    mkdir(FOLDER, 0777);
    remove(FOLDER "/report");
    setenv("EADEM_RUN_DIR", FOLDER, 1);
    assert_true(ea_run_active());
    setlocale(LC_ALL, "de_DE.UTF-8"); /* a decimal comma, where this locale is installed */
    assert_int_equal(ea_run_log(NULL, -3, "loss", 1.5), EA_OK);
    setlocale(LC_ALL, "C");
    read_report(text, sizeof text);
    assert_int_equal(sscanf(text, "metric\t%lld\t%lld\t%63s %63s", &step, &when, key, value), 4);
    assert_int_equal(step, -3);
    assert_true(when > 1500000000LL * 1000000000);
    assert_string_equal(key, "loss");
    assert_string_equal(value, "0x1.8p+0");
    remove(FOLDER "/report");
    assert_int_equal(ea_run_param(NULL, "a\tb", "line\nline\\ \r"), EA_OK);
    assert_int_equal(ea_run_log_integer(NULL, EA_RUN_NO_STEP, "n", INT64_MIN), EA_OK);
    read_report(text, sizeof text);
    assert_non_null(strstr(text, "\ta\\tb\tline\\nline\\\\ \\r\n"));
    assert_non_null(strstr(text, "metric\t\t"));
    assert_non_null(strstr(text, "\tn\t-9223372036854775808\n"));
}

static void test_errors(void **state)
{
    (void)state;
    char *key = calloc(1, EA_RUN_KEY_MAX + 2);
    setenv("EADEM_RUN_DIR", FOLDER, 1);
    assert_int_equal(ea_run_log(NULL, 1, "", 1), EA_ERR_ARGUMENT);
    memset(key, 'k', EA_RUN_KEY_MAX + 1);
    assert_int_equal(ea_run_log(NULL, 1, key, 1), EA_ERR_ARGUMENT);
    key[EA_RUN_KEY_MAX] = 0;
    assert_int_equal(ea_run_log(NULL, 1, key, 1), EA_OK);
    free(key);
    core_alloc_fail_at(1);
    assert_int_equal(ea_run_log(NULL, 1, "x", 1), EA_ERR_MEMORY);
    core_alloc_fail_at(0);
    setenv("EADEM_RUN_DIR", "no/such/folder", 1);
    assert_int_equal(ea_run_log(NULL, 1, "x", 1), EA_ERR_IO);
    assert_non_null(strstr(ea_error_text(NULL), "no/such/folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex_is_exact),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_errors),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove(FOLDER "/report");
    remove(FOLDER);
    return failed;
}
