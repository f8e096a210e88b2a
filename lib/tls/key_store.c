/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key store
 *
 * Sets of WAYS entries. A writer makes the sequence number of an entry odd, writes, and makes it even again; a reader
 * copies between two looks at an even number that must be the same. All words are atomic, so a torn copy is only ever
 * thrown away, never undefined. The names an attacker could choose are spread by a keyed hash.
 */

#include "tls/key_store.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/hash.h"

#define WAYS         16u /* at half load one set in a million overflows */
#define READS_MAX    64u /* a writer is done within one or two; a reader that still sees it busy looks again later */
#define PAGE         4096u
#define KINDS        (TLS_SECRET_SERVER_TRAFFIC + 1u)
#define ID_WORDS     (TLS_RANDOM_SIZE / 8u)
#define SECRET_WORDS (TLS_SECRET_MAX / 8u)

/* What lies in an entry, as words: id, then for each kind its bytes, and size and generation in one word. */
#define WORDS (ID_WORDS + KINDS * (SECRET_WORDS + 1u))

struct entry {
    uint64_t words[WORDS];
    uint64_t put_ns;   /* writer only */
    uint32_t sequence; /* odd: being written */
    uint32_t tag;      /* 0: free; else of the hash of its name */
    uint32_t life;     /* counts its owners, so that a late finish does not hit the next one */
    uint32_t finished; /* the life that was finished with */
};

struct tls_key_store {
    struct tls_key_store_options options;
    struct hash_key key;
    struct entry *entries;
    size_t mapped;
    uint32_t set_mask;
    CACHE_ALIGNED uint64_t version;
    struct tls_key_store_counts counts;
};

/* Every word of an entry is read and written so; acquire and release between words keep a copy inside its two looks. */
static void word_store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE); /* pairs with word_load(): not before the odd sequence number */
}

static uint64_t word_load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE); /* pairs with word_store(): the second look comes after it */
}

static void count(uint64_t *counter, int64_t by)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + (uint64_t)by, __ATOMIC_RELAXED);
}

int tls_key_store_new(struct tls_key_store **store_out, const struct tls_key_store_options *options,
                      struct diagnostics *diagnostics)
{
    struct tls_key_store *store = aligned_alloc(CACHE_LINE, sizeof(*store));
    if (!store)
        return -ENOMEM;
    memset(store, 0, sizeof(*store));
    uint32_t sets = 1;
    while (sets * WAYS < options->entries)
        sets *= 2;
    store->options = *options;
    store->set_mask = sets - 1;
    store->mapped = ((size_t)sets * WAYS * sizeof(struct entry) + PAGE - 1) / PAGE * PAGE;
    void *map = mmap(NULL, store->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int result = map == MAP_FAILED ? -errno : hash_key_init(&store->key);
    if (result < 0) {
        if (map != MAP_FAILED)
            munmap(map, store->mapped);
        free(store);
        return result;
    }
    store->entries = map;
    (void)madvise(map, store->mapped, MADV_DONTDUMP);
    (void)madvise(map, store->mapped, MADV_DONTFORK); /* no child needs keys */
    if (mlock2(map, store->mapped, MLOCK_ONFAULT) != 0)
        diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, NULL,
                        "memory for TLS secrets cannot be locked (%s) and may be paged out; raise the limit on locked "
                        "memory (ulimit -l, LimitMEMLOCK=) to %zu KiB",
                        strerror(errno), store->mapped / 1024);
    *store_out = store;
    return 0;
}

void tls_key_store_free(struct tls_key_store *store)
{
    if (!store)
        return;
    OPENSSL_cleanse(store->entries, store->mapped);
    munmap(store->entries, store->mapped);
    free(store);
}

/* The name as it is compared: kind of name, size and bytes in fixed places. */
struct name {
    uint64_t words[ID_WORDS];
    uint32_t tag;
    uint32_t set;
};

static struct name name_of(const struct tls_key_store *store, enum tls_key_by by, struct span id)
{
    struct name name = {0};
    uint8_t hashed[TLS_RANDOM_SIZE + 1] = {0};
    require(id.size <= TLS_RANDOM_SIZE);
    memcpy(hashed, id.data, id.size);
    memcpy(name.words, hashed, TLS_RANDOM_SIZE);
    hashed[TLS_RANDOM_SIZE] = (uint8_t)((uint32_t)by << 6 | id.size);
    uint64_t hash = hash_bytes(&store->key, hashed, sizeof(hashed));
    name.set = (uint32_t)hash & store->set_mask;
    /* The kind of name is told apart by the tag as well as by the hash; 0 stays free. */
    name.tag = ((uint32_t)(hash >> 32) & ~3u) | ((uint32_t)by + 1);
    return name;
}

static bool is_named(const struct entry *entry, const struct name *name)
{
    if (__atomic_load_n(&entry->tag, __ATOMIC_RELAXED) != name->tag)
        return false;
    for (uint32_t i = 0; i < ID_WORDS; i++)
        if (__atomic_load_n(&entry->words[i], __ATOMIC_RELAXED) != name->words[i])
            return false;
    return true;
}

static void write_begin(struct entry *entry)
{
    __atomic_store_n(&entry->sequence, entry->sequence + 1, __ATOMIC_RELAXED);
}

static void write_end(struct entry *entry)
{
    /* Release: who sees the even number (acquire in entry_read()) sees every word before it. */
    __atomic_store_n(&entry->sequence, entry->sequence + 1, __ATOMIC_RELEASE);
}

static void entry_wipe(struct tls_key_store *store, struct entry *entry)
{
    write_begin(entry);
    for (uint32_t i = 0; i < WORDS; i++)
        word_store(&entry->words[i], 0);
    __atomic_store_n(&entry->tag, 0, __ATOMIC_RELEASE);
    write_end(entry);
    count(&store->counts.live, -1);
}

/* The entry of that name, or a free one of its set, or the oldest of it after wiping. */
static struct entry *entry_claim(struct tls_key_store *store, const struct name *name, bool *is_new_out)
{
    struct entry *set = &store->entries[(size_t)name->set * WAYS], *best = &set[0];
    *is_new_out = false;
    for (uint32_t way = 0; way < WAYS; way++)
        if (is_named(&set[way], name))
            return &set[way];
    for (uint32_t way = 1; way < WAYS && best->tag != 0; way++)
        if (set[way].tag == 0 || set[way].put_ns < best->put_ns)
            best = &set[way];
    if (best->tag != 0) {
        entry_wipe(store, best);
        count(&store->counts.evicted, 1);
    }
    *is_new_out = true;
    count(&store->counts.live, 1);
    return best;
}

static uint64_t *secret_words(struct entry *entry, enum tls_secret_kind kind)
{
    return &entry->words[ID_WORDS + (uint32_t)kind * (SECRET_WORDS + 1)];
}

static void secret_write(struct tls_key_store *store, struct entry *entry, const struct tls_keylog_item *item)
{
    uint64_t *words = secret_words(entry, item->kind), copy[SECRET_WORDS] = {0};
    uint64_t known = words[SECRET_WORDS];
    uint64_t size_and_generation = (uint64_t)item->secret_size << 32 | item->generation;
    /* Later generations follow from earlier ones, never the other way round. */
    if ((uint32_t)(known >> 32) && (uint32_t)known < item->generation)
        return;
    count(&store->counts.replaced, known >> 32 ? 1 : 0);
    memcpy(copy, item->secret, item->secret_size);
    for (uint32_t i = 0; i < SECRET_WORDS; i++)
        word_store(&words[i], copy[i]);
    word_store(&words[SECRET_WORDS], size_and_generation);
    OPENSSL_cleanse(copy, sizeof(copy));
}

void tls_key_store_put(struct tls_key_store *store, const struct tls_keylog_item *item, uint64_t now_ns)
{
    bool is_new;
    if ((uint32_t)item->kind >= KINDS)
        return;
    struct name name = name_of(store, item->by, span_of(item->id, item->id_size));
    struct entry *entry = entry_claim(store, &name, &is_new);
    write_begin(entry);
    if (is_new) {
        for (uint32_t i = 0; i < ID_WORDS; i++)
            word_store(&entry->words[i], name.words[i]);
        __atomic_store_n(&entry->life, entry->life + 1, __ATOMIC_RELEASE);
        __atomic_store_n(&entry->tag, name.tag, __ATOMIC_RELEASE);
    }
    entry->put_ns = now_ns;
    secret_write(store, entry, item);
    write_end(entry);
    count(&store->counts.put, 1);
    /* Release: who sees the new version (acquire in tls_key_store_version()) finds the secret. */
    __atomic_store_n(&store->version, store->version + 1, __ATOMIC_RELEASE);
}

void tls_key_store_expire(struct tls_key_store *store, uint64_t now_ns)
{
    uint64_t count_entries = (uint64_t)(store->set_mask + 1) * WAYS;
    for (uint64_t i = 0; i < count_entries; i++) {
        struct entry *entry = &store->entries[i];
        if (entry->tag == 0)
            continue;
        bool finished = __atomic_load_n(&entry->finished, __ATOMIC_RELAXED) == entry->life;
        bool old =
            store->options.expire_ns && now_ns > entry->put_ns && now_ns - entry->put_ns > store->options.expire_ns;
        if (!finished && !old)
            continue;
        entry_wipe(store, entry);
        count(finished ? &store->counts.finished : &store->counts.expired, 1);
    }
}

static void copy_words(const struct entry *entry, uint64_t words_out[WORDS])
{
    for (uint32_t i = 0; i < WORDS; i++)
        words_out[i] = word_load(&entry->words[i]);
}

/* True: a whole copy of an entry that has this name. */
static bool entry_read(const struct entry *entry, const struct name *name, uint64_t words_out[WORDS],
                       uint32_t *life_out)
{
    for (uint32_t read = 0; read < READS_MAX; read++) {
        uint32_t before = __atomic_load_n(&entry->sequence, __ATOMIC_ACQUIRE); /* pairs with write_end() */
        if (before & 1)
            continue;
        uint32_t tag = __atomic_load_n(&entry->tag, __ATOMIC_ACQUIRE);
        *life_out = __atomic_load_n(&entry->life, __ATOMIC_ACQUIRE);
        copy_words(entry, words_out);
        if (__atomic_load_n(&entry->sequence, __ATOMIC_RELAXED) == before)
            return tag == name->tag && memcmp(words_out, name->words, sizeof(name->words)) == 0;
    }
    return false;
}

static void set_fill(const uint64_t words[WORDS], struct tls_key_set *set_out)
{
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        const uint64_t *from = &words[ID_WORDS + kind * (SECRET_WORDS + 1)];
        struct tls_secret *secret = &set_out->secrets[kind];
        memcpy(secret->bytes, from, sizeof(secret->bytes));
        secret->size = (uint32_t)(from[SECRET_WORDS] >> 32);
        secret->generation = (uint32_t)from[SECRET_WORDS];
    }
}

bool tls_key_store_find(const struct tls_key_store *store, enum tls_key_by by, struct span id,
                        struct tls_key_set *set_out)
{
    uint64_t words[WORDS];
    struct name name = name_of(store, by, id);
    const struct entry *set = &store->entries[(size_t)name.set * WAYS];
    for (uint32_t way = 0; way < WAYS; way++) {
        if (__atomic_load_n(&set[way].tag, __ATOMIC_RELAXED) != name.tag ||
            !entry_read(&set[way], &name, words, &set_out->use))
            continue;
        set_fill(words, set_out);
        set_out->entry = (uint32_t)(&set[way] - store->entries);
        OPENSSL_cleanse(words, sizeof(words));
        return true;
    }
    OPENSSL_cleanse(words, sizeof(words));
    return false;
}

bool tls_key_store_has(const struct tls_key_store *store, enum tls_key_by by, struct span id)
{
    struct tls_key_set set;
    bool found = tls_key_store_find(store, by, id, &set);
    OPENSSL_cleanse(&set, sizeof(set));
    return found;
}

void tls_key_store_finish(struct tls_key_store *store, const struct tls_key_set *set)
{
    __atomic_store_n(&store->entries[set->entry].finished, set->use, __ATOMIC_RELAXED);
}

uint64_t tls_key_store_version(const struct tls_key_store *store)
{
    return __atomic_load_n(&store->version, __ATOMIC_ACQUIRE); /* pairs with tls_key_store_put() */
}

void tls_key_store_count(const struct tls_key_store *store, struct tls_key_store_counts *counts_out)
{
    const uint64_t *from = (const uint64_t *)&store->counts;
    uint64_t *to = (uint64_t *)counts_out;
    static_assert(sizeof(*counts_out) % sizeof(uint64_t) == 0, "counters only");
    for (uint32_t i = 0; i < sizeof(*counts_out) / sizeof(uint64_t); i++)
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}
