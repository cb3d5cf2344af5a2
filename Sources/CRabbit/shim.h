#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>

// One message handed to a broker, from the connection to its confirmation. Here and not in Swift, because logging in takes any number
// of arguments, and what comes back is unions.

enum mc_broker_end {
    MC_BROKER_TAKEN,         // the broker answers for it
    MC_BROKER_UNREACHABLE,   // no connection, or no TLS; nothing was sent
    MC_BROKER_SHUT,          // it does not know us; nothing was sent
    MC_BROKER_SIMULATOR,     // it plays a broker, and we believe no simulator; nothing was sent
    MC_BROKER_NO_EXCHANGE,   // there is no such exchange, or we may not write to it
    MC_BROKER_NO_QUEUE,      // no queue takes it; the broker has thrown it away
    MC_BROKER_DECLINED,      // it says itself that it could not take it
    MC_BROKER_SILENT         // it was sent, and no confirmation came
};

struct mc_broker_message {
    const char *host;
    int port;
    int is_encrypted;
    const char *authorities;
    const char *vhost;
    const char *user;
    const char *password;
    const char *exchange;
    const char *topic;
    const char *id;
    const void *body;
    size_t length;
    int seconds;
    int believes_simulators;
};

static inline int mc_broker_is_normal(amqp_rpc_reply_t reply) { return reply.reply_type == AMQP_RESPONSE_NORMAL; }

// What `mediconnect simulator` says of itself when it greets (its `product`).
static inline int mc_broker_is_simulator(amqp_connection_state_t connection) {
    static const char name[] = "MediConnect-Simulator";
    amqp_table_t *properties = amqp_get_server_properties(connection);
    for (int i = 0; properties && i < properties->num_entries; i++) {
        amqp_field_value_t value = properties->entries[i].value;
        if (value.kind != AMQP_FIELD_KIND_UTF8 || value.value.bytes.len != sizeof name - 1) continue;
        if (memcmp(value.value.bytes.bytes, name, sizeof name - 1) == 0) return 1;
    }
    return 0;
}

static inline enum mc_broker_end mc_broker_refused(amqp_rpc_reply_t reply) {
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION) return MC_BROKER_SHUT;
    // Older brokers close the connection on a wrong password and say nothing.
    if (reply.library_error == AMQP_STATUS_CONNECTION_CLOSED) return MC_BROKER_SHUT;
    return MC_BROKER_UNREACHABLE;
}

static inline enum mc_broker_end mc_broker_confirmation(amqp_connection_state_t connection, struct timeval *patience) {
    int is_returned = 0;
    for (;;) {
        amqp_frame_t frame;
        amqp_maybe_release_buffers(connection);
        if (amqp_simple_wait_frame_noblock(connection, &frame, patience) != AMQP_STATUS_OK) return MC_BROKER_SILENT;
        if (frame.frame_type != AMQP_FRAME_METHOD) continue;
        switch (frame.payload.method.id) {
        case AMQP_BASIC_ACK_METHOD: return is_returned ? MC_BROKER_NO_QUEUE : MC_BROKER_TAKEN;
        case AMQP_BASIC_NACK_METHOD: return MC_BROKER_DECLINED;
        case AMQP_BASIC_RETURN_METHOD: is_returned = 1; break;
        case AMQP_CHANNEL_CLOSE_METHOD: return MC_BROKER_NO_EXCHANGE;
        case AMQP_CONNECTION_CLOSE_METHOD: return MC_BROKER_SILENT;
        default: break;
        }
    }
}

static inline enum mc_broker_end mc_broker_converse(
    amqp_connection_state_t connection, const struct mc_broker_message *message, struct timeval *patience) {
    amqp_set_handshake_timeout(connection, patience);
    amqp_set_rpc_timeout(connection, patience);
    amqp_socket_t *socket = message->is_encrypted ? amqp_ssl_socket_new(connection) : amqp_tcp_socket_new(connection);
    if (!socket) return MC_BROKER_UNREACHABLE;
    if (message->is_encrypted) {
        amqp_ssl_socket_set_verify_peer(socket, 1);
        amqp_ssl_socket_set_verify_hostname(socket, 1);
        if (amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) != AMQP_STATUS_OK) return MC_BROKER_UNREACHABLE;
        if (amqp_ssl_socket_set_cacert(socket, message->authorities) != AMQP_STATUS_OK) return MC_BROKER_UNREACHABLE;
    }
    if (amqp_socket_open_noblock(socket, message->host, message->port, patience) != AMQP_STATUS_OK) return MC_BROKER_UNREACHABLE;
    amqp_rpc_reply_t reply = amqp_login(
        connection, message->vhost, 0, AMQP_DEFAULT_FRAME_SIZE, 0, AMQP_SASL_METHOD_PLAIN, message->user, message->password);
    if (!mc_broker_is_normal(reply)) return mc_broker_refused(reply);
    if (!message->believes_simulators && mc_broker_is_simulator(connection)) return MC_BROKER_SIMULATOR;
    amqp_channel_open(connection, 1);
    reply = amqp_get_rpc_reply(connection);
    if (!mc_broker_is_normal(reply)) return mc_broker_refused(reply);
    amqp_confirm_select(connection, 1);
    reply = amqp_get_rpc_reply(connection);
    if (!mc_broker_is_normal(reply)) return mc_broker_refused(reply);

    amqp_basic_properties_t properties;
    memset(&properties, 0, sizeof properties);
    properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.content_type = amqp_cstring_bytes("application/json");
    // It outlives the broker's restart.
    properties.delivery_mode = 2;
    properties.message_id = amqp_cstring_bytes(message->id);
    amqp_bytes_t body = {message->length, (void *)message->body};
    // Mandatory: what no queue takes comes back.
    int status = amqp_basic_publish(
        connection, 1, amqp_cstring_bytes(message->exchange), amqp_cstring_bytes(message->topic), 1, 0, &properties, body);
    if (status != AMQP_STATUS_OK) return MC_BROKER_SILENT;
    return mc_broker_confirmation(connection, patience);
}

/// Blocks for a few times `seconds` at most.
static inline enum mc_broker_end mc_broker_publish(const struct mc_broker_message *message) {
    struct timeval patience = {message->seconds, 0};
    amqp_connection_state_t connection = amqp_new_connection();
    if (!connection) return MC_BROKER_UNREACHABLE;
    enum mc_broker_end end = mc_broker_converse(connection, message, &patience);
    if (end == MC_BROKER_TAKEN || end == MC_BROKER_NO_QUEUE || end == MC_BROKER_SIMULATOR) amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection);
    return end;
}
