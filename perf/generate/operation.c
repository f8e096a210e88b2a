/* SPDX-License-Identifier: Apache-2.0 */

/* The API of the generated traffic: reads outnumber writes, as in the logs of most APIs. */

#include "generate/operation.h"

const struct traffic_operation traffic_operations[] = {
    {"GET", "/v1/orders", "status=open&limit=20", false},
    {"GET", "/v1/orders/{orderId}", "expand=items", false},
    {"POST", "/v1/orders", NULL, true},
    {"PUT", "/v1/orders/{orderId}", NULL, true},
    {"GET", "/v1/customers/{customerId}", NULL, false},
    {"GET", "/v1/customers/{customerId}/orders", "limit=20", false},
    {"PATCH", "/v1/customers/{customerId}", NULL, true},
    {"GET", "/v1/products", "page=2&sort=name", false},
    {"GET", "/v1/products/{productId}", NULL, false},
    {"GET", "/v1/products/{productId}/reviews", "limit=10", false},
    {"POST", "/v1/payments", NULL, true},
    {"GET", "/v1/payments/{paymentId}", NULL, false},
    {"GET", "/v1/invoices/{invoiceId}", NULL, false},
    {"DELETE", "/v1/carts/{cartId}/items/{itemId}", NULL, false},
    {"POST", "/v1/carts/{cartId}/items", NULL, true},
    {"GET", "/v1/shipments/{shipmentId}/events", NULL, false},
    {"GET", "/v1/warehouses/{warehouseId}/stock/{productId}", NULL, false},
    {"GET", "/v1/search", "q=blue+lamp&limit=20", false},
};
const uint32_t traffic_operations_count = ARRAY_COUNT(traffic_operations);

const struct traffic_operation traffic_shadow_operations[] = {
    {"GET", "/v0/orders/{orderId}", NULL, false},
    {"GET", "/internal/metrics/{serviceId}", NULL, false},
    {"POST", "/v1/orders/{orderId}/override", NULL, true},
    {"GET", "/v1/exports/{exportId}", NULL, false},
};
const uint32_t traffic_shadow_operations_count = ARRAY_COUNT(traffic_shadow_operations);
