/* The head is read by its layout from message.def, one letter an element; dicts by their rows in
 * attribute.def. The payload is skipped as bytes. */
#include "common/message.h"

enum sender {
    SENDER_CLIENT,
    SENDER_ROUTER,
    SENDER_BOTH,
};

struct layout {
    const char *name;
    const char *fields;
    uint8_t payload;
    uint8_t sender;
};

static const struct layout layouts[] = {
#define MESSAGE(code, name, fields, payload, sender)                                               \
    [code] = {#name, fields, payload, SENDER_##sender},
#include "common/message.def"
#undef MESSAGE
};

enum attribute_type {
    TYPE_BOOL,
    TYPE_UINT,
    TYPE_STRING,
    TYPE_DICT,
    TYPE_IDS,
    TYPE_STRINGS,
    TYPE_DICTS,
    TYPE_MATCH,
    TYPE_INVOKE,
    TYPE_MODE,
    TYPE_ROLES,
    TYPE_METHODS,
};

enum attribute_slot {
    SLOT_nothing,
    SLOT_acknowledge,
    SLOT_exclude_me,
    SLOT_progress,
    SLOT_ppt,
    SLOT_match,
    SLOT_invoke,
    SLOT_authid,
};

struct attribute {
    enum message_code code;
    enum attribute_type type;
    enum attribute_slot slot;
    const char *name;
};

static const struct attribute attributes[] = {
#define ATTRIBUTE(message, name, type, slot) {MESSAGE_##message, TYPE_##type, SLOT_##slot, #name},
#include "common/attribute.def"
#undef ATTRIBUTE
};

static const char *const match_words[] = {"exact", "prefix", "wildcard"};
static const char *const invoke_words[] = {"single", "roundrobin", "random", "first", "last"};
static const char *const mode_words[] = {"skip", "kill", "killnowait"};
static const char *const role_words[] = {"publisher", "subscriber", "caller", "callee"};

static const struct layout *layout_of(uint64_t code)
{
    return code < array_count(layouts) && layouts[code].name != NULL ? &layouts[code] : NULL;
}

const char *message_name(uint64_t code)
{
    const struct layout *layout = layout_of(code);
    return layout == NULL ? NULL : layout->name;
}

bool message_is_from_router(enum message_code code)
{
    const struct layout *layout = layout_of(code);
    return layout != NULL && layout->sender == SENDER_ROUTER;
}

void message_reader_init(struct message_reader *reader, struct mem *mem, unsigned depth_details,
                         unsigned depth_payload)
{
    check(depth_details <= depth_payload && depth_payload <= DEPTH_MAX);
    reader->depth_details = depth_details;
    reader->depth_payload = depth_payload;
    reader->fault = NULL;
    buf_init(&reader->scratch, mem, 64 * 1024 * 1024);
}

void message_reader_fini(struct message_reader *reader)
{
    buf_fini(&reader->scratch);
}

static bool fault(struct message_reader *reader, const char *words)
{
    if (reader->fault == NULL) {
        reader->fault = words;
    }
    return false;
}

/* The text of a string token; decoded text goes to scratch, whose room was made for the whole
 * message beforehand, so that earlier views stay where they are. */
static bool text_of(struct message_reader *reader, const struct token *token, struct bytes *text)
{
    if (token->kind != TOKEN_STRING) {
        return false;
    }
    if (likely(token->plain)) {
        *text = token->bytes;
        return true;
    }
    /* Decoded text is shorter than its encoding: the first room is enough for all of a message. */
    struct buf *scratch = &reader->scratch;
    if (!buf_reserve(scratch, reader->octets_size - scratch->size)) {
        return false;
    }
    long size = token_text(token, scratch->at + scratch->size);
    if (size < 0) {
        return false;
    }
    *text = bytes_make(scratch->at + scratch->size, (size_t)size);
    scratch->size += (size_t)size;
    return true;
}

/* A short hash of a key; equal hashes of different keys would only refuse a dict with two keys
 * that collide in 64 bits. */
static uint64_t key_hash(struct bytes key)
{
    uint64_t hash = key.size * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < key.size; i++) {
        hash = (hash ^ key.at[i]) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    return hash;
}

static bool key_is_new(struct message_reader *reader, size_t count, struct bytes key)
{
    if (count >= MESSAGE_KEYS_MAX) {
        return false;
    }
    uint64_t hash = key_hash(key);
    for (size_t i = 0; i < count; i++) {
        if (reader->keys[i] == hash) {
            return false;
        }
    }
    reader->keys[count] = hash;
    return true;
}

/* Index of the word that the token's text is, or -1. */
static int word_index(const struct token *token, const char *const *words, size_t count)
{
    if (token->kind != TOKEN_STRING) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (token_is(token, words[i])) {
            return (int)i;
        }
    }
    return -1;
}

/* The rest of the value whose first token has been read: only containers have a rest. */
static bool rest_skip(struct reader *walk, const struct token *first)
{
    if (first->kind != TOKEN_ARRAY && first->kind != TOKEN_MAP) {
        return first->kind != TOKEN_END;
    }
    struct bytes range;
    int status;
    while ((status = reader_skip(walk, &range)) == 1) {
    }
    return status == 0;
}

/* The next token of the head, where CBOR's tags have no place. */
static bool head_next(struct reader *walk, struct token *token)
{
    return reader_next(walk, token) == 1 && !token->tagged;
}

/* A list whose items are all of the type that its attribute wants. */
static bool list_read(struct message_reader *reader, struct reader *walk, enum attribute_type type,
                      struct message *message)
{
    for (;;) {
        struct token item;
        if (!head_next(walk, &item)) {
            return false;
        }
        if (item.kind == TOKEN_END) {
            return true;
        }
        if (type == TYPE_IDS) {
            if (item.kind != TOKEN_UINT || item.uint < 1 || item.uint > ID_MAX) {
                return fault(reader, "a list of session ids holds something else");
            }
        } else if (type == TYPE_DICTS) {
            if (item.kind != TOKEN_MAP || !rest_skip(walk, &item)) {
                return fault(reader, "a list of dicts holds something else");
            }
        } else {
            if (item.kind != TOKEN_STRING) {
                return fault(reader, "a list of strings holds something else");
            }
            if (type == TYPE_METHODS && token_is(&item, "anonymous")) {
                message->method_anonymous = true;
            }
        }
    }
}

/* features: a dict whose values are booleans. */
static bool features_read(struct message_reader *reader, struct reader *walk)
{
    for (;;) {
        struct token key;
        struct token value;
        if (!head_next(walk, &key)) {
            return false;
        }
        if (key.kind == TOKEN_END) {
            return true;
        }
        if (key.kind != TOKEN_STRING || !head_next(walk, &value) || value.kind != TOKEN_BOOL) {
            return fault(reader, "a feature is not a boolean");
        }
    }
}

static bool role_read(struct message_reader *reader, struct reader *walk)
{
    for (;;) {
        struct token key;
        struct token value;
        if (!head_next(walk, &key)) {
            return false;
        }
        if (key.kind == TOKEN_END) {
            return true;
        }
        if (key.kind != TOKEN_STRING || !head_next(walk, &value)) {
            return fault(reader, "a role is not a dict with string keys");
        }
        bool features = token_is(&key, "features");
        if (features && value.kind != TOKEN_MAP) {
            return fault(reader, "features is not a dict");
        }
        if (!(features ? features_read(reader, walk) : rest_skip(walk, &value))) {
            return false;
        }
    }
}

static bool roles_read(struct message_reader *reader, struct reader *walk, struct message *message)
{
    for (;;) {
        struct token key;
        struct token value;
        if (!head_next(walk, &key)) {
            return false;
        }
        if (key.kind == TOKEN_END) {
            return true;
        }
        int role = word_index(&key, role_words, array_count(role_words));
        if (!head_next(walk, &value) || value.kind != TOKEN_MAP || role < 0) {
            return fault(reader, "roles holds something that is not a client's role");
        }
        if ((message->roles & (1U << role)) != 0) {
            return fault(reader, "a role is named twice");
        }
        message->roles |= (uint8_t)(1U << role);
        if (!role_read(reader, walk)) {
            return false;
        }
    }
}

static bool word_read(const struct token *token, const struct attribute *attribute,
                      struct message *message)
{
    int word;
    if (attribute->type == TYPE_MATCH) {
        word = word_index(token, match_words, array_count(match_words));
        message->match = word < 0 ? MATCH_EXACT : (enum match_kind)word;
    } else if (attribute->type == TYPE_INVOKE) {
        word = word_index(token, invoke_words, array_count(invoke_words));
        message->invoke = word < 0 ? INVOKE_SINGLE : (enum invoke_policy)word;
    } else {
        word = word_index(token, mode_words, array_count(mode_words));
    }
    return word >= 0;
}

static void bool_store(struct message *message, enum attribute_slot slot, bool value)
{
    if (slot == SLOT_acknowledge) {
        message->acknowledge = value;
    } else if (slot == SLOT_exclude_me) {
        message->exclude_me = value;
    } else if (slot == SLOT_progress) {
        message->progress = value;
    }
}

static bool string_store(struct message_reader *reader, const struct token *token,
                         enum attribute_slot slot, struct message *message)
{
    if (token->kind != TOKEN_STRING) {
        return false;
    }
    if (slot == SLOT_ppt) {
        message->ppt = token->bytes.size > 0;
    }
    return slot != SLOT_authid || text_of(reader, token, &message->authid);
}

/* The value of a known attribute, judged by its type. */
static bool value_read(struct message_reader *reader, struct reader *walk,
                       const struct attribute *attribute, const struct token *value,
                       struct message *message)
{
    switch (attribute->type) {
    case TYPE_BOOL:
        bool_store(message, attribute->slot, value->boolean);
        return value->kind == TOKEN_BOOL;
    case TYPE_UINT:
        return value->kind == TOKEN_UINT && value->uint <= ID_MAX;
    case TYPE_STRING:
        return string_store(reader, value, attribute->slot, message);
    case TYPE_DICT:
        return value->kind == TOKEN_MAP && rest_skip(walk, value);
    case TYPE_METHODS:
        message->methods_given = true;
        return value->kind == TOKEN_ARRAY && list_read(reader, walk, TYPE_METHODS, message);
    case TYPE_IDS:
    case TYPE_STRINGS:
    case TYPE_DICTS:
        return value->kind == TOKEN_ARRAY && list_read(reader, walk, attribute->type, message);
    case TYPE_MATCH:
    case TYPE_INVOKE:
    case TYPE_MODE:
        return word_read(value, attribute, message);
    case TYPE_ROLES:
        return value->kind == TOKEN_MAP && roles_read(reader, walk, message);
    }
    return false;
}

static const struct attribute *attribute_find(enum message_code code, struct bytes key)
{
    for (size_t i = 0; i < array_count(attributes); i++) {
        if (attributes[i].code == code && bytes_equal_text(key, attributes[i].name)) {
            return &attributes[i];
        }
    }
    return NULL;
}

/* JavaScript's undefined, as unmodified wampy writes options that it was not given: absent. CBOR
 * has a value for it, which a token does not tell from null; MessagePack encoders use an ext. */
static bool value_is_undefined(const struct reader *walk, const struct token *value)
{
    return value->kind == TOKEN_EXT ||
           (value->kind == TOKEN_NULL && walk->serializer == SERIALIZER_CBOR &&
            walk->at[-1] == 0xf7);
}

static bool dict_read(struct message_reader *reader, struct reader *walk, struct message *message)
{
    struct token token;
    if (!head_next(walk, &token) || token.kind != TOKEN_MAP) {
        return fault(reader, "options or details is not a dict");
    }
    for (size_t count = 0;; count++) {
        struct bytes key;
        if (!head_next(walk, &token)) {
            return false;
        }
        if (token.kind == TOKEN_END) {
            return true;
        }
        if (!text_of(reader, &token, &key)) {
            return fault(reader, "a key of options or details is not a string");
        }
        if (!key_is_new(reader, count, key)) {
            return fault(reader, "a key of options or details stands twice");
        }
        const struct attribute *attribute = attribute_find(message->code, key);
        if (reader_next(walk, &token) != 1 || (token.tagged && attribute != NULL)) {
            return fault(reader, "an option or detail is malformed");
        }
        if (attribute == NULL || value_is_undefined(walk, &token)) {
            if (!rest_skip(walk, &token)) {
                return false;
            }
        } else if (!value_read(reader, walk, attribute, &token, message)) {
            return fault(reader, "an option or detail has the wrong type or value");
        }
    }
}

/* A float is not an id, with one exception: the CBOR encoder of unmodified wampy has no integers
 * above 2^32 and writes such ids, which it was given as integers, as floats of the same value. */
static bool number_is_wide_float(const struct reader *walk, struct token *token)
{
    if (walk->serializer != SERIALIZER_CBOR || token->kind != TOKEN_FLOAT ||
        !(token->number > 4294967295.0 && token->number <= (double)ID_MAX)) {
        return false;
    }
    uint64_t number = (uint64_t)token->number;
    if ((double)number < token->number) {
        return false;
    }
    token->kind = TOKEN_UINT;
    token->uint = number;
    return true;
}

static bool number_read(struct message_reader *reader, struct reader *walk, uint64_t least,
                        struct message *message, uint64_t *number)
{
    struct token token;
    bool given = number == &message->id; /* an id that we gave out, not one of its own counting */
    bool read = head_next(walk, &token) &&
                (token.kind == TOKEN_UINT || (given && number_is_wide_float(walk, &token)));
    if (!read || token.uint < least || token.uint > ID_MAX) {
        return fault(reader, "an id is not an integer from 1 to 2^53");
    }
    *number = token.uint;
    return true;
}

static bool field_read(struct message_reader *reader, struct reader *walk, char field,
                       struct message *message)
{
    struct token token;
    switch (field) {
    case 'i':
        return number_read(reader, walk, 1, message,
                           message->request == 0 ? &message->request : &message->id);
    case 't':
        return number_read(reader, walk, 0, message, &message->request_type);
    case 'd':
        walk->depth_max = (uint16_t)reader->depth_details;
        if (!dict_read(reader, walk, message)) {
            return fault(reader, "options or details is malformed");
        }
        walk->depth_max = (uint16_t)reader->depth_payload;
        return true;
    default:
        if (!head_next(walk, &token) || !text_of(reader, &token, &message->uri)) {
            return fault(reader, "a URI is not a string");
        }
        return true;
    }
}

/* Whether an encoded value, known to be well-formed, is a list or a dict. */
static bool value_is(enum serializer serializer, struct bytes value, bool list)
{
    uint8_t first = value.at[0];
    switch (serializer) {
    case SERIALIZER_JSON:
        return first == (list ? '[' : '{');
    case SERIALIZER_MSGPACK:
        return list ? ((first & 0xf0) == 0x90 || first == 0xdc || first == 0xdd)
                    : ((first & 0xf0) == 0x80 || first == 0xde || first == 0xdf);
    case SERIALIZER_CBOR:
        return (first & 0xe0) == (list ? 0x80 : 0xa0);
    }
    return false;
}

/* Arguments and ArgumentsKw, and the end of the message. */
static bool payload_read(struct message_reader *reader, struct reader *walk, bool allowed,
                         struct message *message)
{
    struct bytes value;
    struct bytes *const places[] = {&message->args, &message->kwargs};
    for (size_t i = 0; i <= array_count(places); i++) {
        int status = reader_skip(walk, &value);
        if (status < 0) {
            return fault(reader, "malformed");
        }
        if (status == 0) {
            struct token end;
            return reader_next(walk, &end) == 0 || fault(reader, "octets behind the message");
        }
        if (!allowed || i == array_count(places)) {
            return fault(reader, "too many elements");
        }
        if (!value_is(message->serializer, value, i == 0)) {
            return fault(reader, i == 0 ? "Arguments is not a list" : "ArgumentsKw is not a dict");
        }
        *places[i] = value;
    }
    return false;
}

bool message_read(struct message_reader *reader, enum serializer serializer, struct bytes octets,
                  struct message *message)
{
    struct reader walk;
    struct token token;
    reader_init(&walk, serializer, octets, reader->depth_payload);
    reader->fault = NULL;
    reader->octets_size = octets.size;
    buf_reset(&reader->scratch);
    memset(message, 0, sizeof *message);
    message->serializer = serializer;
    message->exclude_me = true;
    if (!head_next(&walk, &token) || token.kind != TOKEN_ARRAY) {
        return fault(reader, "not a list");
    }
    if (!head_next(&walk, &token) || token.kind != TOKEN_UINT) {
        return fault(reader, "no message code");
    }
    const struct layout *layout = layout_of(token.uint);
    if (layout == NULL) {
        return fault(reader, "unknown message code");
    }
    message->code = (enum message_code)token.uint;
    if (layout->sender == SENDER_ROUTER) {
        return fault(reader, "a message that only a router sends");
    }
    for (const char *field = layout->fields; *field != '\0'; field++) {
        if (!field_read(reader, &walk, *field, message)) {
            return fault(reader, "too few elements");
        }
    }
    return payload_read(reader, &walk, layout->payload != 0, message);
}
