/* Pattern and text are walked side by side; dicts are compared key by key, whatever their order. */
#include "tests/lib/talk_json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 200, STRING_MAX = 70000 };

struct walk {
    const char *at;
};

const char *talk_variable_get(const struct talk_variables *variables, const char *name)
{
    for (unsigned i = 0; i < variables->count; i++) {
        if (strcmp(variables->each[i].name, name) == 0) {
            return variables->each[i].value;
        }
    }
    return NULL;
}

void talk_variable_set(struct talk_variables *variables, const char *name, const char *value)
{
    struct talk_variable *variable = NULL;
    for (unsigned i = 0; i < variables->count; i++) {
        if (strcmp(variables->each[i].name, name) == 0) {
            variable = &variables->each[i];
        }
    }
    if (variable == NULL) {
        check(variables->count < TALK_VARIABLES);
        variable = &variables->each[variables->count++];
    }
    snprintf(variable->name, sizeof variable->name, "%s", name);
    snprintf(variable->value, sizeof variable->value, "%s", value);
}

static void blank_skip(struct walk *walk)
{
    while (*walk->at == ' ' || *walk->at == '\t' || *walk->at == '\n' || *walk->at == '\r') {
        walk->at++;
    }
}

static bool sign_take(struct walk *walk, char sign)
{
    blank_skip(walk);
    if (*walk->at != sign) {
        return false;
    }
    walk->at++;
    return true;
}

static bool dots_take(struct walk *walk)
{
    blank_skip(walk);
    if (strncmp(walk->at, "...", 3) != 0) {
        return false;
    }
    walk->at += 3;
    return true;
}

/* ---- strings: compared decoded, but escapes of surrogates stay as they are written */

static size_t utf8_put(char *to, unsigned long code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    to[0] = (char)(0xe0 | code >> 12);
    to[1] = (char)(0x80 | (code >> 6 & 0x3f));
    to[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

static size_t escape_decode(struct walk *walk, char *to)
{
    static const char plain[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char *found = *walk->at == '\0' ? NULL : strchr(plain, *walk->at);
    if (found != NULL) {
        walk->at++;
        to[0] = meant[found - plain];
        return 1;
    }
    char digits[5] = {0};
    for (unsigned i = 0; i < 4 && *walk->at != '\0' && walk->at[1] != '\0'; i++) {
        digits[i] = walk->at[1 + i];
    }
    walk->at += 5;
    return utf8_put(to, strtoul(digits, NULL, 16));
}

/* The string at walk, decoded; its size, or -1. */
static long string_take(struct walk *walk, char *to)
{
    size_t size = 0;
    if (!sign_take(walk, '"')) {
        return -1;
    }
    while (*walk->at != '"') {
        if (*walk->at == '\0' || size + 4 > STRING_MAX) {
            return -1;
        }
        char sign = *walk->at++;
        if (sign == '\\') {
            size += escape_decode(walk, to + size);
        } else {
            to[size++] = sign;
        }
    }
    walk->at++;
    return (long)size;
}

static bool string_skip(struct walk *walk)
{
    if (!sign_take(walk, '"')) {
        return false;
    }
    while (*walk->at != '"') {
        if (*walk->at == '\0') {
            return false;
        }
        walk->at += *walk->at == '\\' && walk->at[1] != '\0' ? 2 : 1;
    }
    walk->at++;
    return true;
}

static bool strings_equal(struct walk *pattern, struct walk *json)
{
    char *wanted = malloc(2 * STRING_MAX);
    check(wanted != NULL);
    char *heard = wanted + STRING_MAX;
    long wanted_size = string_take(pattern, wanted);
    long heard_size = string_take(json, heard);
    bool equal = wanted_size >= 0 && wanted_size == heard_size &&
                 memcmp(wanted, heard, (size_t)wanted_size) == 0;
    free(wanted);
    return equal;
}

/* ~N against a string. */
static bool filling_equal(struct walk *pattern, struct walk *json)
{
    char *end;
    unsigned long count = strtoul(pattern->at + 1, &end, 10);
    pattern->at = end;
    blank_skip(json);
    const char *start = json->at;
    if (!string_skip(json) || (size_t)(json->at - start) != count + 2) {
        return false;
    }
    return strspn(start + 1, "x") == count;
}

/* ---- values that are skipped whole */

static size_t word_size(const char *at)
{
    size_t size = 0;
    while (isalnum((unsigned char)at[size]) || at[size] == '-' || at[size] == '+' ||
           at[size] == '.') {
        size++;
    }
    return size;
}

/* Skips one value of well-formed JSON. */
static bool value_skip(struct walk *walk)
{
    unsigned depth = 0;
    do {
        blank_skip(walk);
        char sign = *walk->at;
        if (sign == '[' || sign == '{') {
            depth++;
            walk->at++;
        } else if (sign == ']' || sign == '}') {
            depth--;
            walk->at++;
        } else if (sign == ',' || sign == ':') {
            walk->at++;
        } else if (sign == '"') {
            if (!string_skip(walk)) {
                return false;
            }
        } else {
            size_t size = word_size(walk->at);
            if (size == 0) {
                return false;
            }
            walk->at += size;
        }
    } while (depth > 0);
    return true;
}

static bool variable_equal(struct walk *pattern, struct walk *json,
                           struct talk_variables *variables)
{
    char name[TALK_NAME] = {0};
    char value[TALK_VALUE] = {0};
    pattern->at++;
    size_t size = 0;
    while (isalnum((unsigned char)*pattern->at) || *pattern->at == '_') {
        check(size + 1 < sizeof name);
        name[size++] = *pattern->at++;
    }
    blank_skip(json);
    const char *start = json->at;
    if (!value_skip(json) || (size_t)(json->at - start) >= sizeof value) {
        return false;
    }
    memcpy(value, start, (size_t)(json->at - start));
    const char *bound = talk_variable_get(variables, name);
    if (bound == NULL) {
        talk_variable_set(variables, name, value);
        return true;
    }
    return strcmp(bound, value) == 0;
}

static bool word_is_real(const char *at, size_t size)
{
    return memchr(at, '.', size) != NULL || memchr(at, 'e', size) != NULL ||
           memchr(at, 'E', size) != NULL;
}

static bool words_equal(struct walk *pattern, struct walk *json)
{
    const char *wanted = pattern->at;
    const char *heard = json->at;
    size_t wanted_size = word_size(wanted);
    size_t heard_size = word_size(heard);
    pattern->at += wanted_size;
    json->at += heard_size;
    if (wanted_size == 0 || heard_size == 0) {
        return false;
    }
    if (wanted_size == heard_size && memcmp(wanted, heard, heard_size) == 0) {
        return true;
    }
    bool numbers = (isdigit((unsigned char)*wanted) || *wanted == '-') &&
                   (isdigit((unsigned char)*heard) || *heard == '-');
    if (!numbers || !word_is_real(wanted, wanted_size) || !word_is_real(heard, heard_size)) {
        return false;
    }
    double a = strtod(wanted, NULL);
    double b = strtod(heard, NULL);
    return memcmp(&a, &b, sizeof a) == 0;
}

/* ---- containers */

static bool value_match(struct walk *pattern, struct walk *json, struct talk_variables *variables,
                        unsigned depth);

static bool list_match(struct walk *pattern, struct walk *json, struct talk_variables *variables,
                       unsigned depth)
{
    pattern->at++;
    if (!sign_take(json, '[')) {
        return false;
    }
    for (bool first = true;; first = false) {
        if (sign_take(pattern, ']')) {
            return sign_take(json, ']');
        }
        if (!first && !sign_take(pattern, ',')) {
            return false;
        }
        if (dots_take(pattern)) {
            while (!sign_take(json, ']')) {
                sign_take(json, ',');
                if (!value_skip(json)) {
                    return false;
                }
            }
            return sign_take(pattern, ']');
        }
        blank_skip(json);
        if (*json->at == ']' || (!first && !sign_take(json, ',')) ||
            !value_match(pattern, json, variables, depth + 1)) {
            return false;
        }
    }
}

/* The value of a dict's key; json stands at the dict. The number of its entries is counted. */
static bool key_find(struct walk json, const struct walk *key, struct walk *value, unsigned *count)
{
    bool found = false;
    *count = 0;
    if (!sign_take(&json, '{')) {
        return false;
    }
    while (!sign_take(&json, '}')) {
        sign_take(&json, ',');
        blank_skip(&json);
        struct walk wanted = *key;
        struct walk entry = json;
        bool equal = key->at != NULL && strings_equal(&wanted, &entry);
        if (!string_skip(&json) || !sign_take(&json, ':')) {
            return false;
        }
        if (equal) {
            *value = json;
            found = true;
        }
        (*count)++;
        if (!value_skip(&json)) {
            return false;
        }
    }
    return found;
}

static bool dict_match(struct walk *pattern, struct walk *json, struct talk_variables *variables,
                       unsigned depth)
{
    static const struct walk nothing;
    unsigned wanted = 0;
    unsigned count = 0;
    bool more = false;
    struct walk value;
    blank_skip(json);
    if (*json->at != '{') {
        return false;
    }
    pattern->at++;
    while (!sign_take(pattern, '}')) {
        if ((wanted > 0 || more) && !sign_take(pattern, ',')) {
            return false;
        }
        if (dots_take(pattern)) {
            more = true;
            continue;
        }
        blank_skip(pattern);
        struct walk key = *pattern;
        if (!string_skip(pattern) || !sign_take(pattern, ':') ||
            !key_find(*json, &key, &value, &count) ||
            !value_match(pattern, &value, variables, depth + 1)) {
            return false;
        }
        wanted++;
    }
    key_find(*json, &nothing, &value, &count);
    return (more || wanted == count) && value_skip(json);
}

static bool value_match(struct walk *pattern, struct walk *json, struct talk_variables *variables,
                        unsigned depth)
{
    blank_skip(pattern);
    blank_skip(json);
    if (depth > DEPTH_MAX) {
        return false;
    }
    switch (*pattern->at) {
    case '*':
        pattern->at++;
        return value_skip(json);
    case '$':
        return variable_equal(pattern, json, variables);
    case '~':
        return filling_equal(pattern, json);
    case '"':
        return strings_equal(pattern, json);
    case '[':
        return list_match(pattern, json, variables, depth);
    case '{':
        return dict_match(pattern, json, variables, depth);
    default:
        return words_equal(pattern, json);
    }
}

bool talk_match(const char *pattern, const char *json, struct talk_variables *variables)
{
    struct talk_variables *bound = malloc(sizeof *bound);
    check(bound != NULL);
    *bound = *variables;
    struct walk wanted = {pattern};
    struct walk heard = {json};
    bool match = value_match(&wanted, &heard, bound, 0);
    blank_skip(&wanted);
    blank_skip(&heard);
    match = match && *wanted.at == '\0' && *heard.at == '\0';
    if (match) {
        *variables = *bound;
    }
    free(bound);
    return match;
}

/* ---- what is said */

static bool expand_variable(FILE *out, const char **at, const struct talk_variables *variables)
{
    char name[TALK_NAME] = {0};
    size_t size = 0;
    (*at)++;
    while (isalnum((unsigned char)**at) || **at == '_') {
        check(size + 1 < sizeof name);
        name[size++] = *(*at)++;
    }
    const char *value = talk_variable_get(variables, name);
    if (value != NULL) {
        fputs(value, out);
    }
    return value != NULL;
}

static void expand_filling(FILE *out, const char **at)
{
    char *end;
    unsigned long count = strtoul(*at + 1, &end, 10);
    *at = end;
    fputc('"', out);
    for (unsigned long i = 0; i < count; i++) {
        fputc('x', out);
    }
    fputc('"', out);
}

char *talk_expand(const char *text, const struct talk_variables *variables)
{
    char *expanded = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&expanded, &size);
    check(out != NULL);
    bool good = true;
    bool in_string = false;
    for (const char *at = text; *at != '\0' && good;) {
        if (!in_string && *at == '$') {
            good = expand_variable(out, &at, variables);
        } else if (!in_string && *at == '~') {
            expand_filling(out, &at);
        } else {
            if (in_string && *at == '\\' && at[1] != '\0') {
                fputc(*at++, out);
            } else if (*at == '"') {
                in_string = !in_string;
            }
            fputc(*at++, out);
        }
    }
    fclose(out);
    if (!good) {
        free(expanded);
        return NULL;
    }
    return expanded;
}
