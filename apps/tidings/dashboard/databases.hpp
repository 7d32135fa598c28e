#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "dashboard/fate.hpp"
#include "tidings/outbox/parked.hpp"
#include "tidings/saga/inspect.hpp"
#include "tidings/store/store.hpp"

namespace tidings::cli {

/// The databases of `--store`, as the page is told of them. Opened when first asked for; one that is away is tried
/// again by the next call. Answers are JSON. Thread-safe.
class Databases {
 public:
  explicit Databases(std::vector<std::string> urls);

  [[nodiscard]] bool empty() const { return all_.empty(); }
  /// Their URLs without what is secret; empty where there is none.
  [[nodiscard]] std::string names() const;

  /// A sentence for each that cannot be opened now, and why; the next call that needs it tries again.
  [[nodiscard]] std::vector<std::string> unopened();

  // Errors of all: `no_store` (never) where there is none, and the stores'. A store without such tables is left out.
  // Where a number is a bound and not exact, `exact` says so.

  /// `{"stores":[{"store","waiting","exact","oldest_age","relays":[{"owner","late"}],"held":[…]}]}`
  [[nodiscard]] Result<std::string> outbox();
  /// How many events. `store`: its name, of those where the key is held; empty: the first of them. Error `unknown_key`.
  [[nodiscard]] Result<std::uint64_t> drive_outbox(const outbox::HeldKey& key, bool drops, std::string_view store = {});
  /// `{"stores":[{"store","marks","exact","consumers","oldest"}]}`
  [[nodiscard]] Result<std::string> inbox();
  /// `{"sagas":[…],"counts":[{"store","type","status","n","exact"}],"next"}`. Counts are of all types, and up to 10 s
  /// old.
  [[nodiscard]] Result<std::string> sagas(const saga::ListFilter& filter);
  /// Error `unknown_saga`.
  [[nodiscard]] Result<std::string> saga(const std::string& type, const std::string& id);
  Result<> steer(const std::string& type, const std::string& id, saga::Steering steering);
  /// When the event was marked as handled by the group; none: it is not. Error `unknown_inbox`.
  [[nodiscard]] Result<std::optional<TimePoint>> marked_at(const std::string& group, const std::string& topic,
                                                           std::string_view id, std::string_view source);
  /// The event, and those that it caused, as long as they stand in an outbox.
  [[nodiscard]] Result<std::vector<outbox::OutboxEvent>> outbox_events(std::string_view id);

 private:
  /// Whoever looks keeps nobody from writing, and one database that is away keeps nobody from another.
  struct One {
    std::string url;
    std::mutex mutex;
    std::unique_ptr<Store> reader, writer;
  };
  enum class For { looking, acting };
  Result<Store*> open(One& one, For what);
  enum class Then { go_on, end };
  using Check = std::function<Result<>(Store&)>;
  using Visit = std::function<Result<Then>(const std::string& name, Store& store)>;
  /// Those that have the tables which `check` looks for, until a visit ends it. `what` is for who has named none.
  Result<> each(std::string_view what, For purpose, const Check& check, const Visit& visit);
  Result<std::string> saga_counts();

  struct Counted {
    SteadyTime at{};
    std::string json;
  };
  std::mutex counted_mutex_;
  Counted counted_;
  std::deque<One> all_;
};

}  // namespace tidings::cli
