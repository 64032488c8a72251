/* metrics.c: what /metrics says, in Prometheus' text format. */
#include "serve/server.h"

#include <stdio.h>

typedef struct metric {
    const char *name, *type, *help;
    int64_t value;
} metric;

void serve_metrics(serve_server *s, char *out, size_t size)
{
    pthread_mutex_lock(&s->mutex);
    llm_engine_state e = s->state;
    pthread_mutex_unlock(&s->mutex);
    const metric metrics[] = {
        { "requests_total", "counter", "Requests accepted", atomic_load(&s->requests) },
        { "requests_refused_total", "counter", "Requests answered with 4xx or 5xx",
          atomic_load(&s->refused) },
        { "completions_active", "gauge", "Completions and embeddings not answered yet",
          atomic_load(&s->active) },
        { "sequences_running", "gauge", "Sequences that hold pages of the cache", e.running },
        { "sequences_waiting", "gauge", "Sequences that hold none", e.waiting },
        { "cache_pages", "gauge", "Pages of the cache", e.pages },
        { "cache_pages_used", "gauge", "Pages that sequences hold", e.pages_used },
        { "preemptions_total", "counter", "Times a sequence gave its pages up", e.preemptions },
        { "tokens_computed_total", "counter", "Tokens computed, of prompts and completions",
          e.tokens_computed },
        { "tokens_reused_total", "counter", "Tokens of prompts found in the cache",
          e.tokens_reused },
        { "tokens_sampled_total", "counter", "Tokens of ended completions",
          atomic_load(&s->sampled) },
    };
    size_t used = 0;
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0] && used < size; i++)
        used += (size_t)snprintf(out + used, size - used,
                                 "# HELP eadem_%s %s.\n# TYPE eadem_%s %s\neadem_%s %lld\n",
                                 metrics[i].name, metrics[i].help, metrics[i].name, metrics[i].type,
                                 metrics[i].name, (long long)metrics[i].value);
}
