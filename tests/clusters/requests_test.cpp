// Requests and replies over real servers.
#include "tests/clusters/clusters.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

class RequestsOverClusters : public ClusterTest {};
INSTANTIATE_TEST_SUITE_P(Brokers, RequestsOverClusters, both_clusters(), broker_of);

TEST_P(RequestsOverClusters, ManyAskAtOnceAndEachGetsItsOwnReply) {
  auto& answerer = make();
  answerer.on("answer", {.concurrency = 8}, [](const Order& order, Context& context) -> Result<> {
    return context.is_request() ? context.reply(Confirmed{order.id, "number " + std::to_string(order.number)})
                                : Result<>{};
  });
  SeededEntropy entropy{7};
  auto elsewhere = open();
  auto asker = Service::create(
                   {.name = "asker", .broker = elsewhere.get(), .clock = clock_, .entropy = &entropy, .log = &lines_})
                   .or_throw();
  const auto running = start();
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&, thread] {
        for (std::int64_t number = 0; number < 10; ++number) {
          const Order order{"k" + std::to_string(thread), number};
          const auto reply = asker.request<Confirmed>(order, {.deadline = 60s});
          EXPECT_TRUE(reply) << to_string(reply.error());
          if (reply && reply->id == order.id && reply->text == "number " + std::to_string(number)) ++right;
        }
      });
  }
  EXPECT_EQ(right, 40);
}

TEST_P(RequestsOverClusters, WithoutAReplyTheDeadlineEndsTheWait) {
  auto asker = Service::create({.name = "asker", .broker = broker_.get(), .clock = clock_, .log = &lines_}).or_throw();
  const auto reply = asker.request<Confirmed>(Order{"a", 1}, {.deadline = 2s});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, "no_reply");
}

}  // namespace
}  // namespace tidings::service
