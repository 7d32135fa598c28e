// A real server for tests that are no C++: `serve_for_tests nats|kafka|postgres` starts one, prints its URL, and ends
// it with the end of its standard input. Exit status 77 where its program is missing, and standard error says which.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string_view>

#include "testing/servers/kafka_server.hpp"
#include "testing/servers/nats_server.hpp"
#include "testing/servers/postgres_server.hpp"

namespace {

using namespace tidings::testing;
using tidings::Result;

constexpr int missing = 77;

int complain(const tidings::Error& error, int status) {
  std::fprintf(stderr, "%s\n", tidings::to_string(error).c_str());
  return status;
}

struct Kind {
  std::string_view name;
  Result<> (*is_there)();
  Result<std::unique_ptr<ServerProcess>> (*start)();
  std::string (*url)(const ServerProcess& server);
};

const std::array<Kind, 3> kinds{{
    {"nats", nats_server_is_there, [] { return start_nats_server(); }, nats_url},
    {"kafka", kafka_is_there, [] { return start_kafka_server(); },
     [](const ServerProcess& server) { return "kafka://" + kafka_address(server); }},
    {"postgres", postgres_is_there, [] { return start_postgres_server(); },
     [](const ServerProcess& server) { return postgres_url(server); }},
}};

int serve(const Kind& kind) {
  if (const auto there = kind.is_there(); !there) return complain(there.error(), missing);
  const auto server = kind.start();
  if (!server) return complain(server.error(), 1);
  std::printf("%s\n", kind.url(**server).c_str());
  std::fflush(stdout);
  std::array<char, 64> any{};
  while (read(STDIN_FILENO, any.data(), any.size()) > 0) {
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view which = argc == 2 ? argv[1] : "";
  for (const auto& kind : kinds)
    if (kind.name == which) return serve(kind);
  std::fputs("usage: serve_for_tests nats|kafka|postgres\n", stderr);
  return 2;
}
