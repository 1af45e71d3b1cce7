/* Any octets as a message in each serializer: message_read takes it if, and only if, a plain check
 * over the message as a tree does; what it then says is what the tree says, and every view lies in
 * the input or in the reader's scratch. Half of the inputs are JSON text that is written anew in
 * another serializer first: that gets deeper than octets that must hit counts by luck.
 *
 * The first octet: 2 bits serializer, 1 bit "from JSON", 1 bit shallow depths. */
#include "common/heap.h"
#include "common/message.h"
#include "common/transcode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES = 4096 };

struct node {
    enum token_kind kind;
    bool tagged;
    bool boolean;
    bool absent; /* JavaScript's undefined, as an option */
    bool wide;   /* a CBOR float that is an integer above 2^32: may be an id that a router gave */
    uint64_t uint;
    uint8_t *text; /* of a string, decoded */
    size_t size;
    unsigned depth; /* of containers, this one too */
    unsigned end;   /* index behind the last of its inside */
};

struct tree {
    struct node nodes[NODES];
    unsigned count;
    bool broken;
    bool large; /* more nodes than there is room for: no opinion */
};

static struct tree tree;
static const char *const types[] = {
#define ATTRIBUTE(message, name, type, slot) #type,
#include "common/attribute.def"
#undef ATTRIBUTE
};
static const char *const names[] = {
#define ATTRIBUTE(message, name, type, slot) #name,
#include "common/attribute.def"
#undef ATTRIBUTE
};
static const enum message_code codes[] = {
#define ATTRIBUTE(message, name, type, slot) MESSAGE_##message,
#include "common/attribute.def"
#undef ATTRIBUTE
};

static void node_fill(struct node *node, const struct token *token, const struct reader *reader)
{
    bool cbor = reader->serializer == SERIALIZER_CBOR;
    *node = (struct node){.kind = token->kind, .tagged = token->tagged, .boolean = token->boolean};
    node->absent =
        token->kind == TOKEN_EXT || (token->kind == TOKEN_NULL && cbor && reader->at[-1] == 0xf7);
    if (token->kind == TOKEN_UINT) {
        node->uint = token->uint;
    }
    if (cbor && token->kind == TOKEN_FLOAT && token->number > 0xffffffffU &&
        token->number <= (double)ID_MAX) {
        node->uint = (uint64_t)token->number;
        node->wide = (double)node->uint == token->number;
    }
    if (token->kind == TOKEN_STRING) {
        node->text = malloc(token->bytes.size + 1);
        check(node->text != NULL);
        long size = token_text(token, node->text);
        check(size >= 0 && (size_t)size <= token->bytes.size);
        node->size = (size_t)size;
    }
}

static void tree_read(enum serializer serializer, struct bytes octets)
{
    struct reader reader;
    struct token token;
    unsigned open[DEPTH_MAX];
    unsigned depth = 0;
    int status;
    tree.count = 0;
    tree.large = false;
    reader_init(&reader, serializer, octets, DEPTH_MAX);
    while ((status = reader_next(&reader, &token)) == 1) {
        if (token.kind == TOKEN_END) {
            tree.nodes[open[--depth]].end = tree.count;
            continue;
        }
        if (tree.count == NODES) {
            tree.large = true;
            return;
        }
        struct node *node = &tree.nodes[tree.count];
        node_fill(node, &token, &reader);
        if (token.kind == TOKEN_ARRAY || token.kind == TOKEN_MAP) {
            open[depth++] = tree.count;
        }
        node->depth = depth;
        node->end = ++tree.count;
    }
    tree.broken = status < 0;
}

static void tree_free(void)
{
    for (unsigned i = 0; i < tree.count; i++) {
        free(tree.nodes[i].text);
    }
}

static unsigned deepest(unsigned at)
{
    unsigned depth = 0;
    for (unsigned i = at; i < tree.nodes[at].end; i++) {
        bool container = tree.nodes[i].kind == TOKEN_ARRAY || tree.nodes[i].kind == TOKEN_MAP;
        depth = container && tree.nodes[i].depth > depth ? tree.nodes[i].depth : depth;
    }
    return depth;
}

static bool is(unsigned at, enum token_kind kind)
{
    return tree.nodes[at].kind == kind && !tree.nodes[at].tagged;
}

static bool is_text(unsigned at, const char *text)
{
    return is(at, TOKEN_STRING) && tree.nodes[at].size == strlen(text) &&
           memcmp(tree.nodes[at].text, text, tree.nodes[at].size) == 0;
}

static bool is_id(unsigned at)
{
    return is(at, TOKEN_UINT) && tree.nodes[at].uint >= 1 && tree.nodes[at].uint <= ID_MAX;
}

static bool is_one_of(unsigned at, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (is_text(at, *words)) {
            return true;
        }
    }
    return false;
}

static bool all_are(unsigned at, const char *type)
{
    for (unsigned i = at + 1; i < tree.nodes[at].end; i = tree.nodes[i].end) {
        bool good = type[0] == 'I'   ? is_id(i)
                    : type[0] == 'D' ? is(i, TOKEN_MAP)
                                     : is(i, TOKEN_STRING);
        if (!good) {
            return false;
        }
    }
    return is(at, TOKEN_ARRAY);
}

static bool features_fine(unsigned at)
{
    for (unsigned key = at + 1; key < tree.nodes[at].end; key = tree.nodes[key + 1].end) {
        if (!is(key, TOKEN_STRING) || !is(key + 1, TOKEN_BOOL)) {
            return false;
        }
    }
    return is(at, TOKEN_MAP);
}

static bool role_fine(unsigned at)
{
    for (unsigned key = at + 1; key < tree.nodes[at].end; key = tree.nodes[key + 1].end) {
        if (!is(key, TOKEN_STRING) || tree.nodes[key + 1].tagged ||
            (is_text(key, "features") && !features_fine(key + 1))) {
            return false;
        }
    }
    return is(at, TOKEN_MAP);
}

static bool same_text(unsigned a, unsigned b)
{
    return tree.nodes[a].size == tree.nodes[b].size &&
           memcmp(tree.nodes[a].text, tree.nodes[b].text, tree.nodes[a].size) == 0;
}

static bool keys_unique(unsigned at)
{
    unsigned count = 0;
    for (unsigned key = at + 1; key < tree.nodes[at].end; key = tree.nodes[key + 1].end) {
        if (!is(key, TOKEN_STRING) || ++count > MESSAGE_KEYS_MAX) {
            return false;
        }
        for (unsigned other = at + 1; other < key; other = tree.nodes[other + 1].end) {
            if (same_text(key, other)) {
                return false;
            }
        }
    }
    return true;
}

static bool roles_fine(unsigned at)
{
    static const char *const roles[] = {"publisher", "subscriber", "caller", "callee", NULL};
    if (!is(at, TOKEN_MAP)) {
        return false;
    }
    for (unsigned key = at + 1; key < tree.nodes[at].end; key = tree.nodes[key + 1].end) {
        if (!is_one_of(key, roles) || !role_fine(key + 1)) {
            return false;
        }
    }
    return keys_unique(at);
}

static bool value_fine(unsigned at, const char *type)
{
    static const char *const matches[] = {"exact", "prefix", "wildcard", NULL};
    static const char *const invokes[] = {"single", "roundrobin", "random", "first", "last", NULL};
    static const char *const modes[] = {"skip", "kill", "killnowait", NULL};
    if (strcmp(type, "BOOL") == 0) {
        return is(at, TOKEN_BOOL);
    }
    if (strcmp(type, "UINT") == 0) {
        return is(at, TOKEN_UINT) && tree.nodes[at].uint <= ID_MAX;
    }
    if (strcmp(type, "STRING") == 0) {
        return is(at, TOKEN_STRING);
    }
    if (strcmp(type, "DICT") == 0) {
        return is(at, TOKEN_MAP);
    }
    if (strcmp(type, "ROLES") == 0) {
        return roles_fine(at);
    }
    if (strcmp(type, "MATCH") == 0 || strcmp(type, "INVOKE") == 0 || strcmp(type, "MODE") == 0) {
        return is_one_of(at, type[0] == 'I' ? invokes : type[1] == 'A' ? matches : modes);
    }
    return all_are(at, type); /* IDS, STRINGS, DICTS, METHODS */
}

static bool dict_fine(unsigned at, uint64_t code, unsigned depth_details)
{
    if (!is(at, TOKEN_MAP) || deepest(at) > depth_details || !keys_unique(at)) {
        return false;
    }
    for (unsigned key = at + 1; key < tree.nodes[at].end; key = tree.nodes[key + 1].end) {
        for (unsigned i = 0; i < array_count(names); i++) {
            const struct node *value = &tree.nodes[key + 1];
            bool good = !value->tagged && (value->absent || value_fine(key + 1, types[i]));
            if (codes[i] == code && is_text(key, names[i]) && !good) {
                return false;
            }
        }
    }
    return true;
}

static const char *fields_of(uint64_t code, bool *payload, bool *to_router)
{
#define CLIENT true
#define ROUTER false
#define BOTH true
#define MESSAGE(number, name, fields, has_payload, sender)                                         \
    if (code == (number)) {                                                                        \
        *payload = (has_payload) != 0;                                                             \
        *to_router = (sender);                                                                     \
        return fields;                                                                             \
    }
#include "common/message.def"
#undef MESSAGE
    return NULL;
}

static bool payload_fine(unsigned at, unsigned depth)
{
    if (at < tree.count) {
        if (!is(at, TOKEN_ARRAY) || deepest(at) > depth) {
            return false;
        }
        at = tree.nodes[at].end;
    }
    if (at < tree.count) {
        if (!is(at, TOKEN_MAP) || deepest(at) > depth) {
            return false;
        }
        at = tree.nodes[at].end;
    }
    return at == tree.count;
}

/* Whether the tree is a message that a client may send. */
static bool tree_is_message(unsigned depth_details, unsigned depth_payload)
{
    bool payload = false;
    bool to_router = false;
    if (tree.broken || tree.count < 2 || !is(0, TOKEN_ARRAY) || !is(1, TOKEN_UINT)) {
        return false;
    }
    const char *fields = fields_of(tree.nodes[1].uint, &payload, &to_router);
    if (fields == NULL || !to_router) {
        return false;
    }
    unsigned at = 2;
    for (unsigned ids = 0; *fields != '\0'; fields++) {
        if (at >= tree.count) {
            return false;
        }
        ids += *fields == 'i';
        bool wide = ids == 2 && tree.nodes[at].wide && !tree.nodes[at].tagged;
        bool good = *fields == 'i'   ? is_id(at) || wide
                    : *fields == 't' ? is(at, TOKEN_UINT) && tree.nodes[at].uint <= ID_MAX
                    : *fields == 'u' ? is(at, TOKEN_STRING)
                                     : dict_fine(at, tree.nodes[1].uint, depth_details);
        if (!good) {
            return false;
        }
        at = tree.nodes[at].end;
    }
    return payload ? payload_fine(at, depth_payload) : at == tree.count;
}

static bool lies_in(struct bytes view, const uint8_t *at, size_t size)
{
    return view.size == 0 || (view.at >= at && view.at + view.size <= at + size);
}

static void text_checked(const struct message_reader *reader, struct bytes octets,
                         struct bytes view, unsigned node)
{
    check(lies_in(view, octets.at, octets.size) ||
          lies_in(view, reader->scratch.at, reader->scratch.size));
    check(view.size == tree.nodes[node].size);
    check(view.size == 0 || memcmp(view.at, tree.nodes[node].text, view.size) == 0);
}

/* The payload is one value, of as many tokens as the tree has there. */
static void payload_checked(struct bytes octets, const struct message *message, struct bytes view,
                            unsigned node)
{
    struct reader reader;
    struct token token;
    unsigned count = 0;
    if (node >= tree.count) {
        check(view.size == 0);
        return;
    }
    check(view.size > 0 && lies_in(view, octets.at, octets.size));
    reader_init(&reader, message->serializer, view, DEPTH_MAX);
    int status;
    while ((status = reader_next(&reader, &token)) == 1) {
        count += token.kind != TOKEN_END;
    }
    check(status == 0 && count == tree.nodes[node].end - node);
}

/* The value of a known attribute in the dict at a node; 0: not there. */
static unsigned attribute_at(unsigned dict, const char *name)
{
    for (unsigned key = dict + 1; key < tree.nodes[dict].end; key = tree.nodes[key + 1].end) {
        if (is_text(key, name)) {
            return tree.nodes[key + 1].absent ? 0 : key + 1;
        }
    }
    return 0;
}

static void bool_checked(uint64_t code, unsigned dict, const char *name, bool fallback, bool value)
{
    for (unsigned i = 0; i < array_count(names); i++) {
        if (codes[i] == code && strcmp(names[i], name) == 0) {
            unsigned at = attribute_at(dict, name);
            check(value == (at == 0 ? fallback : tree.nodes[at].boolean));
            return;
        }
    }
    check(value == fallback);
}

static void dict_checked(const struct message_reader *reader, struct bytes octets,
                         const struct message *message, unsigned dict)
{
    bool_checked(message->code, dict, "acknowledge", false, message->acknowledge);
    bool_checked(message->code, dict, "exclude_me", true, message->exclude_me);
    bool_checked(message->code, dict, "progress", false, message->progress);
    unsigned at = attribute_at(dict, "authid");
    if (message->code == MESSAGE_HELLO && at != 0) {
        text_checked(reader, octets, message->authid, at);
    }
    at = attribute_at(dict, "match");
    if (at != 0 && (message->code == MESSAGE_SUBSCRIBE || message->code == MESSAGE_REGISTER)) {
        check((message->match == MATCH_PREFIX) == is_text(at, "prefix"));
        check((message->match == MATCH_WILDCARD) == is_text(at, "wildcard"));
    }
}

static void message_checked(const struct message_reader *reader, struct bytes octets,
                            const struct message *message)
{
    bool payload;
    bool to_router;
    uint64_t ids[2] = {0};
    unsigned ids_count = 0;
    unsigned at = 2;
    check(message->code == tree.nodes[1].uint);
    const char *fields = fields_of(message->code, &payload, &to_router);
    for (; *fields != '\0'; fields++) {
        if (*fields == 'i') {
            ids[ids_count++] = tree.nodes[at].uint;
        } else if (*fields == 't') {
            check(message->request_type == tree.nodes[at].uint);
        } else if (*fields == 'u') {
            text_checked(reader, octets, message->uri, at);
        } else {
            dict_checked(reader, octets, message, at);
        }
        at = tree.nodes[at].end;
    }
    check(message->request == ids[0] && message->id == ids[1]);
    payload_checked(octets, message, message->args, at);
    at = at < tree.count ? tree.nodes[at].end : at;
    payload_checked(octets, message, message->kwargs, at);
}

static void judge(struct mem *mem, enum serializer serializer, struct bytes octets, bool shallow)
{
    struct message_reader *reader = mem_take(mem, sizeof *reader);
    struct message message;
    unsigned depth_details = shallow ? 4 : 64;
    unsigned depth_payload = shallow ? 6 : DEPTH_MAX;
    check(reader != NULL);
    message_reader_init(reader, mem, depth_details, depth_payload);
    tree_read(serializer, octets);
    bool read = message_read(reader, serializer, octets, &message);
    check(read || reader->fault != NULL);
    if (!tree.large) {
        check(read == tree_is_message(depth_details, depth_payload));
        if (read) {
            message_checked(reader, octets, &message);
        }
    }
    tree_free();
    message_reader_fini(reader);
    mem_give(mem, reader, sizeof *reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum serializer serializers[] = {SERIALIZER_JSON, SERIALIZER_MSGPACK,
                                                  SERIALIZER_CBOR, SERIALIZER_JSON};
    if (size == 0) {
        return 0;
    }
    struct mem mem;
    struct buf buf;
    struct writer writer;
    struct bytes octets = bytes_make(data + 1, size - 1);
    enum serializer serializer = serializers[data[0] & 3];
    mem_init(&mem, heap_source(), SIZE_MAX / 2);
    buf_init(&buf, &mem, SIZE_MAX / 4);
    writer_init(&writer, serializer, &buf);
    if ((data[0] & 4) == 0) {
        judge(&mem, serializer, octets, (data[0] & 8) != 0);
    } else if (transcode(SERIALIZER_JSON, octets, &writer) && !buf.failed) {
        judge(&mem, serializer, buf_bytes(&buf), (data[0] & 8) != 0);
    }
    buf_fini(&buf);
    check(mem.bytes_used == 0);
    mem_fini(&mem);
    return 0;
}
