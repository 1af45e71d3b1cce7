/* A statement is a person's name and what they do, or one of a few words of its own. */
#include "tests/lib/talk_run.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 24 };

static bool wrong(struct talk_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool wrong(struct talk_run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(run->words, sizeof run->words, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- people */

static struct talk_person *person_find(struct talk_run *run, const char *name)
{
    for (unsigned i = 0; i < run->people_count; i++) {
        if (strcmp(run->people[i].name, name) == 0) {
            return &run->people[i];
        }
    }
    return NULL;
}

/* A name that is used again is a new connection in the old one's place. NULL: it is in use. */
static struct talk_person *person_make(struct talk_run *run, const char *name)
{
    struct talk_person *person = person_find(run, name);
    if (person == NULL) {
        check(run->people_count < TALK_PEOPLE);
        person = &run->people[run->people_count++];
    } else {
        if (person->here && !person->person.gone) {
            return NULL;
        }
        if (person->here) {
            run->maker->leave(run, person);
        }
        person_fini(&person->person);
    }
    memset(person, 0, sizeof *person);
    snprintf(person->name, sizeof person->name, "%s", name);
    return person;
}

struct entrance {
    enum framing framing;
    enum serializer serializer;
    unsigned worker;
    size_t taking; /* bytes that a RawSocket client takes; 0: all */
    char roles[256];
};

static void entrance_default(struct talk_run *run, struct entrance *entrance)
{
    unsigned turn = run->people_count;
    unsigned kind = (unsigned)run->variant.framing * 3 + (unsigned)run->variant.serializer - 1;
    kind = run->variant.mixed ? (kind + turn) % 6 : kind;
    *entrance = (struct entrance){.framing = (enum framing)(kind / 3),
                                  .serializer = (enum serializer)(1 + kind % 3),
                                  .worker = turn % run->variant.workers};
}

static bool entrance_word(struct talk_run *run, struct entrance *entrance, char **words,
                          unsigned count, unsigned *i)
{
    const char *word = words[*i];
    int serializer = talk_word_index(talk_serializer_names, SERIALIZERS, word);
    int framing = talk_word_index(talk_framing_names, FRAMINGS, word);
    if (serializer > 0) {
        entrance->serializer = (enum serializer)serializer;
    } else if (framing >= 0) {
        entrance->framing = (enum framing)framing;
    } else if (strcmp(word, "over") == 0) {
        return true;
    } else if (strcmp(word, "on") == 0 && *i + 2 < count) {
        *i += 2;
        entrance->worker = (unsigned)strtoul(words[*i], NULL, 10) % run->variant.workers;
    } else if (strcmp(word, "taking") == 0 && *i + 1 < count) {
        *i += 1;
        entrance->taking = strtoul(words[*i], NULL, 10);
    } else if (strcmp(word, "as") == 0) {
        while (*i + 1 < count && strcmp(words[*i + 1], "over") != 0 &&
               strcmp(words[*i + 1], "on") != 0) {
            *i += 1;
            size_t used = strlen(entrance->roles);
            snprintf(entrance->roles + used, sizeof entrance->roles - used, "%s\"%s\":{}",
                     used == 0 ? "" : ",", words[*i]);
        }
    } else {
        return wrong(run, "not understood: %s", word);
    }
    return true;
}

static bool person_enter(struct talk_run *run, struct talk_person *person,
                         const struct entrance *entrance)
{
    person_init(&person->person, entrance->framing, entrance->serializer);
    if (entrance->taking != 0 && entrance->framing == FRAMING_RAWSOCKET) {
        unsigned log = 0;
        while (((size_t)512 << log) < entrance->taking) {
            log++;
        }
        person->person.out.at[1] = (uint8_t)(log << 4 | (unsigned)entrance->serializer);
    }
    person->worker = entrance->worker;
    person->fd = -1;
    person->here = true;
    run->maker->enter(run, person);
    return true;
}

/* ---- hearing */

static bool person_heard(struct talk_run *run, const struct talk_person *person)
{
    run->maker->settle(run);
    while (person->person.heard_count == 0 && run->maker->more(run)) {
    }
    return person->person.heard_count > 0;
}

static const char *person_state(const struct talk_person *person)
{
    return person->person.gone      ? " (its connection is closed)"
           : person->person.refused ? " (its handshake was refused)"
           : !person->person.open   ? " (its handshake is not answered)"
                                    : "";
}

static bool do_hear(struct talk_run *run, struct talk_person *person, const char *pattern)
{
    if (!person_heard(run, person)) {
        return wrong(run, "expected %s\n   heard nothing%s", pattern, person_state(person));
    }
    char *json = person_hear(&person->person);
    bool match = talk_match(pattern, json, &run->variables);
    if (!match) {
        char *expected = talk_expand(pattern, &run->variables);
        wrong(run, "expected %.1500s\n   heard %.1500s", expected != NULL ? expected : pattern,
              json);
        free(expected);
    }
    free(json);
    return match;
}

/* Heard among the next messages; the others stay, in their order. */
static bool do_hear_any(struct talk_run *run, struct talk_person *person, const char *pattern)
{
    bool match = false;
    do {
        run->maker->settle(run);
        uint32_t count = person->person.heard_count;
        for (uint32_t i = 0; i < count; i++) {
            char *json = person_hear(&person->person);
            if (!match && talk_match(pattern, json, &run->variables)) {
                match = true;
                free(json);
            } else {
                person_put_back(&person->person, json);
            }
        }
    } while (!match && run->maker->more(run));
    return match || wrong(run, "expected at some time %s\n   and never heard it", pattern);
}

static bool do_hear_nothing(struct talk_run *run, struct talk_person *person)
{
    run->maker->settle(run);
    char *json = person_hear(&person->person);
    if (json != NULL) {
        wrong(run, "expected nothing\n   heard %.1500s", json);
        free(json);
        return false;
    }
    return true;
}

/* ---- what people do */

static bool do_say(struct talk_run *run, struct talk_person *person, const char *text)
{
    char *json = talk_expand(text, &run->variables);
    if (json == NULL) {
        return wrong(run, "a variable is not bound");
    }
    person_say(&person->person, json);
    free(json);
    run->maker->settle(run);
    return true;
}

static bool do_say_octets(struct talk_run *run, struct talk_person *person, const char *text,
                          bool framed)
{
    struct octets octets = {0};
    for (const char *at = text; *at != '\0';) {
        char pair[3] = {0};
        while (*at == ' ' || *at == '"') { /* "" is no octet at all */
            at++;
        }
        if (*at == '\0') {
            break;
        }
        if (!isxdigit((unsigned char)at[0]) || !isxdigit((unsigned char)at[1])) {
            octets_free(&octets);
            return wrong(run, "not hexadecimal");
        }
        memcpy(pair, at, 2);
        uint8_t octet = (uint8_t)strtoul(pair, NULL, 16);
        octets_put(&octets, &octet, 1);
        at += 2;
    }
    if (framed) {
        person_say_octets(&person->person, octets_view(&octets));
    } else {
        octets_put(&person->person.out, octets.at, octets.size);
        person->awkward = true;
    }
    octets_free(&octets);
    run->maker->settle(run);
    return true;
}

static bool do_connect(struct talk_run *run, const char *name, char **words, unsigned count)
{
    struct talk_person *person = person_make(run, name);
    struct entrance entrance;
    if (person == NULL) {
        return wrong(run, "%s is still connected", name);
    }
    entrance_default(run, &entrance);
    for (unsigned i = 0; i < count; i++) {
        if (!entrance_word(run, &entrance, words, count, &i)) {
            return false;
        }
    }
    if (!person_enter(run, person, &entrance)) {
        return false;
    }
    run->maker->settle(run);
    while (!person->person.open && !person->person.refused && !person->person.gone &&
           run->maker->more(run)) {
    }
    return true;
}

static bool do_join(struct talk_run *run, const char *name, char **words, unsigned count)
{
    static const char all[] = "\"publisher\":{},\"subscriber\":{},\"caller\":{},\"callee\":{}";
    struct talk_person *person = person_make(run, name);
    struct entrance entrance;
    char hello[512];
    char welcome[128];
    if (person == NULL) {
        return wrong(run, "%s is still connected", name);
    }
    entrance_default(run, &entrance);
    for (unsigned i = 1; i < count; i++) {
        if (!entrance_word(run, &entrance, words, count, &i)) {
            return false;
        }
    }
    person_enter(run, person, &entrance);
    snprintf(hello, sizeof hello, "[1,\"%s\",{\"roles\":{%s}}]", words[0],
             entrance.roles[0] != '\0' ? entrance.roles : all);
    snprintf(welcome, sizeof welcome, "[2,$%s,{...}]", name);
    for (unsigned i = 0; i < run->variables.count; i++) { /* a second life has another id */
        if (strcmp(run->variables.each[i].name, name) == 0) {
            run->variables.each[i] = run->variables.each[--run->variables.count];
        }
    }
    return do_say(run, person, hello) && do_hear(run, person, welcome);
}

static void person_hang_up(struct talk_run *run, struct talk_person *person)
{
    if (person->here) {
        run->maker->leave(run, person);
        person->here = false;
    }
    run->maker->settle(run);
}

static bool do_leave(struct talk_run *run, struct talk_person *person)
{
    if (!do_say(run, person, "[6,{},\"wamp.close.close_realm\"]") ||
        !do_hear(run, person, "[6,{},\"wamp.close.goodbye_and_out\"]") ||
        !do_hear_nothing(run, person)) {
        return false;
    }
    person_hang_up(run, person);
    return true;
}

static bool do_gone(struct talk_run *run, struct talk_person *person, const char *code)
{
    run->maker->settle(run);
    while (!person->person.gone && run->maker->more(run)) {
    }
    if (!person->person.gone) {
        return wrong(run, "expected the router to close the connection\n   it is open");
    }
    if (code != NULL && person->person.framing == FRAMING_WEBSOCKET &&
        strtoul(code, NULL, 10) != person->person.close_code) {
        return wrong(run, "expected Close %s\n   heard Close %u", code, person->person.close_code);
    }
    return do_hear_nothing(run, person);
}

static bool do_refused(struct talk_run *run, struct talk_person *person, const char *text)
{
    run->maker->settle(run);
    while (!person->person.gone && run->maker->more(run)) {
    }
    struct bytes came = octets_view(&person->person.in);
    if (!person->person.gone || person->person.open) {
        return wrong(run, "expected to be refused\n   the handshake was answered well");
    }
    if (text != NULL && memmem(came.at, came.size, text, strlen(text)) == NULL) {
        return wrong(run, "expected a refusal with %s\n   heard %.*s", text, (int)came.size,
                     came.size == 0 ? "" : (const char *)came.at);
    }
    return true;
}

/* ---- statements */

static bool phrase_is(char **words, unsigned count, const char *phrase)
{
    char joined[256] = "";
    for (unsigned i = 0; i < count; i++) {
        size_t used = strlen(joined);
        snprintf(joined + used, sizeof joined - used, "%s%s", i == 0 ? "" : " ", words[i]);
    }
    return strcmp(joined, phrase) == 0;
}

/* Words behind the name of somebody who is known. */
static bool person_phrase(struct talk_run *run, struct talk_person *person, char **words,
                          unsigned count)
{
    if (phrase_is(words, count, "hears nothing")) {
        return do_hear_nothing(run, person);
    }
    if (phrase_is(words, count, "leaves")) {
        return do_leave(run, person);
    }
    if (phrase_is(words, count, "drops")) {
        person_hang_up(run, person);
        return true;
    }
    if (phrase_is(words, count, "is here")) {
        run->maker->settle(run);
        return !person->person.gone || wrong(run, "expected to be connected\n   it is not");
    }
    if (phrase_is(words, count < 2 ? count : 2, "is gone")) {
        return do_gone(run, person, count > 3 ? words[3] : NULL);
    }
    if (phrase_is(words, count < 2 ? count : 2, "was refused")) {
        return do_refused(run, person, count > 3 ? words[3] : NULL);
    }
    if (phrase_is(words, count, "stops reading") || phrase_is(words, count, "reads again")) {
        person->deaf = words[0][0] == 's';
        run->maker->settle(run);
        return true;
    }
    if (phrase_is(words, count, "is mute")) {
        person->person.mute = true;
        return true;
    }
    return wrong(run, "not understood");
}

static bool do_compare(struct talk_run *run, char **words, unsigned count)
{
    const char *a = talk_variable_get(&run->variables, words[0] + 1);
    const char *b = talk_variable_get(&run->variables, words[count - 1] + 1);
    if (a == NULL || b == NULL) {
        return wrong(run, "a variable is not bound");
    }
    bool equal = strcmp(a, b) == 0;
    bool wanted = !phrase_is(words + 1, count - 2, "is not");
    return equal == wanted || wrong(run, "one is %s, the other %s", a, b);
}

static bool do_wait(struct talk_run *run, const char *amount)
{
    char *unit;
    uint64_t number = strtoull(amount, &unit, 10);
    bool seconds = strcmp(unit, "s") == 0;
    if (!seconds && strcmp(unit, "ms") != 0) {
        return wrong(run, "wait how long?");
    }
    run->maker->wait(run, number * (seconds ? NS_PER_S : NS_PER_MS));
    return true;
}

static bool statement_words(struct talk_run *run, char **words, unsigned count)
{
    if (words[0][0] == '$' && count >= 3) {
        return do_compare(run, words, count);
    }
    if (strcmp(words[0], "wait") == 0 && count == 2) {
        return do_wait(run, words[1]);
    }
    if (phrase_is(words, count, "router drains")) {
        run->draining = true;
        run->maker->drain(run);
        run->maker->settle(run);
        return true;
    }
    if (count >= 3 && strcmp(words[1], "joins") == 0) {
        return do_join(run, words[0], words + 2, count - 2);
    }
    if (count >= 2 && strcmp(words[1], "connects") == 0) {
        return do_connect(run, words[0], words + 2, count - 2);
    }
    struct talk_person *person = person_find(run, words[0]);
    if (person == NULL || count < 2) {
        return wrong(run, "not understood, or nobody of that name");
    }
    return person_phrase(run, person, words + 1, count - 1);
}

static bool statement(struct talk_run *run, const char *text)
{
    static const char *const signs[] = {" >>> ", " >> ", " > ", " <~ ", " < "};
    char name[TALK_NAME];
    size_t size = strcspn(text, " ");
    for (unsigned i = 0; i < array_count(signs) && size < sizeof name; i++) {
        if (strncmp(text + size, signs[i], strlen(signs[i])) != 0) {
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)size, text);
        const char *rest = text + size + strlen(signs[i]);
        struct talk_person *person = person_find(run, name);
        if (person == NULL) {
            return wrong(run, "nobody of that name");
        }
        return i < 2    ? do_say_octets(run, person, rest, i == 1)
               : i == 2 ? do_say(run, person, rest)
               : i == 3 ? do_hear_any(run, person, rest)
                        : do_hear(run, person, rest);
    }
    char *copy = strdup(text);
    char *words[WORDS_MAX] = {0};
    unsigned count = 0;
    char *more = NULL;
    for (char *word = strtok_r(copy, " ", &more); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &more)) {
        words[count++] = word;
    }
    bool good = statement_words(run, words, count);
    free(copy);
    return good;
}

/* ---- the whole */

static bool lines_run(struct talk_run *run, unsigned from, unsigned to);

/* repeat N ... end: $i is 1, 2 ... N, and $n is one more. */
static bool repeat_run(struct talk_run *run, unsigned *at, unsigned to)
{
    unsigned long times = strtoul(run->talk->lines[*at].text + 7, NULL, 10);
    unsigned end = *at + 1;
    while (end < to && strcmp(run->talk->lines[end].text, "end") != 0) {
        end++;
    }
    for (unsigned long i = 1; i <= times; i++) {
        char number[24];
        snprintf(number, sizeof number, "%lu", i);
        talk_variable_set(&run->variables, "i", number);
        snprintf(number, sizeof number, "%lu", i + 1);
        talk_variable_set(&run->variables, "n", number);
        if (!lines_run(run, *at + 1, end)) {
            return false;
        }
    }
    *at = end;
    return true;
}

static bool lines_run(struct talk_run *run, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        const struct talk_line *line = &run->talk->lines[i];
        run->line = line->number;
        if (strncmp(line->text, "repeat ", 7) == 0) {
            if (!repeat_run(run, &i, to)) {
                return false;
            }
        } else if (!statement(run, line->text)) {
            return false;
        }
    }
    return true;
}

bool talk_run(struct talk_run *run, struct talk *talk, const struct talk_variant *variant)
{
    static const struct talk_maker *const makers[] = {&talk_core_maker, &talk_sim_maker,
                                                      &talk_real_maker};
    memset(run, 0, sizeof *run);
    run->talk = talk;
    run->variant = *variant;
    run->maker = makers[variant->depth];
    talk->settings.workers = variant->workers;
    if (!run->maker->start(run)) {
        run->maker->stop(run);
        return wrong(run, "the router did not start");
    }
    bool good = lines_run(run, 0, talk->lines_count);
    for (unsigned i = 0; i < run->people_count; i++) {
        if (run->people[i].here) {
            run->maker->leave(run, &run->people[i]);
            run->people[i].here = false;
        }
    }
    if (!run->maker->stop(run)) {
        good = good && wrong(run, "the router did not end as it should");
    }
    for (unsigned i = 0; i < run->people_count; i++) {
        person_fini(&run->people[i].person);
    }
    return good;
}
