#include "bus_listener.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

struct bus_listener {
    amqp_connection_state_t connection;
    amqp_message_t message;
    int has_message;
    char id[256];
    char topic[256];
};

static int is_normal(amqp_rpc_reply_t reply) { return reply.reply_type == AMQP_RESPONSE_NORMAL; }

/* A short string of AMQP has 255 bytes at most. */
static void keep(char *place, amqp_bytes_t bytes) {
    size_t length = bytes.len < 255 ? bytes.len : 255;
    memcpy(place, bytes.bytes, length);
    place[length] = 0;
}

static void drop_message(bus_listener *listener) {
    if (listener->has_message) amqp_destroy_message(&listener->message);
    listener->has_message = 0;
}

bus_listener *bus_listener_open(int port, const char *user, const char *password, int seconds) {
    bus_listener *listener = calloc(1, sizeof *listener);
    if (!listener) return NULL;
    listener->connection = amqp_new_connection();
    if (!listener->connection) {
        free(listener);
        return NULL;
    }
    struct timeval patience = {seconds, 0};
    amqp_set_handshake_timeout(listener->connection, &patience);
    amqp_set_rpc_timeout(listener->connection, &patience);
    amqp_socket_t *socket = amqp_tcp_socket_new(listener->connection);
    if (socket && amqp_socket_open_noblock(socket, "127.0.0.1", port, &patience) == AMQP_STATUS_OK &&
        is_normal(amqp_login(
            listener->connection, "/", 0, AMQP_DEFAULT_FRAME_SIZE, 0, AMQP_SASL_METHOD_PLAIN, user, password))) {
        amqp_channel_open(listener->connection, 1);
        if (is_normal(amqp_get_rpc_reply(listener->connection))) return listener;
    }
    bus_listener_close(listener);
    return NULL;
}

int bus_listener_bind(bus_listener *listener, const char *queue, const char *exchange, const char *pattern) {
    amqp_bytes_t name = amqp_cstring_bytes(queue);
    amqp_queue_declare(listener->connection, 1, name, 0, 1, 0, 0, amqp_empty_table);
    if (!is_normal(amqp_get_rpc_reply(listener->connection))) return -1;
    amqp_queue_bind(
        listener->connection, 1, name, amqp_cstring_bytes(exchange), amqp_cstring_bytes(pattern), amqp_empty_table);
    return is_normal(amqp_get_rpc_reply(listener->connection)) ? 0 : -1;
}

int bus_listener_take(bus_listener *listener, const char *queue, bus_message *message) {
    drop_message(listener);
    amqp_maybe_release_buffers(listener->connection);
    amqp_rpc_reply_t reply = amqp_basic_get(listener->connection, 1, amqp_cstring_bytes(queue), 1);
    if (!is_normal(reply)) return -1;
    if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD) return 0;
    if (reply.reply.id != AMQP_BASIC_GET_OK_METHOD) return -1;
    keep(listener->topic, ((amqp_basic_get_ok_t *)reply.reply.decoded)->routing_key);
    if (!is_normal(amqp_read_message(listener->connection, 1, &listener->message, 0))) return -1;
    listener->has_message = 1;
    listener->id[0] = 0;
    if (listener->message.properties._flags & AMQP_BASIC_MESSAGE_ID_FLAG) {
        keep(listener->id, listener->message.properties.message_id);
    }
    message->id = listener->id;
    message->topic = listener->topic;
    message->body = listener->message.body.bytes;
    message->length = listener->message.body.len;
    return 1;
}

void bus_listener_close(bus_listener *listener) {
    drop_message(listener);
    amqp_destroy_connection(listener->connection);
    free(listener);
}
