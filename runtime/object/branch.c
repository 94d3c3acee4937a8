#include "object/branch.h"

#include "object/client_end.h"
#include "object/objects.h"
#include "object/section.h"

struct od_task *od_branch_new(struct od_task *trunk)
{
    OD_ASSERT(trunk->object->running == trunk);
    OD_ASSERT(!od_section_is_inside(trunk));
    struct od_task *branch =
        od_task_new(trunk->object, od_event_new(OD_EVENT_BRANCH, (od_slice){NULL, 0}));
    branch->trunk = trunk;
    branch->is_bound = trunk->is_bound = true;
    od_list_push_back(&trunk->branches, &branch->branch);
    od_task_resume(branch);
    return branch;
}

void od_branch_decide(struct od_task *branch)
{
    OD_ASSERT(branch->object->running == branch);
    branch->decides = true;
}

static void leave(struct od_task *branch)
{
    OD_ASSERT(branch->trunk != NULL);
    od_list_remove(&branch->branch);
    branch->trunk = NULL;
}

void od_branch_end(struct od_task *branch)
{
    struct od_task *trunk = branch->trunk;
    if (trunk == NULL)
        return;
    OD_ASSERT(trunk->object == branch->object);
    leave(branch);
    od_list_move_all(&trunk->accepted, &branch->accepted);
    od_list_move_all(&trunk->client_ends, &branch->client_ends);
    od_list_move_all(&trunk->sinks, &branch->sinks);
    if (branch->decides)
        od_branches_give_up(trunk);
    if (od_list_is_empty(&trunk->branches))
        od_task_resume(trunk);
}

void od_branches_give_up(struct od_task *trunk)
{
    while (!od_list_is_empty(&trunk->branches)) {
        struct od_task *branch = OD_LIST_MEMBER(trunk->branches.next, struct od_task, branch);
        OD_ASSERT(branch->trunk == trunk);
        leave(branch);
        if (!od_section_is_inside(branch))
            od_task_free(branch);
    }
}

struct od_task *od_branch_root(struct od_task *task)
{
    while (task->trunk != NULL)
        task = task->trunk;
    return task;
}

bool od_branch_is_part(const struct od_task *task, const struct od_task *other)
{
    while (task != other && task->trunk != NULL && !task->trunk->races)
        task = task->trunk;
    return task == other;
}
