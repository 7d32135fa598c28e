// A real server for tests that are no C++: `serve_for_tests nats|kafka` starts one, prints its URL, and ends it with
// the end of its standard input. Exit status 77 where its program is missing, and standard error says which.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string_view>

#include "testing/servers/kafka_server.hpp"
#include "testing/servers/nats_server.hpp"

namespace {

using namespace tidings::testing;

constexpr int missing = 77;

int complain(const tidings::Error& error, int status) {
  std::fprintf(stderr, "%s\n", tidings::to_string(error).c_str());
  return status;
}

int serve(bool is_kafka) {
  if (const auto there = is_kafka ? kafka_is_there() : nats_server_is_there(); !there)
    return complain(there.error(), missing);
  const auto server = is_kafka ? start_kafka_server() : start_nats_server();
  if (!server) return complain(server.error(), 1);
  std::printf("%s\n", (is_kafka ? "kafka://" + kafka_address(**server) : nats_url(**server)).c_str());
  std::fflush(stdout);
  std::array<char, 64> any{};
  while (read(STDIN_FILENO, any.data(), any.size()) > 0) {
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view which = argc == 2 ? argv[1] : "";
  if (which != "nats" && which != "kafka") {
    std::fputs("usage: serve_for_tests nats|kafka\n", stderr);
    return 2;
  }
  return serve(which == "kafka");
}
