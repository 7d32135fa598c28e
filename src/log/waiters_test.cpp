// Who was killed while he waited.
#include <gtest/gtest.h>

#include "log/testing.hpp"

namespace tidings::log {
namespace {

template <class Number>
Number number_at(const std::string& path, std::size_t at) {
  Number number{};
  const auto bytes = read_file(path).or_throw();
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

template <class Number>
void put(const std::string& path, std::size_t at, Number number) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at));
  file.write(reinterpret_cast<const char*>(&number), sizeof number);
}

struct KilledWaiters : testing::Test {
  KilledWaiters() {
    if (::mkdtemp(path.data()) == nullptr) std::abort();
    topic_control = path + "/orders/control";
    control = path + "/orders/0/control";
  }
  ~KilledWaiters() override { std::filesystem::remove_all(path); }
  std::unique_ptr<LogDirectory> open() { return LogDirectory::open(path, {.log = &silent}).or_throw(); }

  /// A process that had the topic open, waited, and was killed in it.
  void kill_one_of_each() const {
    put(topic_control, 4, number_at<std::uint32_t>(topic_control, 4) + 1);
    put(control, offsetof(Control, writers_waiting), std::uint32_t{1});
  }
  [[nodiscard]] std::uint32_t readers() const { return number_at<std::uint32_t>(topic_control, 4); }
  [[nodiscard]] std::uint32_t writers() const {
    return number_at<std::uint32_t>(control, offsetof(Control, writers_waiting));
  }

  std::string path = (std::filesystem::temp_directory_path() / "tidings-waiters-XXXXXX").string();
  std::string topic_control;
  std::string control;
  Silent silent;
};

TEST_F(KilledWaiters, AreForgottenByWhoOpensTheTopicWhileNobodyHasIt) {
  open()->create("orders", {.durability = Durability::memory}).or_throw()->partition(0).or_throw();
  kill_one_of_each();
  auto log = open();
  auto topic = log->find("orders").or_throw();
  EXPECT_EQ(readers(), 0U);
  append(*topic->partition(0).or_throw(), {event("0")});
  EXPECT_EQ(writers(), 0U);
  // What is open stays so for everybody else: nobody recovers, or deletes, under it.
  auto other = open();
  EXPECT_EQ(other->remove("orders").error().code, "busy");
  append(*other->find("orders").or_throw()->partition(0).or_throw(), {event("1")});
  EXPECT_EQ(read_ids(*topic->partition(0).or_throw()).or_throw(), numbers(0, 2));
}

TEST_F(KilledWaiters, StayWhereSomebodyMayWait) {
  auto user = open();
  auto used = user->create("orders", {.durability = Durability::memory}).or_throw();
  append(*used->partition(0).or_throw(), {event("0")});
  const TopicWake::Waiter lives(used->wake(), TopicWake::Group("readers"));
  kill_one_of_each();
  auto other = open();
  append(*other->find("orders").or_throw()->partition(0).or_throw(), {event("1")});
  EXPECT_EQ(readers(), 2U);
  EXPECT_EQ(writers(), 1U);
  EXPECT_EQ(read_ids(*used->partition(0).or_throw()).or_throw(), numbers(0, 2));
}

}  // namespace
}  // namespace tidings::log
