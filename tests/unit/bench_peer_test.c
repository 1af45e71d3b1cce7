/* The load maker's own ground: marks, templates, what it reads, both ends of a connection talking
 * to each other however the octets are cut, and the book-keeping of order and of what is in flight.
 * What it judges routers by has to be beyond doubt. */
#include "bench/flight.h"
#include "bench/order.h"
#include "bench/peer.h"
#include "common/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct mem mem;
static struct rng rng;

static int ground_up(void **state)
{
    (void)state;
    mem_init(&mem, heap_source(), SIZE_MAX / 2);
    rng_init(&rng, 7);
    return 0;
}

static int ground_down(void **state)
{
    (void)state;
    mem_fini(&mem); /* checks that everything came home */
    return 0;
}

static void marks_read_back_as_written(void **state)
{
    (void)state;
    struct mark marks[] = {{0, 0, 0},
                           {UINT32_MAX, UINT64_MAX, UINT64_MAX},
                           {0x0123abcd, 0x456789abcdef0123, 0xfedcba9876543210}};
    for (size_t i = 0; i < array_count(marks); i++) {
        uint8_t text[MARK_BYTES];
        struct mark read;
        mark_write(&marks[i], text);
        mark_read(text, &read);
        assert_int_equal(read.sender, marks[i].sender);
        assert_int_equal(read.sequence, marks[i].sequence);
        assert_int_equal(read.time_ns, marks[i].time_ns);
    }
    uint8_t text[MARK_BYTES];
    mark_write(&marks[2], text);
    assert_memory_equal(text, "0123abcd456789abcdef0123fedcba9876543210", MARK_BYTES);
}

/* One message of a template, as the wire has it without framing. */
static size_t template_text(const struct wire_template *template, uint64_t id, uint8_t *out)
{
    memcpy(out, template->before.at, template->before.size);
    size_t size = template->before.size;
    size += wire_uint(template->serializer, id, out + size);
    memcpy(out + size, template->after.at, template->after.size);
    return size + template->after.size;
}

static void templates_are_the_messages_of_the_specification(void **state)
{
    (void)state;
    static const struct {
        enum serializer serializer;
        struct wire_template_options options;
        uint64_t id;
        const char *text;
        size_t size;
    } rows[] = {
        {SERIALIZER_JSON, {WIRE_SUBSCRIBE, NULL, NULL, "a.b", 0}, 7, "[32,7,{},\"a.b\"]", 15},
        {SERIALIZER_JSON,
         {WIRE_PUBLISH, "acknowledge", NULL, "a.b", 40},
         4294967296,
         "[16,4294967296,{\"acknowledge\":true},\"a.b\","
         "[\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"]]",
         87},
        {SERIALIZER_JSON,
         {WIRE_REGISTER, "invoke", "roundrobin", "a", 0},
         1,
         "[64,1,{\"invoke\":\"roundrobin\"},\"a\"]",
         34},
        {SERIALIZER_MSGPACK,
         {WIRE_CALL, NULL, NULL, "a", 0},
         300,
         "\x94\x30\xcd\x01\x2c\x80\xa1"
         "a",
         8},
        {SERIALIZER_MSGPACK,
         {WIRE_YIELD, NULL, NULL, NULL, 40},
         128,
         "\x94\x46\xcc\x80\x80\x91\xd9\x28xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         48},
        {SERIALIZER_CBOR,
         {WIRE_YIELD, NULL, NULL, NULL, 40},
         24,
         "\x84\x18\x46\x18\x18\xa0\x81\x78\x28xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         49},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct wire_template template;
        uint8_t out[256];
        assert_true(wire_template_init(&template, &mem, rows[i].serializer, &rows[i].options));
        assert_int_equal(template_text(&template, rows[i].id, out), rows[i].size);
        assert_memory_equal(out, rows[i].text, rows[i].size);
        wire_template_fini(&template);
    }
}

static void ids_take_the_shortest_form(void **state)
{
    (void)state;
    static const uint64_t ids[] = {0,
                                   23,
                                   24,
                                   127,
                                   128,
                                   255,
                                   256,
                                   65535,
                                   65536,
                                   UINT32_MAX,
                                   UINT64_C(1) << 32,
                                   UINT64_C(1) << 53};
    static const size_t msgpack[] = {1, 1, 1, 1, 2, 2, 3, 3, 5, 5, 9, 9};
    static const size_t cbor[] = {1, 1, 2, 2, 2, 2, 3, 3, 5, 5, 9, 9};
    for (size_t i = 0; i < array_count(ids); i++) {
        uint8_t out[WIRE_ID_BYTES_MAX];
        assert_int_equal(wire_uint(SERIALIZER_MSGPACK, ids[i], out), msgpack[i]);
        assert_int_equal(wire_uint(SERIALIZER_CBOR, ids[i], out), cbor[i]);
    }
    uint8_t out[WIRE_ID_BYTES_MAX];
    assert_int_equal(wire_uint(SERIALIZER_JSON, UINT64_C(1) << 53, out), 16);
    assert_memory_equal(out, "9007199254740992", 16);
}

/* An EVENT with details that nobody wants: [36, 300, 2^53, {"a": [1, {"b": -1}], "c": "]"}, ["hi"]]
 */
static const struct {
    enum serializer serializer;
    const char *text;
    size_t size;
} events[] = {
    {SERIALIZER_JSON,
     "[36, 300,9007199254740992 ,{\"a\":[1,{\"b\":-1}],\"c\":\"]\\\\\\\"}\"}, [\"hi\"], {}]", 69},
    {SERIALIZER_MSGPACK,
     "\x95\x24\xcd\x01\x2c\xcf\x00\x20\x00\x00\x00\x00\x00\x00"
     "\x82\xa1\x61\x92\x01\x81\xa1\x62\xff\xa1\x63\xa1\x5d\x91\xa2hi",
     31},
    {SERIALIZER_CBOR,
     "\x9f\x18\x24\x19\x01\x2c\x1b\x00\x20\x00\x00\x00\x00\x00\x00"
     "\xbf\x61\x61\x82\x01\xa1\x61\x62\x20\x61\x63\x61\x5d\xff\x81\x62hi\xff",
     34},
};

static void events_are_read_past_details_of_any_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(events); i++) {
        struct wire_message message;
        struct bytes text = bytes_make(events[i].text, events[i].size);
        assert_int_equal(wire_read(text, events[i].serializer, &message), 1);
        assert_int_equal(message.type, WIRE_EVENT);
        assert_int_equal(message.id[0], 300);
        assert_int_equal(message.id[1], UINT64_C(1) << 53);
        assert_true(bytes_equal_text(message.payload, "hi"));
    }
}

/* Cut anywhere before the payload ends, an event is never taken for a whole one with payload. */
static void cut_events_are_refused_or_have_no_payload(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(events); i++) {
        const char *payload = strstr(events[i].text + events[i].size - 12, "hi");
        for (size_t size = 0; size < (size_t)(payload + 2 - events[i].text); size++) {
            struct wire_message message;
            uint8_t *copy = malloc(size + 1); /* the sanitizer guards its end */
            assert_non_null(copy);
            memcpy(copy, events[i].text, size);
            int result = wire_read(bytes_make(copy, size), events[i].serializer, &message);
            assert_true(result == -1 || message.payload.at == NULL);
            free(copy);
        }
    }
}

static void random_octets_do_no_harm(void **state)
{
    (void)state;
    for (size_t round = 0; round < 200000; round++) {
        size_t row = rng_below(&rng, array_count(events));
        uint8_t copy[80];
        struct wire_message message;
        memcpy(copy, events[row].text, events[row].size);
        for (uint64_t i = rng_below(&rng, 4); i < 4; i++) {
            copy[rng_below(&rng, events[row].size)] = (uint8_t)rng_next(&rng);
        }
        int result =
            wire_read(bytes_make(copy, events[row].size), events[row].serializer, &message);
        assert_true(result == 1 || result == -1);
        if (result == 1 && message.payload.at != NULL) {
            assert_true(message.payload.at >= copy &&
                        message.payload.at + message.payload.size <= copy + events[row].size);
        }
    }
}

/* ---- two peers */
struct end {
    struct peer peer;
    struct buf in;
    size_t messages;
    struct wire_message last;
    uint8_t payload[4096];
};

static void end_init(struct end *end, enum framing framing, enum serializer serializer, bool server)
{
    struct peer_options options = {.framing = framing,
                                   .serializer = serializer,
                                   .server = server,
                                   .realm = "realm1",
                                   .host = "127.0.0.1",
                                   .path = "/ws",
                                   .mem = &mem,
                                   .rng = &rng,
                                   .message_bytes_max = 100000,
                                   .out_bytes_max = 1000000};
    memset(end, 0, sizeof(*end));
    peer_init(&end->peer, &options);
    buf_init(&end->in, &mem, 1000000);
    if (!server) {
        peer_open(&end->peer, &options);
    }
}

static void end_fini(struct end *end)
{
    peer_fini(&end->peer);
    buf_fini(&end->in);
}

/* Hands over what from has to say, in pieces of at most piece octets. */
static void end_carry(struct end *from, struct end *to, size_t piece)
{
    struct bytes out = buf_bytes(&from->peer.out);
    while (out.size > 0) {
        size_t size = size_min(piece, out.size);
        buf_put(&to->in, out.at, size);
        out = bytes_from(out, size);
        struct bytes input = buf_bytes(&to->in);
        struct bytes message;
        int result;
        while ((result = peer_next(&to->peer, &input, &message)) > 0) {
            to->messages++;
            assert_int_equal(wire_read(message, to->peer.serializer, &to->last), 1);
            size_t kept = size_min(to->last.payload.size, sizeof(to->payload));
            memcpy(to->payload, kept > 0 ? to->last.payload.at : to->payload, kept);
        }
        assert_int_equal(result, 0);
        memmove(to->in.at, input.at, input.size);
        to->in.size = input.size;
    }
    buf_reset(&from->peer.out);
}

static void talk(enum framing framing, enum serializer serializer, size_t piece, size_t payload)
{
    struct end client;
    struct end server;
    end_init(&client, framing, serializer, false);
    end_init(&server, FRAMING_RAWSOCKET, SERIALIZER_JSON, true);
    end_carry(&client, &server, piece);
    end_carry(&server, &client, piece);
    end_carry(&client, &server, piece);
    assert_int_equal(server.peer.framing, framing);
    assert_int_equal(server.peer.serializer, serializer);
    assert_int_equal(server.messages, 1);
    assert_int_equal(server.last.type, WIRE_HELLO);
    struct wire_template publish;
    struct wire_template_options options = {WIRE_PUBLISH, NULL, NULL, "a.b", payload};
    assert_true(wire_template_init(&publish, &mem, serializer, &options));
    for (uint64_t i = 1; i <= 3; i++) {
        struct mark mark = {5, i, 1000 + i};
        peer_send_template(&client.peer, &publish, i, &mark);
    }
    end_carry(&client, &server, piece);
    assert_int_equal(server.messages, 4);
    assert_int_equal(server.last.type, WIRE_PUBLISH);
    assert_int_equal(server.last.id[0], 3);
    assert_int_equal(server.last.payload.size, payload);
    struct mark mark;
    mark_read(server.payload, &mark);
    assert_int_equal(mark.sender, 5);
    assert_int_equal(mark.sequence, 3);
    assert_int_equal(mark.time_ns, 1003);
    for (size_t i = MARK_BYTES; i < size_min(payload, sizeof(server.payload)); i++) {
        assert_int_equal(server.payload[i], 'x');
    }
    static const char *const welcome[SERIALIZERS] = {NULL, "[2,1]", "\x92\x02\x01", "\x82\x02\x01"};
    peer_send(&server.peer, bytes_text(welcome[serializer]));
    end_carry(&server, &client, piece);
    assert_int_equal(client.messages, 1);
    wire_template_fini(&publish);
    end_fini(&client);
    end_fini(&server);
}

static void two_peers_understand_each_other_however_octets_are_cut(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 3, 7, 64, 1000000};
    static const size_t payloads[] = {40, 41, 63, 64, 200, 300, 40000, 70000};
    for (size_t i = 0; i < array_count(pieces) * array_count(payloads); i++) {
        for (enum serializer serializer = SERIALIZER_JSON; serializer <= SERIALIZER_CBOR;
             serializer++) {
            size_t piece = pieces[i % array_count(pieces)];
            size_t payload = payloads[i / array_count(pieces)];
            if (piece < 64 && payload > 1000) {
                continue; /* each piece looks at all that has come: quadratic, and says no more */
            }
            talk(FRAMING_RAWSOCKET, serializer, piece, payload);
            talk(FRAMING_WEBSOCKET, serializer, piece, payload);
        }
    }
}

static struct end open_client(enum framing framing)
{
    struct end client;
    struct end server;
    end_init(&client, framing, SERIALIZER_JSON, false);
    end_init(&server, framing, SERIALIZER_JSON, true);
    end_carry(&client, &server, 1000);
    end_carry(&server, &client, 1000);
    assert_int_equal(client.peer.state, PEER_OPEN);
    buf_reset(&client.peer.out); /* HELLO */
    end_fini(&server);
    return client;
}

static void pings_are_answered_with_their_octets(void **state)
{
    (void)state;
    struct end client = open_client(FRAMING_RAWSOCKET);
    uint8_t raw[] = {1, 0, 0, 3, 'a', 'b', 'c'};
    struct bytes input = bytes_make(raw, sizeof(raw));
    struct bytes message;
    assert_int_equal(peer_next(&client.peer, &input, &message), 0);
    assert_int_equal(client.peer.out.size, 7);
    assert_memory_equal(client.peer.out.at,
                        "\x02\x00\x00\x03"
                        "abc",
                        7);
    end_fini(&client);
    client = open_client(FRAMING_WEBSOCKET);
    uint8_t web[] = {0x89, 3, 'a', 'b', 'c'};
    input = bytes_make(web, sizeof(web));
    assert_int_equal(peer_next(&client.peer, &input, &message), 0);
    assert_int_equal(client.peer.out.size, 9);
    assert_memory_equal(client.peer.out.at, "\x8a\x83", 2);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(client.peer.out.at[6 + i] ^ client.peer.out.at[2 + i], "abc"[i]);
    }
    end_fini(&client);
}

static void fragments_are_joined_around_a_ping(void **state)
{
    (void)state;
    struct end client = open_client(FRAMING_WEBSOCKET);
    uint8_t web[] = {0x01, 3, '[', '2', ',', 0x89, 0, 0x00, 2, '1', ',', 0x80, 3, '{', '}', ']'};
    struct bytes input = bytes_make(web, sizeof(web));
    struct bytes message;
    assert_int_equal(peer_next(&client.peer, &input, &message), 1);
    assert_true(bytes_equal_text(message, "[2,1,{}]"));
    assert_int_equal(peer_next(&client.peer, &input, &message), 0);
    end_fini(&client);
}

static void broken_frames_end_the_connection(void **state)
{
    (void)state;
    static const struct {
        enum framing framing;
        const char *text;
    } rows[] = {
        {FRAMING_RAWSOCKET, "\x03\x01\x01\x01"}, /* no such kind */
        {FRAMING_RAWSOCKET, "\x01\xff\xff\xff"}, /* over the size */
        {FRAMING_WEBSOCKET, "\xc1\x01\x01\x01"}, /* a reserved bit */
        {FRAMING_WEBSOCKET, "\x81\x81\x01\x01"}, /* a masked frame from a server */
        {FRAMING_WEBSOCKET, "\x80\x01\x01\x01"}, /* a continuation of nothing */
        {FRAMING_WEBSOCKET, "\x88\x02\x03\xe8"}, /* Close */
        {FRAMING_WEBSOCKET, "\x83\x01\x01\x01"}, /* an unknown opcode */
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct end client = open_client(rows[i].framing);
        uint8_t octets[4];
        memcpy(octets, rows[i].text, 4);
        struct bytes input = bytes_make(octets, 4);
        struct bytes message;
        assert_int_equal(peer_next(&client.peer, &input, &message), -1);
        assert_int_equal(client.peer.state, PEER_BROKEN);
        assert_non_null(client.peer.broken);
        end_fini(&client);
    }
}

static void refused_handshakes_say_why(void **state)
{
    (void)state;
    static const struct {
        enum framing framing;
        const char *text;
    } rows[] = {
        {FRAMING_RAWSOCKET, "\x7f\x40\x01\x01"},
        {FRAMING_RAWSOCKET, "\x7f\xf2\x01\x01"},
        {FRAMING_RAWSOCKET, "HTTP/1.1 400 Bad Request\r\n\r\n"},
        {FRAMING_WEBSOCKET, "HTTP/1.1 404 Not Found\r\n\r\n"},
        {FRAMING_WEBSOCKET, "HTTP/1.1 101 Switching Protocols\r\n"
                            "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct end client;
        end_init(&client, rows[i].framing, SERIALIZER_JSON, false);
        struct bytes input = bytes_text(rows[i].text);
        struct bytes message;
        assert_int_equal(peer_next(&client.peer, &input, &message), -1);
        assert_non_null(client.peer.broken);
        end_fini(&client);
    }
}

/* ---- book-keeping */
static struct order order_of(const uint64_t *numbers, size_t count, uint64_t sent)
{
    struct order order = {0};
    struct order_pair pair = {0};
    for (size_t i = 0; i < count; i++) {
        order_note(&order, &pair, numbers[i]);
    }
    order_end(&order, &pair, sent);
    return order;
}

static void order_tells_lost_late_and_repeated_apart(void **state)
{
    (void)state;
    static const struct {
        uint64_t numbers[6];
        uint64_t sent;
        struct order order;
    } rows[] = {
        {{0, 1, 2, 3, 4, 5}, 6, {0, 0, 0}},          {{0, 1, 2, 3, 4, 5}, 8, {2, 0, 0}},
        {{1, 2, 3, 4, 5, 6}, 7, {1, 0, 0}},          {{0, 2, 1, 3, 4, 5}, 6, {0, 0, 1}},
        {{0, 1, 1, 2, 3, 4}, 5, {0, 1, 0}},          {{0, 2, 1, 1, 2, 3}, 4, {0, 2, 1}},
        {{5, 4, 3, 2, 1, 0}, 6, {0, 0, 5}},          {{0, 9, 9, 0, 1, 10}, 11, {7, 2, 1}},
        {{0, 99, 1, 100, 99, 101}, 102, {97, 1, 1}},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct order order = order_of(rows[i].numbers, 6, rows[i].sent);
        assert_memory_equal(&order, &rows[i].order, sizeof(order));
    }
}

static void order_agrees_with_a_dumb_twin(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 20000; round++) {
        enum { SENT = 40 };
        uint64_t numbers[SENT + 10];
        unsigned times[SENT] = {0};
        struct order twin = {0};
        size_t count = 0;
        uint64_t highest = 0;
        for (uint64_t i = 0; i < SENT + 10; i++) {
            uint64_t near = i + rng_below(&rng, 5);
            uint64_t number =
                rng_below(&rng, 4) == 0 ? rng_below(&rng, SENT) : size_min(near, SENT - 1);
            numbers[count++] = number;
            twin.duplicated += times[number] > 0;
            twin.reordered += times[number] == 0 && count > 1 && number < highest;
            highest = number > highest || count == 1 ? number : highest;
            times[number]++;
        }
        for (size_t i = 0; i < SENT; i++) {
            twin.lost += times[i] == 0;
        }
        struct order order = order_of(numbers, count, SENT);
        assert_memory_equal(&order, &twin, sizeof(order));
    }
}

static void window_has_room_again_when_answers_have_come_in_any_order(void **state)
{
    (void)state;
    struct flight flight;
    assert_true(flight_init(&flight, &mem, 3));
    assert_int_equal(flight_send(&flight, 2, 10), 0);
    assert_int_equal(flight_send(&flight, 1, 20), 1);
    assert_true(flight_room(&flight));
    assert_int_equal(flight_send(&flight, 1, 30), 2);
    assert_false(flight_room(&flight));
    assert_null(flight_answer(&flight, 3)); /* not sent */
    assert_int_equal(flight_answer(&flight, 2)->time_ns, 30);
    assert_true(flight_room(&flight));
    assert_null(flight_answer(&flight, 2)); /* answered before */
    assert_non_null(flight_answer(&flight, 0));
    assert_int_equal(flight.outstanding, 2);
    assert_non_null(flight_answer(&flight, 0));
    assert_int_equal(flight.outstanding, 1);
    flight_clear(&flight);
    assert_int_equal(flight.outstanding, 0);
    assert_null(flight_answer(&flight, 1));
    flight_fini(&flight, &mem);
}

static void window_waits_for_its_oldest_when_slots_run_out(void **state)
{
    (void)state;
    struct flight flight;
    assert_true(flight_init(&flight, &mem, 2)); /* 64 slots */
    flight_send(&flight, 1, 0);
    for (uint64_t i = 1; i < 64; i++) {
        assert_true(flight_room(&flight));
        flight_send(&flight, 1, 0);
        assert_non_null(flight_answer(&flight, i));
    }
    assert_false(flight_room(&flight));
    assert_non_null(flight_answer(&flight, 0));
    assert_true(flight_room(&flight));
    flight_fini(&flight, &mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_read_back_as_written),
        cmocka_unit_test(templates_are_the_messages_of_the_specification),
        cmocka_unit_test(ids_take_the_shortest_form),
        cmocka_unit_test(events_are_read_past_details_of_any_shape),
        cmocka_unit_test(cut_events_are_refused_or_have_no_payload),
        cmocka_unit_test(random_octets_do_no_harm),
        cmocka_unit_test(two_peers_understand_each_other_however_octets_are_cut),
        cmocka_unit_test(pings_are_answered_with_their_octets),
        cmocka_unit_test(fragments_are_joined_around_a_ping),
        cmocka_unit_test(broken_frames_end_the_connection),
        cmocka_unit_test(refused_handshakes_say_why),
        cmocka_unit_test(order_tells_lost_late_and_repeated_apart),
        cmocka_unit_test(order_agrees_with_a_dumb_twin),
        cmocka_unit_test(window_has_room_again_when_answers_have_come_in_any_order),
        cmocka_unit_test(window_waits_for_its_oldest_when_slots_run_out),
    };
    return cmocka_run_group_tests(tests, ground_up, ground_down);
}
