/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The WebSocket API of the generated traffic: one path.
 */

#define WEBSOCKET_CHANNEL "/stream"
#define WEBSOCKET_PATH    "/v1" WEBSOCKET_CHANNEL
