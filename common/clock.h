/* The one place that reads the time. Any thread. */
#ifndef CLOS_CLOCK_H
#define CLOS_CLOCK_H

#include <stdint.h>

uint64_t clock_now_ns(void);  /* monotonic; what turns and timers are told */
uint64_t clock_wall_ns(void); /* since 1970, for logs only */

#endif
