/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Figures that every rendering of a status shows. Internal to this module. */

#include "event/status.h"

bool status_reporter_is_alive(const struct status *now);
/* "none", "running", "stalled", "stopped", or "dead" when it stopped giving signs of life. */
const char *status_reporter_state_name(const struct status *now);
uint64_t status_dropped(const struct status *now);
/* A second; 0 without `before`. */
double status_rate(const struct status *now, const struct status *before, uint64_t value_now, uint64_t value_before);
/* Share of a worker's cycles in work, 0 to 1; since its start without `before`. */
double status_busy(const struct status *now, const struct status *before, uint32_t worker);
