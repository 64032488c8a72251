/* trace.h: the layout of a trace file (docs/trace.md), for its writer and its reader. */
#ifndef IO_TRACE_H
#define IO_TRACE_H

#include "eadem/trace.h"

#include <stdbool.h>

#define IO_TRACE_MAGIC "EADEMTRC"

enum {
    IO_TRACE_RECORD = 64, /* bytes of the header and of every record */
    IO_TRACE_VERSION = 1,
    IO_TRACE_CONTRACT_AT = 16, /* places and sizes in the header */
    IO_TRACE_CONTRACT_SIZE = 16,
    IO_TRACE_PRODUCER_AT = 32,
    IO_TRACE_PRODUCER_SIZE = 32
};

enum { IO_TRACE_STRING = 1, IO_TRACE_TENSOR = 2, IO_TRACE_END = 3 }; /* kinds of record */

/* A record in memory. Kinds other than the tensor use the fields as the comments say. */
typedef struct io_trace_record {
    uint8_t kind, role, dtype, ndim;
    uint64_t step;  /* end: the number of tensor records */
    uint32_t name;  /* string: its number */
    uint32_t shape; /* string: its length */
    uint64_t numel; /* string: io_trace_hash of its bytes */
    unsigned char digest[EA_TRACE_DIGEST_SIZE];
    uint64_t value;
} io_trace_record;

void io_trace_encode(const io_trace_record *record, unsigned char out[IO_TRACE_RECORD]);
/* False when the check is wrong. */
bool io_trace_decode(const unsigned char in[IO_TRACE_RECORD], io_trace_record *out);
uint64_t io_trace_hash(const void *bytes, size_t size);

#endif
