/* secret.c: the lists behind what a record leaves out. docs/runs.md sums them up for users. */
#define _GNU_SOURCE /* FNM_CASEFOLD, memmem, strcasestr */
#include "ledger/secret.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static const char *const secret_names[] = {
    ".env",
    ".env.*",
    "*.env",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    "credentials",
    "credentials.*",
    "*.credentials",
    "secret",
    "secrets",
    "secret.*",
    "secrets.*",
    "*service-account*.json",
    "*service_account*.json",
    "token",
    "*.token",
    "*_token.txt",
};

static const char *const secret_folders[] = {
    ".ssh", ".aws", ".gnupg", ".kube", ".azure", ".docker"
};

/* Names of variables; a final * stands for anything. */
static const char *const recorded[] = {
    "PATH",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "GLIBC_TUNABLES",
    "MALLOC_*",
    "CC",
    "CXX",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "OMP_*",
    "GOMP_*",
    "KMP_*",
    "MKL_*",
    "OPENBLAS_*",
    "BLIS_*",
    "VECLIB_*",
    "NUMEXPR_*",
    "GOTO_*",
    "EADEM_ISA",
    "EADEM_THREADS",
    "EADEM_CONTRACT",
    "PYTHON*",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV",
    "NPY_*",
    "TORCH_*",
    "PYTORCH_*",
    "ATEN_*",
    "TF_CPP_*",
    "TF_CUDNN_*",
    "TF_DETERMINISTIC_*",
    "TF_ENABLE_*",
    "TF_FORCE_*",
    "TF_GPU_*",
    "TF_NUM_*",
    "TF_USE_*",
    "TF_XLA_*",
    "XLA_*",
    "JAX_*",
    "TRITON_*",
    "CUDA_*",
    "CUBLAS_*",
    "CUDNN_*",
    "NVIDIA_TF32_OVERRIDE",
    "NVIDIA_VISIBLE_DEVICES",
    "NCCL_*",
    "HIP_*",
    "ROCR_*",
    "HSA_*",
    "MIOPEN_*",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "TOKENIZERS_PARALLELISM",
    "WORLD_SIZE",
    "RANK",
    "LOCAL_RANK",
};

static const char *const secret_words[] = { "KEY",        "TOKEN", "SECRET", "PASS",
                                            "CREDENTIAL", "AUTH",  "COOKIE" };

enum {
    SECRET_NAMES = sizeof secret_names / sizeof secret_names[0],
    SECRET_FOLDERS = sizeof secret_folders / sizeof secret_folders[0],
    RECORDED = sizeof recorded / sizeof recorded[0],
    SECRET_WORDS = sizeof secret_words / sizeof secret_words[0],
    PEM_SEEN = 4096 /* bytes of a file that are looked at */
};

static bool below_secret_folder(const char *path)
{
    for (const char *slash = strchr(path, '/'); slash; path = slash + 1, slash = strchr(path, '/'))
        for (int i = 0; i < SECRET_FOLDERS; i++)
            if (strlen(secret_folders[i]) == (size_t)(slash - path) &&
                strncmp(secret_folders[i], path, (size_t)(slash - path)) == 0)
                return true;
    return false;
}

bool ledger_secret_file(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (int i = 0; i < SECRET_NAMES; i++)
        if (fnmatch(secret_names[i], name, FNM_CASEFOLD) == 0)
            return true;
    return below_secret_folder(path);
}

/* PEM (RFC 7468), as `eadem keygen`, OpenSSL and OpenSSH write keys, under whatever name. */
bool ledger_secret_content(const char *path)
{
    static const char begin[] = "-----BEGIN ", end[] = "PRIVATE KEY-----";
    char data[PEM_SEEN];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t size = file < 0 ? 0 : read(file, data, sizeof data);
    if (file >= 0)
        close(file);
    const char *at = size > 0 ? memmem(data, (size_t)size, begin, strlen(begin)) : NULL;
    return at && memmem(at, (size_t)(data + size - at), end, strlen(end));
}

/* "https://user:password@host": something before an @ in the authority. */
static bool holds_password(const char *value)
{
    const char *at = strstr(value, "://");
    return at && strcspn(at + 3, "/@ ") < strlen(at + 3) && at[3 + strcspn(at + 3, "/@ ")] == '@';
}

bool ledger_recorded_variable(const char *name, const char *value)
{
    for (int i = 0; i < SECRET_WORDS; i++)
        if (strcasestr(name, secret_words[i]))
            return false;
    if (holds_password(value))
        return false;
    for (int i = 0; i < RECORDED; i++)
        if (fnmatch(recorded[i], name, 0) == 0)
            return true;
    return false;
}
