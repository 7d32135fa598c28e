#include "moved_inbox.hpp"

#include "output.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::cli {
namespace {

constexpr auto turn_wait = std::chrono::seconds{30};

}  // namespace

Result<MovedInbox> MovedInbox::open(const std::string& store_url, const std::string& group, const std::string& topic) {
  auto store = open_store(store_url, {.must_exist = true, .log = &stderr_log(LogLevel::warning)});
  if (!store) return store.error();
  auto inbox = inbox::Inbox::find(**store, group, topic);
  if (!inbox) return inbox.error();
  return MovedInbox(std::move(*store), std::move(*inbox));
}

Result<> MovedInbox::allows(const GroupInfo& moved) {
  auto tx = store_->begin(turn_wait);
  if (!tx) return tx.error();
  for (const auto& one : moved.partitions) {
    const auto before = inbox_.cleaned_before(**tx, one.partition);
    if (!before) return before.error();
    if (!*before || one.position >= **before) continue;
    const auto number = std::to_string(one.partition.value);
    return Error{"beyond_inbox_window",
                 "of events before offset " + std::to_string((*before)->value) + " of partition " + number +
                     " the store remembers no more which were handled (its window is " + to_text(inbox_.window()) +
                     "), and the group would go back to " + std::to_string(one.position.value) +
                     "; it was not moved. Move it to a later place, or give --replay to have all effects again"};
  }
  return {};
}

Result<std::uint64_t> MovedInbox::forget(const GroupInfo& moved) {
  auto tx = store_->begin(turn_wait);
  if (!tx) return tx.error();
  std::uint64_t forgotten = 0;
  for (const auto& one : moved.partitions) {
    auto some = inbox_.forget(**tx, one.partition, one.position);
    if (!some) return some.error();
    forgotten += *some;
  }
  if (auto committed = (*tx)->commit(); !committed) return committed.error();
  return forgotten;
}

}  // namespace tidings::cli
