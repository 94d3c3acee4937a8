#include "main/door/connection_limit.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "link/connection.h"
#include "link/networks.h"

enum {
    ipv6_customer_bytes = 8, // A /64.
};

struct address {
    struct od_map_node node;
    struct in6_addr address; // Of IPv6 the network.
    uint32_t count;
};

struct connection {
    struct od_map_node node;
    struct od_list held; // Alone: by main.
    struct address *address;
    uint64_t number;
    uint32_t worker; // The last one that had it.
};

static struct address *address_of(const struct od_map_node *node)
{
    return OD_MAP_MEMBER(node, struct address, node);
}

static struct connection *connection_of(const struct od_map_node *node)
{
    return OD_MAP_MEMBER(node, struct connection, node);
}

static bool has_address(const struct od_map_node *node, const void *key)
{
    return memcmp(&address_of(node)->address, key, sizeof(struct in6_addr)) == 0;
}

static struct connection *find(const struct od_connection_limit *connection_limit, uint64_t number)
{
    struct od_map_node *node = connection_limit->limit == 0
                                   ? NULL
                                   : od_map_find_number(&connection_limit->connections, number);
    return node == NULL ? NULL : connection_of(node);
}

static struct in6_addr customer_of(const struct in6_addr *address)
{
    struct in6_addr customer = *address;
    if (!IN6_IS_ADDR_V4MAPPED(address))
        memset(customer.s6_addr + ipv6_customer_bytes, 0, sizeof customer - ipv6_customer_bytes);
    return customer;
}

static struct address *find_or_add(struct od_connection_limit *connection_limit,
                                   const struct in6_addr *customer)
{
    uint64_t hash =
        od_map_hash_u64(od_slice_hash((od_slice){(const char *)customer, sizeof *customer}));
    struct od_map_node *node =
        od_map_find(&connection_limit->addresses, hash, has_address, customer);
    if (node != NULL)
        return address_of(node);
    struct address *address = od_allocate_zeroed(sizeof *address);
    address->address = *customer;
    od_map_put(&connection_limit->addresses, &address->node, hash);
    return address;
}

static void drop_if_unused(struct od_connection_limit *connection_limit, struct address *address)
{
    OD_ASSERT(connection_limit->limit > 0);
    if (address->count > 0)
        return;
    od_map_remove(&connection_limit->addresses, &address->node);
    free(address);
}

// A crowd is told of ever more rarely.
static void log_refusal(struct od_connection_limit *connection_limit,
                        const struct in6_addr *customer)
{
    char text[INET6_ADDRSTRLEN];
    od_networks_print(customer, text);
    connection_limit->refused++;
    if ((connection_limit->refused & (connection_limit->refused - 1)) == 0)
        od_log(OD_LOG_WARN, NULL,
               "%s%s has %u connections and gets no more (--connections-per-address); %llu were "
               "refused so far",
               text, IN6_IS_ADDR_V4MAPPED(customer) ? "" : "/64", connection_limit->limit,
               (unsigned long long)connection_limit->refused);
}

static void add(struct od_connection_limit *connection_limit, uint64_t number,
                struct address *address)
{
    OD_ASSERT(number != 0);
    OD_ASSERT(find(connection_limit, number) == NULL);
    struct connection *connection = od_allocate_zeroed(sizeof *connection);
    connection->number = number;
    connection->address = address;
    od_list_init(&connection->held);
    address->count++;
    od_map_put_number(&connection_limit->connections, &connection->node, number);
}

bool od_connection_limit_enter(struct od_connection_limit *connection_limit, int fd,
                               const struct in6_addr *address)
{
    if (connection_limit->limit == 0)
        return true;
    uint64_t number = od_connection_number(fd);
    if (number == 0) {
        od_log(OD_LOG_ERROR, NULL,
               "the kernel does not number connections: --connections-per-address is without "
               "effect");
        return true;
    }
    struct in6_addr customer = customer_of(address);
    struct address *counted = find_or_add(connection_limit, &customer);
    if (counted->count < connection_limit->limit) {
        add(connection_limit, number, counted);
        return true;
    }
    log_refusal(connection_limit, &customer);
    return false;
}

static void hold(struct od_connection_limit *connection_limit, struct connection *connection,
                 uint32_t worker)
{
    OD_ASSERT(connection_limit->held != NULL);
    connection->worker = worker;
    od_list_remove(&connection->held);
    od_list_push_back(&connection_limit->held[worker], &connection->held);
}

void od_connection_limit_give(struct od_connection_limit *connection_limit, uint64_t number,
                              uint32_t worker)
{
    struct connection *connection = find(connection_limit, number);
    if (connection != NULL)
        hold(connection_limit, connection, worker);
}

void od_connection_limit_keep(struct od_connection_limit *connection_limit, uint64_t number,
                              uint32_t worker)
{
    struct connection *connection = find(connection_limit, number);
    if (connection == NULL)
        return;
    connection->worker = worker;
    od_list_remove(&connection->held);
}

void od_connection_limit_move(struct od_connection_limit *connection_limit, uint64_t number,
                              uint32_t from, uint32_t to)
{
    struct connection *connection = find(connection_limit, number);
    if (connection != NULL && connection->worker == from && !od_list_is_empty(&connection->held))
        hold(connection_limit, connection, to);
}

static void end(struct od_connection_limit *connection_limit, struct connection *connection)
{
    od_list_remove(&connection->held);
    od_map_remove(&connection_limit->connections, &connection->node);
    OD_ASSERT(connection->address->count > 0);
    connection->address->count--;
    drop_if_unused(connection_limit, connection->address);
    free(connection);
}

void od_connection_limit_leave(struct od_connection_limit *connection_limit, uint64_t number)
{
    struct connection *connection = find(connection_limit, number);
    if (connection != NULL)
        end(connection_limit, connection);
}

void od_connection_limit_worker_gone(struct od_connection_limit *connection_limit, uint32_t worker)
{
    if (connection_limit->limit == 0)
        return;
    struct od_list *link;
    OD_ASSERT(connection_limit->held != NULL);
    while ((link = od_list_pop_front(&connection_limit->held[worker])) != NULL)
        end(connection_limit, OD_LIST_MEMBER(link, struct connection, held));
}

void od_connection_limit_count(const struct od_connection_limit *connection_limit,
                               size_t *connections, size_t *addresses)
{
    *connections = connection_limit->connections.size;
    *addresses = connection_limit->addresses.size;
}

void od_connection_limit_init(struct od_connection_limit *connection_limit, uint32_t limit,
                              uint32_t worker_count)
{
    *connection_limit = (struct od_connection_limit){.limit = limit};
    od_map_init(&connection_limit->addresses);
    od_map_init(&connection_limit->connections);
    if (limit == 0)
        return;
    connection_limit->held = od_allocate(worker_count * sizeof *connection_limit->held);
    for (uint32_t i = 0; i < worker_count; i++)
        od_list_init(&connection_limit->held[i]);
}

void od_connection_limit_deinit(struct od_connection_limit *connection_limit)
{
    for (struct od_map_node *node;
         (node = od_map_next(&connection_limit->connections, NULL)) != NULL;)
        end(connection_limit, connection_of(node));
    OD_ASSERT(connection_limit->addresses.size == 0); // Each goes with its last connection.
    od_map_deinit(&connection_limit->addresses);
    od_map_deinit(&connection_limit->connections);
    free(connection_limit->held);
}
