#include "ops/lookup.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <condition_variable>
#include <future>
#include <mutex>

#include "ops/http_client.hpp"
#include "ops/socket.hpp"
#include "ops/testing.hpp"
#include "tidings/base/steady.hpp"

namespace tidings::ops {
namespace {

using namespace std::chrono_literals;

/// A resolver that answers once it is let go.
class Silent {
 public:
  Lookup::Ask ask() {
    return [state = state_](const std::string&, const std::string&) -> Result<std::vector<Address>> {
      std::unique_lock lock(state->mutex);
      ++state->asked;
      state->changed.wait(lock, [&] { return state->released; });
      return std::vector<Address>(2);
    };
  }
  ~Silent() { release(); }
  void release() {
    const std::scoped_lock lock(state_->mutex);
    state_->released = true;
    state_->changed.notify_all();
  }
  int asked() {
    const std::scoped_lock lock(state_->mutex);
    return state_->asked;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool released = false;
    int asked = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

TEST(LookupTest, an_address_asks_nobody) {
  const auto refuses = [](const std::string&, const std::string&) -> Result<std::vector<Address>> {
    ADD_FAILURE();
    return Error{"unreachable", "asked"};
  };
  for (const auto* const host : {"127.0.0.1", "::1"}) {
    const auto found = Lookup(host, "80", refuses).find(steady_now() + 60s);
    ASSERT_TRUE(found) << host;
    EXPECT_EQ(found->size(), 1U);
  }
}

TEST(LookupTest, a_resolver_that_hangs_is_asked_once_and_its_late_answer_is_taken) {
  Silent resolver;
  Lookup lookup("collector", "4318", resolver.ask());
  for (int round = 0; round < 5; ++round) {
    const auto late = lookup.find(steady_now() + 10ms);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, "unreachable");
    EXPECT_TRUE(late.error().message.contains("did not answer in time")) << late.error().message;
  }
  ASSERT_TRUE(eventually([&] { return resolver.asked() == 1; }));
  EXPECT_EQ(resolver.asked(), 1) << "a thread for each call would be left behind";
  resolver.release();
  const auto found = lookup.find(steady_now() + 60s);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size(), 2U);
  ASSERT_TRUE(lookup.find(steady_now() + 60s));
  EXPECT_EQ(resolver.asked(), 2) << "an answer is one call's";
}

TEST(LookupTest, who_calls_over_http_is_called_back_from_a_resolver_that_hangs) {
  Silent resolver;
  auto client = HttpClient::make({.host = "collector", .port = "4318"}, {.lookup = resolver.ask()}).or_throw();
  const Fd cancel(::eventfd(0, EFD_CLOEXEC));
  auto call =
      std::async(std::launch::async, [&] { return client.call("GET", {}, "", steady_now() + 1h, cancel.get()); });
  ASSERT_TRUE(eventually([&] { return resolver.asked() == 1; }));
  const std::uint64_t one = 1;
  ASSERT_EQ(::write(cancel.get(), &one, sizeof one), 8);
  const bool is_back = call.wait_for(60s) == std::future_status::ready;
  EXPECT_TRUE(is_back);
  resolver.release();
  EXPECT_EQ(call.get().error().code, "unreachable");
}

TEST(LookupTest, what_it_leaves_behind_outlives_it) {
  Silent resolver;
  {
    Lookup lookup("collector", "4318", resolver.ask());
    EXPECT_FALSE(lookup.find(steady_now() + 1ms));
  }
  ASSERT_TRUE(eventually([&] { return resolver.asked() == 1; }));
}

TEST(LookupTest, of_a_name_of_this_machine_and_of_one_that_is_none) {
  EXPECT_TRUE(Lookup("localhost", "80").find(steady_now() + 60s));
  const auto none = Lookup("no such name", "80").find(steady_now() + 60s);
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().message.starts_with("the name no such name is not found: ")) << none.error().message;
}

}  // namespace
}  // namespace tidings::ops
