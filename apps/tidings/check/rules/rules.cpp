#include <array>

#include "check/rules/all.hpp"

namespace tidings::check {

std::span<const Rule* const> rules() {
  // stale_allow looks at what the others left over.
  static const std::array all{&publish_outside_transaction,
                              &unchecked_publish,
                              &swallowed_error,
                              &blocking_in_handler,
                              &mutable_global_in_handler,
                              &handler_without_idempotency,
                              &dangling_capture,
                              &detached_thread,
                              &sql_concatenation,
                              &event_handle_member,
                              &event_imperative_name,
                              &event_without_key,
                              &event_without_audit_log,
                              &schema_changed,
                              &topic_without_consumer,
                              &handler_without_producer,
                              &layer_dependency,
                              &include_cycle,
                              &folder_cycle,
                              &orphan_file,
                              &god_file,
                              &allow_without_reason,
                              &stale_allow};
  return all;
}

}  // namespace tidings::check
