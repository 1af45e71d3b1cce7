#include "common/json.h"

#include "common/base64.h"
#include "common/number.h"
#include "common/scan.h"

void json_put_uint(struct buf *out, uint64_t value)
{
    if (buf_reserve(out, NUMBER_TEXT_MAX)) {
        out->size += number_print_uint(value, (char *)out->at + out->size);
    }
}

void json_put_negative(struct buf *out, int64_t value)
{
    buf_put_byte(out, '-');
    json_put_uint(out, 0 - (uint64_t)value);
}

void json_put_float(struct buf *out, double value)
{
    if (!number_is_finite(value)) {
        out->failed = true;
    } else if (buf_reserve(out, NUMBER_TEXT_MAX)) {
        out->size += number_print(value, (char *)out->at + out->size);
    }
}

static void json_put_escape(struct buf *out, uint8_t octet)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_names[] = "\b\t\n\f\r";
    static const char *const short_forms[] = {"\\b", "\\t", "\\n", "\\f", "\\r"};
    if (octet >= 0x20) {
        const uint8_t escape[] = {'\\', octet};
        buf_put(out, escape, sizeof escape);
        return;
    }
    const char *name = octet == 0 ? NULL : strchr(short_names, octet);
    if (name != NULL) {
        buf_put(out, short_forms[name - short_names], 2);
        return;
    }
    const uint8_t escape[] = {
        '\\', 'u', '0', '0', (uint8_t)hex[octet >> 4], (uint8_t)hex[octet & 15]};
    buf_put(out, escape, sizeof escape);
}

void json_put_text(struct buf *out, struct bytes utf8)
{
    const uint8_t *at = utf8.at;
    size_t left = utf8.size;
    while (left > 0) {
        const uint8_t *special = scan_plain(at, at + left, false);
        size_t plain = (size_t)(special - at);
        buf_put(out, at, plain);
        left -= plain;
        if (left > 0) {
            json_put_escape(out, *special);
            at = special + 1;
            left--;
        }
    }
}

void json_put_base64(struct buf *out, struct bytes octets)
{
    size_t size = base64_size(octets.size);
    if (octets.size > 0 && buf_reserve(out, size)) {
        base64_encode(octets, out->at + out->size);
        out->size += size;
    }
}

void json_put_string(struct buf *out, struct bytes utf8)
{
    if (utf8.size > 0 && utf8.at[0] == 0) {
        out->failed = true; /* in WAMP's JSON this is how a binary starts */
        return;
    }
    buf_put_byte(out, '"');
    json_put_text(out, utf8);
    buf_put_byte(out, '"');
}

void json_put_binary(struct buf *out, struct bytes octets)
{
    buf_put_bytes(out, JSON_BINARY_OPEN);
    json_put_base64(out, octets);
    buf_put_byte(out, '"');
}
