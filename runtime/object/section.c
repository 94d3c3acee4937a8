#include "object/section.h"

#include <stdlib.h>

#include "base/error.h"
#include "object/limits.h"
#include "object/objects.h"
#include "object/task.h"

static struct od_section *section_of(const struct od_task *task)
{
    struct od_section *section = task->object->work->section;
    return section != NULL && section->task == task ? section : NULL;
}

bool od_section_is_inside(const struct od_task *task)
{
    return section_of(task) != NULL;
}

bool od_section_has_number(const struct od_task *task, uint64_t number)
{
    const struct od_section *section = section_of(task);
    return section != NULL && section->number == number;
}

static void check(const struct od_section *section)
{
    OD_ASSERT(section->depth > 0);
    OD_ASSERT(section->depth <= OD_SECTION_DEPTH_MAX);
    OD_ASSERT(section->task->object->work->section == section);
}

static void took_too_long(struct od_timer *timer)
{
    const struct od_section *section = OD_TIMER_MEMBER(timer, struct od_section, deadline);
    struct od_error why;
    check(section);
    od_error_set(&why,
                 "A call to %s() in a Durable Object waited for too long. The call was canceled "
                 "and the Durable Object was reset.",
                 section->call);
    od_object_reset(section->task->object, od_slice_of(why.text));
}

// Resumes that are there already belong to others: this task runs.
static struct od_section *make(struct od_task *task, const char *call)
{
    OD_ASSERT(task->object->work->section == NULL);
    struct od_object *object = task->object;
    struct od_section *section = od_allocate_zeroed(sizeof *section);
    section->task = task;
    section->call = call;
    section->number = ++object->objects->next_number;
    section->deadline.fire = took_too_long;
    od_list_init(&section->held);
    od_list_move_all(&section->held, &object->work->resumes);
    object->work->section = section;
    return section;
}

static void end(struct od_object *object)
{
    OD_ASSERT(object->work->section != NULL);
    struct od_section *section = object->work->section;
    od_timers_clear(object->objects->timers, &section->deadline);
    od_list_move_all(&object->work->resumes, &section->held);
    object->work->section = NULL;
    free(section);
}

uint64_t od_section_enter(struct od_task *task, const char *call)
{
    OD_ASSERT(task->object->running == task);
    OD_ASSERT(!od_object_is_entry(task->object));
    struct od_section *section = task->object->work->section;
    if (section == NULL)
        section = make(task, call);
    OD_ASSERT(section->task == task);
    if (section->depth == OD_SECTION_DEPTH_MAX)
        return 0;
    section->depth++;
    return section->number;
}

bool od_section_leave(struct od_task *task, uint64_t number)
{
    if (!od_section_has_number(task, number))
        return false;
    check(task->object->work->section);
    if (--task->object->work->section->depth == 0)
        end(task->object);
    return true;
}

struct od_task *od_section_holder(const struct od_object *object)
{
    if (object->work->section != NULL)
        return object->work->section->task;
    if (object->state != OD_WAKING || od_list_is_empty(&object->work->tasks))
        return NULL;
    return OD_LIST_MEMBER(object->work->tasks.next, struct od_task, link);
}

bool od_section_hold(struct od_section *section, struct od_event *event)
{
    OD_ASSERT(event->kind == OD_EVENT_RESUME);
    if (section == NULL || section->task->id == event->task)
        return false;
    check(section);
    od_list_push_back(&section->held, &event->link);
    return true;
}

void od_section_wait(struct od_task *task)
{
    struct od_section *section = section_of(task);
    if (section != NULL && !od_timer_is_set(&section->deadline))
        od_timers_set(task->object->objects->timers, &section->deadline,
                      od_clock_monotonic_ms() + OD_SECTION_MS_MAX);
}

OD_SELDOM void od_section_check_left(const struct od_task *task)
{
    const struct od_section *section = section_of(task);
    struct od_error why;
    if (section == NULL || task->object->is_reset)
        return;
    od_error_set(&why,
                 "a critical section apparently will never complete: its event is over, and the "
                 "function given to %s has not returned",
                 section->call);
    od_object_reset(task->object, od_slice_of(why.text));
}

void od_section_end(struct od_task *task)
{
    if (section_of(task) != NULL)
        end(task->object);
}
