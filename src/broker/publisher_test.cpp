#include "tidings/broker/publisher.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>

namespace tidings {
namespace {

using namespace std::chrono_literals;

/// Hands over at once; each acknowledgement waits to be allowed.
struct Steps final : TwoStepPublish {
  struct Shared {
    std::counting_semaphore<> may_finish{0};
    std::atomic<std::uint64_t> begun = 0;
  };
  explicit Steps(std::shared_ptr<Shared> what) : shared(std::move(what)) {}
  Result<Finish> begin(std::span<const EnvelopeView> events, const PublishOptions&) override {
    if (events.front().id == "bad") return Error{"invalid_event", "it is bad"};
    const auto number = shared->begun.fetch_add(1);
    const bool is_unknown = events.front().id == "unknown";
    return Finish{[what = shared, number, is_unknown]() -> Result<std::vector<Published>> {
      what->may_finish.acquire();
      if (is_unknown) return Error{"outcome_unknown", "nobody knows", Retry::same_call};
      return std::vector{Published{Partition{0}, Offset{number}}};
    }};
  }
  std::shared_ptr<Shared> shared;
};

struct Lines final : LogSink {
  void write(LogLevel, std::string_view line) override {
    const std::scoped_lock lock(mutex);
    text += line;
  }
  std::mutex mutex;
  std::string text;
};

struct PublisherTest : ::testing::Test {
  std::unique_ptr<Publisher> make(std::size_t window) {
    return make_publisher(std::make_unique<Steps>(shared), {.window = window, .log = &log});
  }
  static Result<> publish(Publisher& publisher, std::string_view id, Publisher::Acknowledged done = {},
                          Duration wait_max = 30s) {
    const EnvelopeView view{.id = id};
    return publisher.publish({&view, 1}, std::move(done), {.wait_max = wait_max});
  }
  /// Notes what comes of it.
  Publisher::Acknowledged note(std::string name) {
    return [this, name = std::move(name)](const Result<std::vector<Published>>& places) {
      const std::scoped_lock lock(log.mutex);
      told.push_back(name + (places ? " " + std::to_string(places->front().offset.value) : " " + places.error().code));
    };
  }

  Lines log;
  std::vector<std::string> told;
  std::shared_ptr<Steps::Shared> shared = std::make_shared<Steps::Shared>();
};

TEST_F(PublisherTest, DoesNotWaitForAcknowledgements) {
  auto publisher = make(3);
  for (const auto* const id : {"a", "unknown", "c"}) ASSERT_TRUE(publish(*publisher, id, note(id)));
  EXPECT_EQ(shared->begun, 3U);
  EXPECT_EQ(publisher->flush(1ms).error().code, "timeout");
  shared->may_finish.release(3);
  ASSERT_TRUE(publisher->flush(30s));
  EXPECT_EQ(told, (std::vector<std::string>{"a 0", "unknown outcome_unknown", "c 2"}));
}

TEST_F(PublisherTest, AFullWindowIsToldInTime) {
  auto publisher = make(2);
  ASSERT_TRUE(publish(*publisher, "a"));
  ASSERT_TRUE(publish(*publisher, "b"));
  const auto refused = publish(*publisher, "c", note("c"), 1ms);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "backpressure");
  EXPECT_EQ(refused.error().retry, Retry::same_call);
  EXPECT_EQ(shared->begun, 2U) << "nothing was handed over";
  std::jthread waits([&] { EXPECT_TRUE(publish(*publisher, "d", note("d"))); });
  shared->may_finish.release(3);
  waits.join();
  ASSERT_TRUE(publisher->flush(30s));
  EXPECT_EQ(told, (std::vector<std::string>{"d 2"}));
}

TEST_F(PublisherTest, ALargeWindowHasRoomBeforeTheLastOfItIsAcknowledged) {
  auto publisher = make(256);
  for (int i = 0; i < 256; ++i) ASSERT_TRUE(publish(*publisher, "a"));
  shared->may_finish.release(128);
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(publish(*publisher, "b", {}, 10s)) << i;
  shared->may_finish.release(256 + 64 - 128);
  ASSERT_TRUE(publisher->flush(30s));
}

TEST_F(PublisherTest, WhatIsRefusedTakesNoRoomAndHasNoCallback) {
  auto publisher = make(1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(publish(*publisher, "bad", note("bad")).error().code, "invalid_event");
  ASSERT_TRUE(publish(*publisher, "a", note("a")));
  shared->may_finish.release();
  ASSERT_TRUE(publisher->flush(30s));
  EXPECT_EQ(told, (std::vector<std::string>{"a 0"}));
}

TEST_F(PublisherTest, ABatchLargerThanTheWindowGoesAlone) {
  auto publisher = make(2);
  const std::vector<EnvelopeView> batch(5, EnvelopeView{.id = "x"});
  ASSERT_TRUE(publisher->publish(batch, note("batch")));
  EXPECT_EQ(publish(*publisher, "a", {}, 1ms).error().code, "backpressure");
  shared->may_finish.release();
  ASSERT_TRUE(publisher->flush(30s));
  ASSERT_TRUE(publish(*publisher, "b"));
  shared->may_finish.release();
}

TEST_F(PublisherTest, ItsEndWaitsForWhatIsOnItsWay) {
  auto publisher = make(10);
  for (const auto* const id : {"a", "b"}) ASSERT_TRUE(publish(*publisher, id, note(id)));
  std::jthread later([&] {
    std::this_thread::sleep_for(20ms);
    shared->may_finish.release(2);
  });
  publisher.reset();
  EXPECT_EQ(told, (std::vector<std::string>{"a 0", "b 1"}));
}

TEST_F(PublisherTest, CallbacksMayPublishButNotWait) {
  auto publisher = make(2);
  shared->may_finish.release(10);
  std::vector<std::string> answers;
  const auto code = [](const Result<>& result) { return result ? "fine" : result.error().code; };
  ASSERT_TRUE(publish(*publisher, "a", [&](const Result<std::vector<Published>>&) {
    answers.push_back(code(publisher->flush(30s)));
    answers.push_back(code(publish(*publisher, "b", note("b"))));
    answers.push_back(code(publish(*publisher, "c", note("c"))));  // "a" is on its way until this returns
  }));
  while (!publisher->flush(30s) || shared->begun < 2) std::this_thread::yield();
  ASSERT_TRUE(publisher->flush(30s));
  EXPECT_EQ(answers, (std::vector<std::string>{"own_callback", "fine", "backpressure"}));
  EXPECT_EQ(told, (std::vector<std::string>{"b 1"}));
}

TEST_F(PublisherTest, WhatACallbackThrowsIsLoggedAndTheNextOneComes) {
  auto publisher = make(10);
  shared->may_finish.release(3);
  ASSERT_TRUE(publish(*publisher, "a", [](const auto&) { throw std::runtime_error("oh no"); }));
  ASSERT_TRUE(publish(*publisher, "b", [](const auto&) { throw 7; }));
  ASSERT_TRUE(publish(*publisher, "c", note("c")));
  ASSERT_TRUE(publisher->flush(30s));
  EXPECT_EQ(told, (std::vector<std::string>{"c 2"}));
  EXPECT_NE(log.text.find("oh no"), std::string::npos);
  EXPECT_NE(log.text.find("no std::exception"), std::string::npos);
}

TEST_F(PublisherTest, ThreadsShareTheWindowAndKeepTheOrderOfTheirHandingOver) {
  constexpr int threads = 4, each = 500;
  auto publisher = make(5);
  shared->may_finish.release(threads * each);
  std::vector<std::uint64_t> offsets;
  {
    std::vector<std::jthread> crowd;
    for (int t = 0; t < threads; ++t)
      crowd.emplace_back([&] {
        for (int i = 0; i < each; ++i)
          ASSERT_TRUE(publish(*publisher, "x", [&](const Result<std::vector<Published>>& places) {
            offsets.push_back(places->front().offset.value);  // one callback at a time
          }));
      });
  }
  ASSERT_TRUE(publisher->flush(30s));
  ASSERT_EQ(offsets.size(), std::size_t{threads * each});
  for (std::size_t i = 0; i < offsets.size(); ++i) ASSERT_EQ(offsets[i], i);
}

}  // namespace
}  // namespace tidings
