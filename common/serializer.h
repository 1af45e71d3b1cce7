/* The three serializers by their RawSocket numbers (WAMP, RawSocket handshake). */
#ifndef CLOS_SERIALIZER_H
#define CLOS_SERIALIZER_H

enum serializer {
    SERIALIZER_JSON = 1,
    SERIALIZER_MSGPACK = 2,
    SERIALIZER_CBOR = 3,
};

enum { SERIALIZERS = 4 }; /* size of an array indexed by enum serializer */

#endif
