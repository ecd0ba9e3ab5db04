/* What the parts of the compiled coder share. The mathematics is that of srn_core/codec: the Python there is the
 * specification, and gives the same bits without any of this. */
#ifndef SRN_CODER_H
#define SRN_CODER_H

#include <stdint.h>

#if defined(_WIN32)
#define SRN_API __declspec(dllexport)
#else
#define SRN_API __attribute__((visibility("default")))
#endif

#if defined(_MSC_VER)
#define SRN_RESTRICT __restrict
#else
#define SRN_RESTRICT restrict
#endif

/* Loops that are compiled once more for newer processors, where the compiler and the loader can choose among them. The
 * plain ones never round a product and a sum at once. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__)
#define SRN_CLONES __attribute__((target_clones("default", "arch=x86-64-v3")))
#define SRN_CLONES_PLAIN __attribute__((target_clones("default", "avx2")))
#else
#define SRN_CLONES
#define SRN_CLONES_PLAIN
#endif

#if defined(__GNUC__)
#define SRN_PREFETCH(place) __builtin_prefetch(place)
#else
#define SRN_PREFETCH(place) ((void)(place))
#endif

enum { SRN_DONE = 0, SRN_ENDS_EARLY = 1, SRN_NO_MEMORY = 2 };

#endif
