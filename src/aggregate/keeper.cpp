#include "tidings/aggregate/detail/keeper.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "aggregate/heads.hpp"
#include "tidings/base/text.hpp"

namespace tidings::aggregate::detail {

namespace {

using namespace std::chrono_literals;

constexpr Duration pause_max = 50ms;

bool is_conflict(const Error& error) {
  return error.code == "conflict" && error.retry == Retry::same_call;
}

/// What must be so before anything is written.
Result<> check(std::string_view kind, const Saving& saving) {
  if (saving.id.empty())
    return about({"missing_id", "its state has no id; the first event's apply sets it"}, kind, saving.id);
  if (saving.id.find('\0') != saving.id.npos)
    return about({"invalid_id", "its id has a NUL, which databases do not keep in a text"}, kind, saving.id);
  for (const auto& event : saving.events)
    if (event.key != saving.id)
      return about({"wrong_key", "its event " + event.type + " has the key '" + printable(event.key) +
                                     "'; the key of an aggregate's event is the aggregate's id"},
                   kind, saving.id);
  return {};
}

}  // namespace

Error conflict(std::string_view kind, std::string_view id, std::uint64_t version) {
  return about({"conflict",
                "it is no longer of version " + std::to_string(version) +
                    ", since another has changed it; load it again in another transaction, and try again",
                Retry::same_call},
               kind, id);
}

Error exists(std::string_view kind, std::string_view id) {
  return about({"exists", "there is one already; load it, or take another id"}, kind, id);
}

Error unknown(std::string_view kind, std::string_view id) {
  return about({"unknown_aggregate", "there is none"}, kind, id);
}

Result<> save(Transaction& tx, const Keeper& keeper, std::string_view kind, const Saving& saving,
              std::span<const std::string_view> topics, const outbox::EnqueueOptions& options, bool removes) {
  const auto failed = [&](Error error) -> Result<> {
    tx.fail(error);
    return error;
  };
  if (auto fine = check(kind, saving); !fine) return failed(std::move(fine).error());
  // The aggregate first: where another was faster nothing else needs to be written.
  auto kept = removes ? keeper.remove(tx, saving.id, saving.was) : keeper.save(tx, saving);
  if (!kept) return failed(std::move(kept).error());
  for (std::size_t at = 0; at < saving.events.size(); ++at)
    if (auto put = outbox::enqueue_envelope(tx, topics[at], saving.events[at].view(), options); !put) return put;
  return {};
}

Result<> in_transactions(Store& store, Duration within, int attempts_max, Entropy& entropy,
                         const std::function<Result<>(Transaction&)>& attempt) {
  const auto until = std::chrono::steady_clock::now() + within;
  Duration pause = 1ms;
  for (int attempts = 1;; ++attempts) {
    Error why;
    {
      auto tx = store.begin(std::max<Duration>(until - std::chrono::steady_clock::now(), Duration{}));
      if (!tx) return tx.error();
      auto done = attempt(**tx);
      if (done) done = (*tx)->commit();
      if (done || !is_conflict(done.error())) return done;
      why = std::move(done).error();
    }
    const Duration wait{static_cast<Duration::rep>(entropy.below(static_cast<std::uint64_t>(pause.count())))};
    if (attempts >= attempts_max || std::chrono::steady_clock::now() + wait > until) {
      why.message += " (after " + std::to_string(attempts) + " attempts)";
      return why;
    }
    std::this_thread::sleep_for(wait);
    pause = std::min(pause * 2, pause_max);
  }
}

}  // namespace tidings::aggregate::detail
