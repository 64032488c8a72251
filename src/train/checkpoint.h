/* checkpoint.h: saving a training and going on from it (docs/checkpoints.md). */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "train/session.h"

/* Makes the output folder ready: it exists, holds no checkpoint unless the training resumes, and
 * what a killed run left half-written is removed. Errors: EA_ERR_IO, EA_ERR_STATE. */
ea_status train_checkpoint_open(train_session *session);

/* Saves the session as it stands between two steps. Whatever happens, the folder's checkpoint is
 * the old one or the new one. Errors: EA_ERR_IO, EA_ERR_MEMORY. */
ea_status train_checkpoint_save(train_session *session);

/* Brings the session to where the folder's checkpoint was saved; does nothing when there is none.
 * Errors: EA_ERR_STATE (of another recipe or contract), EA_ERR_FORMAT, EA_ERR_IO, EA_ERR_MEMORY. */
ea_status train_checkpoint_load(train_session *session);

#endif
