#include "main/census.h"

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

static bool has_number(const struct od_map_node *node, const void *key)
{
    return connection_of(node)->number == *(const uint64_t *)key;
}

static struct connection *find(const struct od_census *census, uint64_t number)
{
    struct od_map_node *node =
        census->limit == 0
            ? NULL
            : od_map_find(&census->connections, od_map_hash_u64(number), has_number, &number);
    return node == NULL ? NULL : connection_of(node);
}

static struct in6_addr customer_of(const struct in6_addr *address)
{
    struct in6_addr customer = *address;
    if (!IN6_IS_ADDR_V4MAPPED(address))
        memset(customer.s6_addr + ipv6_customer_bytes, 0, sizeof customer - ipv6_customer_bytes);
    return customer;
}

static struct address *find_or_add(struct od_census *census, const struct in6_addr *customer)
{
    uint64_t hash =
        od_map_hash_u64(od_slice_hash((od_slice){(const char *)customer, sizeof *customer}));
    struct od_map_node *node = od_map_find(&census->addresses, hash, has_address, customer);
    if (node != NULL)
        return address_of(node);
    struct address *address = od_allocate_zeroed(sizeof *address);
    address->address = *customer;
    od_map_put(&census->addresses, &address->node, hash);
    return address;
}

static void drop_if_unused(struct od_census *census, struct address *address)
{
    if (address->count > 0)
        return;
    od_map_remove(&census->addresses, &address->node);
    free(address);
}

// A crowd is told of ever more rarely.
static void log_refusal(struct od_census *census, const struct in6_addr *customer)
{
    char text[INET6_ADDRSTRLEN];
    od_networks_print(customer, text);
    census->refused++;
    if ((census->refused & (census->refused - 1)) == 0)
        od_log(OD_LOG_WARN, NULL,
               "%s%s has %u connections and gets no more (--connections-per-address); %llu were "
               "refused so far",
               text, IN6_IS_ADDR_V4MAPPED(customer) ? "" : "/64", census->limit,
               (unsigned long long)census->refused);
}

static void add(struct od_census *census, uint64_t number, struct address *address)
{
    struct connection *connection = od_allocate_zeroed(sizeof *connection);
    connection->number = number;
    connection->address = address;
    od_list_init(&connection->held);
    address->count++;
    od_map_put(&census->connections, &connection->node, od_map_hash_u64(number));
}

bool od_census_enter(struct od_census *census, int fd, const struct in6_addr *address)
{
    if (census->limit == 0)
        return true;
    uint64_t number = od_connection_number(fd);
    if (number == 0) {
        od_log(OD_LOG_ERROR, NULL,
               "the kernel does not number connections: --connections-per-address is without "
               "effect");
        return true;
    }
    struct in6_addr customer = customer_of(address);
    struct address *counted = find_or_add(census, &customer);
    if (counted->count < census->limit) {
        add(census, number, counted);
        return true;
    }
    log_refusal(census, &customer);
    return false;
}

static void hold(struct od_census *census, struct connection *connection, uint32_t worker)
{
    connection->worker = worker;
    od_list_remove(&connection->held);
    od_list_push_back(&census->held[worker], &connection->held);
}

void od_census_give(struct od_census *census, uint64_t number, uint32_t worker)
{
    struct connection *connection = find(census, number);
    if (connection != NULL)
        hold(census, connection, worker);
}

void od_census_keep(struct od_census *census, uint64_t number, uint32_t worker)
{
    struct connection *connection = find(census, number);
    if (connection == NULL)
        return;
    connection->worker = worker;
    od_list_remove(&connection->held);
}

void od_census_move(struct od_census *census, uint64_t number, uint32_t from, uint32_t to)
{
    struct connection *connection = find(census, number);
    if (connection != NULL && connection->worker == from && !od_list_is_empty(&connection->held))
        hold(census, connection, to);
}

static void end(struct od_census *census, struct connection *connection)
{
    od_list_remove(&connection->held);
    od_map_remove(&census->connections, &connection->node);
    connection->address->count--;
    drop_if_unused(census, connection->address);
    free(connection);
}

void od_census_leave(struct od_census *census, uint64_t number)
{
    struct connection *connection = find(census, number);
    if (connection != NULL)
        end(census, connection);
}

void od_census_worker_gone(struct od_census *census, uint32_t worker)
{
    if (census->limit == 0)
        return;
    struct od_list *link;
    while ((link = od_list_pop_front(&census->held[worker])) != NULL)
        end(census, OD_LIST_MEMBER(link, struct connection, held));
}

void od_census_count(const struct od_census *census, size_t *connections, size_t *addresses)
{
    *connections = census->connections.size;
    *addresses = census->addresses.size;
}

void od_census_init(struct od_census *census, uint32_t limit, uint32_t worker_count)
{
    *census = (struct od_census){.limit = limit};
    od_map_init(&census->addresses);
    od_map_init(&census->connections);
    if (limit == 0)
        return;
    census->held = od_allocate(worker_count * sizeof *census->held);
    for (uint32_t i = 0; i < worker_count; i++)
        od_list_init(&census->held[i]);
}

void od_census_deinit(struct od_census *census)
{
    for (struct od_map_node *node; (node = od_map_next(&census->connections, NULL)) != NULL;)
        end(census, connection_of(node));
    od_map_deinit(&census->addresses);
    od_map_deinit(&census->connections);
    free(census->held);
}
