/* Probabilities that are learnt while coding, and the interleaved rANS stream they are coded in.
 * See srn_core/codec/adaptive.py and rans.py. */
#include "coder.h"

#include <stdlib.h>

enum { PRECISION = 15, TOTAL = 1 << PRECISION, LOWEST = 1 << 16, SEEN = 32, FIRST_BLOCK = 32, LARGEST_BLOCK = 1 << 15 };

/* A stream that is being decoded. */
typedef struct {
    int64_t *states; /* (lanes,) */
    int64_t lanes;
    int64_t lane; /* of the next symbol */
    const int64_t *words;
    int64_t place; /* of the next word */
    int64_t end;
} Stream;

/* Contexts and what was seen in each. */
typedef struct {
    const int64_t *prior; /* (contexts, alphabet) */
    int64_t *seen;        /* (contexts, alphabet) */
    int64_t contexts, alphabet;
    int64_t count; /* symbols seen */
    int64_t *starts; /* (contexts, alphabet + 1) slots of each symbol, for those contexts ... */
    int64_t *block;  /* (contexts,) ... whose number this is */
} Model;

static int begin(Model *model)
{
    model->starts = malloc(sizeof(int64_t) * (size_t)(model->contexts * (model->alphabet + 1)));
    model->block = calloc((size_t)model->contexts, sizeof(int64_t));
    return model->starts && model->block;
}

static void end(Model *model)
{
    free(model->starts);
    free(model->block);
}

/* Slots of the symbols in a context: each at least one, nearly in proportion to the weights, TOTAL in all; what
 * rounding leaves over goes to the first largest. */
static const int64_t *slots(Model *model, int64_t context, int64_t block)
{
    const int64_t alphabet = model->alphabet;
    int64_t *starts = model->starts + context * (alphabet + 1);
    if (model->block[context] == block)
        return starts;
    const int64_t *prior = model->prior + context * alphabet, *seen = model->seen + context * alphabet;
    int64_t total = 0, taken = 0, largest = 0, most = -1;
    for (int64_t n = 0; n < alphabet; n++)
        total += prior[n] + seen[n];
    const int64_t flat = total == 0;
    total += flat * alphabet;
    starts[0] = 0;
    for (int64_t n = 0; n < alphabet; n++) {
        const int64_t share = 1 + (prior[n] + seen[n] + flat) * (TOTAL - alphabet) / total;
        taken += share;
        starts[n + 1] = taken;
        if (share > most) {
            most = share;
            largest = n;
        }
    }
    for (int64_t n = largest; n < alphabet; n++)
        starts[n + 1] += TOTAL - taken;
    model->block[context] = block;
    return starts;
}

static int64_t block_size(int64_t count, int64_t left)
{
    int64_t size = count / 2 > FIRST_BLOCK ? count / 2 : FIRST_BLOCK;
    size = size < LARGEST_BLOCK ? size : LARGEST_BLOCK;
    return size < left ? size : left;
}

static void learn(Model *model, const int64_t *contexts, const int64_t *symbols, int64_t count)
{
    for (int64_t n = 0; n < count; n++)
        model->seen[contexts[n] * model->alphabet + symbols[n]] += SEEN;
    model->count += count;
}

/* Put a lane's new state in its place, and go on to the next lane. */
static int advance(Stream *stream, int64_t state)
{
    if (state < LOWEST) {
        if (stream->place >= stream->end)
            return SRN_ENDS_EARLY;
        state = state << 16 | stream->words[stream->place++];
    }
    stream->states[stream->lane] = state;
    if (++stream->lane == stream->lanes)
        stream->lane = 0;
    return SRN_DONE;
}

static int decode_symbol(Stream *stream, const int64_t *starts, int64_t *symbol)
{
    const int64_t state = stream->states[stream->lane], slot = state & (TOTAL - 1);
    int64_t n = 0;
    while (starts[n + 1] <= slot)
        n++;
    *symbol = n;
    return advance(stream, (starts[n + 1] - starts[n]) * (state >> PRECISION) + slot - starts[n]);
}

/* Decode a run of symbols (count,) in contexts (count,), learning from them; cursor: (lane, word) of what comes next. */
SRN_API int srn_decode_adaptive(int64_t *states, int64_t lanes, int64_t *cursor, const int64_t *words, int64_t end_word,
                                const int64_t *prior, int64_t *seen, int64_t rows, int64_t alphabet, int64_t learnt,
                                const int64_t *contexts, int64_t count, int64_t *symbols)
{
    Stream stream = {states, lanes, cursor[0], words, cursor[1], end_word};
    Model model = {prior, seen, rows, alphabet, learnt, NULL, NULL};
    int failed = begin(&model) ? SRN_DONE : SRN_NO_MEMORY;
    int64_t first = 0, block = 0;
    while (!failed && first < count) {
        const int64_t size = block_size(model.count, count - first);
        block++;
        for (int64_t n = first; n < first + size && !failed; n++)
            failed = decode_symbol(&stream, slots(&model, contexts[n], block), symbols + n);
        if (!failed)
            learn(&model, contexts + first, symbols + first, size);
        first += size;
    }
    end(&model);
    cursor[0] = stream.lane;
    cursor[1] = stream.place;
    return failed;
}

/* Slots of known symbols (count,), to be coded in runs of so many: as they are decoded. */
SRN_API int srn_encode_adaptive(const int64_t *prior, int64_t *seen, int64_t rows, int64_t alphabet, int64_t learnt,
                                const int64_t *runs, int64_t run_count, const int64_t *contexts,
                                const int64_t *symbols, int64_t *firsts, int64_t *frequencies)
{
    Model model = {prior, seen, rows, alphabet, learnt, NULL, NULL};
    const int failed = begin(&model) ? SRN_DONE : SRN_NO_MEMORY;
    int64_t first = 0, block = 0;
    for (int64_t run = 0; !failed && run < run_count; run++)
        for (int64_t left = runs[run]; left > 0;) {
            const int64_t size = block_size(model.count, left);
            block++;
            for (int64_t n = first; n < first + size; n++) {
                const int64_t *starts = slots(&model, contexts[n], block) + symbols[n];
                firsts[n] = starts[0];
                frequencies[n] = starts[1] - starts[0];
            }
            learn(&model, contexts + first, symbols + first, size);
            first += size;
            left -= size;
        }
    end(&model);
    return failed;
}

/* Decode symbols (count,) whose slots are rows of starts (models, alphabet + 1), which do not change. */
SRN_API int srn_decode_symbols(int64_t *states, int64_t lanes, int64_t *cursor, const int64_t *words, int64_t end_word,
                               const int64_t *starts, int64_t alphabet, const int64_t *models, int64_t count,
                               int64_t *symbols)
{
    Stream stream = {states, lanes, cursor[0], words, cursor[1], end_word};
    int failed = SRN_DONE;
    for (int64_t n = 0; n < count && !failed; n++)
        failed = decode_symbol(&stream, starts + models[n] * (alphabet + 1), symbols + n);
    cursor[0] = stream.lane;
    cursor[1] = stream.place;
    return failed;
}

/* Decode numbers (count,) whose values are equally likely: of PRECISION - shifts bits each. */
SRN_API int srn_decode_bits(int64_t *states, int64_t lanes, int64_t *cursor, const int64_t *words, int64_t end_word,
                            const int64_t *shifts, int64_t count, int64_t *numbers)
{
    Stream stream = {states, lanes, cursor[0], words, cursor[1], end_word};
    int failed = SRN_DONE;
    for (int64_t n = 0; n < count && !failed; n++) {
        const int64_t state = states[stream.lane], slot = state & (TOTAL - 1);
        numbers[n] = slot >> shifts[n];
        failed = advance(&stream, ((state >> PRECISION) << shifts[n]) + slot - (numbers[n] << shifts[n]));
    }
    cursor[0] = stream.lane;
    cursor[1] = stream.place;
    return failed;
}

/* Encode symbols (count,), a multiple of the lanes, by their slots: the states (lanes,) with which a decoder begins,
 * and the words at the end of words (count,). Gives how many words there are. */
SRN_API int64_t srn_encode(const uint32_t *starts, const uint32_t *frequencies, int64_t count, int64_t lanes,
                           uint32_t *states, uint16_t *words)
{
    int64_t place = count, lane = 0;
    for (int64_t n = 0; n < lanes; n++)
        states[n] = LOWEST;
    for (int64_t n = count - 1; n >= 0; n--) {
        lane = lane ? lane - 1 : lanes - 1;
        const uint32_t frequency = frequencies[n];
        uint32_t state = states[lane];
        if (((uint64_t)frequency << (32 - PRECISION)) <= state) {
            words[--place] = (uint16_t)state;
            state >>= 16;
        }
        states[lane] = state + state / frequency * (TOTAL - frequency) + starts[n];
    }
    return count - place;
}

/* Of these functions: see srn_core/native/__init__.py. */
SRN_API int srn_version(void)
{
    return 2;
}
