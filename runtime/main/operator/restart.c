#include "main/operator/restart.h"

#include <stdlib.h>

void od_restarts_init(struct od_restarts *restarts, struct od_supervisor *supervisor)
{
    size_t count = supervisor->child_count;
    *restarts = (struct od_restarts){supervisor, NULL};
    restarts->questions = od_allocate_zeroed(count * sizeof *restarts->questions);
}

static void answer(struct od_restarts *restarts, uint32_t index, bool ok, od_slice text)
{
    OD_ASSERT(index < restarts->supervisor->child_count);
    struct od_control_question *question = restarts->questions[index];
    restarts->questions[index] = NULL;
    if (question != NULL)
        od_control_answer(question, ok, text);
}

void od_restarts_deinit(struct od_restarts *restarts)
{
    for (uint32_t i = 0; i < restarts->supervisor->child_count; i++)
        answer(restarts, i, false, OD_SLICE("the server is stopping\n"));
    free(restarts->questions);
}

// One that is not READY, or NULL when there is none of that number.
static struct od_child *child_of(const struct od_restarts *restarts, od_slice number)
{
    char *end = NULL;
    unsigned long index = number.size == 0 ? 0 : strtoul(number.at, &end, 10); // A line ends there.
    return end != NULL && end == number.at + number.size &&
                   index < restarts->supervisor->child_count
               ? &restarts->supervisor->children[index]
               : NULL;
}

void od_restarts_ask(struct od_restarts *restarts, struct od_control_question *question,
                     od_slice number)
{
    struct od_child *child = child_of(restarts, number);
    if (child == NULL) {
        od_control_answer(question, false, OD_SLICE("there is no worker of that number\n"));
    } else if (child->state != OD_CHILD_READY || restarts->questions[child->index] != NULL) {
        od_control_answer(question, false, OD_SLICE("that worker is being replaced already\n"));
    } else {
        restarts->questions[child->index] = question;
        od_supervisor_await_calm(child);
    }
}

void od_restarts_calm(struct od_restarts *restarts, struct od_child *child)
{
    OD_ASSERT(child->index < restarts->supervisor->child_count);
    if (restarts->questions[child->index] != NULL)
        od_supervisor_leave_one(child);
}

void od_restarts_back(struct od_restarts *restarts, const struct od_child *child, od_slice text)
{
    answer(restarts, child->index, true, text);
}
