/* trace.h: what a training writes into a trace (docs/trace.md), step by step, in program order. */
#ifndef TRAIN_TRACE_H
#define TRAIN_TRACE_H

#include "train/session.h"

/* All do nothing without a trace. Step numbers count from 1, as the progress does. */

/* Opens options->trace and has the tape tell of every layer's output. */
ea_status train_trace_open(train_session *session);
/* Before the forward pass: what the batch holds, and the generators. */
ea_status train_trace_batch(train_session *session, const ea_batch *batch);
/* After the backward pass: the loss and the gradients; a failure of a layer's record too. */
ea_status train_trace_gradients(train_session *session);
/* After the update: parameters, buffers and the optimizer's state. */
ea_status train_trace_update(train_session *session);
/* Hands on `status`, or the trace's own failure when there was none. */
ea_status train_trace_close(train_session *session, ea_status status);

#endif
