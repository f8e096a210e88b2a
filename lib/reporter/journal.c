/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Journal
 *
 * Files are ordered by key: the date as a decimal number in the upper half, the number in the lower. The key never goes
 * back, even when the clock does, so that the last file by name is always the last written.
 */

#include "reporter/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int say(struct diagnostics *diagnostics, int status, const char *file, const char *text)
{
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &(struct diagnostic_place){.file = file}, "%s (%s)", text,
                    strerror(-status));
    return status;
}

static uint64_t key_of_day(uint64_t time_ns)
{
    time_t seconds = (time_t)(time_ns / 1000000000u);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    uint64_t date = (uint64_t)(utc.tm_year + 1900) * 10000 + (uint64_t)(utc.tm_mon + 1) * 100 + (uint64_t)utc.tm_mday;
    return date << 32;
}

static void name_of_key(uint64_t key, char name_out[JOURNAL_NAME_SIZE])
{
    uint32_t date = (uint32_t)(key >> 32), number = (uint32_t)key;
    int size =
        snprintf(name_out, JOURNAL_NAME_SIZE, "findings-%04u-%02u-%02u", date / 10000, date / 100 % 100, date % 100);
    if (number)
        size += snprintf(name_out + size, JOURNAL_NAME_SIZE - (size_t)size, ".%u", number);
    snprintf(name_out + size, JOURNAL_NAME_SIZE - (size_t)size, ".jsonl");
}

/* 0 for names that are not ours. */
static uint64_t key_of_name(const char *name)
{
    unsigned year, month, day, number = 0;
    if (sscanf(name, "findings-%4u-%2u-%2u.%9u.jsonl", &year, &month, &day, &number) < 3)
        return 0;
    uint64_t key = (uint64_t)(year * 10000 + month * 100 + day) << 32 | number;
    char again[JOURNAL_NAME_SIZE];
    name_of_key(key, again);
    return strcmp(again, name) == 0 ? key : 0;
}

/* The greatest key below `limit`, 0 when there is none. */
static int find_before(int folder, uint64_t limit, uint64_t *key_out)
{
    *key_out = 0;
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    if (!directory) {
        int status = -errno;
        if (copy >= 0)
            close(copy);
        return status;
    }
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        uint64_t key = key_of_name(entry->d_name);
        if (key < limit && key > *key_out)
            *key_out = key;
    }
    closedir(directory);
    return 0;
}

static int open_key(struct journal *journal, uint64_t key, int flags)
{
    if (journal->file >= 0)
        close(journal->file);
    journal->file = -1;
    name_of_key(key, journal->name);
    int file = openat(journal->folder, journal->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0640);
    if (file < 0)
        return -errno;
    journal->file = file;
    journal->key = key;
    return 0;
}

/* Size of the file and the end of its last good checkpoint, 0 when it has none. */
static int look_at(int file, uint64_t *size_out, uint64_t *end_out, struct checkpoint *checkpoint_out)
{
    struct stat info;
    *end_out = 0;
    if (fstat(file, &info))
        return -errno;
    *size_out = (uint64_t)info.st_size;
    if (info.st_size == 0)
        return 0;
    if (*size_out > JOURNAL_FILE_MAX + BATCH_BYTES)
        return -EFBIG;
    void *bytes = mmap(NULL, *size_out, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    if (!checkpoint_find(span_of(bytes, *size_out), checkpoint_out, end_out))
        *end_out = 0;
    munmap(bytes, *size_out);
    return 0;
}

/* Cuts the file of `key` behind its last checkpoint. An interrupted batch is the most that may go. */
static int recover_file(struct journal *journal, uint64_t key, struct journal_recovery *recovery,
                        struct diagnostics *diagnostics, uint64_t *end_out)
{
    uint64_t size = 0;
    int status = open_key(journal, key, 0);
    if (!status)
        status = look_at(journal->file, &size, end_out, &recovery->checkpoint);
    if (status)
        return say(diagnostics, status, journal->name, "cannot read the last file of the journal");
    if (size - *end_out > BATCH_BYTES)
        return say(diagnostics, -EUCLEAN, journal->name,
                   "damaged: more follows the last good checkpoint than an interrupted batch; move the file away");
    if (size != *end_out && (ftruncate(journal->file, (off_t)*end_out) || fdatasync(journal->file)))
        return say(diagnostics, -errno, journal->name, "cannot cut the interrupted batch off");
    recovery->cut_bytes += size - *end_out;
    return 0;
}

/* From the newest file back to the first that has a checkpoint: the newest may be one that was just begun. */
static int recover(struct journal *journal, struct journal_recovery *recovery, struct diagnostics *diagnostics)
{
    uint64_t key, newest = 0, newest_size = 0, limit = UINT64_MAX, end = 0;
    while (end == 0) {
        int status = find_before(journal->folder, limit, &key);
        if (status)
            return say(diagnostics, status, ".", "cannot list the journal's folder");
        if (key == 0)
            break;
        status = recover_file(journal, key, recovery, diagnostics, &end);
        if (status)
            return status;
        if (!newest) {
            newest = key;
            newest_size = end;
            recovery->found = true;
            memcpy(recovery->file, journal->name, sizeof(recovery->file));
        }
        limit = key;
    }
    journal->size = newest_size;
    return newest && journal->key != newest ? open_key(journal, newest, 0) : 0;
}

int journal_open(struct journal *journal, const char *folder, uint64_t rotate_bytes, struct diagnostics *diagnostics,
                 struct journal_recovery *recovery_out)
{
    *journal = (struct journal){.file = -1, .rotate_bytes = min_u64(rotate_bytes, JOURNAL_FILE_MAX)};
    *recovery_out = (struct journal_recovery){.found = false};
    journal->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->folder < 0)
        return say(diagnostics, -errno, folder, "cannot open the folder for the files; make it, or check who owns it");
    int status = 0;
    if (flock(journal->folder, LOCK_EX | LOCK_NB))
        status = say(diagnostics, -errno, folder, "another reporter writes to this folder; give each its own");
    if (!status)
        status = recover(journal, recovery_out, diagnostics);
    if (status)
        journal_close(journal);
    return status;
}

void journal_close(struct journal *journal)
{
    if (journal->file >= 0)
        close(journal->file);
    if (journal->folder >= 0)
        close(journal->folder);
    *journal = (struct journal){.folder = -1, .file = -1};
}

/* Makes the file of `key`. An empty one of that name is left from an attempt that failed; any other is not ours. */
static int make_file(struct journal *journal, uint64_t key)
{
    struct stat info;
    int status = open_key(journal, key, O_CREAT | O_EXCL);
    if (status == -EEXIST)
        status = open_key(journal, key, 0);
    if (!status && fstat(journal->file, &info))
        status = -errno;
    if (!status && info.st_size != 0)
        status = -EEXIST;
    if (status)
        return status;
    journal->size = 0;
    journal->folder_dirty = true;
    return 0;
}

int journal_prepare(struct journal *journal, uint64_t time_ns, uint64_t *start_out)
{
    uint64_t today = key_of_day(time_ns);
    bool full = journal->size >= journal->rotate_bytes;
    bool past = (today >> 32) > (journal->key >> 32);
    int status = 0;
    if (past || full)
        status = make_file(journal, past ? today : journal->key + 1);
    else if (journal->file < 0)
        status =
            open_key(journal, journal->key, 0); /* the day changed, its file could not be made, the clock went back */
    if (!status && journal->folder_dirty && fsync(journal->folder))
        status = -errno;
    if (status)
        return status;
    journal->folder_dirty = false;
    *start_out = journal->size;
    return 0;
}

int journal_write(struct journal *journal, const char *bytes, size_t size)
{
    size_t done = 0;
    int status = 0;
    while (done < size && !status) {
        ssize_t written = pwrite(journal->file, bytes + done, size - done, (off_t)(journal->size + done));
        if (written > 0)
            done += (size_t)written;
        else if (written == 0 || errno != EINTR)
            status = written == 0 ? -EIO : -errno;
    }
    if (!status && fdatasync(journal->file))
        status = -errno;
    if (status) {
        /* Readers of the file should not see half a batch; when even this fails, recovery cuts it. */
        (void)!ftruncate(journal->file, (off_t)journal->size);
        return status;
    }
    journal->size += size;
    return 0;
}
