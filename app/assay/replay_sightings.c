/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where the workers of a replay meet, for findings that take several calls: all of them wait at the same packet, the
 * last one to come compares what they have sighted. So what is found does not hang on their number.
 */

#include "replay_state.h"

#define MEET_BURSTS 16u /* of 64 packets: the calls of 1,024 packets are far fewer than the rings hold */

bool replay_sightings_init(struct replay *replay)
{
    struct replay_meeting *meeting = &replay->meeting;
    uint8_t digest[DIGEST_SIZE];
    pthread_mutex_init(&meeting->lock, NULL);
    pthread_cond_init(&meeting->over, NULL);
    meeting->present = replay->options->workers;
    digest_value(&replay->digest_key, SPAN_LITERAL("sightings"), digest);
    static_assert(sizeof(meeting->key) == sizeof(digest), "a digest makes a key");
    memcpy(&meeting->key, digest, sizeof(meeting->key));
    struct sighting_join_options options = {
        .worker_count = replay->options->workers, .context = replay, .finding = replay_tell_finding};
    return sighting_join_new(&options, &replay->sightings) == 0;
}

void replay_sightings_deinit(struct replay *replay)
{
    sighting_join_free(replay->sightings);
    pthread_cond_destroy(&replay->meeting.over);
    pthread_mutex_destroy(&replay->meeting.lock);
}

static void meet(struct replay *replay, bool leaves)
{
    struct replay_meeting *meeting = &replay->meeting;
    pthread_mutex_lock(&meeting->lock);
    uint64_t turn = meeting->turn;
    if (leaves)
        meeting->present--;
    else
        meeting->here++;
    if (meeting->here == meeting->present) {
        sighting_join_run(replay->sightings);
        meeting->here = 0;
        meeting->turn++;
        pthread_cond_broadcast(&meeting->over);
    }
    while (!leaves && turn == meeting->turn)
        pthread_cond_wait(&meeting->over, &meeting->lock);
    pthread_mutex_unlock(&meeting->lock);
}

void replay_sightings_burst(struct replay_worker *worker)
{
    if (++worker->bursts % MEET_BURSTS == 0)
        meet(worker->replay, false);
}

void replay_sightings_leave(struct replay_worker *worker)
{
    meet(worker->replay, true);
}
