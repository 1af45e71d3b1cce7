/* The world's source of memory for mem.h: malloc, or every object by itself under a sanitizer. */
#ifndef CLOS_HEAP_H
#define CLOS_HEAP_H

#include "common/mem.h"

struct mem_source heap_source(void);

#endif
