// A doubly linked list whose links live inside its members; nothing is allocated.
//
// A head is a link that points to itself while the list is empty. A member that is in no list also
// points to itself, so od_list_remove may be called twice and od_list_is_empty answers for both.

#ifndef OD_BASE_LIST_H
#define OD_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct od_list {
    struct od_list *next;
    struct od_list *previous;
};

#define OD_LIST_MEMBER(link, type, field) ((type *)(void *)((char *)(link)-offsetof(type, field)))
// NOLINTBEGIN(bugprone-macro-parentheses): [link] names a variable, which takes no parentheses.
#define OD_LIST_EACH(link, head)                                                                   \
    for (struct od_list *link = (head)->next; link != (head); link = link->next)
// The current member may be removed while walking.
#define OD_LIST_EACH_SAFE(link, head)                                                              \
    for (struct od_list *link = (head)->next, *link##_next = link->next; link != (head);           \
         link = link##_next, link##_next = link->next)
// NOLINTEND(bugprone-macro-parentheses)

void od_list_init(struct od_list *link);
bool od_list_is_empty(const struct od_list *head);
void od_list_push_back(struct od_list *head, struct od_list *link);
void od_list_push_front(struct od_list *head, struct od_list *link);
void od_list_remove(struct od_list *link);
struct od_list *od_list_pop_front(struct od_list *head);         // NULL when empty.
void od_list_move_all(struct od_list *to, struct od_list *from); // Behind what [to] has.

#endif
