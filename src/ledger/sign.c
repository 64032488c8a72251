/* sign.c: Ed25519 signatures by libcrypto. */
#include "ledger/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static ea_status crypto_error(ea_context *ctx, const char *doing)
{
    return core_fail(ctx, EA_ERR_UNSUPPORTED, "libcrypto cannot %s with Ed25519", doing);
}

/* A new file that only its owner may read; NULL: errno. */
static FILE *create_private(const char *path, int mode)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *stream = file >= 0 ? fdopen(file, "w") : NULL;
    if (file >= 0 && !stream)
        close(file);
    return stream;
}

static ea_status write_key(ea_context *ctx, const char *path, int mode, EVP_PKEY *key,
                           bool private_part)
{
    FILE *file = create_private(path, mode);
    if (!file)
        return core_fail(ctx, errno == EEXIST ? EA_ERR_STATE : EA_ERR_IO, "cannot make %s: %s",
                         path, strerror(errno));
    bool written = private_part ? PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1
                                : PEM_write_PUBKEY(file, key) == 1;
    written = fflush(file) == 0 && fsync(fileno(file)) == 0 && written;
    if (fclose(file) != 0 || !written) {
        remove(path);
        return core_fail(ctx, EA_ERR_IO, "cannot write %s", path);
    }
    return EA_OK;
}

ea_status ledger_key_make(ea_context *ctx, const char *path)
{
    char public_path[PATH_MAX];
    if (snprintf(public_path, sizeof public_path, "%s.pub", path) >= PATH_MAX)
        return core_fail(ctx, EA_ERR_ARGUMENT, "the name of the key is too long");
    if (access(public_path, F_OK) == 0)
        return core_fail(ctx, EA_ERR_STATE, "%s is there already: name another key", public_path);
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!key)
        return crypto_error(ctx, "make a key");
    ea_status status = write_key(ctx, path, 0600, key, true);
    if (status == EA_OK) {
        status = write_key(ctx, public_path, 0644, key, false);
        if (status != EA_OK)
            remove(path);
    }
    EVP_PKEY_free(key);
    return status;
}

/* A key file with a passphrase is refused, not asked for. */
static int no_passphrase(char *buffer, int size, int writing, void *argument)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)argument;
    return -1;
}

static ea_status read_key(ea_context *ctx, const char *path, bool private_part, EVP_PKEY **out)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return core_fail(ctx, EA_ERR_IO, "cannot open the key %s: %s", path, strerror(errno));
    *out = private_part ? PEM_read_PrivateKey(file, NULL, no_passphrase, NULL)
                        : PEM_read_PUBKEY(file, NULL, no_passphrase, NULL);
    fclose(file);
    if (*out && EVP_PKEY_is_a(*out, "ED25519"))
        return EA_OK;
    EVP_PKEY_free(*out);
    return core_fail(ctx, EA_ERR_FORMAT, "%s is no %s Ed25519 key in a PEM file without passphrase",
                     path, private_part ? "private" : "public");
}

ea_status ledger_sign(ea_context *ctx, const char *key_path, const void *data, size_t size,
                      unsigned char signature[LEDGER_SIGNATURE_SIZE])
{
    EVP_PKEY *key = NULL;
    size_t length = LEDGER_SIGNATURE_SIZE;
    EA_TRY(read_key(ctx, key_path, true, &key));
    EVP_MD_CTX *state = EVP_MD_CTX_new();
    bool made = state && EVP_DigestSignInit(state, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(state, signature, &length, data, size) == 1 &&
                length == LEDGER_SIGNATURE_SIZE;
    EVP_MD_CTX_free(state);
    EVP_PKEY_free(key);
    return made ? EA_OK : crypto_error(ctx, "sign");
}

ea_status ledger_check_signature(ea_context *ctx, const char *key_path, const void *data,
                                 size_t size, const unsigned char signature[LEDGER_SIGNATURE_SIZE],
                                 bool *good)
{
    EVP_PKEY *key = NULL;
    *good = false;
    EA_TRY(read_key(ctx, key_path, false, &key));
    EVP_MD_CTX *state = EVP_MD_CTX_new();
    bool ready = state && EVP_DigestVerifyInit(state, NULL, NULL, NULL, key) == 1;
    if (ready)
        *good = EVP_DigestVerify(state, signature, LEDGER_SIGNATURE_SIZE, data, size) == 1;
    EVP_MD_CTX_free(state);
    EVP_PKEY_free(key);
    return ready ? EA_OK : crypto_error(ctx, "check a signature");
}
