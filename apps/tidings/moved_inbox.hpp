#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tidings/broker/types.hpp"
#include "tidings/inbox/inbox.hpp"
#include "tidings/store/store.hpp"

namespace tidings::cli {

/// What the store of a group's service remembers of the events that the group is moved over.
class MovedInbox {
 public:
  /// Errors: those of `open_store` and of `Inbox::find`.
  static Result<MovedInbox> open(const std::string& store_url, const std::string& group, const std::string& topic);

  /// Error `beyond_inbox_window`: where the group stands now there are events that may have been handled, and of which
  /// nothing is known any more.
  Result<> allows(const GroupInfo& moved);
  /// What comes again takes effect again. How many events were remembered.
  Result<std::uint64_t> forget(const GroupInfo& moved);

 private:
  MovedInbox(std::unique_ptr<Store> store, inbox::Inbox inbox) : store_(std::move(store)), inbox_(std::move(inbox)) {}

  std::unique_ptr<Store> store_;
  inbox::Inbox inbox_;
};

}  // namespace tidings::cli
