#include "client/failure.h"

#include <stdarg.h>
#include <stdio.h>

enum client_error failure_set(struct failure *failure, enum client_error error, const char *format,
                              ...)
{
    if (failure->error == CLIENT_OK) {
        va_list list;
        va_start(list, format);
        failure->error = error;
        (void)vsnprintf(failure->text, sizeof failure->text, format, list);
        va_end(list);
    }
    return failure->error;
}

/* Length of the UTF-8 sequence that a first octet announces; 0: none begins so. */
static size_t failure_text_length(uint8_t first)
{
    if (first < 0x80) {
        return first < 0x20 || first == 0x7f ? 0 : 1;
    }
    return first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
}

const char *failure_text(struct bytes text, char *out, size_t room)
{
    size_t used = 0;
    size_t i = 0;
    check(room > 0);
    while (i < text.size) {
        size_t length = text.at[i] >= 0xf5 ? 0 : failure_text_length(text.at[i]);
        bool whole = length > 0 && length <= text.size - i;
        for (size_t k = 1; whole && k < length; k++) {
            whole = (text.at[i + k] & 0xc0) == 0x80;
        }
        /* U+0080 to U+009F are control characters too */
        whole = whole && !(length == 2 && text.at[i] == 0xc2 && text.at[i + 1] < 0xa0);
        size_t taken = whole ? length : 1;
        if (used + taken >= room) {
            break;
        }
        memcpy(out + used, whole ? (const void *)(text.at + i) : "?", taken);
        used += taken;
        i += taken;
    }
    out[used] = '\0';
    return out;
}

const char *client_error_name(enum client_error error)
{
    static const char *const names[] = {
        [CLIENT_OK] = "ok",
        [CLIENT_USAGE] = "usage",
        [CLIENT_CONNECT] = "connect",
        [CLIENT_TLS] = "tls",
        [CLIENT_HANDSHAKE] = "handshake",
        [CLIENT_PROTOCOL] = "protocol",
        [CLIENT_DENIED] = "denied",
        [CLIENT_ABORTED] = "aborted",
        [CLIENT_CLOSED] = "closed",
        [CLIENT_ERROR] = "error",
        [CLIENT_TIMEOUT] = "timeout",
        [CLIENT_LIMIT] = "limit",
        [CLIENT_STOPPED] = "stopped",
    };
    check((size_t)error < array_count(names));
    return names[error];
}
