/* http.h: libmicrohttpd's callbacks. */
#ifndef SERVE_HTTP_H
#define SERVE_HTTP_H

#include "serve/server.h"

#include <microhttpd.h>

/* `argument` is the server. */
enum MHD_Result serve_on_request(void *argument, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *size, void **state);
void serve_on_completed(void *argument, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode code);

#endif
