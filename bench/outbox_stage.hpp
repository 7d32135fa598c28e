#pragma once

#include <memory>
#include <string>

#include "bench.hpp"
#include "outbox_sides/side.hpp"
#include "testing/servers/server_process.hpp"
#include "tidings/broker/broker.hpp"

namespace bench::outbox {

enum class Database { postgres, sqlite };
enum class To { log, nats };
enum class Who { tidings, poller };

/// Servers, which the first that asks starts.
class Stage {
 public:
  /// A database of its own, with the tables: an url, or a file for SQLite.
  [[nodiscard]] std::string new_database(Database kind, const Scratch& scratch);
  void drop(const std::string& database);
  /// What was written before is not for what comes to wait for.
  void settle(Database kind);
  [[nodiscard]] std::unique_ptr<tidings::Broker> new_broker(To to, const Scratch& scratch);
  void end();

 private:
  std::unique_ptr<tidings::testing::ServerProcess> postgres_;
  std::unique_ptr<tidings::testing::ServerProcess> nats_;
  int databases_ = 0;
};

/// One of the sides over a new database, and a new topic in a broker.
struct Place {
  Place(Stage& of, Who who, Database kind, To to, std::size_t connections);
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  Stage& stage;
  Scratch scratch{"outbox"};
  std::string database;
  std::unique_ptr<tidings::Broker> broker;
  std::unique_ptr<Side> side;
};

}  // namespace bench::outbox
