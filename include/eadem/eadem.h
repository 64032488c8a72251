/* eadem.h: all of Eadem's public interface. */
#ifndef EADEM_EADEM_H
#define EADEM_EADEM_H

#include "eadem/core.h"
#include "eadem/data.h"
#include "eadem/io.h"
#include "eadem/nn.h"
#include "eadem/op.h"
#include "eadem/random.h"
#include "eadem/schedule.h"
#include "eadem/run.h"
#include "eadem/trace.h"

#endif
