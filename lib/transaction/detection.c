/* SPDX-License-Identifier: Apache-2.0 */

/* Detection: names. */

#include "transaction/detection.h"

const char *detection_place_name(enum detection_place place)
{
    static const char *const names[DETECTION_PLACE_COUNT] = {
        [DETECTION_PATH] = "path",     [DETECTION_QUERY] = "query", [DETECTION_HEADER] = "header",
        [DETECTION_COOKIE] = "cookie", [DETECTION_BODY] = "body",
    };
    require(place < DETECTION_PLACE_COUNT);
    return names[place];
}
