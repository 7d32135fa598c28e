#pragma once

#include "check/rule.hpp"

// All rules; rules.cpp has them in a list.
namespace tidings::check {

extern const Rule publish_outside_transaction, unchecked_publish, blocking_in_handler, swallowed_error, detached_thread,
    mutable_global_in_handler, event_handle_member, event_imperative_name, event_without_key,
    handler_without_idempotency, event_without_audit_log, sql_concatenation, dangling_capture, topic_without_consumer,
    handler_without_producer, schema_changed, layer_dependency, include_cycle, folder_cycle, orphan_file, god_file,
    allow_without_reason, stale_allow;

}  // namespace tidings::check
