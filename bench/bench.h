/* `clos bench`: loads any WAMP router and says what came of it. The process's main thread calls it
 * once; it runs the whole load and returns the exit code. See bench/README.md. */
#ifndef CLOS_BENCH_H
#define CLOS_BENCH_H

/* argv[0] is "bench", argv[1] the scenario. 0 well, 1 order or loss violated, 2 could not run. */
int bench_main(int argc, char **argv);

#endif
