/* One step of walking a value, and of writing one, the same for all serializers.
 *
 * A reader walks bytes in place and builds nothing: each reader_next gives one token; containers
 * open with ARRAY or MAP and close with END, and the keys of a map come as tokens before their
 * values. It proves on its way that what it walks is well-formed (RFC 8259, MessagePack with
 * str/bin, RFC 8949), that text is UTF-8, and that nesting stays within depth_max. Counts are
 * checked against the octets that are left, so a lie in a length costs nothing. Never recurses.
 *
 * Called by the core on any thread; a reader or writer belongs to one caller. Tokens point into
 * the input (or into static text) and die with it. Fails by returning -1; there is no "more":
 * framing hands over whole messages. */
#ifndef CLOS_TOKEN_H
#define CLOS_TOKEN_H

#include "common/buf.h"
#include "common/bytes.h"
#include "common/serializer.h"

enum { DEPTH_MAX = 128 }; /* containers open at once, at the most */

enum token_kind {
    TOKEN_NULL,
    TOKEN_BOOL,
    TOKEN_UINT,   /* 0 .. 2^64-1 */
    TOKEN_INT,    /* negative: -2^63 .. -1 */
    TOKEN_FLOAT,  /* bit-exact double (CBOR half and MessagePack float32 are widened) */
    TOKEN_STRING, /* UTF-8 text */
    TOKEN_BINARY,
    TOKEN_ARRAY,
    TOKEN_MAP,
    TOKEN_END, /* of the innermost open container */
    TOKEN_EXT, /* well-formed, but no other serializer has a form for it: MessagePack ext, CBOR
                  simple values without a meaning, CBOR integers below -2^63. bytes: all of it */
};

#define TOKEN_COUNT_UNKNOWN UINT64_MAX

struct token {
    enum token_kind kind;
    bool boolean;
    /* STRING, BINARY: bytes is the content as it is. Not plain: bytes is the encoded form (JSON
     * escapes, JSON "\0" + base64, CBOR chunks), and token_text decodes it. */
    bool plain;
    bool tagged; /* CBOR: tags stood before it. Protocol fields carry none (attack row 60) */
    bool bignum; /* ... and one was a bignum's (2 or 3), which nothing else has a form for */
    union {
        uint64_t uint; /* ARRAY, MAP: items or pairs to come, or TOKEN_COUNT_UNKNOWN */
        int64_t integer;
        double number; /* a JSON number beyond all doubles is an infinity */
    };
    struct bytes bytes;
    enum serializer serializer; /* how to decode bytes that are not plain */
};

enum reader_state {
    READER_VALUE,  /* a value must come: the top-level one, or after a colon or comma */
    READER_FIRST,  /* JSON: a container was just opened; it may end at once */
    READER_AFTER,  /* JSON: a value is complete. At depth 0, any: the top-level one is */
    READER_BROKEN, /* at depth 0: -1 was answered */
};

#define READER_OPEN_END UINT32_MAX

struct reader_level {
    uint32_t left; /* items to come; READER_OPEN_END where the input says when it ends */
    bool map;
    bool key_next; /* CBOR maps of open end: an end is legal here */
};

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    enum serializer serializer;
    uint8_t state; /* what the serializer keeps between tokens; see enum reader_state */
    uint16_t depth;
    uint16_t depth_max;
    struct reader_level levels[DEPTH_MAX];
};

/* depth_max at most DEPTH_MAX, input below 4 GiB. Does not touch levels: cheap. */
void reader_init(struct reader *reader, enum serializer serializer, struct bytes input,
                 unsigned depth_max);

/* 1: *token is the next one. 0: the top-level value is complete and nothing trails it.
 * -1: not well-formed, too deep, or text that is not UTF-8 (R-E rows 58 to 61 of our attack
 * table); so is every later answer. Keys are proven to be strings in JSON only, where the grammar
 * says so; elsewhere payload may have any, and who reads a head looks at the kind. A JSON string
 * that starts with U+0000 is BINARY (as a key too); if its base64 is bad it is still BINARY here,
 * and token_text answers -1 (R15: judged only where somebody needs the octets). */
int reader_next(struct reader *reader, struct token *token);

/* Skips one complete value that is due next (not an END), proving it well-formed like reader_next;
 * *range is its encoding, ready to be copied into a message of the same serializer. Where a key
 * is due, the key is that value. 1, or 0 when an END is due instead (then the END has been
 * consumed) or the top-level value is complete, or -1. */
int reader_skip(struct reader *reader, struct bytes *range);

/* Decodes a STRING's or BINARY's content into out, which has room for token->bytes.size octets
 * (decoding never grows). The size, or -1 for bad base64. */
long token_text(const struct token *token, uint8_t *out);

/* Whether a STRING token's content equals text, decoded if need be. */
bool token_is(const struct token *token, const char *text);

/* ---- writing. Appends to out; failure is seen once at the end as out->failed. Containers nest to
 * DEPTH_MAX. The writer puts JSON's commas and colons; keys are written with write_string. */
struct writer {
    struct buf *out;
    enum serializer serializer;
    uint16_t depth;
    struct {
        uint32_t start; /* offset of the header, where the count is patched in at write_end */
        uint32_t count;
        bool map;
        bool sized; /* the count was known when it was opened */
    } levels[DEPTH_MAX];
};

#define WRITE_COUNT_UNKNOWN UINT32_MAX

void writer_init(struct writer *writer, enum serializer serializer, struct buf *out);
/* count: items of the array, pairs of the map, or WRITE_COUNT_UNKNOWN (any serializer). */
void write_array(struct writer *writer, uint32_t count);
void write_map(struct writer *writer, uint32_t count);
void write_end(struct writer *writer); /* after every array and map */
void write_null(struct writer *writer);
void write_bool(struct writer *writer, bool value);
void write_uint(struct writer *writer, uint64_t value);
void write_int(struct writer *writer, int64_t value);
void write_float(struct writer *writer, double value); /* JSON: NaN and infinities fail the buf */
/* JSON: a string that starts with U+0000 fails the buf, since WAMP would read it as BINARY. */
void write_string(struct writer *writer, struct bytes utf8);
void write_binary(struct writer *writer, struct bytes octets);
/* One value already encoded for this serializer (a range from reader_skip). */
void write_raw(struct writer *writer, struct bytes value);

/* Where a writer stood, to go back to when what follows cannot be written after all. It holds while
 * the containers open at the mark are open; a buf that failed stays failed. */
struct writer_mark {
    size_t size;
    uint32_t count;
    uint16_t depth;
};

struct writer_mark writer_mark(const struct writer *writer);
void writer_rewind(struct writer *writer, struct writer_mark mark);

/* Whether the next item is a key of the innermost container. */
static inline bool writer_key_is_due(const struct writer *writer)
{
    return writer->depth > 0 && writer->levels[writer->depth - 1].map &&
           writer->levels[writer->depth - 1].count % 2 == 0;
}

#endif
