#include "tests/lib/person.h"

#include "common/transcode.h"

#include <stdio.h>
#include <stdlib.h>

struct heard {
    struct heard *next;
    char *json;
};

static void *source_take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void source_give(void *context, void *at, size_t size)
{
    (void)context;
    (void)size;
    free(at);
}

/* One value from one serializer to another, in memory of its own; NULL: it has no form there. */
static uint8_t *convert(enum serializer from, struct bytes value, enum serializer to, size_t *size)
{
    struct mem mem;
    struct buf buf;
    struct writer writer;
    struct mem_source source = {.take = source_take, .give = source_give, .direct = true};
    mem_init(&mem, source, SIZE_MAX / 2);
    buf_init(&buf, &mem, SIZE_MAX / 4);
    writer_init(&writer, to, &buf);
    uint8_t *copy = NULL;
    if (transcode(from, value, &writer) && !buf.failed) {
        copy = malloc(buf.size + 1);
        check(copy != NULL);
        memcpy(copy, buf.at, buf.size);
        copy[buf.size] = '\0';
        *size = buf.size;
    }
    buf_fini(&buf);
    mem_fini(&mem);
    return copy;
}

void person_init(struct person *person, enum framing framing, enum serializer serializer)
{
    static const char *const subprotocols[] = {
        [SERIALIZER_JSON] = "wamp.2.json",
        [SERIALIZER_MSGPACK] = "wamp.2.msgpack",
        [SERIALIZER_CBOR] = "wamp.2.cbor",
    };
    *person = (struct person){.framing = framing, .serializer = serializer, .mask = 0x9d3c5a17};
    if (framing == FRAMING_RAWSOCKET) {
        uint8_t hello[] = {0x7f, (uint8_t)(0xf0 | serializer), 0, 0};
        octets_put(&person->out, hello, sizeof hello);
    } else {
        octets_upgrade(&person->out, subprotocols[serializer]);
    }
}

void person_fini(struct person *person)
{
    char *json;
    while ((json = person_hear(person)) != NULL) {
        free(json);
    }
    octets_free(&person->out);
    octets_free(&person->in);
}

void person_say_octets(struct person *person, struct bytes message)
{
    if (person->framing == FRAMING_RAWSOCKET) {
        octets_raw(&person->out, 0, message);
    } else {
        octets_frame(&person->out, person->serializer == SERIALIZER_JSON ? 0x81 : 0x82, message);
    }
}

void person_say(struct person *person, const char *json)
{
    size_t size;
    uint8_t *message = convert(SERIALIZER_JSON, bytes_text(json), person->serializer, &size);
    if (message == NULL) {
        fprintf(stderr, "not JSON: %s\n", json);
    }
    check(message != NULL);
    person_say_octets(person, bytes_make(message, size));
    free(message);
}

char *person_hear(struct person *person)
{
    struct heard *heard = person->heard_first;
    if (heard == NULL) {
        return NULL;
    }
    char *json = heard->json;
    person->heard_first = heard->next;
    if (heard->next == NULL) {
        person->heard_last = NULL;
    }
    person->heard_count--;
    free(heard);
    return json;
}

static void octets_cut(struct octets *octets, size_t size)
{
    check(size <= octets->size);
    memmove(octets->at, octets->at + size, octets->size - size);
    octets->size -= size;
}

void person_sent(struct person *person, size_t size)
{
    octets_cut(&person->out, size);
}

void person_put_back(struct person *person, char *json)
{
    struct heard *heard = calloc(1, sizeof *heard);
    check(heard != NULL);
    heard->json = json;
    if (person->heard_last == NULL) {
        person->heard_first = heard;
    } else {
        person->heard_last->next = heard;
    }
    person->heard_last = heard;
    person->heard_count++;
}

static void person_listen(struct person *person, struct bytes message)
{
    size_t size;
    char *json = (char *)convert(person->serializer, message, SERIALIZER_JSON, &size);
    check(json != NULL); /* a router never sends what is not well-formed */
    person_put_back(person, json);
}

void person_ping(struct person *person)
{
    if (person->framing == FRAMING_RAWSOCKET) {
        octets_raw(&person->out, 1, BYTES_LITERAL("ping"));
    } else {
        octets_frame(&person->out, 0x89, BYTES_LITERAL("ping"));
    }
}

/* ---- frames; each answers how many octets it took, 0: more are needed */

static size_t take_rawsocket(struct person *person)
{
    const uint8_t *at = person->in.at;
    if (person->in.size < 4) {
        return 0;
    }
    if (!person->open) {
        person->open = at[0] == 0x7f && (at[1] & 0x0f) == (uint8_t)person->serializer;
        person->refused = !person->open;
        return person->refused ? 0 : 4; /* a refusal stays, to be looked at */
    }
    size_t size = (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    size += at[0] == 8 ? (size_t)1 << 24 : 0;
    if (person->in.size < 4 + size) {
        return 0;
    }
    struct bytes payload = bytes_make(at + 4, size);
    if ((at[0] & 7) == 0) {
        person_listen(person, payload);
    } else if ((at[0] & 7) == 1 && !person->mute) {
        octets_raw(&person->out, 2, payload);
    } else if ((at[0] & 7) == 2) {
        person->pongs++;
    }
    return 4 + size;
}

static size_t take_upgrade(struct person *person)
{
    static const char end[] = "\r\n\r\n";
    const char *found = memmem(person->in.at, person->in.size, end, 4);
    if (found == NULL) {
        return 0;
    }
    static const char good[] = "HTTP/1.1 101 ";
    person->open =
        person->in.size > sizeof good && memcmp(person->in.at, good, sizeof good - 1) == 0;
    person->refused = !person->open;
    if (person->refused) {
        return 0;
    }
    return (size_t)(found - (const char *)person->in.at) + 4;
}

static void take_frame(struct person *person, uint8_t opcode, struct bytes payload)
{
    if (opcode == 1 || opcode == 2) {
        check(opcode == (person->serializer == SERIALIZER_JSON ? 1 : 2));
        person_listen(person, payload);
    } else if (opcode == 8) {
        person->close_code =
            payload.size >= 2 ? (uint16_t)(payload.at[0] << 8 | payload.at[1]) : 1005;
        octets_frame(&person->out, 0x88, bytes_make(payload.at, size_min(payload.size, 2)));
    } else if (opcode == 9 && !person->mute) {
        octets_frame(&person->out, 0x8a, payload);
    } else if (opcode == 10) {
        person->pongs++;
    }
}

static size_t take_websocket(struct person *person)
{
    const uint8_t *at = person->in.at;
    if (!person->open) {
        return take_upgrade(person);
    }
    if (person->in.size < 2) {
        return 0;
    }
    check((at[0] & 0xf0) == 0x80 && at[1] <= 127); /* whole, no RSV, not masked */
    size_t head = at[1] < 126 ? 2 : at[1] == 126 ? 4 : 10;
    if (person->in.size < head) {
        return 0;
    }
    size_t size = at[1];
    if (head > 2) {
        size = 0;
        for (size_t i = 2; i < head; i++) {
            size = size << 8 | at[i];
        }
    }
    if (person->in.size < head + size) {
        return 0;
    }
    take_frame(person, at[0] & 0x0f, bytes_make(at + head, size));
    return head + size;
}

void person_take(struct person *person, const void *at, size_t size)
{
    octets_put(&person->in, at, size);
    for (;;) {
        size_t taken = person->refused || person->in.size == 0 ? 0
                       : person->framing == FRAMING_RAWSOCKET  ? take_rawsocket(person)
                                                               : take_websocket(person);
        if (taken == 0) {
            return;
        }
        octets_cut(&person->in, taken);
    }
}
