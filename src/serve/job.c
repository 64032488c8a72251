/* job.c: the life of a request. */
#include "serve/job.h"
#include "core/memory.h"

void serve_job_hold(serve_job *job)
{
    pthread_mutex_lock(&job->mutex);
    job->holders++;
    pthread_mutex_unlock(&job->mutex);
}

void serve_job_release(serve_job *job)
{
    pthread_mutex_lock(&job->mutex);
    int left = --job->holders;
    pthread_mutex_unlock(&job->mutex);
    if (left > 0)
        return;
    if (job->active)
        atomic_fetch_sub(job->active, job->choice_count);
    for (int i = 0; job->choices && i < job->choice_count; i++) {
        llm_completion_free(&job->choices[i].completion);
        core_free(job->choices[i].embedding);
    }
    for (int i = 0; i < job->prompt_count; i++)
        llm_ids_free(&job->prompts[i]);
    core_free(job->choices);
    core_free(job->prompts);
    core_free(job->bias);
    llm_stops_free(&job->stops);
    pthread_mutex_destroy(&job->mutex);
    core_free(job);
}

bool serve_job_failed(const serve_job *job)
{
    for (int i = 0; i < job->choice_count; i++)
        if (job->choices[i].completion.finish == LLM_FINISH_FAILED)
            return true;
    return false;
}
