#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "tidings/store/store.hpp"

namespace tidings::testing {

/// A store with nothing in it, as the conformance suite takes it: one is made for each case, and is destroyed after it.
/// What it cannot do for the suite it leaves as it is, and the cases that need it are reported as unsupported, with the
/// reason.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;

  /// A handle; all handles of one `StoreUnderTest` see the same tables. Its warnings are no news.
  virtual Result<std::unique_ptr<Store>> open(const StoreOptions& options = {}) = 0;

  /// How long a case waits for what must come before it fails. Long, so that a busy machine fails nothing.
  [[nodiscard]] virtual Duration patience() const { return std::chrono::seconds{30}; }

  /// Kills what serves the open handles, without warning, and starts it again.
  virtual Result<> restart_server();

  /// From now on there is no way to the server, and connections are cut (`true`), or there is one again.
  virtual Result<> take_away(bool away);

  /// From now on what the server answers is lost on the way, and it hears all the same (`true`); or connections that
  /// have lost an answer are cut, and new ones are whole.
  virtual Result<> lose_answers(bool lose);
};

/// Makes a fresh one.
using StoreFixture = std::function<std::unique_ptr<StoreUnderTest>()>;

/// For stores that `open_store` knows: a fresh one is a fresh URL. `on_end` is called with the URL once all is closed,
/// to remove what is left.
[[nodiscard]] StoreFixture store_at(std::function<std::string()> fresh_url,
                                    std::function<void(const std::string& url)> on_end = {});

}  // namespace tidings::testing
