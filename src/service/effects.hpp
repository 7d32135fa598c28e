#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "service/publications.hpp"
#include "tidings/inbox/inbox.hpp"
#include "tidings/ops/metrics.hpp"
#include "tidings/service/detail/handler.hpp"

namespace tidings::service {

struct Host;

/// What a handler with a transaction does, once: its statements, the inbox's marks of its events and what it publishes
/// are committed together. Thread-safe.
class Effects {
 public:
  using Items = std::span<detail::Handler::Item>;

  /// `waits_for_others`: its handler locks what it reads (`Handler::locks_what_it_reads`).
  /// `duplicates`: counts what the inbox knew.
  Effects(Host& host, std::string group, bool waits_for_others = false, ops::Counter* duplicates = nullptr)
      : host_(host), group_(std::move(group)), waits_for_others_(waits_for_others), duplicates_(duplicates) {}
  Effects(const Effects&) = delete;
  Effects& operator=(const Effects&) = delete;

  /// Makes the inbox's tables. Errors as `Inbox::open`.
  Result<> prepare(std::string_view topic);

  /// Calls `handle` with those of `items` that have not been handled before and a transaction, and commits that with
  /// the publications, which are taken. `is_trouble` is set where it was the store that failed, and not the handler.
  Result<> run(Items items, Publications& publications, const std::function<Result<>(Items, Transaction&)>& handle,
               bool& is_trouble);

  /// Removes some of the marks that are too old to be kept; whether there are more.
  Result<bool> clean_up();

 private:
  Result<inbox::Inbox*> inbox_of(std::string_view topic);
  /// Whether there is something to be committed. `is_of_handler`: the error is the handler's own, no statement's.
  Result<bool> run_in(OpenTransaction& tx, Items items, Publications& publications,
                      const std::function<Result<>(Items, Transaction&)>& handle, bool& is_of_handler);

  Host& host_;
  const std::string group_;
  const bool waits_for_others_;
  ops::Counter* const duplicates_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<inbox::Inbox>, std::less<>> inboxes_;  // by topic
};

}  // namespace tidings::service
