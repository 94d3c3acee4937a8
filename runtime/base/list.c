#include "base/list.h"

#include "base/check.h"

void od_list_init(struct od_list *link)
{
    link->next = link;
    link->previous = link;
}

bool od_list_is_empty(const struct od_list *head)
{
    return head->next == head;
}

static void insert_between(struct od_list *previous, struct od_list *link, struct od_list *next)
{
    OD_ASSERT(previous->next == next);
    OD_ASSERT(next->previous == previous);
    OD_ASSERT(od_list_is_empty(link));
    link->previous = previous;
    link->next = next;
    previous->next = link;
    next->previous = link;
}

void od_list_push_back(struct od_list *head, struct od_list *link)
{
    insert_between(head->previous, link, head);
}

void od_list_push_front(struct od_list *head, struct od_list *link)
{
    insert_between(head, link, head->next);
}

void od_list_remove(struct od_list *link)
{
    if (od_list_is_empty(link)) // It is in no list.
        return;
    OD_ASSERT(link->previous->next == link);
    OD_ASSERT(link->next->previous == link);
    link->previous->next = link->next;
    link->next->previous = link->previous;
    od_list_init(link);
}

struct od_list *od_list_pop_front(struct od_list *head)
{
    if (od_list_is_empty(head))
        return NULL;
    struct od_list *first = head->next;
    od_list_remove(first);
    return first;
}

void od_list_move_all(struct od_list *to, struct od_list *from)
{
    OD_ASSERT(to != from);
    if (od_list_is_empty(from))
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    od_list_init(from);
}
