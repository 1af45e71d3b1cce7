#include "client/inbound.h"

/* One row per message that a router may send. What stands in a layout, each for one element:
 *   i id   t integer   d dictionary   u text   o dictionary, may be missing
 *   p list and then dictionary, both may be missing (always last) */

struct layout {
    enum wamp_code code;
    const char *elements;
    bool zero_id; /* 0 may stand for the first id: a revocation */
};

static const struct layout layouts[] = {
    {WAMP_WELCOME, "id", false},      {WAMP_ABORT, "dup", false},
    {WAMP_CHALLENGE, "ud", false},    {WAMP_GOODBYE, "du", false},
    {WAMP_ERROR, "tidup", false},     {WAMP_PUBLISHED, "ii", false},
    {WAMP_SUBSCRIBED, "ii", false},   {WAMP_UNSUBSCRIBED, "io", true},
    {WAMP_EVENT, "iidp", false},      {WAMP_RESULT, "idp", false},
    {WAMP_REGISTERED, "ii", false},   {WAMP_UNREGISTERED, "io", true},
    {WAMP_INVOCATION, "iidp", false}, {WAMP_INTERRUPT, "id", false},
};

void inbound_init(struct inbound *inbound, struct mem *mem)
{
    *inbound = (struct inbound){0};
    buf_init(&inbound->text, mem, UINT32_MAX);
}

void inbound_fini(struct inbound *inbound)
{
    buf_fini(&inbound->text);
}

bool inbound_is(enum serializer serializer, struct bytes value, enum token_kind kind)
{
    struct reader reader;
    struct token token;
    struct bytes range;
    reader_init(&reader, serializer, value, DEPTH_MAX);
    if (reader_next(&reader, &token) != 1 || token.kind != kind) {
        return false;
    }
    reader_init(&reader, serializer, value, DEPTH_MAX);
    return reader_skip(&reader, &range) == 1 && reader_next(&reader, &token) == 0;
}

bool inbound_at(enum serializer serializer, struct bytes dictionary, const char *key,
                struct bytes *value)
{
    struct reader reader;
    struct token token;
    if (dictionary.size == 0) {
        return false;
    }
    reader_init(&reader, serializer, dictionary, DEPTH_MAX);
    if (reader_next(&reader, &token) != 1 || token.kind != TOKEN_MAP) {
        return false;
    }
    while (reader_next(&reader, &token) == 1 && token.kind != TOKEN_END) {
        bool found = token.kind == TOKEN_STRING && token_is(&token, key);
        if (reader_skip(&reader, value) != 1 || found) {
            return found;
        }
    }
    return false;
}

int inbound_find(enum serializer serializer, struct bytes dictionary, const char *key,
                 struct token *token)
{
    struct reader reader;
    struct bytes value;
    if (!inbound_at(serializer, dictionary, key, &value)) {
        return 0;
    }
    reader_init(&reader, serializer, value, DEPTH_MAX);
    return reader_next(&reader, token) == 1;
}

static const char *inbound_text(struct inbound *inbound, const struct token *token)
{
    if (token->kind != TOKEN_STRING) {
        return "text is missing";
    }
    inbound->uri = token->bytes;
    if (token->plain || token->bytes.size == 0) {
        return NULL;
    }
    buf_reset(&inbound->text);
    if (!buf_reserve(&inbound->text, token->bytes.size)) {
        return "no memory for a text";
    }
    long size = token_text(token, inbound->text.at);
    if (size < 0) {
        return "a text is broken";
    }
    inbound->uri = bytes_make(inbound->text.at, (size_t)size);
    return NULL;
}

static const char *inbound_container(struct reader *reader, enum token_kind kind,
                                     struct bytes *range, bool *end)
{
    int found = reader_skip(reader, range);
    *end = found == 0;
    if (found < 0) {
        return "not well-formed";
    }
    if (found == 0) {
        return NULL;
    }
    struct reader first; /* of a value that has just been walked */
    struct token token;
    reader_init(&first, reader->serializer, *range, DEPTH_MAX);
    return reader_next(&first, &token) == 1 && token.kind == kind
               ? NULL
               : "a list or dictionary is missing";
}

/* A list that may be missing, then a dictionary that may be missing, then the end. */
static const char *inbound_payload(struct inbound *inbound, struct reader *reader, bool *end)
{
    const char *why = inbound_container(reader, TOKEN_ARRAY, &inbound->args, end);
    if (why == NULL && !*end) {
        why = inbound_container(reader, TOKEN_MAP, &inbound->kwargs, end);
    } else {
        inbound->args = bytes_make(NULL, 0);
    }
    if (*end) {
        inbound->kwargs = bytes_make(NULL, 0);
    }
    return why;
}

static const char *inbound_element(struct inbound *inbound, struct reader *reader, char element,
                                   unsigned *ids, bool *end)
{
    struct token token;
    switch (element) {
    case 'd':
    case 'o': {
        const char *why = inbound_container(reader, TOKEN_MAP, &inbound->details, end);
        if (*end) {
            inbound->details = bytes_make(NULL, 0);
            return element == 'o' ? NULL : "an element is missing";
        }
        return why;
    }
    case 'p':
        return inbound_payload(inbound, reader, end);
    default:
        break;
    }
    if (reader_next(reader, &token) != 1) {
        return "not well-formed";
    }
    if (element == 'u') {
        return inbound_text(inbound, &token);
    }
    if (token.kind != TOKEN_UINT || (element == 'i' && token.uint > WAMP_ID_MAX)) {
        return "an id is missing or out of range";
    }
    if (element == 't') {
        inbound->type = token.uint;
    } else {
        inbound->id[(*ids)++] = token.uint;
    }
    return NULL;
}

static const struct layout *inbound_layout(uint64_t code)
{
    for (size_t i = 0; i < array_count(layouts); i++) {
        if (layouts[i].code == code) {
            return &layouts[i];
        }
    }
    return NULL;
}

static bool inbound_ids_fit(const struct inbound *inbound, const struct layout *layout,
                            unsigned ids)
{
    for (unsigned i = 0; i < ids; i++) {
        if (inbound->id[i] == 0 && !(i == 0 && layout->zero_id)) {
            return false;
        }
    }
    return true;
}

const char *inbound_read(struct inbound *inbound, enum serializer serializer, struct bytes message)
{
    struct reader reader;
    struct token token;
    unsigned ids = 0;
    bool end = false;
    struct buf text = inbound->text;
    *inbound = (struct inbound){.text = text};
    reader_init(&reader, serializer, message, DEPTH_MAX);
    if (reader_next(&reader, &token) != 1 || token.kind != TOKEN_ARRAY) {
        return "not a list";
    }
    if (reader_next(&reader, &token) != 1 || token.kind != TOKEN_UINT) {
        return "the code is missing";
    }
    const struct layout *layout = inbound_layout(token.uint);
    inbound->code = token.uint;
    if (layout == NULL) {
        return "no message that a router sends has this code";
    }
    for (const char *element = layout->elements; *element != '\0' && !end; element++) {
        const char *why = inbound_element(inbound, &reader, *element, &ids, &end);
        if (why != NULL) {
            return why;
        }
    }
    if (!end && (reader_next(&reader, &token) != 1 || token.kind != TOKEN_END)) {
        return "too many elements";
    }
    if (reader_next(&reader, &token) != 0) {
        return "octets follow the message";
    }
    return inbound_ids_fit(inbound, layout, ids) ? NULL : "an id is 0";
}
