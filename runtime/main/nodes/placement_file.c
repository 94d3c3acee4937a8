#include "main/nodes/placement_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    file_bytes_max = 65536,
    look_ms = 10,
};

static const char *path_of(void)
{
    return getenv("OPEN_DO_TEST_PAGE") == NULL ? NULL : getenv("OPEN_DO_TEST_PLACEMENT");
}

bool od_placement_file_is_wanted(void)
{
    return path_of() != NULL;
}

struct said {
    struct od_cluster_node nodes[OD_CLUSTER_NODES_MAX];
    size_t node_count;
    od_node_id self;
    od_node_id owners[OD_SLOT_COUNT];
};

static const char *next_word(char **rest)
{
    const char *word = strsep(rest, " ");
    return word == NULL ? "" : word;
}

static unsigned long next_number(char **rest)
{
    return strtoul(next_word(rest), NULL, 10);
}

static void read_slots(struct said *said, char *rest)
{
    od_node_id id = (od_node_id)next_number(&rest);
    unsigned long first = next_number(&rest), last = next_number(&rest);
    for (unsigned long slot = first; slot <= last && slot < OD_SLOT_COUNT; slot++)
        said->owners[slot] = id;
}

static void read_node(struct said *said, char *rest)
{
    if (said->node_count == OD_CLUSTER_NODES_MAX)
        return;
    struct od_cluster_node *node = &said->nodes[said->node_count++];
    node->id = (od_node_id)next_number(&rest);
    node->incarnation = next_number(&rest);
    snprintf(node->address, sizeof node->address, "%s", next_word(&rest));
}

static void read_line(struct od_placement *placement, struct said *said, char *line)
{
    char *rest = line;
    const char *kind = next_word(&rest);
    if (strcmp(kind, "node") == 0)
        read_node(said, rest);
    else if (strcmp(kind, "self") == 0)
        said->self = (od_node_id)next_number(&rest);
    else if (strcmp(kind, "cluster") == 0)
        snprintf(placement->cluster_id, sizeof placement->cluster_id, "%s", next_word(&rest));
    else if (strcmp(kind, "slots") == 0)
        read_slots(said, rest);
}

static void place(struct od_placement *placement, const struct said *said)
{
    for (size_t i = 0; i < said->node_count; i++) {
        if (said->nodes[i].id == said->self)
            placement->self = said->nodes[i];
    }
    od_placement_put_nodes(placement, said->nodes, said->node_count);
    for (od_slot slot = 0; slot < OD_SLOT_COUNT; slot++) {
        struct od_placed_slot placed = {.node = said->owners[slot]};
        placed.place = placed.node == 0            ? OD_PLACE_NOWHERE
                       : placed.node == said->self ? OD_PLACE_HERE
                                                   : OD_PLACE_THERE;
        od_placement_put_slot(placement, slot, &placed);
    }
}

static void take(struct od_placement_file *file)
{
    struct said *said = od_allocate_zeroed(sizeof *said);
    char *text = od_text_copy(od_bytes_slice(&file->said)), *rest = text, *line;
    while ((line = strsep(&rest, "\n")) != NULL)
        read_line(file->placement, said, line);
    if (said->self != 0)
        place(file->placement, said);
    free(text);
    free(said);
}

static void look(struct od_placement_file *file)
{
    char text[file_bytes_max];
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    if (count < 0 || od_slice_equal(od_bytes_slice(&file->said), (od_slice){text, (size_t)count}))
        return;
    od_bytes_clear(&file->said);
    od_bytes_put(&file->said, text, (size_t)count);
    take(file);
}

static void on_look(struct od_timer *timer)
{
    struct od_placement_file *file = OD_TIMER_MEMBER(timer, struct od_placement_file, timer);
    look(file);
    od_loop_set_timer(file->loop, timer, look_ms);
}

void od_placement_file_init(struct od_placement_file *file, struct od_loop *loop,
                            struct od_placement *placement)
{
    *file = (struct od_placement_file){
        .loop = loop, .placement = placement, .path = path_of(), .timer = {.fire = on_look}};
    OD_ASSERT(file->path == NULL || placement->is_cluster);
    if (file->path != NULL)
        od_loop_set_timer(loop, &file->timer, 0);
}

void od_placement_file_close(struct od_placement_file *file)
{
    od_loop_clear_timer(file->loop, &file->timer);
    od_bytes_deinit(&file->said);
}
