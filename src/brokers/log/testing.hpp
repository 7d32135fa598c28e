#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "log/faulty_files.hpp"
#include "log/log_directory.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::brokers {

BrokerFactory log_factory();

struct Collected final : LogSink {
  void write(LogLevel, std::string_view line) override { lines += std::string(line) + "\n"; }
  std::string lines;
};

/// A broker in a folder of its own, whose calls to the system may fail.
class LogBroker : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  Result<std::unique_ptr<Broker>> try_open() {
    BrokerOptions options;
    options.log = &sink;
    options.files = &files;
    return log_factory().open("log:" + folder, options);
  }
  std::unique_ptr<Broker> open() { return try_open().or_throw(); }

  std::string folder = (std::filesystem::temp_directory_path() / "tidings-broker-XXXXXX").string();
  tidings::log::FaultyFiles files;
  Collected sink;
};

inline Result<> try_publish(Broker& broker, const std::string& topic, const std::string& id, std::size_t size = 0,
                            const PublishOptions& options = {}) {
  const std::string payload(size, 'x');
  EnvelopeView event;
  event.id = id;
  event.type = "t";
  event.payload = payload;
  auto published = broker.publish(topic, {&event, 1}, options);
  return published ? Result<>{} : published.error();
}

inline void publish(Broker& broker, const std::string& topic, const std::string& id, std::size_t size = 0) {
  try_publish(broker, topic, id, size).or_throw();
}

inline std::vector<std::string> ids_of(const std::vector<Delivery>& deliveries) {
  std::vector<std::string> ids;
  for (const auto& one : deliveries) ids.emplace_back(one.envelope.id);
  return ids;
}

}  // namespace tidings::brokers
