/* A store in a new temporary folder, for the tests of the ledger. */
#ifndef TESTS_LEDGER_TEST_H
#define TESTS_LEDGER_TEST_H

#include "core/memory.h"
#include "ledger/store.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASSERT_OK(expression)                                                  \
    do {                                                                       \
        ea_status assert_status = (expression);                                \
        if (assert_status != EA_OK)                                            \
            fail_msg("%s: %s: %s", #expression, ea_status_name(assert_status), \
                     ea_error_text(NULL));                                     \
    } while (0)

static char ledger_test_folder[64];

static inline ledger_store *ledger_test_open(void)
{
    ledger_store *store;
    ASSERT_OK(ledger_open(NULL, ledger_test_folder, LEDGER_CREATE, &store));
    return store;
}

static inline int ledger_test_setup(void **state)
{
    strcpy(ledger_test_folder, "ledger-test-XXXXXX");
    if (!mkdtemp(ledger_test_folder))
        return 1;
    char path[128];
    snprintf(path, sizeof path, "%s/.eadem", ledger_test_folder);
    if (mkdir(path, 0777) != 0) /* else the store would be made at the top of the git work tree */
        return 1;
    *state = ledger_test_open();
    return 0;
}

static inline int ledger_test_teardown(void **state)
{
    char command[256];
    ledger_close(*state);
    snprintf(command, sizeof command, "chmod -R u+w %s && rm -rf %s", ledger_test_folder,
             ledger_test_folder);
    return system(command);
}

/* Bytes of a fixed generator: half of each kilobyte compresses, half does not. */
static inline unsigned char *ledger_test_bytes(size_t size, uint64_t seed)
{
    unsigned char *data = malloc(size ? size : 1);
    for (size_t i = 0; i < size; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        data[i] = i / 512 % 2 ? (unsigned char)(seed >> 56) : (unsigned char)(i / 1024);
    }
    return data;
}

#endif
