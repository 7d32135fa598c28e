#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "rig.hpp"

namespace tidings::faults {

namespace {

volatile std::sig_atomic_t told_to_end = 0;

}  // namespace

int member_process(int count, char** arguments) {
  constexpr int expected = 7;
  if (count != expected) return 2;
  std::signal(SIGTERM, [](int) { told_to_end = 1; });
  // Appended at once, so that the lines of all processes stand in the order in which things happened.
  const int file = ::open(arguments[5], O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) return 2;
  std::printf("ready\n");
  std::fflush(stdout);
  Troubles troubles;
  const auto parent = ::getppid();
  run_member([url = std::string(arguments[2])] { return open_broker(url, quiet_options()); },
             {.topic = arguments[3],
              .number = static_cast<std::uint32_t>(std::strtoul(arguments[4], nullptr, 10)),
              .seed = std::strtoull(arguments[6], nullptr, 10),
              .work_max = std::chrono::milliseconds{10}},
             [&](std::span<const Step> steps) {
               std::string lines;
               for (const auto& step : steps) lines += to_line(step);
               if (::write(file, lines.data(), lines.size()) != static_cast<ssize_t>(lines.size())) std::abort();
             },
             [&] { return told_to_end != 0 || ::getppid() != parent; }, troubles);
  ::close(file);
  std::printf("troubles: %s\nnever: %s\n", troubles.text().c_str(), troubles.never().c_str());
  return 0;
}

}  // namespace tidings::faults
